import assert from "node:assert/strict";
import fc from "fast-check";
import { checkCommandText, commandWords } from "../../../dashboard/commands/command_checks.ts";
import { readCommand } from "../../../gateway/commands/command.ts";

const send = (data: string, shard = "0") => `{"op":0,"shard":${shard},"data":${data}}`;
const payload = (op: number | string, d: unknown) => send(`{"op":${op},"d":${JSON.stringify(d)}}`);

function problemsOf(text: string, total: number | null = 16): string[] {
  const checked = checkCommandText(text, total);
  return checked.ok ? [] : checked.problems.map(({ text }) => text);
}

const GOOD: readonly (readonly [text: string, action: string, shards: string])[] = [
  ['{"op":1,"shard":3}', "Restart", "3"],
  ['{"op":1,"shard":[7,0,1,2,3],"data":null}', "Restart", "0-3, 7"],
  ['{"op":1,"shard":"all","data":{"mode":"resume"}}', "Restart", "all"],
  ['{"op":1,"shard":0,"data":{"mode":"identify"}}', "Restart with new session", "0"],
  [payload(3, { status: "idle", activities: [], since: null, afk: false }), "Presence", "0"],
  [payload(3, {}), "Presence", "0"],
  [
    payload(4, { guild_id: "1", channel_id: null, self_mute: false, self_deaf: true }),
    "Voice state",
    "0",
  ],
  [
    send(
      '{"op":4,"d":{"guild_id":18446744073709551615,"channel_id":9007199254740993,"self_mute":true,"self_deaf":true}}',
    ),
    "Voice state",
    "0",
  ],
  [payload(8, { guild_id: "1", query: "", limit: 0 }), "Member request", "0"],
  [payload(8, { guild_id: "1", user_ids: "2", presences: true, nonce: "x" }), "Member request", "0"],
  [payload(31, { guild_ids: ["1"] }), "Soundboard request", "0"],
  [payload(43, { guild_id: "1", fields: [] }), "Channel info request", "0"],
  ['{"op":2,"data":{"total":32}}', "Change to 32 shards", "none"],
  ['{"op":2,"shard":99,"data":{"total":1}}', "Change to 1 shard", "none"],
  ['{"op":2,"data":{"abandon":true}}', "Abandon the change of the number of shards", "none"],
  ['{"op":3,"replica":"gateway-1","data":{"drain":true}}', "Drain replica gateway-1", "none"],
  ['{"op":3,"replica":"gateway-1","data":{"drain":false}}', "Let replica gateway-1 take shards", "none"],
];

Deno.test("checkCommandText() lets through what gateway and Discord take, as it was written", () => {
  for (const [text, action, shards] of GOOD) {
    assert.deepEqual(checkCommandText(text, 16), { ok: true, text, action, shards });
    assert(readCommand(new TextEncoder().encode(text)).ok, text);
  }
});

