import assert from "node:assert/strict";
import type { NewsOutcome } from "../../gateway/delivery/notices.ts";
import { newsObserver, type ObservedGap } from "../../gateway/news.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { MemoryNotices } from "../fakes/memory_notices.ts";

const FROM_MS = Date.UTC(2026, 0, 1);

const gap: ObservedGap = {
  kind: "shard.gap",
  shard: 3,
  oldSession: "old",
  newSession: "new",
  lastSequence: 41,
  fromMs: FROM_MS,
  toMs: FROM_MS + 1_500,
  reason: "invalid_session",
};

const nobody = () => {};

Deno.test("newsObserver() publishes each change of a shard's status", () => {
  const clock = new ManualClock(Date.UTC(2026, 1, 3, 4, 5, 6, 7));
  const notices = new MemoryNotices();
  const observe = newsObserver(notices, clock, nobody);
  observe({ kind: "shard.status", shard: 12, status: "Disconnected", waitingForTurn: true });
  assert.deepEqual(notices.newsItems, [{
    routingKey: "shard.12.status",
    body: { shard: 12, status: "Disconnected", waiting_for_turn: true, at: "2026-02-03T04:05:06.007Z" },
  }]);
});

Deno.test("newsObserver() names a gap with both sessions and its times", () => {
  const notices = new MemoryNotices();
  newsObserver(notices, new ManualClock(), nobody)(gap);
  assert.deepEqual(notices.newsItems, [{
    routingKey: "shard.3.gap",
    body: {
      shard: 3,
      old_session: "old",
      new_session: "new",
      last_sequence: 41,
      from: "2026-01-01T00:00:00.000Z",
      to: "2026-01-01T00:00:01.500Z",
      reason: "invalid_session",
    },
  }]);
});

Deno.test("newsObserver() names the event that was refused", () => {
  const notices = new MemoryNotices();
  const refused = { sequence: 42, type: "GUILD_CREATE" };
  newsObserver(notices, new ManualClock(), nobody)({ ...gap, reason: "event_refused", ...refused });
  const [item] = notices.newsItems;
  assert.partialDeepStrictEqual(item?.body, { reason: "event_refused", last_sequence: 41, ...refused });
});

Deno.test("newsObserver() tells that a gap is told once the broker has confirmed the news, not where it was dropped", () => {
  const settle: ((outcome: NewsOutcome) => void)[] = [];
  const told: ObservedGap[] = [];
  const news = (_key: string, _body: unknown, settled?: (outcome: NewsOutcome) => void) => {
    if (settled !== undefined) settle.push(settled);
  };
  const observe = newsObserver({ news }, new ManualClock(), (gap) => told.push(gap));
  const refused = { ...gap, reason: "event_refused" } as const;
  for (const seen of [gap, gap, refused, refused]) observe(seen);
  assert.deepEqual(told, []);
  settle[0]?.("dropped");
  assert.deepEqual(told, []);
  settle[1]?.("confirmed");
  assert.deepEqual(told, [gap]);
  settle[2]?.("confirmed");
  settle[3]?.("dropped");
  assert.deepEqual(told, [gap, refused]);
  observe({ kind: "shard.status", shard: 3, status: "Connected", waitingForTurn: false });
  assert.equal(settle.length, 4, "nobody waits for a status");
});

Deno.test("newsObserver() makes no news of anything else", () => {
  const notices = new MemoryNotices();
  const observe = newsObserver(notices, new ManualClock(), nobody);
  observe({ kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 300 });
  observe({ kind: "shard.ready", shard: 0, session: "a", guilds: 1, resumable: true });
  observe({ kind: "shard.disconnected", shard: 0, code: 4000, reason: "", by: "discord" });
  assert.deepEqual(notices.newsItems, []);
});
