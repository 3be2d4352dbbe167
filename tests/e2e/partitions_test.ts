import assert from "node:assert/strict";
import { type Channel, connect, type ConsumeMessage } from "amqplib";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { onStage, type Stage } from "./stage.ts";

const COUNT = 4;
const EVENTS = 2_000;
const SIMULATOR = { guilds: 24, recommendedShards: 2, maxConcurrency: 2 };

/** What all workers have taken, in the order in which they did. */
class Taken {
  readonly messages: { readonly worker: string; readonly message: ConsumeMessage }[] = [];
  #watchers: (() => void)[] = [];

  add(worker: string, message: ConsumeMessage): void {
    this.messages.push({ worker, message });
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  ids(): Set<string> {
    return new Set(this.messages.map(({ message }) => message.properties.messageId));
  }
}

/** A worker of a partition: a connection of its own, one event at a time. */
async function startWorker(stage: Stage, taken: Taken, name: string, partition: number) {
  const connection = await connect(stage.rabbitUrl);
  const channel: Channel = await connection.createChannel();
  await channel.prefetch(1);
  await channel.consume(`gateway.p${partition}`, (message) => {
    if (message === null) return;
    taken.add(name, message);
    channel.ack(message);
  });
  return { [Symbol.asyncDispose]: () => connection.close() };
}

/** The guild that an event is of, as `JSON.parse` finds it; null where it is of none. */
function guildOf({ fields, content }: ConsumeMessage): string | null {
  const { d } = JSON.parse(content.toString());
  return /^GUILD_(CREATE|UPDATE|DELETE)$/.test(fields.routingKey) ? d.id : d.guild_id ?? null;
}

Deno.test(
  "Four workers on four partitions take every event once, and those of a guild in order, while all four work",
  onStage({ simulator: SIMULATOR }, async (stage) => {
    const { control } = stage.simulator;
    await stage.startConnected(2, { PARTITIONS: String(COUNT), DEFAULT_QUEUE: "false" });
    const taken = new Taken();
    await using workers = new AsyncDisposableStack();
    for (let partition = 0; partition < COUNT; partition++) {
      workers.use(await startWorker(stage, taken, `worker ${partition}`, partition));
    }
    control.generate(EVENTS);
    const sent = control.ledger.summary().sessions.flatMap(({ session }) =>
      control.ledger.page(session).map(({ s }) => `${session}:${s}`)
    );
    await taken.until(() => taken.messages.length >= sent.length);
    assert.deepEqual([...taken.ids()].sort(), sent.toSorted());
    assert.equal(taken.messages.length, sent.length, "none twice");

    const partitionOf = new Map<string, number>();
    const lastOf = new Map<string, number>();
    const eventsOf = new Array(COUNT).fill(0);
    for (const { worker, message } of taken.messages) {
      const partition: number = message.properties.headers?.["partition"];
      assert.equal(worker, `worker ${partition}`);
      eventsOf[partition] += 1;
      const guild = guildOf(message);
      if (guild === null) continue;
      assert.equal(partitionOf.get(guild) ?? partition, partition, `guild ${guild} is in two partitions`);
      partitionOf.set(guild, partition);
      // A guild's events all come by one shard, and so by one session.
      const sequence = Number(String(message.properties.messageId).split(":")[1]);
      assert(
        sequence > (lastOf.get(guild) ?? 0),
        `${message.fields.routingKey} of guild ${guild} comes late`,
      );
      lastOf.set(guild, sequence);
    }
    assert(partitionOf.size >= SIMULATOR.guilds);
    assert(eventsOf.every((events) => events > 0), `${eventsOf}`);
  }),
);

Deno.test(
  "A second worker of a partition waits until the first is gone, and goes on where that ended",
  onStage({ simulator: SIMULATOR }, async (stage) => {
    const { control } = stage.simulator;
    await stage.startConnected(2, { PARTITIONS: "1", DEFAULT_QUEUE: "false" });
    const taken = new Taken();
    await using second = new AsyncDisposableStack();
    {
      await using _first = await startWorker(stage, taken, "first", 0);
      second.use(await startWorker(stage, taken, "second", 0));
      control.dispatch("TYPING_START", '{"user_id":"7"}');
      await taken.until(() => taken.messages.at(-1)?.message.fields.routingKey === "TYPING_START");
      assert(taken.messages.every(({ worker }) => worker === "first"));
    }
    control.dispatch("MESSAGE_CREATE", '{"id":"1"}');
    await taken.until(() => taken.messages.at(-1)?.message.fields.routingKey === "MESSAGE_CREATE");
    assert.equal(taken.messages.at(-1)?.worker, "second");
  }),
);

Deno.test(
  "An event that waited in the spool of an earlier process goes to the partition of its guild",
  onStage({ simulator: SIMULATOR }, async (stage) => {
    const { control } = stage.simulator;
    await using proxy = new TcpProxy(stage.rabbitUrl);
    const settings = { PARTITIONS: String(COUNT), DEFAULT_QUEUE: "false" };
    const first = await stage.startConnected(2, {
      ...settings,
      RABBIT_URL: proxy.through(stage.rabbitUrl),
    });
    const taken = new Taken();
    await using workers = new AsyncDisposableStack();
    for (let partition = 0; partition < COUNT; partition++) {
      workers.use(await startWorker(stage, taken, `worker ${partition}`, partition));
    }
    const guilds = control.world.guildIds.slice(0, 8);
    const deleteRoles = () => {
      for (const guild of guilds) {
        control.dispatch("GUILD_ROLE_DELETE", `{"role_id":"1","guild_id":"${guild}"}`, { shard: 0 });
      }
    };
    const deletions = () =>
      taken.messages.filter(({ message }) => message.fields.routingKey === "GUILD_ROLE_DELETE");
    deleteRoles();
    await taken.until(() => deletions().length === guilds.length);
    proxy.hold();
    deleteRoles();
    await first.until(() => first.count("spool.written") > 0);
    assert.equal(await first.end("SIGTERM"), 0);
    await stage.startConnected(2, settings);
    // The broker has got them, and could not say so: they come again out of the spool.
    await taken.until(() => deletions().length === 3 * guilds.length);
    const workersOf = (guild: bigint) =>
      deletions().filter(({ message }) => guildOf(message) === String(guild)).map(({ worker }) => worker);
    for (const guild of guilds) {
      assert.equal(new Set(workersOf(guild)).size, 1, `guild ${guild}`);
    }
    assert(new Set(guilds.flatMap(workersOf)).size > 1, "not all are in one partition");
  }),
);
