import assert from "node:assert/strict";
import { HELP, parseCommandLine } from "../../ctl/command_line.ts";
import { EXIT_STATUSES, UsageError } from "../../ctl/failure.ts";

/** The command that arguments stand for. */
function commandOf(args: readonly string[]) {
  const line = parseCommandLine(args);
  assert(line !== "help");
  return line.command;
}

Deno.test("parseCommandLine() reads each command", () => {
  assert.deepEqual(commandOf(["shards"]), { name: "shards", statuses: [] });
  assert.deepEqual(commandOf(["shards", "--status", "waiting", "--status=parked"]), {
    name: "shards",
    statuses: ["waiting", "parked"],
  });
  assert.deepEqual(commandOf(["shard", "12"]), { name: "shard", shard: 12 });
  assert.deepEqual(commandOf(["restart", "7,3-4,3"]), {
    name: "restart",
    shards: "3-4, 7",
    mode: "resume",
    isSure: false,
  });
  assert.deepEqual(commandOf(["restart", "all", "--new-session", "-y"]), {
    name: "restart",
    shards: "all",
    mode: "identify",
    isSure: true,
  });
  for (const word of ["status", "stop"]) {
    assert.deepEqual(commandOf(["restart", word]), { name: `restart ${word}` });
  }
  assert.deepEqual(commandOf(["command", '{"op":1}']), { name: "command", text: '{"op":1}' });
  assert.deepEqual(commandOf(["reshard", "32"]), { name: "reshard", total: 32, isSure: false });
  assert.deepEqual(commandOf(["reshard", "-y", "65536"]), { name: "reshard", total: 65_536, isSure: true });
  assert.deepEqual(commandOf(["reshard", "--abandon"]), { name: "reshard abandon" });
  for (const name of ["drain", "undrain"]) {
    assert.deepEqual(commandOf([name, "gateway-1"]), { name, replica: "gateway-1" });
  }
  for (const name of ["replicas", "queues", "rejected", "audit", "watch"]) {
    assert.deepEqual(commandOf([name]), { name });
  }
});

Deno.test("parseCommandLine() reads the flags of every command wherever they stand", () => {
  assert.deepEqual(parseCommandLine(["queues", "--json", "--url", "http://there:1"]), {
    command: { name: "queues" },
    isJson: true,
    url: "http://there:1",
  });
  assert.deepEqual(parseCommandLine(["audit"]), { command: { name: "audit" }, isJson: false, url: null });
});

Deno.test("parseCommandLine() reads a presence as Discord would say it", () => {
  const bodyOf = (...args: string[]) => {
    const command = commandOf(["presence", ...args]);
    assert(command.name === "presence");
    return command.body;
  };
  assert.deepEqual(bodyOf("--status", "online"), { shards: "all", status: "online", activity: null });
  assert.deepEqual(bodyOf("--status", "idle", "--activity", "watching you", "--shards", "0-3"), {
    shards: "0-3",
    status: "idle",
    activity: { type: "watching", name: "you", state: "", url: "" },
  });
  const activities: readonly (readonly [text: string, type: string, name: string, state: string])[] = [
    ["Listening to you all", "listening", "you all", ""],
    ["listening you", "listening", "you", ""],
    ["competing in a cup", "competing", "a cup", ""],
    ["playing to win", "playing", "to win", ""],
    ["custom at lunch", "custom", "", "at lunch"],
  ];
  for (const [text, type, name, state] of activities) {
    assert.deepEqual(bodyOf("--activity", text).activity, { type, name, state, url: "" }, text);
  }
  const stream = ["--activity", "streaming live", "--stream-url", "https://twitch.tv/x", "--state", "now"];
  assert.deepEqual(bodyOf(...stream).activity, {
    type: "streaming",
    name: "live",
    state: "now",
    url: "https://twitch.tv/x",
  });
});

for (
  const [args, message] of [
    [[], /^Say what to do/],
    [["reboot"], /no command "reboot"/],
    [["toString"], /no command "toString"/],
    [["shards", "--fast"], /^shards: Unknown option '--fast'/],
    [["shards", "3"], /no use for "3"/],
    [["shards", "--status", "asleep"], /--status must be one of connected, .*: current value is "asleep"/],
    [["queues", "--yes"], /^queues: Unknown option '--yes'/],
    [["shard"], /^shard: give the number/],
    [["shard", "x"], /^shard: give the number/],
    [["shard", "1", "2"], /^shard: give the number/],
    [["guild", "0"], /^guild: give the id of a guild/],
    [["restart"], /^restart: give shards/],
    [["restart", "7-3"], /^restart: give all, or shards/],
    [["reshard"], /^reshard: give how many shards there are to be, or --abandon/],
    [["reshard", "many"], /^reshard: give a number from 1 to 65536 instead of "many"/],
    [["reshard", "0"], /^reshard: give a number from 1 to 65536/],
    [["reshard", "65537"], /^reshard: give a number from 1 to 65536/],
    [["reshard", "32", "--abandon"], /^reshard: there is no use for "32"/],
    [["presence"], /^presence: give --status or --activity/],
    [["presence", "--status", "idle", "--shards", ""], /^--shards: give all/],
    [["presence", "--activity", "you"], /^--activity begins with one of playing/],
    [["presence", "--status", "idle", "--state", "x"], /^--state and --stream-url are of an activity/],
    [["command"], /^command: give one JSON text/],
  ] as const
) {
  Deno.test(`parseCommandLine() refuses "${args.join(" ")}" in one line with status 64`, () => {
    assert.throws(() => parseCommandLine(args), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, message);
      assert.match(error.message, /^[^\n]*; --help tells what there is$/);
      assert.equal(error.status, 64);
      return true;
    });
  });
}

Deno.test("The help names every command and every exit status, and is asked for in three ways", () => {
  for (const args of [["help"], ["--help"], ["-h"], ["restart", "--help"]]) {
    assert.equal(parseCommandLine(args), "help");
  }
  const commands = [
    "shards",
    "shard",
    "guild",
    "restart",
    "replicas",
    "reshard",
    "drain",
    "undrain",
    "presence",
    "command",
    "queues",
    "rejected",
    "audit",
    "watch",
  ];
  for (const name of commands) assert.match(HELP, new RegExp(`^  ${name} `, "m"));
  for (const [status] of EXIT_STATUSES) assert.match(HELP, new RegExp(`^  ${status} `, "m"));
});
