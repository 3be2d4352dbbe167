import assert from "node:assert/strict";
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
