import assert from "node:assert/strict";
import { HandClock } from "../../simulator/clock.ts";
import { DEFAULT_TOKEN, type SimulatorOptions } from "../../simulator/simulator.ts";
import project from "../../deno.json" with { type: "json" };
import { codeSpans } from "../markdown.ts";
import {
  InstalledExamples,
  NAMES,
  PACKAGES,
  README,
  sendRequests,
  startLines,
} from "./javascript_examples.ts";
import { type ExampleStage, onExampleStage } from "./stage.ts";

const installed = await InstalledExamples.install();
Deno.test.afterAll(() => installed[Symbol.asyncDispose]());

/** Longer than any test: work that is not done unless somebody else does it. */
const NEVER_MS = "100000000";

/** A Discord on which nothing happens by itself, not even that three seconds pass. */
function still(clock = new HandClock()): SimulatorOptions {
  return { paused: true, clock };
}

for (const name of NAMES) {
  Deno.test(`examples/${name}/README.md names the program's settings, with their defaults`, async () => {
    const lines = startLines(name);
    const source = await Deno.readTextFile(
      new URL(`../../examples/${name}/${lines[0]?.script}`, import.meta.url),
    );
    const said = README[name].table("setting").map(([setting = "", value = ""]) =>
      [codeSpans(setting)[0] ?? "", codeSpans(value)[0] ?? null] as const
    );
    const read = [...source.matchAll(/process\.env\.([A-Z_]+)(?: \?\? "?([^")]*))?/g)].map((
      [, setting = "", value = null],
    ) => [setting, value?.replaceAll("_", "") ?? null]);
    // The client has a default of its own for this one.
    const expected = said.map(([setting, value]) =>
      setting === "RABBIT_URL" && name !== "routing" ? [setting, null] : [setting, value]
    );
    assert.deepEqual(read.toSorted(), expected.toSorted());
    for (const [setting, value] of lines.flatMap(({ settings }) => settings)) {
      assert(said.some(([each]) => each === setting), setting);
      if (setting === "API_URL") assert.equal(value, "http://127.0.0.1:8080/api");
      if (setting === "BOT_TOKEN" && value !== "…") assert.equal(value, DEFAULT_TOKEN);
    }
  });
}

Deno.test("The examples' READMEs install the versions of the project", () => {
  assert(PACKAGES.size > 2);
  const versions = Object.values(project.imports).flatMap((target) =>
    /^npm:\/?(@?[^@]+@[^/]+)/.exec(target)?.[1] ?? []
  );
  assert.deepEqual([...PACKAGES].filter((name) => !versions.includes(name)), []);
});

// worker/

const WORKER = { QUEUE: "shardline-test.worker" };
const WORKER_QUEUES = { queues: ["shardline-test.worker", "shardline-test.worker.gaps"] };

/** A guild that is there, and a channel in it that takes messages. */
function placeOf({ control }: ExampleStage): { GUILD: string; CHANNEL: string } {
  const [guild = 0n] = control.world.guildIds;
  const channel = control.world.channels(guild).find(({ type }) => type === 0);
  return { GUILD: String(guild), CHANNEL: String(channel?.id) };
}

Deno.test(
  "examples/worker answers, sets the presence, and tells of a gap, as its README says",
  onExampleStage({ simulator: { paused: true }, own: WORKER_QUEUES }, async (stage) => {
    await stage.startGateway();
    const worker = stage.start(installed.program("worker", WORKER));
    await worker.line("presence set");
    const place = placeOf(stage);
    await sendRequests(stage, "worker", place);
    await worker.until(() => worker.lines.length === 4);
    const [first, second, ...others] = worker.lines;
    assert.deepEqual([first, second], ["listening", "presence set"]);
    assert.deepEqual(others.filter((line) => line === "answered 1").length, 1);
    const gap = others.find((line) => line !== "answered 1") ?? "";
    assert.match(gap, /^shard 0 has missed events from 2\S+Z to 2\S+Z: invalid_session$/);
    const [message, ...more] = stage.control.statistics.messages();
    assert.deepEqual([message?.channelId, more], [place.CHANNEL, []]);
    const [presence] = stage.control.statistics.commands();
    assert.deepEqual(presence?.op, 3);
    assert.equal(await worker.end(), 0);
    assert.equal(await worker.complaints, "");
  }),
);

