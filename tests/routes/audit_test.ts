import assert from "node:assert/strict";
import { withDashboard } from "../dashboard/rig.ts";

Deno.test("/audit says so while nobody has done anything", async () => {
  await withDashboard(async ({ signedIn }) => {
    const text = await (await signedIn("viewer")).page("/audit");
    assert.match(text, /Nobody has done anything yet\./);
    assert.doesNotMatch(text, /<table|Older|Newest/);
  });
});

Deno.test("/audit shows who did what, when, from where, for which shards, and what came of it", async () => {
  await withDashboard(async ({ signedIn, redis }) => {
    const fields = ["who", "ada <b>", "role", "operator", "address", "192.0.2.7", "action", "Restart"];
    await redis.xadd(
      "gateway:audit",
      "1764000000000-0",
      ...fields,
      "shards",
      "0-3",
      "outcome",
      "Carried out",
    );
    const text = await (await signedIn("viewer")).page("/audit");
    const [row = ""] = text.match(/<tbody>.*<\/tbody>/s) ?? [];
    for (
      const shown of [
        '<time datetime="2025-11-24T16:00:00.000Z">2025-11-24 16:00:00</time>',
        "ada &lt;b",
        "operator",
        "192.0.2.7",
        "Restart",
        "0-3",
        "Carried out",
      ]
    ) assert(row.includes(shown), `${shown} in ${row}`);
    assert.match(row, /<small class="muted">operator</);
  });
});

Deno.test("/audit says nothing twice of whoever is called as their role", async () => {
  await withDashboard(async ({ signedIn, services }) => {
    const entry = { who: "operator", role: "operator", address: "unknown", shards: "none", outcome: "Done" };
    await services.audit.record({ ...entry, action: "Restart" });
    assert.doesNotMatch(await (await signedIn("viewer")).page("/audit"), /<small class="muted">operator/);
  });
});

Deno.test("/audit is read page by page, the newest first", async () => {
  await withDashboard(async ({ signedIn, services }) => {
    for (let number = 1; number <= 51; number++) {
      const entry = { who: "ada", address: "unknown", shards: "none", outcome: "Done" };
      await services.audit.record({ ...entry, action: `Action ${number}.` });
    }
    const viewer = await signedIn("viewer");
    const first = await viewer.page("/audit");
    assert(first.indexOf("Action 51.") < first.indexOf("Action 2."));
    assert(!first.includes("Action 1."));
    assert(!first.includes(">Newest<"));
    const [, older] = first.match(/href="(\/audit\?before=[^"]+)">Older/) ?? [];
    const second = await viewer.page(older ?? "");
    assert(second.includes("Action 1.") && !second.includes("Action 2."));
    assert(second.includes(">Newest<") && !second.includes(">Older<"));
    assert.match(await viewer.page("/audit?before=1-0"), /There is nothing older\./);
  });
});
