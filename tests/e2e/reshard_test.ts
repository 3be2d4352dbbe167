/** The number of shards changes while events flow. */
import assert from "node:assert/strict";
import { CommandSender } from "./command_sender.ts";
import type { EventConsumer } from "./event_consumer.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { onStage, type Stage } from "./stage.ts";

const OLD = 2;
const NEW = 4;
const ALONE = { SHARDS_TOTAL: String(OLD) };
const FLEET = { ...ALONE, FLEET: "true", LEASE_TTL: "3" };
const SETTING = {
  deadlineMs: 180_000,
  simulator: { recommendedShards: OLD, seed: 8, replayBufferEvents: 10_000 },
};
/** Between two events. */
const PACE_MS = 10;

/** Messages that happen one after the other, each told to the old and to the new session that has its guild. */
class Talk implements Disposable {
  readonly #stage: Stage;
  readonly #consumer: EventConsumer;
  readonly #timer: ReturnType<typeof setInterval>;
  #said = 0;
  /** Of the consumer's messages so many have been looked at. */
  #looked = 0;
  readonly #heard = new Map<string, number>();

  constructor(stage: Stage, consumer: EventConsumer) {
    this.#stage = stage;
    this.#consumer = consumer;
    this.#looked = consumer.messages.length;
    this.#timer = setInterval(() => this.#say(), PACE_MS);
  }

  /** Says no more. Resolves once all has come, with how often something came more than once. */
  async end(): Promise<number> {
    this[Symbol.dispose]();
    const missing = new Set(Array.from({ length: this.#said }, (_, id) => `message ${id}`));
    this.#consumer.missing = missing;
    await this.#consumer.until(() => {
      this.#listen();
      for (const id of this.#heard.keys()) missing.delete(id);
      return missing.size === 0;
    });
    assert(this.#said > 500, `${this.#said} events`);
    return [...this.#heard.values()].reduce((sum, times) => sum + times - 1, 0);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #say(): void {
    const d = { id: `message ${this.#said}` };
    // Shard 0 of 2 has the guilds of shards 0 and 2 of 4.
    const told = this.#stage.simulator.control.dispatch("MESSAGE_CREATE", JSON.stringify(d), {
      shard: this.#said % OLD,
    });
    // What no session is told nobody can have.
    if (told > 0) this.#said += 1;
  }

  #listen(): void {
    const { messages } = this.#consumer;
    for (; this.#looked < messages.length; this.#looked += 1) {
      const { fields, content } = messages[this.#looked] ?? assert.fail("it is there");
      if (fields.routingKey !== "MESSAGE_CREATE") continue;
      const { id } = JSON.parse(content.toString()).d;
      this.#heard.set(id, (this.#heard.get(id) ?? 0) + 1);
    }
  }
}

async function changeTo(stage: Stage, total: number): Promise<void> {
  const commands = await CommandSender.open(await stage.broker());
  const { queue: replyTo } = await commands.broker.channel.assertQueue("", { exclusive: true });
  commands.send({ op: 2, data: { total } }, { replyTo });
  const [reply] = await commands.broker.read(replyTo, 1);
  assert.deepEqual(JSON.parse(reply?.content.toString() ?? ""), { ok: true });
}

function inPhase(phase: string): (line: { readonly kind?: unknown }) => boolean {
  return (line) => line.kind === "reshard.phase" && "phase" in line && line.phase === phase;
}

async function identified(stage: Stage): Promise<number> {
  return await Promise.resolve(stage.simulator.control.state().statistics.happenings["identified"] ?? 0);
}

Deno.test(
  "Shardline changes the number of shards without a gap, keeps it across restarts, and changes it back",
  onStage(SETTING, async (stage) => {
    const consumer = await stage.consumer();
    const first = await stage.startConnected(OLD, ALONE);
    const board = await stage.redis();
    {
      using talk = new Talk(stage, consumer);
      await changeTo(stage, NEW);
      await first.line(inPhase("done"));
      assert.equal(await talk.end(), 0, "nothing comes twice where nothing goes wrong");
    }
    assert.equal(await board.get("gateway_shards"), String(NEW));
    assert.equal(await identified(stage), OLD + NEW);
    assert.equal(await first.end("SIGTERM"), 0);
    assert.deepEqual(Object.keys(JSON.parse(await board.get("gateway_sessions") ?? "")), [
      "0",
      "1",
      "2",
      "3",
    ]);

    const second = await stage.startConnected(NEW, ALONE);
    const { message } = await second.line(({ level }) => level === "warn");
    assert.match(String(message), /changed to 4, so SHARDS_TOTAL, which is 2, is not heeded/);
    assert.equal(await identified(stage), OLD + NEW, "all are resumed");
    using talk = new Talk(stage, consumer);
    await changeTo(stage, OLD);
    await second.line(inPhase("done"));
    await talk.end();
    assert.equal(await board.get("gateway_shards"), String(OLD));
    assert.equal(await identified(stage), OLD + NEW + OLD);
  }),
);

Deno.test(
  "Shardline with workers changes the number of shards, and takes commands for the new ones",
  onStage(SETTING, async (stage) => {
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(OLD, { ...ALONE, CLUSTERS: "2" });
    using talk = new Talk(stage, consumer);
    await changeTo(stage, NEW);
    await gateway.line(inPhase("done"));
    assert.equal(gateway.count("reshard.ended"), 2);
    await talk.end();
    const commands = await CommandSender.open(await stage.broker());
    const { queue: replyTo } = await commands.broker.channel.assertQueue("", { exclusive: true });
    commands.send({ op: 1, shard: NEW - 1 }, { replyTo });
    const [reply] = await commands.broker.read(replyTo, 1);
    assert.deepEqual(JSON.parse(reply?.content.toString() ?? ""), { ok: true });
  }),
);

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(
    `Shardline that is alone and gets ${signal} as new sessions take over goes on with them`,
    onStage(SETTING, async (stage) => {
      const consumer = await stage.consumer();
      const first = await stage.startConnected(OLD, ALONE);
      using talk = new Talk(stage, consumer);
      await changeTo(stage, NEW);
      await first.line(inPhase("taking_over"));
      await first.end(signal);
      const second = stage.start(ALONE);
      await second.line(({ kind, resuming }) => kind === "shards.begun" && resuming === NEW);
      await talk.end();
      assert.equal(await (await stage.redis()).get("gateway_shards"), String(NEW));
    }),
  );
}

for (const phase of ["rehearsing", "taking_over"]) {
  Deno.test(
    `Shardline in a fleet misses nothing where a replica is killed while the number of shards changes (${phase})`,
    onStage(SETTING, async (stage) => {
      const consumer = await stage.consumer();
      const replicas: GatewayProcess[] = [];
      for (const name of ["one", "other"]) {
        const replica = stage.start({ ...FLEET, REPLICA_NAME: name });
        await replica.line(({ kind }) => kind === "shards.begun");
        replicas.push(replica);
      }
      const [one, other] = replicas;
      assert(one !== undefined && other !== undefined);
      using talk = new Talk(stage, consumer);
      await changeTo(stage, NEW);
      await other.line(inPhase(phase));
      await other.end("SIGKILL");
      await one.line(({ kind }) => kind === "reshard.ended");
      await talk.end();
      assert.equal(await (await stage.redis()).get("gateway_shards"), String(NEW));
    }),
  );
}