const BAD: readonly (readonly [text: string, problem: RegExp])[] = [
  ["", /^This is not JSON: Unexpected end/],
  ["[]", /^Send an object/],
  ['{"shard":0}', /^"op" is 0/],
  ['{"op":4,"shard":0}', /^"op" is 0/],
  ['{"op":2}', /^"data" is \{"total": …\}/],
  ['{"op":2,"data":{"total":0}}', /^"data" is \{"total": …\}/],
  ['{"op":2,"data":{"total":65537}}', /^"data" is \{"total": …\} with a number from 1 to 65536/],
  ['{"op":2,"data":{"abandon":false}}', /^"data" is \{"total": …\}/],
  ['{"op":2,"data":{"total":8,"abandon":true}}', /^"data" is \{"total": …\}/],
  ['{"op":3,"data":{"drain":true}}', /^"replica" is the name/],
  ['{"op":3,"replica":"","data":{"drain":true}}', /^"replica" is the name/],
  ['{"op":3,"replica":"a","data":{"drain":1}}', /^"data" is \{"drain": true\}/],
  ['{"op":1}', /^"shard" is an integer/],
  ['{"op":1,"shard":[]}', /^"shard" is an integer/],
  ['{"op":1,"shard":-1}', /^"shard" is an integer/],
  ['{"op":1,"shard":16}', /^There is no shard 16: they are 0 to 15$/],
  ['{"op":1,"shard":0,"data":{"mode":"now"}}', /^"data" is left out/],
  ['{"op":1,"shard":0,"data":7}', /^"data" is left out/],
  [send("null"), /^"data" is the gateway payload/],
  ['{"op":0,"shard":0}', /^"data" is the gateway payload/],
  [send('{"op":3}'), /^"data\.d" is missing/],
  [send('{"d":{}}'), /^"data\.op" is an integer/],
  [payload("3.0", {}), /^"data\.op" is an integer/],
  [payload(2, {}), /^"data\.op" is one of 3, 4, 8, 31, 43$/],
  [send('{"op":2,"op":3,"d":{}}'), /^"data" repeats a member/],
  [send('{"op":3,"d":{},"\\u0064":{}}'), /^"data" repeats a member/],
  [payload(3, { more: "x".repeat(4096) }), /^"data" has 4\d\d\d bytes: Discord takes 4096 at most/],
  [payload(3, []), /^"data\.d" is an object/],
  [payload(3, { status: "busy" }), /^"data\.d\.status" is one of online/],
  [payload(3, { activities: [{ name: "chess" }] }), /^"data\.d\.activities" is a list/],
  [payload(3, { since: "now" }), /^"data\.d\.since"/],
  [payload(3, { afk: 0 }), /^"data\.d\.afk"/],
  [payload(4, { guild_id: " 1", channel_id: null, self_mute: true, self_deaf: true }), /guild_id" is the id/],
  [payload(4, { guild_id: "1", self_mute: true, self_deaf: true }), /channel_id" is the id/],
  [payload(4, { guild_id: "1", channel_id: null, self_deaf: true }), /self_mute" is true or false/],
  [payload(8, { guild_id: ["1"], query: "", limit: 0 }), /guild_id" is the id of one guild/],
  [payload(8, { guild_id: "1" }), /either "query" or "user_ids"/],
  [payload(8, { guild_id: "1", query: "", limit: 0, user_ids: "1" }), /either "query" or "user_ids"/],
  [payload(8, { guild_id: "1", query: "" }), /limit" is an integer/],
  [payload(8, { guild_id: "1", user_ids: [] }), /user_ids" is the id of a user/],
  [payload(8, { guild_id: "1", user_ids: Array(101).fill("1") }), /at most 100 users/],
  [payload(8, { guild_id: "1", user_ids: "1", presences: 1 }), /presences" is true or false/],
  [payload(8, { guild_id: "1", user_ids: "1", nonce: "é".repeat(17) }), /nonce" is text of at most 32 bytes/],
];

Deno.test("checkCommandText() says what is wrong with a command, in words for each fault", () => {
  for (const [text, problem] of BAD) {
    const problems = problemsOf(text);
    assert.equal(problems.length, 1, `${text}: ${problems.join("; ")}`);
    assert.match(problems[0] ?? "", problem);
  }
});

Deno.test("checkCommandText() says everything that is wrong at once", () => {
  assert.equal(problemsOf('{"op":0,"shard":[99],"data":{"op":4,"d":{}}}').length, 5);
});

Deno.test("checkCommandText() does not ask for shards that it does not know", () => {
  assert.deepEqual(problemsOf('{"op":1,"shard":60000}', null), []);
});

Deno.test("checkCommandText() refuses more than a megabyte", () => {
  assert.deepEqual(problemsOf(`{"op":1,"shard":0,"x":"${"x".repeat(1024 * 1024)}"}`), [
    "Send at most 1048576 bytes in all",
  ]);
});

Deno.test("checkCommandText() lets nothing through that the gateway refuses", () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      0,
      1,
      3,
      4,
      8,
      31,
      43,
      "all",
      "resume",
      null,
      [],
      {},
      [0, 1],
      "1",
      true,
      -0,
      1.5,
      1e21,
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const named = (...names: string[]) => fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 });
  const data = fc.record({
    op: fc.constantFrom<unknown>(3, 4, 8, 31, 43, 2, "3"),
    d: named("status", "activities", "guild_id", "channel_id", "self_mute", "self_deaf", "query", "limit"),
  }, { requiredKeys: [] });
  const command = fc.record({
    op: fc.constantFrom<unknown>(0, 1, 2),
    shard: fc.oneof(fc.nat(3), value),
    data: fc.oneof(data, named("mode", "op", "d"), value),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(command, (command) => {
      const text = JSON.stringify(command);
      if (!checkCommandText(text, null).ok) return;
      const reading = readCommand(new TextEncoder().encode(text));
      assert(reading.ok, `${text}: ${reading.ok ? "" : reading.message}`);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("commandWords() says of any text what command it is, as far as that can be told", () => {
  assert.deepEqual(commandWords('{"op":1,"shard":[3,2]}'), { action: "Restart", shards: "2-3" });
  assert.deepEqual(commandWords('{"op":0,"shard":{},"data":{"op":8}}'), {
    action: "Member request",
    shards: "unknown",
  });
  assert.deepEqual(commandWords('{"op":3,"replica":"a","data":{"drain":true}}'), {
    action: "Drain replica a",
    shards: "none",
  });
  assert.deepEqual(commandWords('{"op":2,"data":{"total":32}}'), {
    action: "Change to 32 shards",
    shards: "none",
  });
  assert.deepEqual(commandWords("no"), { action: "Command", shards: "unknown" });
  assert.deepEqual(commandWords('{"op":0,"shard":0,"data":{"op":2}}'), { action: "Command", shards: "0" });
});
