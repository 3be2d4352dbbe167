import assert from "node:assert/strict";
import { fakeGateway } from "../dashboard/fake_gateway.ts";
import { withDashboard } from "../dashboard/rig.ts";

const FIELDS = {
  status: "idle",
  type: "0",
  name: "chess & go",
  state: "",
  url: "",
  shards: "0-1, 3",
  do: "send",
};

/** What the page shows as Discord would. */
function preview(page: string): string {
  const [, island = ""] = page.match(/<div data-island="PresencePreview"[^>]*>(.*?)<h3>/s) ?? [];
  return island.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim();
}

Deno.test("/presence sends a presence to the shards named, shows the reply, and keeps the form as it was", async () => {
  await withDashboard(async ({ rabbitUrl, redis, signedIn, services }) => {
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
    await redis.set("gateway_shards", "4");
    const operator = await signedIn("operator");
    const response = await operator.post("/presence", FIELDS);
    assert.equal(response.status, 303);
    const location = response.headers.get("location") ?? "";
    assert.doesNotMatch(location, /csrf/);
    const page = await operator.page(location);
    assert.match(page, /class="notice done".*Presence idle\. The gateway has carried it out/);
    assert.match(page, /value="chess &amp; go"/);
    assert.match(page, /value="0-1, 3"/);
    assert.equal(preview(page), "☾ Your bot APP Idle Playing chess &amp; go");
    assert.deepEqual(JSON.parse(gateway.commands[0]?.content.toString() ?? ""), {
      op: 0,
      shard: [0, 1, 3],
      data: {
        op: 3,
        d: { since: null, activities: [{ name: "chess & go", type: 0 }], status: "idle", afk: false },
      },
    });
    const { entries: [entry] } = await services.audit.read({ count: 1 });
    assert.deepEqual(
      [entry?.who, entry?.action, entry?.shards, entry?.outcome],
      ["operator", "Presence idle, Playing chess & go", "0-1, 3", "Carried out"],
    );
  });
});

Deno.test("/presence shows what Discord would, and sends nothing, when it is only to be looked at", async () => {
  await withDashboard(async ({ rabbitUrl, signedIn, services }) => {
    await using gateway = await fakeGateway(rabbitUrl);
    const operator = await signedIn("operator");
    const shown = async (fields: Partial<typeof FIELDS>) => {
      const response = await operator.post("/presence", { ...FIELDS, ...fields, do: "preview" });
      assert.equal(response.status, 200);
      return preview(await response.text());
    };
    assert.equal(await shown({ type: "2" }), "☾ Your bot APP Idle Listening to chess &amp; go");
    assert.equal(await shown({ type: "4", state: "hello" }), "☾ Your bot APP Idle hello");
    assert.equal(
      await shown({ type: "5", state: "round 2" }),
      "☾ Your bot APP Idle Competing in chess &amp; go round 2",
    );
    assert.equal(
      await shown({ type: "1", url: "https://twitch.tv/a" }),
      "▶ Your bot APP Streaming Streaming chess &amp; go",
    );
    assert.equal(await shown({ status: "dnd", type: "" }), "⊖ Your bot APP Do not disturb No activity");
    assert.equal(
      await shown({ status: "invisible" }),
      "○ Your bot APP Offline Nothing is shown of an activity",
    );
    assert.deepEqual(gateway.commands, []);
    assert.deepEqual((await services.audit.read({ count: 1 })).entries, []);
  });
});

Deno.test("/presence says what is wrong beside each field, and sends nothing", async () => {
  await withDashboard(async ({ rabbitUrl, redis, signedIn }) => {
    await using gateway = await fakeGateway(rabbitUrl);
    await redis.set("gateway_shards", "4");
    const wrong = { ...FIELDS, type: "1", name: "", url: "https://example.com/", shards: "0-4" };
    const response = await (await signedIn("operator")).post("/presence", wrong);
    assert.equal(response.status, 400);
    const page = await response.text();
    assert.match(page, /id="presence-shards-problem">.*?There is no shard 4: they are 0 to 3/s);
    assert.match(page, /id="presence-name-problem">/);
    assert.match(page, /id="presence-url-problem">/);
    assert.deepEqual(gateway.commands, []);
  });
});

Deno.test("/presence warns of Discord's limit, and gives a viewer nothing to press", async () => {
  await withDashboard(async ({ signedIn }) => {
    const viewer = await signedIn("viewer");
    const page = await viewer.page("/presence");
    assert.match(page, /Five in 20 s, for each shard/);
    assert.match(page, /Only operators may send a presence/);
    assert.match(page, /<fieldset[^>]* disabled/);
    assert.match(page, /<h2>Presence to send<\/h2>/);
    assert.match(page, /<noscript><button[^>]*>Preview</);
    assert.equal(preview(page), "● Your bot APP Online No activity");
    assert.equal((await viewer.post("/presence", FIELDS)).status, 403);
  });
});
