import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { GatewayDispatchEvents } from "discord-api-types/v10";
import {
  type ClientOptions,
  type Gap,
  MemoryHandledIds,
  type ReceivedEvent,
  RedisHandledIds,
  ShardlineClient,
} from "../../client/mod.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { onClientStage, STRAY_BODY } from "./stage.ts";

const OWN = "shardline-test.client";
const DEAD = "shardline-test.client.dead";
/** Longer than any test. */
const HOUR_MS = 3_600_000;

Deno.test(
  "ShardlineClient hands events to the handler of their name, with all that came with them",
  onClientStage({}, async (stage) => {
    const seen: [string, ReceivedEvent][] = [];
    const client = stage.client()
      .on("MESSAGE_CREATE", (message, event) => {
        seen.push([message.content, event]);
        stage.changed();
      })
      .on(GatewayDispatchEvents.MessageDelete, ({ id }, event) => {
        seen.push([id, event]);
        stage.changed();
      });
    await client.start();
    stage.publish("TYPING_START", {}, { s: 1 });
    stage.publish(
      "MESSAGE_CREATE",
      `{"t":"MESSAGE_CREATE","s":2,"op":0, "d":{"content":"hé","more":1e400}}`,
      {
        s: 2,
      },
    );
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    stage.publish("MESSAGE_DELETE", { id: "9007199254740993" }, { s: 3, headers: { shard: 4, traceparent } });
    await stage.until(() => seen.length === 2);
    assert.deepEqual(
      seen.map((
        [text, { name, id, shard, receivedAt, redelivered, traceparent }],
      ) => [text, name, id, shard, receivedAt.getTime(), redelivered, traceparent]),
      [
        ["hé", "MESSAGE_CREATE", "5e55:2", 3, 1_764_000_000_000, false, null],
        ["9007199254740993", "MESSAGE_DELETE", "5e55:3", 4, 1_764_000_000_000, false, traceparent],
      ],
    );
    assert.equal(
      new TextDecoder().decode(seen[0]?.[1].body),
      `{"t":"MESSAGE_CREATE","s":2,"op":0, "d":{"content":"hé","more":1e400}}`,
    );
    await client.stop();
    await stage.waiting("gateway", 0); // the one without a handler is gone too
    assert.deepEqual(stage.errors, []);
  }),
);

Deno.test(
  "ShardlineClient acknowledges an event when its handler has resolved, and not before",
  onClientStage({}, async (stage) => {
    const handling = Promise.withResolvers<void>();
    const first = stage.noting({ stopTimeoutMs: 0 }, () => handling.promise);
    await first.client.start();
    stage.publish("MESSAGE_CREATE", {}, { s: 1 });
    await stage.until(() => first.ids.length === 1);
    await first.client.stop(); // its handler runs on, and the event is another's
    await stage.waiting("gateway", 1);
    const second = stage.noting({}, ({ redelivered }) => assert(redelivered));
    await second.client.start();
    await stage.until(() => second.ids.length === 1);
    await second.client.stop();
    handling.resolve();
    assert.deepEqual([first.ids, second.ids, stage.errors], [["5e55:1"], ["5e55:1"], []]);
    await stage.waiting("gateway", 0);
  }),
);