Deno.test(
  "examples/worker answers what was written while it was away, and a repeat not twice",
  onExampleStage({ simulator: { paused: true }, own: WORKER_QUEUES }, async (stage) => {
    const { CHANNEL } = placeOf(stage);
    const write = (id: number) =>
      stage.control.dispatch(
        "MESSAGE_CREATE",
        JSON.stringify({ id: String(id), channel_id: CHANNEL, content: "!ping" }),
      );
    const answers = () =>
      stage.control.statistics.messages().map(({ body }) => (body as { nonce: string }).nonce).toSorted();
    const broker = await stage.parts.broker();
    await stage.startGateway();
    const spy = await broker.bindOwnQueue("gateway", "MESSAGE_CREATE");
    const first = stage.start(installed.program("worker", WORKER));
    await first.line("listening");
    write(1);
    await first.line("answered 1");
    await first.end("SIGKILL");
    write(2);
    const second = stage.start(installed.program("worker", WORKER));
    await second.line("answered 2");
    assert.equal(await second.end(), 0); // what it has handled is in Redis by now

    const copy = (await broker.read(spy, 2)).find(({ content }) =>
      JSON.parse(content.toString()).d.id === "2"
    ) ??
      assert.fail();
    const repeat = () => broker.channel.sendToQueue(WORKER.QUEUE, copy.content, copy.properties);
    repeat();
    write(3);
    const third = stage.start(installed.program("worker", WORKER));
    await third.line("answered 3");
    assert.equal(await third.end(), 0);
    assert.deepEqual(third.lines.filter((line) => line.startsWith("answered ")), ["answered 3"]);

    // Without that memory the worker answers again, and Discord knows better.
    const redis = await stage.parts.redis();
    await redis.del(...await redis.keys(`gateway:handled:*`));
    repeat();
    const fourth = stage.start(installed.program("worker", WORKER));
    await fourth.line("answered 2");
    assert.deepEqual(answers(), ["1", "2", "3"]);
  }),
);

Deno.test(
  "examples/worker says what to do where it has no token",
  onExampleStage({ simulator: { paused: true }, own: WORKER_QUEUES }, async (stage) => {
    const worker = stage.start(installed.program("worker", { ...WORKER, BOT_TOKEN: "" }));
    assert.equal(await worker.ended(), 1);
    assert.equal(await worker.complaints, "Cannot answer anybody: set BOT_TOKEN to the bot's token\n");
  }),
);

// slash-commands/

const BOT = { QUEUE: "shardline-test.slash-commands" };
const BOT_QUEUES = { queues: [BOT.QUEUE] };

/** Somebody uses a command. */
function use({ control }: ExampleStage, id: number, name: "hello" | "report"): void {
  const user = { username: "ada" };
  const data = { type: 1, name };
  control.dispatch(
    "INTERACTION_CREATE",
    JSON.stringify({ id: String(id), application_id: "9", token: `${id}/=`, type: 2, data, user }),
  );
}

/** What Discord was given for each interaction: the type of each callback and its text, the text of each edit. */
function answersGiven({ control }: ExampleStage): Record<string, string[]> {
  const given: Record<string, string[]> = {};
  for (const { interactionId, kind, body } of control.statistics.interactionAnswers()) {
    const { type, data, content } = body as {
      type?: number;
      data?: { content: string };
      content?: string;
    };
    const text = kind === "callback" ? `${type} ${data?.content ?? ""}`.trim() : `edit ${content}`;
    (given[interactionId] ??= []).push(text);
  }
  return given;
}

/** A report may be given twice by a bot that is killed between its message and the acknowledgement. */
function withoutRepeatedEdits(given: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(given).map(([id, texts]) => [
      id,
      texts.filter((text, index) => !text.startsWith("edit ") || texts.indexOf(text) === index),
    ]),
  );
}

