import assert from "node:assert/strict";
import { isLife, lifeEvent } from "../../../gateway/figures/life.ts";

const SESSION = "0123456789abcdef0123456789abcdef";

Deno.test("isLife() takes what happens to a shard, and neither its beats nor what happens elsewhere", () => {
  assert(isLife({ kind: "shard.zombie", shard: 3 }));
  assert(isLife({ kind: "shard.fatal", shard: 3, code: 4013, meaning: "invalid intents" }));
  assert(!isLife({ kind: "shard.acknowledged", shard: 3, latencyMs: 5 }));
  assert(!isLife({ kind: "shard.status", shard: 3, status: "Connected", waitingForTurn: false }));
  assert(!isLife({ kind: "shards.recommendation", recommended: 1, running: 1 }));
  assert(!isLife({ kind: "event.dropped", shard: 3, type: null, reason: "no_type" }));
});

Deno.test("lifeEvent() has the kind without its room, and the other fields", () => {
  const event = lifeEvent({ kind: "shard.disconnected", shard: 3, code: 4000, reason: "", by: "us" }, 77);
  assert.deepEqual(event, {
    shard: 3,
    atMs: 77,
    kind: "disconnected",
    data: { code: 4000, reason: "", by: "us" },
  });
});

Deno.test("lifeEvent() shortens session ids, and never shows a whole one", () => {
  const gap = {
    kind: "shard.gap",
    shard: 3,
    lastSequence: 9,
    fromMs: 1,
    toMs: 2,
    reason: "superseded",
  } as const;
  const sessions = (oldSession: string, newSession: string | null) => {
    const { data } = lifeEvent({ ...gap, oldSession, newSession }, 0);
    return [data["oldSession"], data["newSession"]];
  };
  assert.deepEqual(sessions(SESSION, null), ["01234567…", null]);
  assert.deepEqual(sessions("short", ""), ["sh…", ""]);
  const { data } = lifeEvent({ kind: "shard.resuming", shard: 3, session: SESSION, sequence: 5 }, 0);
  assert.deepEqual(data, { session: "01234567…", sequence: 5 });
});