Deno.test(
  "ShardlineClient.stop() takes nothing more, and waits for running handlers",
  onClientStage({}, async (stage) => {
    const handling = Promise.withResolvers<void>();
    const { client, ids } = stage.noting({ prefetch: 1 }, () => handling.promise);
    await client.start();
    for (const s of [1, 2]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.until(() => ids.length === 1);
    let isStopped = false;
    const stopping = client.stop().then(() => isStopped = true);
    await stage.waiting("gateway", 1);
    assert.equal(isStopped, false);
    handling.resolve();
    await stopping;
    await client.stop(); // safe twice
    assert.deepEqual(ids, ["5e55:1"]);
    await stage.waiting("gateway", 1);
    await assert.rejects(client.start(), /^Error: Cannot start: a client starts once; make another one$/);
  }),
);

Deno.test(
  "ShardlineClient handles no more events at once than `prefetch`",
  onClientStage({}, async (stage) => {
    const handling: PromiseWithResolvers<void>[] = [];
    const client = stage.client({ prefetch: 2 }).on("MESSAGE_CREATE", () => {
      const handled = Promise.withResolvers<void>();
      handling.push(handled);
      stage.changed();
      return handled.promise;
    });
    await client.start();
    for (const s of [1, 2, 3]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.waiting("gateway", 1);
    await stage.until(() => handling.length === 2);
    handling[0]?.resolve();
    await stage.until(() => handling.length === 3);
    for (const { resolve } of handling) resolve();
    await client.stop();
    await stage.waiting("gateway", 0);
    for (const prefetch of [0, 1.5, 65_536]) {
      assert.throws(() => stage.client({ prefetch }), /^RangeError: Cannot take .* from 1 to 65535$/);
    }
  }),
);

Deno.test(
  "ShardlineClient tries an event again whose handler failed, and rejects it after the last try",
  onClientStage({ queues: [OWN, DEAD] }, async (stage) => {
    const { channel } = stage.broker;
    await channel.assertQueue(OWN, { durable: true, deadLetterExchange: "", deadLetterRoutingKey: DEAD });
    await channel.assertQueue(DEAD, { durable: true });
    const fault = new Error("the database is away");
    const { client, ids } = stage.noting(
      { queue: OWN, bind: ["MESSAGE_CREATE"], retryDelaysMs: [0, 0] },
      () => {
        throw fault;
      },
    );
    await client.start();
    stage.publish("MESSAGE_CREATE", {}, { s: 17 });
    const [dead] = await stage.broker.read(DEAD, 1);
    assert.equal(dead?.properties.messageId, "5e55:17");
    assert.deepEqual(ids, ["5e55:17", "5e55:17", "5e55:17"]);
    const again = "Cannot handle MESSAGE_CREATE 5e55:17, which is tried again: the database is away";
    const over = "Cannot handle MESSAGE_CREATE 5e55:17, given up after try 3: the database is away";
    assert.deepEqual(
      stage.errors.map(({ kind, message, cause, event }) => [kind, message, cause, event?.id]),
      [
        ["handler", again, fault, "5e55:17"],
        ["handler", again, fault, "5e55:17"],
        ["given_up", over, fault, "5e55:17"],
      ],
    );
  }),
);

Deno.test(
  "ShardlineClient holds an event until it is tried again, and gives it back at once when it is stopped before",
  onClientStage({}, async (stage) => {
    const handling = Promise.withResolvers<void>();
    const { client, ids } = stage.noting({ prefetch: 2, retryDelaysMs: [0, HOUR_MS] }, ({ id }) => {
      if (id === "5e55:1") throw new Error("not now");
      return handling.promise;
    });
    await client.start();
    stage.publish("MESSAGE_CREATE", {}, { s: 1 });
    await stage.until(() => stage.errors.length === 2);
    stage.publish("MESSAGE_CREATE", {}, { s: 2 });
    await stage.until(() => ids.at(-1) === "5e55:2");
    assert.deepEqual(ids, ["5e55:1", "5e55:1", "5e55:2"]);
    await stage.waiting("gateway", 0);
    const stopping = client.stop();
    await stage.waiting("gateway", 1); // while the other one is still being handled
    handling.resolve();
    await stopping;
    const [back] = await stage.broker.read("gateway", 1);
    assert.equal(back?.properties.messageId, "5e55:1");
    assert.deepEqual(stage.errors.map(({ kind }) => kind), ["handler", "handler"]);
  }),
);

Deno.test(
  "ShardlineClient gives an event all its tries that a consumer before it took and did not handle",
  onClientStage({}, async (stage) => {
    const away = stage.noting({ stopTimeoutMs: 0 }, () => new Promise(() => {}));
    await away.client.start();
    stage.publish("MESSAGE_CREATE", {}, { s: 1 });
    await stage.until(() => away.ids.length === 1);
    await away.client.stop();
    const { client, ids } = stage.noting({ retryDelaysMs: [0] }, ({ redelivered }) => {
      assert(redelivered);
      if (ids.length === 1) throw new Error("the database is away");
    });
    await client.start();
    await stage.until(() => ids.length === 2);
    await client.stop();
    await stage.waiting("gateway", 0);
    assert.deepEqual(stage.errors.map(({ kind }) => kind), ["handler"]);
  }),
);

Deno.test(
  "ShardlineClient does not try an event again that another consumer has handled meanwhile",
  onClientStage({}, async (stage) => {
    const handledIds = new MemoryHandledIds();
    const { client, ids } = stage.noting({ handledIds, prefetch: 1, retryDelaysMs: [0] }, ({ id }) => {
      if (id !== "5e55:1") return;
      handledIds.add(`gateway:${id}`);
      throw new Error("the connection is lost");
    });
    await client.start();
    for (const s of [1, 2]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.until(() => ids.at(-1) === "5e55:2");
    await client.stop();
    assert.deepEqual(ids, ["5e55:1", "5e55:2"]);
    await stage.waiting("gateway", 0);
  }),
);

for (
  const [how, onError] of [
    ["throws", () => {
      throw new Error("there is no log");
    }],
    ["rejects", () => Promise.reject(new Error("there is no log"))],
  ] as const
) {
  Deno.test(
    `ShardlineClient goes on where \`onError\` ${how}`,
    onClientStage({}, async (stage) => {
      await using proxy = new TcpProxy(stage.rabbitUrl);
      const url = proxy.through(stage.rabbitUrl);
      const { client, ids } = stage.noting({ url, onError, prefetch: 1, retryDelaysMs: [0] }, ({ id }) => {
        if (id === "5e55:2") throw new Error("never");
      });
      await client.start();
      stage.publish("MESSAGE_CREATE", "{", { s: 1 });
      for (const s of [2, 3]) stage.publish("MESSAGE_CREATE", {}, { s });
      await stage.until(() => ids.at(-1) === "5e55:3");
      proxy.cut();
      stage.publish("MESSAGE_CREATE", {}, { s: 4 });
      await stage.until(() => ids.at(-1) === "5e55:4");
      await client.stop();
      assert.deepEqual(ids, ["5e55:2", "5e55:2", "5e55:3", "5e55:4"]);
      await stage.waiting("gateway", 0);
    }),
  );
}

Deno.test(
  "ShardlineClient rejects what is not JSON, tells of it, and goes on",
  onClientStage({}, async (stage) => {
    const { client, ids } = stage.noting();
    await client.start();
    stage.publish("MESSAGE_CREATE", "{", { s: 1 });
    stage.publish("MESSAGE_CREATE", "null", { s: 2 });
    const invalid = Buffer.from('{"t":"MESSAGE_CREATE","s":3,"op":0,"d":{"content":"?"}}');
    invalid[invalid.indexOf("?")] = 0xff; // no UTF-8: Discord's bytes come as they are
    stage.publish("MESSAGE_CREATE", invalid, { s: 3 });
    await stage.until(() => ids.length === 1);
    assert.deepEqual(ids, ["5e55:3"]);
    assert.deepEqual(stage.errors.map(({ kind }) => kind), ["unreadable", "unreadable"]);
    await client.stop();
    await stage.waiting("gateway", 0);
  }),
);

Deno.test(
  "ShardlineClient drops repeats of what it has handled, and not of what failed",
  onClientStage({}, async (stage) => {
    const { client, ids } = stage.noting({ prefetch: 1, retryDelaysMs: [0] }, ({ id }) => {
      if (id === "5e55:2" && ids.length < 4) throw new Error("not yet");
    });
    await client.start();
    for (const s of [1, 1, 2]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.until(() => stage.errors.length === 2);
    for (const s of [2, 2, 3]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.until(() => ids.at(-1) === "5e55:3");
    assert.deepEqual(ids, ["5e55:1", "5e55:2", "5e55:2", "5e55:2", "5e55:3"]);
  }),
);

Deno.test(
  "ShardlineClient handles copies that come together once, and acknowledges all of them",
  onClientStage({}, async (stage) => {
    const handling = Promise.withResolvers<void>();
    const { client, ids } = stage.noting(
      { prefetch: 2 },
      ({ id }) => id === "5e55:2" ? undefined : handling.promise,
    );
    await client.start();
    for (const s of [1, 1, 2]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.waiting("gateway", 1); // both copies are with the client
    handling.resolve();
    await client.stop();
    assert.deepEqual(ids, ["5e55:1"]);
    await stage.waiting("gateway", 1);
  }),
);

Deno.test("MemoryHandledIds forgets the oldest ids", () => {
  const ids = new MemoryHandledIds(2);
  for (const id of ["one", "two", "three"]) ids.add(id);
  assert.deepEqual(["one", "two", "three"].map((id) => ids.has(id)), [false, true, true]);
});

Deno.test(
  "RedisHandledIds has consumers of one queue drop each other's repeats, and those of another queue not",
  onClientStage({ queues: [OWN] }, async (stage) => {
    await using redis = await openRedis(stage.redisUrl);
    const start = async (queue: string) => {
      const noting = stage.noting({ handledIds: new RedisHandledIds(redis.client), queue, bind: ["#"] });
      await noting.client.start();
      return noting;
    };
    const first = await start("gateway");
    stage.publish("MESSAGE_CREATE", {}, { s: 1 });
    await stage.until(() => first.ids.length === 1);
    await first.client.stop(); // the id is in Redis by now
    const [second, other] = [await start("gateway"), await start(OWN)];
    for (const s of [1, 2]) stage.publish("MESSAGE_CREATE", {}, { s });
    await stage.until(() => second.ids.length + other.ids.length === 3);
    await Promise.all([second.client.stop(), other.client.stop()]);
    assert.deepEqual([first, second, other].map(({ ids }) => ids.toSorted()), [
      ["5e55:1"],
      ["5e55:2"],
      ["5e55:1", "5e55:2"],
    ]);
    const keys = (await redis.client.keys("*")).filter((key) => key.endsWith("5e55:1")).toSorted();
    assert.deepEqual(keys, [`gateway:handled:${OWN}:5e55:1`, "gateway:handled:gateway:5e55:1"].toSorted());
    const ttlMs = await redis.client.pttl("gateway:handled:gateway:5e55:1");
    assert(ttlMs > 3_500_000 && ttlMs <= 3_600_000);
  }),
);

Deno.test(
  "ShardlineClient handles events, repeats among them, while the memory of handled ones fails",
  onClientStage({}, async (stage) => {
    await using redis = await openRedis(stage.redisUrl);
    await redis.client.quit();
    const { client, ids } = stage.noting({ handledIds: new RedisHandledIds(redis.client) });
    await client.start();
    for (const copy of [1, 2]) {
      stage.publish("MESSAGE_CREATE", {}, { s: 1 });
      await stage.until(() => ids.length === copy && stage.errors.length === 2 * copy);
    }
    await client.stop();
    await stage.waiting("gateway", 0);
    assert.deepEqual([...new Set(stage.errors.map(({ kind }) => kind))], ["handled_ids"]);
  }),
);

Deno.test(
  "ShardlineClient declares a queue of its own that receives the events that it names",
  onClientStage({ queues: [OWN] }, async (stage) => {
    await stage.broker.channel.deleteExchange("gateway"); // the gateway has not been there yet
    const client = stage.client({ queue: OWN, bind: ["MESSAGE_CREATE", "READY"] });
    await client.start();
    await client.stop();
    for (const [index, name] of ["READY", "GUILD_CREATE", "MESSAGE_CREATE"].entries()) {
      stage.publish(name, {}, { s: index });
    }
    await stage.waiting(OWN, 2);
  }),
);

Deno.test(
  "ShardlineClient uses a queue or an exchange that exists with other arguments as it is",
  onClientStage({ queues: [OWN] }, async (stage) => {
    const { channel } = stage.broker;
    await channel.assertQueue(OWN, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.deleteExchange("gateway");
    await channel.assertExchange("gateway", "topic", { durable: true, autoDelete: true });
    const { client, ids } = stage.noting({ queue: OWN, bind: ["MESSAGE_CREATE"] });
    await client.start();
    stage.publish("MESSAGE_CREATE", {});
    await stage.until(() => ids.length === 1);
    assert.deepEqual(stage.errors, []);
  }),
);

Deno.test(
  "ShardlineClient.onGap() hears of each gap once",
  onClientStage({ queues: [OWN] }, async (stage) => {
    const gaps: Gap[] = [];
    const client = stage.client().onGap(OWN, (gap) => {
      gaps.push(gap);
      stage.changed();
    });
    await client.start();
    const gap: Gap = {
      shard: 3,
      old_session: "5e55",
      new_session: "7e77",
      last_sequence: 12,
      from: "2026-11-30T09:00:00.000Z",
      to: "2026-11-30T09:00:01.000Z",
      reason: "invalid_session",
    };
    const tell = (key: string, news: unknown) =>
      stage.broker.channel.publish(
        "gateway.events",
        key,
        Buffer.from(JSON.stringify(news)),
        {
          appId: "shardline",
        },
      );
    tell("shard.3.gap", gap);
    tell("shard.3.status", { shard: 3, status: "Connected" });
    tell("shard.3.gap", gap);
    tell("shard.3.gap", { ...gap, last_sequence: 13 });
    await stage.until(() => gaps.length === 2);
    assert.deepEqual(gaps, [gap, { ...gap, last_sequence: 13 }]);
    await client.stop();
    await stage.waiting(OWN, 0);
  }),
);

Deno.test(
  "ShardlineClient connects again, and what it had not acknowledged is handled once",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    const handling = Promise.withResolvers<void>();
    const options = { url: proxy.through(stage.rabbitUrl), prefetch: 2 };
    const { client, ids } = stage.noting(
      options,
      ({ id }) => id === "5e55:1" ? handling.promise : undefined,
    );
    await client.start();
    stage.publish("MESSAGE_CREATE", {}, { s: 1 });
    await stage.until(() => ids.length === 1);
    proxy.cut();
    stage.publish("MESSAGE_CREATE", {}, { s: 2 });
    await stage.until(() => ids.length === 2);
    // The first one has come again, before the second, and shares the handler that still runs.
    handling.resolve();
    await client.stop();
    await stage.waiting("gateway", 0);
    assert.deepEqual(ids, ["5e55:1", "5e55:2"]);
    assert.deepEqual(stage.errors.map(({ kind }) => kind), ["connection"]);
    assert.match(stage.errors[0]?.message ?? "", /^Lost RabbitMQ at 127\.0\.0\.1:\d+: /);
  }),
);

Deno.test(
  "ShardlineClient connects again where its channel alone is closed, and loses no event by that",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    const handling = Promise.withResolvers<void>();
    const { client, ids } = stage.noting(
      { url: proxy.through(stage.rabbitUrl) },
      ({ id }) => id === "5e55:1" ? handling.promise : undefined,
    );
    await client.start();
    stage.publish("MESSAGE_CREATE", {}, { s: 1 });
    await stage.until(() => ids.length === 1);
    proxy.hold();
    await proxy.sayToClients(STRAY_BODY);
    await stage.deserted("gateway"); // the client has begun to close the channel, and hears nothing of its end
    handling.resolve(); // too late for an acknowledgement
    proxy.release();
    stage.publish("MESSAGE_CREATE", {}, { s: 2 });
    await stage.until(() => ids.length === 2);
    await client.stop();
    await stage.waiting("gateway", 0);
    assert.deepEqual(ids, ["5e55:1", "5e55:2"]);
    assert.deepEqual(stage.errors.map(({ kind }) => kind), ["connection"]);
  }),
);

Deno.test(
  "ShardlineClient waits for a broker that is not there, and tells of it",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    proxy.down();
    const client = stage.client({ url: proxy.through(stage.rabbitUrl) });
    const starting = client.start();
    await stage.until(() => stage.errors.length > 0);
    assert.match(stage.errors[0]?.message ?? "", /^Cannot use RabbitMQ at 127\.0\.0\.1:\d+: /);
    proxy.up();
    await starting;
    proxy.hold(); // a broker that no longer answers does not hold up the end
    await client.stop();
    await proxy.left(); // its socket is gone too
  }),
);

Deno.test(
  "ShardlineClient.stop() ends a start that is under way",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    proxy.hold();
    const client = stage.client({ url: proxy.through(stage.rabbitUrl) });
    const starting = assert.rejects(client.start(), /Connection closed/);
    await client.stop();
    await starting;
    await proxy.left();
  }),
);