Deno.test(
  "examples/slash-commands does what its README says of a bot that is killed over a report",
  onExampleStage({ simulator: still(), own: BOT_QUEUES }, async (stage) => {
    await stage.startGateway();
    const killed = stage.start(installed.program("slash-commands", BOT));
    await killed.line("listening");
    await sendRequests(stage, "slash-commands");
    await killed.line("answered /hello 1");
    await killed.line("answered /report 2");
    await killed.end("SIGKILL");
    const next = stage.start(installed.program("slash-commands", { ...BOT, REPORT_MS: "0" }));
    await next.line("finished /report 2");
    assert(next.lines.includes("already answered /report 2"));
    assert.equal(await next.end(), 0);
    assert.equal(await next.complaints, "");
    assert.deepEqual(answersGiven(stage), {
      "1": ["4 Hello, ada!"],
      "2": ["5", "edit Report 2 is ready."],
    });
  }),
);

Deno.test(
  "examples/slash-commands misses nothing however often it is killed: over handlers, between them, while commands come",
  onExampleStage({ simulator: still(), own: BOT_QUEUES }, async (stage) => {
    await stage.startGateway();
    const start = (reportMs: string) =>
      stage.start(installed.program("slash-commands", { ...BOT, REPORT_MS: reportMs }));
    const first = start(NEVER_MS);
    await first.line("listening");
    use(stage, 1, "hello");
    use(stage, 2, "report");
    await first.line("answered /hello 1");
    await first.line("answered /report 2");
    await first.end("SIGKILL"); // in the middle of a report

    use(stage, 3, "hello");
    use(stage, 4, "report");
    const second = start(NEVER_MS);
    await second.line("already answered /report 2");
    await second.line("answered /hello 3");
    await second.line("answered /report 4");
    await second.end("SIGKILL"); // in the middle of two

    use(stage, 5, "hello");
    const third = start("0");
    for (const line of ["finished /report 2", "finished /report 4", "answered /hello 5"]) {
      await third.line(line);
    }
    await third.end("SIGKILL"); // with nothing to do

    use(stage, 6, "hello");
    use(stage, 7, "report");
    const fourth = start("0");
    for (const line of ["answered /hello 6", "finished /report 7"]) await fourth.line(line);
    assert.equal(await fourth.end(), 0);
    const broker = await stage.parts.broker();
    assert.equal((await broker.channel.checkQueue(BOT.QUEUE)).messageCount, 0);
    assert.deepEqual(withoutRepeatedEdits(answersGiven(stage)), {
      "1": ["4 Hello, ada!"],
      "2": ["5", "edit Report 2 is ready."],
      "3": ["4 Hello, ada!"],
      "4": ["5", "edit Report 4 is ready."],
      "5": ["4 Hello, ada!"],
      "6": ["4 Hello, ada!"],
      "7": ["5", "edit Report 7 is ready."],
    });
  }),
);

const lateClock = new HandClock();
Deno.test(
  "examples/slash-commands cannot answer after three seconds, but for what it has deferred",
  onExampleStage({ simulator: still(lateClock), own: BOT_QUEUES }, async (stage) => {
    await stage.startGateway();
    const killed = stage.start(installed.program("slash-commands", { ...BOT, REPORT_MS: NEVER_MS }));
    await killed.line("listening");
    use(stage, 1, "report");
    await killed.line("answered /report 1");
    await killed.end("SIGKILL");
    use(stage, 2, "hello");
    use(stage, 3, "report");
    lateClock.advance(3_000);
    use(stage, 4, "hello");
    const next = stage.start(installed.program("slash-commands", { ...BOT, REPORT_MS: "0" }));
    await next.line("finished /report 1");
    for (const line of ["too late for /hello 2", "too late for /report 3", "answered /hello 4"]) {
      await next.line(line);
    }
    assert.equal(await next.end(), 0);
    assert.equal(await next.complaints, "");
    assert.deepEqual(answersGiven(stage), {
      "1": ["5", "edit Report 1 is ready."],
      "4": ["4 Hello, ada!"],
    });
  }),
);

