import assert from "node:assert/strict";
import { LiveFeed, type Topic } from "../../../dashboard/fleet/live_feed.ts";
import { RedisAwayError } from "../../../dashboard/redis.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { EventReader } from "../event_reader.ts";

/** A topic whose answers a test gives. */
class ScriptedTopic implements Topic {
  readonly key: string;
  readonly event = "news";
  readonly readsRedis: boolean;
  reads = 0;
  value: unknown = 0;
  failure: Error | null = null;

  constructor(key = "scripted", { readsRedis = true } = {}) {
    this.key = key;
    this.readsRedis = readsRedis;
  }

  read(): Promise<unknown> {
    this.reads += 1;
    return this.failure === null ? Promise.resolve(this.value) : Promise.reject(this.failure);
  }
}

interface Rig {
  readonly clock: ManualClock;
  readonly feed: LiveFeed;
  readonly warnings: readonly string[];
  listen(topics: readonly Topic[], sinceMs?: number): EventReader;
}

const welcome = { sinceMs: null, isWelcome: () => Promise.resolve(true) };

async function withFeed(test: (rig: Rig) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const feed = new LiveFeed({ clock, warn: (message) => warnings.push(message) });
  await test({
    clock,
    feed,
    warnings,
    listen: (topics, sinceMs) =>
      new EventReader(feed.stream(topics, { ...welcome, sinceMs: sinceMs ?? null })),
  });
  feed.stop();
  clock.assertIdle();
}

Deno.test("LiveFeed tells whoever joins what there is, and everybody what changes", async () => {
  await withFeed(async ({ clock, listen }) => {
    const topic = new ScriptedTopic();
    topic.value = { count: 1 };
    const first = listen([topic]);
    assert.deepEqual(await first.next("news"), { count: 1 });
    const second = listen([topic]);
    assert.deepEqual(await second.next("news"), { count: 1 });
    clock.advance(1_000); // nothing new
    await first.next("alive");
    topic.value = { count: 2 };
    clock.advance(1_000);
    assert.deepEqual(await first.next("news"), { count: 2 });
    assert.deepEqual(await second.next("news"), { count: 2 });
  });
});

Deno.test("LiveFeed looks once a second for however many listen, and not at all for nobody", async () => {
  await withFeed(async ({ clock, feed, listen }) => {
    const topic = new ScriptedTopic();
    const listeners = [listen([topic])];
    await listeners[0]?.next("news");
    for (let count = 1; count < 20; count++) listeners.push(listen([topic]));
    for (const listener of listeners.slice(1)) await listener.next("news");
    const before = topic.reads;
    for (let value = 1; value <= 5; value++) {
      topic.value = value;
      clock.advance(1_000);
      for (const listener of listeners) assert.equal(await listener.next("news"), value);
    }
    assert.equal(topic.reads - before, 5);
    for (const listener of listeners) await listener.leave();
    assert.equal(feed.size, 0);
    clock.assertIdle();
    clock.advance(10_000);
    assert.equal(topic.reads - before, 5);
  });
});

Deno.test("LiveFeed lets a topic say what whoever joins has missed", async () => {
  await withFeed(async ({ listen }) => {
    const topic = new ScriptedTopic();
    const joining = Object.assign(topic, { join: (sinceMs: number | null) => ({ all: true, sinceMs }) });
    assert.deepEqual(await listen([joining], 1_234).next("news"), { all: true, sinceMs: 1_234 });
  });
});

Deno.test("LiveFeed keeps topics apart by their keys", async () => {
  await withFeed(async ({ clock, listen }) => {
    const [one, other] = [new ScriptedTopic("one"), new ScriptedTopic("other")];
    one.value = "one";
    other.value = "other";
    const both = listen([one, other]);
    assert.deepEqual(await Promise.all([both.next("news"), both.next("news")]), ["one", "other"]);
    const single = listen([other]);
    assert.equal(await single.next("news"), "other");
    one.value = "changed";
    other.value = "changed too";
    clock.advance(1_000);
    assert.equal(await single.next("news"), "changed too");
  });
});

Deno.test("LiveFeed waits for a look that takes its time, and is alive meanwhile", async () => {
  await withFeed(async ({ clock, listen }) => {
    const looks: PromiseWithResolvers<unknown>[] = [];
    const topic: Topic = {
      key: "slow",
      event: "news",
      readsRedis: true,
      read() {
        const look = Promise.withResolvers();
        looks.push(look);
        return look.promise;
      },
    };
    const listener = listen([topic]);
    await listener.next("alive");
    clock.advance(3_000);
    for (let count = 0; count < 3; count++) assert.equal(await listener.next("alive"), 0);
    assert.equal(looks.length, 1);
    looks[0]?.resolve("late");
    assert.equal(await listener.next("news"), "late");
    clock.advance(1_000);
    assert.equal(looks.length, 2);
    looks[1]?.resolve("later");
    assert.equal(await listener.next("news"), "later");
  });
});

Deno.test("LiveFeed says when Redis goes and when it comes back", async () => {
  await withFeed(async ({ clock, listen, warnings }) => {
    const topic = new ScriptedTopic();
    const listener = listen([topic]);
    await listener.next("news");
    topic.failure = new RedisAwayError("Cannot reach Redis");
    clock.advance(1_000);
    assert.equal(await listener.next("away"), true);
    const other = listen([topic]);
    assert.equal(await other.next("away"), true);
    topic.failure = null;
    clock.advance(1_000);
    assert.equal(await listener.next("away"), false);
    assert.equal(await other.next("away"), false);
    assert.equal(await other.next("news"), 0);
    assert.deepEqual(warnings, []);
  });
});

