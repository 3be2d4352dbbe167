import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import { codeSpans, Page } from "../markdown.ts";

const page = (await Page.read("docs/migrating.md")).section("From twilight-dispatch");
const contract = await Page.read("docs/contract.md");

/** Read by 0.4 where they are set; its example names neither. */
const NOT_IN_THE_EXAMPLE = ["REDIS_USERNAME", "REDIS_PASSWORD"];
/** A name that 0.4 itself does not read any more. */
const LEFT_BEHIND = "DECLARE_QUEUE";

async function namesIn(release: "first" | "0_4"): Promise<string[]> {
  const url = new URL(`../fixtures/twilight_dispatch_${release}.env`, import.meta.url);
  return Object.keys(parseEnv(await Deno.readTextFile(url))).filter((name) => name !== LEFT_BEHIND);
}

/** The names in the first column of the rows that say "yes" in another. */
function namesWhere(rows: readonly (readonly string[])[], column: number, yes = "yes"): string[] {
  return rows.filter((row) => row[column] === yes).flatMap(([names = ""]) => codeSpans(names));
}

Deno.test("docs/migrating.md has every setting of either release of twilight-dispatch, and no other", async () => {
  const rows = page.section("Settings").table("setting");
  assert.deepEqual(namesWhere(rows, 1).toSorted(), (await namesIn("first")).toSorted());
  assert.deepEqual(
    namesWhere(rows, 2).toSorted(),
    [...await namesIn("0_4"), ...NOT_IN_THE_EXAMPLE].toSorted(),
  );
});

/** What docs/contract.md does not call Shardline's own is twilight-dispatch's. */
function namesOfBoth(rows: readonly (readonly string[])[], markColumn: number): string[] {
  return rows.filter((row) => row[markColumn] === "").flatMap(([names = ""]) => codeSpans(names));
}

Deno.test("docs/migrating.md has every metric, Redis key, exchange and queue that twilight-dispatch has too", () => {
  const metrics = page.section("Metrics").table("metric");
  assert.deepEqual(
    metrics.flatMap(([names = ""]) => codeSpans(names)).toSorted(),
    namesOfBoth(contract.section("Metrics").table("metric"), 3).toSorted(),
  );
  const keys = page.section("Redis keys").table("key").slice(0, -1); // the state cache's are many
  assert.deepEqual(
    keys.flatMap(([names = ""]) => codeSpans(names)),
    namesOfBoth(contract.section("Redis").table("key"), 2),
  );
  const queues = page.section("Queues").table("name").map(([name = "", kind]) =>
    `${codeSpans(name)[0]} ${kind}`
  );
  const known = contract.section("Exchanges and queues").table("name").filter(([, , mark]) => mark === "");
  assert.deepEqual(queues, known.map(([name = "", kind]) => `${codeSpans(name)[0]} ${kind}`));
});
