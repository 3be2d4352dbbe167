import assert from "node:assert/strict";
import { newsObserver } from "../../gateway/news.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { MemoryNotices } from "../fakes/memory_notices.ts";

Deno.test("newsObserver() publishes each change of a shard's status", () => {
  const clock = new ManualClock(Date.UTC(2026, 1, 3, 4, 5, 6, 7));
  const notices = new MemoryNotices();
  const observe = newsObserver(notices, clock);
  observe({ kind: "shard.status", shard: 12, status: "Disconnected", waitingForTurn: true });
  assert.deepEqual(notices.newsItems, [{
    routingKey: "shard.12.status",
    body: { shard: 12, status: "Disconnected", waiting_for_turn: true, at: "2026-02-03T04:05:06.007Z" },
  }]);
});

Deno.test("newsObserver() names a gap with both sessions and its times", () => {
  const notices = new MemoryNotices();
  const fromMs = Date.UTC(2026, 0, 1);
  newsObserver(notices, new ManualClock())({
    kind: "shard.gap",
    shard: 3,
    oldSession: "old",
    newSession: "new",
    lastSequence: 41,
    fromMs,
    toMs: fromMs + 1_500,
    reason: "invalid_session",
  });
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

Deno.test("newsObserver() makes no news of anything else", () => {
  const notices = new MemoryNotices();
  const observe = newsObserver(notices, new ManualClock());
  observe({ kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 300 });
  observe({ kind: "shard.ready", shard: 0, session: "a", guilds: 1, resumable: true });
  observe({ kind: "shard.disconnected", shard: 0, code: 4000, reason: "", by: "discord" });
  assert.deepEqual(notices.newsItems, []);
});