Deno.test(
  "examples/slash-commands answers a repeat of an event no second time, after a restart either",
  onExampleStage({ simulator: still(), own: BOT_QUEUES }, async (stage) => {
    const broker = await stage.parts.broker();
    await stage.startGateway();
    const spy = await broker.bindOwnQueue("gateway", "INTERACTION_CREATE");
    const first = stage.start(installed.program("slash-commands", BOT));
    await first.line("listening");
    use(stage, 1, "hello");
    await first.line("answered /hello 1");
    assert.equal(await first.end(), 0);
    const [event] = await broker.read(spy, 1);
    assert(event !== undefined);
    // The bot that follows has not seen the first copy, but the second.
    for (const _ of ["first", "second"]) {
      broker.channel.sendToQueue(BOT.QUEUE, event.content, event.properties);
    }
    use(stage, 2, "hello");
    const second = stage.start(installed.program("slash-commands", BOT));
    await second.line("answered /hello 2");
    assert.equal(await second.end(), 0);
    assert.deepEqual(
      second.lines.filter((line) => line.endsWith("/hello 1")),
      ["already answered /hello 1"],
    );
    assert.deepEqual(answersGiven(stage), { "1": ["4 Hello, ada!"], "2": ["4 Hello, ada!"] });
  }),
);

// scaling/

/** Somebody writes so many letters. */
function write({ control }: ExampleStage, id: number, letters: number): void {
  control.dispatch("MESSAGE_CREATE", JSON.stringify({ id: String(id), content: "x".repeat(letters) }));
}

/** Ids of the events in lines like `A has handled 5e55:7`, in their order. */
function idsIn(lines: readonly string[], what: "begins" | "has handled"): string[] {
  return lines.flatMap((line) => new RegExp(`^\\S+ ${what} ([^\\s,]+)`).exec(line)?.[1] ?? []);
}

/** Ids of the MESSAGE_CREATEs that Discord has sent, in their order. */
function idsSent({ control }: ExampleStage): string[] {
  return control.ledger.summary().sessions.flatMap(({ session }) =>
    control.ledger.page(session).filter(({ t }) => t === "MESSAGE_CREATE").map(({ s }) => `${session}:${s}`)
  );
}

Deno.test(
  "examples/scaling has several workers share all events, each once, what its README sends among them",
  onExampleStage({ simulator: { paused: true } }, async (stage) => {
    await stage.startGateway();
    const workers = ["A", "B", "C"].map((name) =>
      stage.start(installed.program("scaling", { PREFETCH: "2", MS_PER_LETTER: "1" }, [name]))
    );
    for (const [index, worker] of workers.entries()) await worker.line(`${"ABC"[index]} is listening`);
    await sendRequests(stage, "scaling");
    for (let id = 10; id < 67; id++) write(stage, id, id % 7);
    const sent = idsSent(stage);
    assert.equal(sent.length, 60);
    const handled = () => workers.map(({ lines }) => idsIn(lines, "has handled"));
    await Promise.race(workers.map((worker) => worker.until(() => handled().flat().length === 60)));
    for (const worker of workers) assert.equal(await worker.end(), 0);
    assert.deepEqual(handled().flat().toSorted(), sent.toSorted());
    assert(handled().every((ids) => ids.length > 0));
  }),
);

Deno.test(
  "examples/scaling gives up to `prefetch` events of a worker that is killed to the others",
  onExampleStage({ simulator: { paused: true } }, async (stage) => {
    await stage.startGateway();
    const stuck = stage.start(
      installed.program("scaling", { PREFETCH: "3", MS_PER_LETTER: NEVER_MS }, ["stuck"]),
    );
    const other = stage.start(installed.program("scaling", { PREFETCH: "3", MS_PER_LETTER: "0" }, ["other"]));
    await stuck.line("stuck is listening");
    await other.line("other is listening");
    for (let id = 0; id < 20; id++) write(stage, id, 1);
    const sent = idsSent(stage);
    await other.until(() => idsIn(other.lines, "has handled").length === 17);
    await stuck.until(() => idsIn(stuck.lines, "begins").length === 3);
    assert.deepEqual(other.lines.filter((line) => line.endsWith(", which another had begun")), []);
    await stuck.end("SIGKILL");
    await other.until(() => idsIn(other.lines, "has handled").length === 20);
    assert.equal(await other.end(), 0);
    assert.deepEqual(idsIn(other.lines, "has handled").toSorted(), sent.toSorted());
    const again = other.lines.filter((line) => line.endsWith(", which another had begun"));
    assert.deepEqual(idsIn(again, "has handled").toSorted(), idsIn(stuck.lines, "begins").toSorted());
  }),
);