Deno.test(
  "ShardlineClient declares a queue again that somebody deleted",
  onClientStage({ queues: [OWN] }, async (stage) => {
    const { client, ids } = stage.noting({ queue: OWN, bind: ["MESSAGE_CREATE"] });
    await client.start();
    const before = (await stage.broker.channel.checkQueue(OWN)).consumerCount;
    assert.equal(before, 1);
    await stage.broker.channel.deleteQueue(OWN);
    await stage.until(() => stage.errors.length === 1);
    assert.match(
      stage.errors[0]?.message ?? "",
      /^Lost RabbitMQ at .*: queue shardline-test\.client is gone$/,
    );
    await consumed(stage.rabbitUrl, OWN);
    stage.publish("MESSAGE_CREATE", {});
    await stage.until(() => ids.length === 1);
    assert.equal(stage.errors.length, 1);
  }),
);

Deno.test("ShardlineClient refuses what is no broker's URL without showing it", async () => {
  for (
    const url of [
      "amqp://user:secret@host:notaport",
      "http://user:secret@127.0.0.1",
      "secret",
    ]
  ) {
    const client = new ShardlineClient({ url, onError: () => {} });
    await assert.rejects(client.start(), (error: Error) => {
      assert(error instanceof TypeError);
      assert(!error.message.includes("secret"), error.message);
      return true;
    });
    await client.stop();
  }
});

