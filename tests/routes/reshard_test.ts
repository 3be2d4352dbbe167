import assert from "node:assert/strict";
import { fakeGateway } from "../dashboard/fake_gateway.ts";
import { FLEET_PART, statusEntries, writeFleet, writeReshard } from "../dashboard/fleet/written_fleet.ts";
import { type DashboardRig, withDashboard } from "../dashboard/rig.ts";
import { becomeForeign } from "../dashboard/shard/shard_fixture.ts";

const PATH = "/reshard";

async function outcomes({ services }: DashboardRig): Promise<string[]> {
  const { entries } = await services.audit.read({ count: 10 });
  return entries.map(({ action, shards, outcome }) => `${action} ${shards}: ${outcome}`).toReversed();
}

Deno.test("/reshard asks first, and says what a change of the number of shards costs and means", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(16));
    const operator = await signedIn("operator");
    const page = await operator.page(`${PATH}?total=32`);
    assert.match(page, /<h1>Change to 32 shards\?<\/h1>/);
    assert.match(page, /32 new sessions begin beside the 16 that run: 32 identifies of those/);
    assert.match(page, /987 of 1,000 are left for the next/);
    assert.match(page, /those of the last seconds may come twice, with new ids/);
    assert.match(page, /Afterwards set SHARDS_TOTAL=32/);
    assert.match(page, /name="total" value="32"/);
  });
});

Deno.test("/reshard asks for a number where there is none, and says what is wrong with another", async () => {
  await withDashboard(async ({ redis, rabbitUrl, signedIn }) => {
    await writeFleet(redis, statusEntries(16));
    await using gateway = await fakeGateway(rabbitUrl);
    const operator = await signedIn("operator");
    const form = await operator.page(PATH);
    assert.match(form, /<input[^>]*name="total"/);
    assert.doesNotMatch(form, /Give a number/);
    for (const total of ["0", "65537", "1.5", "many", "-1"]) {
      assert.match(await operator.page(`${PATH}?total=${total}`), /Give a number from 1 to 65,536/, total);
      const response = await operator.post(PATH, { total });
      assert.equal(response.status, 400, total);
      assert.match(await response.text(), /Give a number from 1 to 65,536/);
    }
    assert.equal(gateway.commands.length, 0);
  });
});

Deno.test("POST /reshard tells the gateway, whether it is alone or a fleet, and writes it down", async () => {
  await withDashboard(async (rig) => {
    const { redis, rabbitUrl, signedIn } = rig;
    const refusal = { ok: false, error: "cannot_reshard", message: "A shard is not connected" };
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, refusal, { ok: true }]);
    const operator = await signedIn("operator");
    const sent = async (fields: Record<string, string>) => {
      const response = await operator.post(PATH, fields);
      assert.deepEqual([response.status, response.headers.get("location")], [303, "/"]);
      return /(?:Done|Refused)[^<]*<\/b>\s*([^<]+)/.exec(await operator.page("/"))?.[1];
    };
    await writeFleet(redis, statusEntries(16));
    assert.equal(await sent({ total: "32" }), "Change to 32 shards. The gateway has carried it out.");
    await writeFleet(redis, statusEntries(16), FLEET_PART);
    assert.equal(
      await sent({ total: "8" }),
      "Change to 8 shards. A shard is not connected (cannot_reshard).",
    );
    await writeReshard(redis);
    assert.match(await sent({ abandon: "true" }) ?? "", /^Abandon the change .* carried it out\.$/);
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 2, data: { total: 32 } },
      { op: 2, data: { total: 8 } },
      { op: 2, data: { abandon: true } },
    ]);
    assert.deepEqual(await outcomes(rig), [
      "Change to 32 shards none: Carried out",
      "Change to 8 shards none: Refused, cannot_reshard: A shard is not connected",
      "Abandon the change of the number of shards none: Carried out",
    ]);
  });
});

