import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Channel, ChannelModel } from "amqplib";
import { KeptChannel } from "../../../../gateway/adapters/rabbitmq/kept_channel.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { microtasksDone } from "../../../fakes/microtasks.ts";
import { Observations } from "../../../fakes/observations.ts";

Deno.test("KeptChannel says the same problem once, and again after thirty seconds without one", async () => {
  const clock = new ManualClock();
  const observations = new Observations();
  const over = new AbortController();
  // How long each attempt to open the channel takes, and why it fails.
  const attempts: [tookMs: number, problem: string][] = [
    [0, "no access"],
    [29_999, "no access"],
    [0, "no exchange"],
    [0, "no exchange"],
    [30_000, "no exchange"],
    [0, "no exchange"],
  ];
  const kept = new KeptChannel<Channel>({
    open() {
      const [tookMs, problem] = attempts.shift() ?? [0, "opened once too often"];
      clock.advance(tookMs);
      return Promise.reject(new Error(problem));
    },
    opened: () => assert.fail("there is none"),
    lost: () => assert.fail("there was none"),
  }, { purpose: "consuming", clock, dice: () => 0, observe: observations.observe });
  kept.keep({} as ChannelModel, over.signal); // only handed on
  await microtasksDone();
  while (attempts.length > 0) {
    clock.advance(5_000);
    await microtasksDone();
  }
  assert.deepEqual(
    observations.of("broker.channel_lost").map(({ error }) => error),
    ["no access", "no exchange", "no exchange"],
  );
  over.abort();
  await kept.closed;
  clock.assertIdle();
});

Deno.test("KeptChannel ends without a word, and opens no other, whatever its connection does", async () => {
  const clock = new ManualClock();
  const observations = new Observations();
  const heard: string[] = [];
  const channel = Object.assign(new EventEmitter(), {
    close() {
      heard.push("close");
      queueMicrotask(() => channel.emit("close"));
      return Promise.resolve();
    },
  });
  const kept = new KeptChannel<Channel>({
    open() {
      heard.push("open");
      return Promise.resolve(channel as unknown as Channel); // what is used of one
    },
    opened: () => heard.push("opened"),
    lost: () => heard.push("lost"),
  }, { purpose: "consuming", clock, dice: () => 0, observe: observations.observe });
  kept.keep({} as ChannelModel, new AbortController().signal); // only handed on
  await microtasksDone();
  const ended = kept.end();
  assert.deepEqual(heard, ["open", "opened", "lost"], "lost at once");
  await ended;
  kept.keep({} as ChannelModel, new AbortController().signal);
  await kept.end();
  clock.advance(60_000);
  await microtasksDone();
  assert.deepEqual(heard, ["open", "opened", "lost", "close"]);
  assert.deepEqual(observations.all, []);
  clock.assertIdle();
});
