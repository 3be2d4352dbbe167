import assert from "node:assert/strict";
import { EmbedQueue } from "../../../gateway/adapters/embed_queue.ts";
import type { NewMessage } from "../../../gateway/adapters/rest/client.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

Deno.test("EmbedQueue.push() gets past an embed that alone is too long, for Discord to refuse", async () => {
  const sent: NewMessage[] = [];
  const queue = new EmbedQueue({
    channelId: "1",
    clock: new ManualClock(),
    observe: () => {},
    rest: {
      createMessage(_channelId, message) {
        sent.push(message);
        return Promise.resolve({ kind: "ok", value: undefined });
      },
    },
  });
  for (const description of ["a", "x".repeat(7_000), "b"]) {
    queue.push({ title: "Guild Join", description, color: 0, timestamp: "2026-01-01T00:00:00.000Z" });
  }
  await queue.flush(new AbortController().signal);
  assert.deepEqual(sent.map(({ embeds }) => embeds.map(({ description }) => description?.[0])), [
    ["a"],
    ["x"],
    ["b"],
  ]);
});
