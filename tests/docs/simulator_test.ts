import assert from "node:assert/strict";
import { denoEnvironment, PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { NpmFolder } from "../../harness/npm_folder.ts";
import { type Launch, Supervisor } from "../../harness/supervisor.ts";
import type { Fault } from "../../simulator/fault.ts";
import { DEFAULT_TOKEN, type Simulator, startSimulator } from "../../simulator/simulator.ts";
import { beforeDeadline } from "../deadline.ts";
import { Page } from "../markdown.ts";
import npm from "./simulator_bot/npm.json" with { type: "json" };

const page = await Page.read("docs/simulator.md");
const bot = block("js", "// bot.mjs\n");
const nodeTest = block("js", "// bot.test.mjs\n");
const denoScript = block("ts", "import assert");

const packages = await NpmFolder.install(new URL("./simulator_bot", import.meta.url));
Deno.test.afterAll(() => packages[Symbol.asyncDispose]());
await packages.write("bot.mjs", bot);
await packages.write("bot.test.mjs", nodeTest);

/** The one block in this language that begins so. */
function block(language: string, start: string): string {
  const found = page.codeBlocks(language).filter((code) => code.startsWith(start));
  assert.equal(found.length, 1, start);
  return found[0] as string;
}

/** Runs a program for as long as the test takes. */
async function withProgram(
  launch: Omit<Launch, "output">,
  test: (program: Supervisor) => Promise<void>,
): Promise<void> {
  const supervisor = await Supervisor.start();
  try {
    await supervisor.launch({ ...launch, output: "log" });
    await test(supervisor);
  } finally {
    await supervisor.end();
  }
}

/** Runs a program to its end, which must be a good one. Returns the last lines of what it printed. */
async function run(launch: Omit<Launch, "output">): Promise<string> {
  let log = "";
  await withProgram(launch, async (program) => {
    const { code, signal } = await beforeDeadline(program.exited(), () => `${launch.program} has not ended`);
    log = await program.logTail();
    assert.deepEqual([code, signal], [0, null], log);
  });
  return log;
}

async function withSimulator(test: (simulator: Simulator) => Promise<void>): Promise<void> {
  const simulator = await startSimulator({ guilds: 3, messageContentIntent: true, trimReplay: true });
  try {
    await test(simulator);
  } finally {
    await simulator.close();
  }
}

/** Somebody writes to the bot; resolves when it has answered over REST. */
async function ping({ control }: Simulator, id: string): Promise<void> {
  const guild = control.world.guildIds[1] as bigint;
  const channel = control.world.channels(guild).find(({ type }) => type === 0)?.id as string;
  const author = { id: "1200000000000000001", username: "ada", discriminator: "0", avatar: null };
  const message = { id, guild_id: String(guild), channel_id: channel, author, content: "!ping", type: 0 };
  assert.equal(control.dispatch("MESSAGE_CREATE", JSON.stringify(message)), 1);
  const answers = () =>
    control.statistics.messages().filter(({ channelId, body }) => {
      const { content, message_reference } = body as {
        content: string;
        message_reference?: { message_id: string };
      };
      return channelId === channel && content === "pong" && message_reference?.message_id === id;
    });
  await beforeDeadline(control.until(() => answers().length > 0), () => `nobody answers message ${id}`);
  assert.equal(answers().length, 1);
}

Deno.test("docs/simulator.md's bot on discord.js logs in, answers, and resumes after op 7 and after a cut connection", async () => {
  await withSimulator(async (simulator) => {
    const { control } = simulator;
    const launch = {
      program: packages.node,
      args: ["bot.mjs"],
      env: { DISCORD_API: simulator.restUrl, DISCORD_TOKEN: DEFAULT_TOKEN },
      workingFolder: packages.path,
    };
    await withProgram(launch, async (program) => {
      const seen = async (condition: () => boolean, what: string) => {
        try {
          await beforeDeadline(control.until(condition), () => what);
        } catch (error) {
          throw new Error(`${what}: ${await program.logTail()}`, { cause: error });
        }
      };
      await seen(() => control.state().sessions.length === 1, "the bot has not identified");
      const [session] = control.state().sessions;
      assert.deepEqual(session?.intents, (1 << 0) | (1 << 9) | (1 << 15));
      await ping(simulator, "1300000000000000001");
      assert.match(await program.logTail(), /^simulated-bot is ready in 3 guilds$/m);

      const faults: Fault[] = [{ fault: "reconnect" }, { fault: "reset" }];
      for (const [index, fault] of faults.entries()) {
        assert.equal(control.inject(fault), 1);
        await ping(simulator, `130000000000000000${2 + index}`);
        await seen(
          () => control.statistics.happenings.resumed === index + 1,
          `the bot does not resume after ${fault.fault}`,
        );
      }

      // The number that a heartbeat names: op 1 may overtake what the library still does with an event.
      const { count } = control.ledger.summary();
      for (let acknowledged = 0; acknowledged < count;) {
        const { heartbeatsReceived } = control.statistics;
        control.inject({ fault: "heartbeat" });
        await seen(() => control.statistics.heartbeatsReceived > heartbeatsReceived, "op 1 is not answered");
        acknowledged = control.state().sessions[0]?.sequenceAcknowledged ??
          assert.fail("the session is gone");
      }
      const { statistics, sessions, connections } = control.state();
      assert.deepEqual(sessions.map(({ id }) => id), [session?.id]);
      assert.deepEqual(connections.map(({ url }) => url), ["resume"]);
      assert.equal(statistics.happenings.connected, 3);
      assert.deepEqual(statistics.identifiesByShard, { 0: 1 });
      assert.deepEqual(statistics.wrongUrl, { resumesOnMain: 0, identifiesOnResume: 0 });
      assert.deepEqual(statistics.closeCodesSent, { 1006: 1 });
      assert.deepEqual(statistics.restResponses, { 200: 4 }); // GET /gateway/bot and three messages

      await program.signal("TERM");
      await seen(() => control.state().sessions.length === 0, "the bot does not say goodbye");
      assert.equal(control.statistics.closeCodesReceived[1000], 1);
      assert.match(await program.logTail(), /^resumed\nresumed$/m);
      assert.deepEqual(await program.exited(), { code: 0, signal: null });
    });
  });
});

Deno.test("docs/simulator.md's test on Node passes against its bot", async () => {
  await withSimulator(async (simulator) => {
    const log = await run({
      program: packages.node,
      args: ["--test", "bot.test.mjs"],
      env: { SIMULATOR: simulator.restUrl.replace(/\/api$/, "") },
      workingFolder: packages.path,
    });
    assert.match(log, /^# pass 1$/m);
    const { happenings } = simulator.control.statistics;
    assert.deepEqual([happenings.identified, happenings.resumed], [1, 2]);
    assert.equal(simulator.control.statistics.messages().length, 3);
  });
});

Deno.test("docs/simulator.md's script on Deno runs from a folder with the simulator and the bot in it", async () => {
  await using folder = await Supervisor.start();
  await run({
    program: "sh",
    args: [
      "-c",
      'ln -s "$1/simulator" simulator && ln -s "$2" bot && cp "$1/deno.json" "$1/deno.lock" . && printf %s "$3" > try.ts',
      "sh",
      PROJECT_FOLDER,
      packages.path,
      denoScript,
    ],
    workingFolder: folder.folder,
  });
  await run({
    program: Deno.execPath(),
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--frozen",
      "--allow-net=127.0.0.1",
      "--allow-env",
      "--allow-run=node",
      "try.ts",
    ],
    env: denoEnvironment(),
    workingFolder: folder.folder,
  });
});

Deno.test("docs/simulator.md's requests by hand are answered", async () => {
  await withSimulator(async ({ control, controlUrl }) => {
    const requests = page.controlRequests({ SESSION: "5e55" });
    assert(requests.length > 15);
    for (const { line, path, ...request } of requests) {
      const response = await fetch(controlUrl + path, request);
      assert.equal(response.status, 200, `${line}\n${await response.text()}`);
    }
    assert.equal(control.knobs().eventsPerSecond, 50);
  });
});

Deno.test("docs/simulator.md names the discord.js with which its bot is tried", () => {
  const version = npm.dependencies["discord.js"];
  assert(page.text.includes(`\`discord.js\` ${version}`));
  assert(page.text.includes(`npm install discord.js@${version}\n`));
});

Deno.test("docs/simulator.md starts the simulator by flags that there are, and names its token", async () => {
  const { helpText } = await import("../../simulator/command_line.ts");
  const commands = page.commands().filter((line) => line.includes(" task simulate "));
  const said = [...commands.flatMap((line) => line.split(" ")), ...page.codeSpans()];
  const flags = said.filter((word) => word.startsWith("--"));
  assert(commands.length > 0 && flags.length > 3);
  for (const flag of flags) assert(helpText().includes(`${flag} `), flag);
  assert(page.codeSpans().includes(DEFAULT_TOKEN));
});