Deno.test("LiveFeed takes no word for it that Redis is back from a topic that does not ask it", async () => {
  await withFeed(async ({ clock, listen }) => {
    const [fleet, queues] = [new ScriptedTopic("fleet"), new ScriptedTopic("queues", { readsRedis: false })];
    const listener = listen([fleet, queues]);
    await listener.next("news");
    await listener.next("news");
    fleet.failure = new RedisAwayError("Cannot reach Redis");
    clock.advance(1_000);
    assert.equal(await listener.next("away"), true);
    for (let second = 0; second < 3; second++) {
      queues.value = `as of second ${second}`;
      clock.advance(1_000);
      assert.equal(await listener.next("news"), queues.value);
    }
    fleet.failure = null;
    fleet.value = "back";
    clock.advance(1_000);
    assert.equal(await listener.next("news"), "back");
    const told = [...listener.text.matchAll(/^event: away\ndata: (\w+)$/gm)].map(([, isAway]) => isAway);
    assert.deepEqual(told, ["true", "false"]);
  });
});

Deno.test("LiveFeed warns once of a topic that fails, until it works again", async () => {
  await withFeed(async ({ clock, listen, warnings }) => {
    const topic = new ScriptedTopic();
    topic.failure = new Error("broken");
    const listener = listen([topic]);
    await listener.next("alive");
    for (let second = 0; second < 3; second++) {
      clock.advance(1_000);
      await listener.next("alive");
    }
    assert.deepEqual(warnings, ["Cannot keep pages live (scripted): broken"]);
    topic.failure = null;
    clock.advance(1_000);
    assert.equal(await listener.next("news"), 0);
    topic.failure = new Error("broken again");
    clock.advance(1_000);
    await listener.next("alive");
    assert.deepEqual(warnings.slice(1), ["Cannot keep pages live (scripted): broken again"]);
  });
});

Deno.test("LiveFeed drops whoever does not read, and nobody else", async () => {
  await withFeed(async ({ clock, feed, listen }) => {
    const topic = new ScriptedTopic();
    const deaf = feed.stream([topic], welcome);
    const listener = listen([topic]);
    await listener.next("news");
    for (let count = 0; count < 9; count++) {
      topic.value = `${count}${"x".repeat(64 * 1024)}`;
      clock.advance(1_000);
      assert.equal(await listener.next("news"), topic.value);
    }
    assert.equal(feed.size, 1);
    await assert.rejects(deaf?.getReader().read() ?? Promise.resolve(), /it does not read/);
  });
});

Deno.test("LiveFeed tells a message of any size to whoever has read those before it", async () => {
  await withFeed(async ({ clock, feed, listen }) => {
    const topic = new ScriptedTopic();
    const listener = listen([topic]);
    await listener.next("news");
    for (let count = 0; count < 3; count++) {
      topic.value = `${count}${"x".repeat(2 * 1024 * 1024)}`;
      clock.advance(1_000);
      assert.equal(await listener.next("news"), topic.value);
    }
    assert.equal(feed.size, 1);
  });
});

Deno.test("LiveFeed adds nothing to a large message that was not read", async () => {
  await withFeed(async ({ clock, feed, listen }) => {
    const topic = new ScriptedTopic();
    const deaf = feed.stream([topic], welcome);
    const listener = listen([topic]);
    await listener.next("news");
    for (let count = 0; count < 2; count++) {
      topic.value = `${count}${"x".repeat(2 * 1024 * 1024)}`;
      clock.advance(1_000);
      assert.equal(await listener.next("news"), topic.value);
    }
    assert.equal(feed.size, 1);
    await assert.rejects(deaf?.getReader().read() ?? Promise.resolve(), /it does not read/);
  });
});

Deno.test("LiveFeed ends the stream of whoever is not welcome any more", async () => {
  await withFeed(async ({ clock, feed }) => {
    let isWelcome: () => Promise<boolean> = () => Promise.reject(new RedisAwayError("Cannot reach Redis"));
    const listener = new EventReader(
      feed.stream([new ScriptedTopic()], { sinceMs: null, isWelcome: () => isWelcome() }),
    );
    await listener.next("alive");
    clock.advance(15_000);
    for (let count = 0; count < 15; count++) await listener.next("alive");
    assert.equal(feed.size, 1);
    isWelcome = () => Promise.resolve(false);
    clock.advance(15_000);
    while (await listener.next("alive") !== null);
    assert.equal(feed.size, 0);
  });
});

Deno.test("LiveFeed takes two hundred listeners, and none after it has stopped", async () => {
  await withFeed(async ({ feed }) => {
    const topic = new ScriptedTopic();
    const streams = Array.from({ length: 200 }, () => feed.stream([topic], welcome));
    assert(streams.every((stream) => stream !== null));
    assert.equal(feed.stream([topic], welcome), null);
    await streams[0]?.cancel();
    assert.notEqual(feed.stream([topic], welcome), null);
    feed.stop();
    assert.equal(feed.size, 0);
    assert.equal(feed.stream([topic], welcome), null);
  });
});
