import assert from "node:assert/strict";
import { withProgram } from "./program.ts";

Deno.test("/api/rejected has refused commands, the newest first, a hundred at a time", async () => {
  await withProgram(async ({ redis, get }) => {
    assert.deepEqual((await get("/api/rejected")).body, { commands: [], before: null });
    for (let index = 1; index <= 101; index++) {
      const fields = ["reason", "not_json", "message", "It is not JSON", "bytes", String(index)];
      await redis.xadd("gateway:rejected", `${index}-0`, ...fields, ...(index === 101 ? [] : ["body", "{"]));
    }
    const { commands, before } = (await get("/api/rejected")).body;
    assert.equal(commands.length, 100);
    assert.deepEqual(commands[0], {
      id: "101-0",
      at: 101,
      reason: "not_json",
      message: "It is not JSON",
      bytes: 101,
      body: null,
    });
    const older = (await get(`/api/rejected?before=${before}`)).body;
    assert.deepEqual([older.commands.length, older.commands[0].id, older.before], [1, "1-0", null]);
    assert.equal(older.commands[0].body, "{");
    for (const path of ["/api/rejected", "/api/audit"]) {
      assert.equal((await get(`${path}?before=yesterday`)).status, 400, path);
    }
  });
});

Deno.test("/api/audit has what people did, the newest first", async () => {
  await withProgram(async ({ services, get }) => {
    const entry = {
      who: "anna",
      role: "operator",
      address: "192.0.2.7",
      action: "Presence idle",
      shards: "all",
      outcome: "Carried out",
    };
    await services.audit.record(entry);
    await services.audit.record({ ...entry, who: "berta" });
    const { entries, before } = (await get("/api/audit")).body;
    assert.deepEqual(entries.map(({ who }: { who: string }) => who), ["berta", "anna"]);
    const { id, at, ...rest } = entries[1];
    assert.match(id, new RegExp(`^${at}-`));
    assert.deepEqual([rest, before], [entry, null]);
  });
});

Deno.test("/api/queues has the queues that are watched, and those that are not there", async () => {
  await withProgram(async ({ services, get }) => {
    await services.queues.stop();
    const { body } = await get("/api/queues");
    assert.equal(body.bindings, null);
    assert.deepEqual(Object.keys(body), [
      "looked_at",
      "problem",
      "queues",
      "bindings",
      "bindings_left_out",
      "bindings_problem",
    ]);
    assert.deepEqual(body.queues.map(({ name, messages }: Record<string, unknown>) => [name, messages]), [
      ["gateway", null],
    ]);
  });
});