Deno.test("POST /reshard refuses what cannot be, says why before it is asked, and writes it down", async () => {
  await withDashboard(async (rig) => {
    const { redis, rabbitUrl, signedIn } = rig;
    await using gateway = await fakeGateway(rabbitUrl);
    const operator = await signedIn("operator");
    const refused = async (fields: Record<string, string>, words: RegExp) => {
      assert.match(await operator.page(`${PATH}?${new URLSearchParams(fields)}`), words);
      assert.equal((await operator.post(PATH, fields)).status, 303);
    };
    await refused({ total: "32" }, /There are no shards yet\./);
    const identify = { remaining: 20, total: 1_000, resets_at: Date.now() + 3_600_000 };
    await writeFleet(redis, statusEntries(16), { identify });
    await refused({ total: "16" }, /There are 16 already\./);
    await refused({ total: "21" }, /Each shard costs one identify, and 20 of 1,000 are left/);
    await operator.post(PATH, { abandon: "true" });
    await writeReshard(redis);
    await refused({ total: "8" }, /A change of the number of shards is under way: wait for its end/);
    await writeReshard(redis, { phase: "taking_over", bank: "a" });
    await operator.post(PATH, { abandon: "true" });
    await writeReshard(redis, { phase: "done", bank: "a" });
    await operator.post(PATH, { abandon: "true" });
    await becomeForeign(redis);
    await operator.post(PATH, { total: "8" });
    assert.equal(gateway.commands.length, 0);
    const abandon = "Abandon the change of the number of shards none: Refused";
    assert.deepEqual((await outcomes(rig)).map((line) => line.replace(/ for the next .*/, "")), [
      "Change to 32 shards none: Refused: There are no shards yet.",
      "Change to 16 shards none: Refused: There are 16 already.",
      "Change to 21 shards none: Refused: Each shard costs one identify, and 20 of 1,000 are left",
      `${abandon}: No change of the number of shards is under way.`,
      "Change to 8 shards none: Refused: A change of the number of shards is under way: wait for its end, or abandon it first.",
      `${abandon}: Events come from the new sessions already: there is no way back.`,
      `${abandon}: No change of the number of shards is under way.`,
      "Change to 8 shards none: Refused, foreign_service: Another service runs these shards, and cannot change their number while it runs",
    ]);
  });
});

/** The section of the fleet page that tells of it. */
function sectionOf(page: string): string {
  const [, section = ""] = /<section[^>]*id="reshard"[^>]*>(.*?)<\/section>/s.exec(page) ?? [];
  // As text: what an island is given, and how it is put together, is of no interest.
  return section.replace(/data-props="[^"]*"/, "").replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ").trim();
}

Deno.test("The fleet page shows how far a change is in each phase, and what may be done about it", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const [operator, viewer] = [await signedIn("operator"), await signedIn("viewer")];
    await writeFleet(redis, statusEntries(16));
    const shown = async (who = operator) => sectionOf(await who.page("/"));
    assert.equal(
      await shown(),
      "Number of shards There are 16 shards; Discord recommends 18. New number Reshard…",
    );
    assert.equal(await shown(viewer), "Number of shards There are 16 shards; Discord recommends 18.");

    await writeReshard(redis);
    const progress = "20 of 32 new shards are ready. 20 of 32 Replica Ready Waits for alpha 8";
    const rehearsing = "Number of shards 16 → 32: the new sessions come up beside the old ones. " +
      `Their events are not published yet. ${progress} 3 events wait in the spool beta 12 nothing`;
    assert.equal(await shown(), `${rehearsing} Abandon`);
    assert.equal(await shown(viewer), rehearsing);
    assert.match(
      await viewer.page("/"),
      /The change from 16 shards to 32 is under way: 20 of 32 new shards are ready\./,
    );

    assert.match(await viewer.page("/"), /http-equiv="refresh" content="5"/, "without script it is not live");

    await writeReshard(redis, { phase: "holding" }, { told: true });
    const holding =
      "Number of shards 16 → 32: the old sessions hold back what comes, until all that they had " +
      `is published. ${progress} nothing beta 12 what its old sessions had is not all published`;
    assert.equal(await shown(), `${holding} Abandon`);
    assert.equal(await shown(viewer), holding);

    await writeReshard(redis, { phase: "taking_over", bank: "a" }, { ended: true });
    const takingOver =
      "Number of shards 16 → 32: events come from the new sessions now, and the old ones end. " +
      `There is no way back. ${progress} nothing beta 12 its old sessions have not ended`;
    assert.equal(await shown(), takingOver);

    await writeReshard(redis, { phase: "done", bank: "a" });
    assert.doesNotMatch(await viewer.page("/"), /http-equiv="refresh"/);
    const now = "There are 16 shards; Discord recommends 18.";
    assert.equal(await shown(viewer), `Number of shards 16 → 32 done, set SHARDS_TOTAL=32. ${now}`);
    assert.match(await shown(), /New number Reshard…$/);

    await writeReshard(redis, { phase: "abandoned", reason: "The identifies did not last." });
    assert.equal(
      await shown(viewer),
      `Number of shards 16 → 32 abandoned: The identifies did not last. ${now}`,
    );
    await writeReshard(redis, { phase: "abandoned", reason: null });
    assert.equal(await shown(viewer), `Number of shards 16 → 32 abandoned. ${now}`);
    await becomeForeign(redis);
    assert.equal(await shown(), "");
  });
});

Deno.test("A viewer is refused a change of the number of shards, and is offered none", async () => {
  await withDashboard(async ({ redis, rabbitUrl, signedIn }) => {
    await writeFleet(redis, statusEntries(16));
    await using gateway = await fakeGateway(rabbitUrl);
    const viewer = await signedIn("viewer");
    assert.match(await viewer.page(`${PATH}?total=32`), /Only operators change the number of shards/);
    assert.equal((await viewer.post(PATH, { total: "32" })).status, 403);
    await writeReshard(redis);
    assert.equal((await viewer.post(PATH, { abandon: "true" })).status, 403);
    assert.equal(gateway.commands.length, 0);
  });
});
