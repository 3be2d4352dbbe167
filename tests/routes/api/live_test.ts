import assert from "node:assert/strict";
import { beforeDeadline } from "../../deadline.ts";
import { EventReader } from "../../dashboard/event_reader.ts";
import { statusEntries, writeFleet, writeStatuses } from "../../dashboard/fleet/written_fleet.ts";
import { API_TOKEN, withProgram } from "./program.ts";

/** The data of each `fleet` message, as it comes. */
async function* fleetMessages(response: Response) {
  let text = "";
  assert(response.body !== null);
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const messages = text.split("\n\n");
    text = messages.pop() ?? "";
    for (const message of messages) {
      const [, data] = /^event: fleet\n(?:id: \d+\n)?data: (.*)$/.exec(message) ?? [];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}

Deno.test("/api/live tells the figures at once, and each status that changes", async () => {
  await withProgram(async ({ redis, open }) => {
    await writeFleet(redis, statusEntries(3));
    const response = await open("/api/live");
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const seen: unknown[] = [];
    const watching = (async () => {
      let isFirst = true;
      for await (const message of fleetMessages(response)) {
        seen.push(message);
        if (isFirst) {
          assert.deepEqual([message.total, message.counts.connected, message.changes], [3, 3, []]);
          await writeStatuses(redis, statusEntries(3, { 1: "Resuming" }));
          isFirst = false;
        } else if (message.changes.length > 0) return message;
      }
    })();
    const changed = await beforeDeadline(watching, () => JSON.stringify(seen));
    assert.deepEqual(changed.changes, [{ shard: 1, status: "resuming", before: "connected" }]);
    assert.equal(changed.counts.resuming, 1);
  });
});

Deno.test("/api/live tells it when all of ten thousand shards change at once", async () => {
  await withProgram(async ({ redis, open }) => {
    const total = 10_000;
    const away = Object.fromEntries(Array.from({ length: total }, (_, shard) => [shard, "Disconnected"]));
    await writeFleet(redis, statusEntries(total));
    const reader = new EventReader((await open("/api/live")).body);
    await reader.next("fleet");
    await writeStatuses(redis, statusEntries(total, away));
    const changed = await reader.first<{ changes: unknown[] }>("fleet", ({ changes }) => changes.length > 0);
    assert.equal(changed.changes.length, total);
    assert.deepEqual(changed.changes.at(-1), {
      shard: total - 1,
      status: "disconnected",
      before: "connected",
    });
    await reader.leave();
  });
});

Deno.test("/api/live tells nothing to whoever wants its headers alone", async () => {
  await withProgram(async ({ app, services }) => {
    const headers = { authorization: `Bearer ${API_TOKEN}` };
    const response = await app.request("/api/live", { method: "HEAD", headers });
    assert.deepEqual([response.status, response.body], [200, null]);
    assert.equal(services.live.size, 0);
  });
});

Deno.test("/api/live says in JSON that too many listen", async () => {
  await withProgram(async ({ services, open }) => {
    services.live.stop();
    const response = await open("/api/live");
    assert.equal(response.status, 503);
    assert.equal((await response.json()).error, "too_many_listeners");
  });
});