Deno.test("ShardlineClient refuses options that it cannot keep to", () => {
  for (const delayMs of [-1, NaN, Infinity, 2_147_483_648]) {
    assert.throws(
      () => new ShardlineClient({ retryDelaysMs: [0, delayMs], onError: () => {} }),
      /^RangeError: Cannot wait \S+ ms: each of retryDelaysMs must be from 0 to 2147483647$/,
    );
  }
  assert.throws(
    () => new ShardlineClient({} as ClientOptions),
    /^TypeError: Cannot do without onError, /,
  );
});

Deno.test("ShardlineClient.on() takes one handler for each event", () => {
  const client = new ShardlineClient({ onError: () => {} }).on("READY", () => {});
  assert.throws(() => client.on("READY", () => {}), /^Error: Cannot add a handler: READY has one already$/);
});

/** Resolves once a queue is there and has a consumer. */
async function consumed(rabbitUrl: string, queue: string): Promise<void> {
  const connection = await connect(rabbitUrl);
  try {
    for (let count = 0; count === 0;) {
      const channel = await connection.createChannel();
      channel.on("error", () => {}); // it is not there yet
      try {
        count = (await channel.checkQueue(queue)).consumerCount;
        await channel.close();
      } catch {
        // asked again
      }
    }
  } finally {
    await connection.close();
  }
}

async function openRedis(url: string): Promise<AsyncDisposable & { client: Redis }> {
  const client = new Redis(url, { lazyConnect: true });
  await client.connect();
  return {
    client,
    async [Symbol.asyncDispose]() {
      if (client.status !== "end") await client.quit();
    },
  };
}