Deno.test(
  "examples/scaling keeps order with one worker and prefetch 1, and with more a short event overtakes a long one",
  onExampleStage({ simulator: { paused: true } }, async (stage) => {
    await stage.startGateway();
    const ordered = stage.start(installed.program("scaling", { PREFETCH: "1", MS_PER_LETTER: "1" }));
    await ordered.line("B is listening");
    for (const [id, letters] of [50, 1, 30, 0, 20, 2].entries()) write(stage, id, letters);
    await ordered.until(() => idsIn(ordered.lines, "has handled").length === 6);
    assert.equal(await ordered.end(), 0);
    assert.deepEqual(idsIn(ordered.lines, "has handled"), idsSent(stage));

    const hasty = stage.start(installed.program("scaling", { PREFETCH: "2", MS_PER_LETTER: NEVER_MS }));
    await hasty.line("B is listening");
    for (const [id, letters] of [1, 0].entries()) write(stage, 10 + id, letters);
    const [long, short] = idsSent(stage).slice(6);
    await hasty.line(`B has handled ${short}`);
    assert.deepEqual(idsIn(hasty.lines, "begins"), [long, short]);
  }),
);

// routing/

const ROUTING = { QUEUE: "shardline-test.interactions" };
const ROUTING_QUEUES = { queues: [ROUTING.QUEUE] };

Deno.test(
  "examples/routing gets interactions and nothing else, those that came while it was away too; `gateway` gets all",
  onExampleStage({ simulator: { paused: true }, own: ROUTING_QUEUES }, async (stage) => {
    await stage.startGateway();
    const all = await stage.parts.consumer();
    const first = stage.start(installed.program("routing", ROUTING));
    await first.line("listening");
    await sendRequests(stage, "routing");
    await first.line("INTERACTION_CREATE 5"); // the last: what is before it has been routed
    assert.equal(await first.end(), 0);
    assert.equal(await first.complaints, "");
    assert.deepEqual(first.lines, ["listening", "INTERACTION_CREATE 2", "INTERACTION_CREATE 5"]);

    for (const id of [6, 8]) {
      stage.control.dispatch("MESSAGE_CREATE", JSON.stringify({ id: String(id), content: "hello" }));
      use(stage, id + 1, "hello");
    }
    const second = stage.start(installed.program("routing", ROUTING));
    await second.line("listening"); // what has waited may come before it is told
    await second.line("INTERACTION_CREATE 9");
    const taken = second.lines.filter((line) => line !== "listening");
    assert.deepEqual(taken, ["INTERACTION_CREATE 7", "INTERACTION_CREATE 9"]);
    await all.untilComplete(stage.parts.simulator);
  }),
);

Deno.test(
  "examples/routing lives without `gateway`, which goes on to get all where it is there already, and may be deleted",
  onExampleStage({ simulator: { paused: true }, own: ROUTING_QUEUES }, async (stage) => {
    const before = await stage.parts.startConnected(1);
    assert.equal(await before.end("SIGTERM"), 0);
    await stage.startGateway({ DEFAULT_QUEUE: "false" });
    const program = stage.start(installed.program("routing", ROUTING));
    await program.line("listening");
    use(stage, 1, "hello");
    await program.line("INTERACTION_CREATE 1");
    const all = await stage.parts.consumer();
    await all.untilComplete(stage.parts.simulator);
    assert(all.messages.some(({ properties }) => properties.type === "INTERACTION_CREATE"));

    const { channel } = await stage.parts.broker();
    channel.on("error", () => {}); // `checkQueue` rejects with the same
    await channel.deleteQueue("gateway");
    use(stage, 2, "hello");
    await program.line("INTERACTION_CREATE 2");
    await assert.rejects(channel.checkQueue("gateway"), /NOT_FOUND/);
  }),
);
