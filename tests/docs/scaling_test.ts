import assert from "node:assert/strict";
import { Page } from "../markdown.ts";

const page = (await Page.read("docs/scaling.md")).section("What one process carries");
const bench = (await Page.read("bench/README.md")).section("Results");

/** The rows that bench/README.md has of messages of 800 bytes with zlib, of both its tables, by their shards. */
function measured(shards: string): string[][] {
  const heading = "messages, compression, shards";
  const [asFast = "", at2000 = ""] = bench.text.split("At 2,000 a second:");
  return [asFast, at2000].map((text) =>
    new Page(text).table(heading).find(([what]) => what === `800 bytes, zlib, ${shards}`) ??
      assert.fail(shards)
  );
}

Deno.test("docs/scaling.md has the figures of bench/README.md", () => {
  const [rates = [], fastest = [], steady = []] = page.table("messages of 800 bytes, zlib");
  for (const [at, shards] of ["1", "16", "256", "1,024"].entries()) {
    const [asFast = [], at2000 = []] = measured(shards);
    assert.equal(rates[at + 1], asFast.at(-1)?.split(" / ")[0], shards);
    assert.equal(fastest[at + 1], `${asFast[1]?.split(" ")[0]} µs`, shards);
    assert.equal(steady[at + 1], `${at2000[1]?.split(" ")[0]} µs`, shards);
  }
  const bounds = new Map(bench.table("held to a bound").map(([what = "", figure = ""]) => [what, figure]));
  const isSaid = (what: string, words: (figure: string) => string) => {
    const figure = bounds.get(what)?.replace(/ \(.*/, "") ?? assert.fail(what);
    assert(page.text.replaceAll(/\s+/g, " ").includes(words(figure)), words(figure));
  };
  isSaid("memory, 16 shards, after a minute of 2,000/s", (figure) => `${figure} with 16 shards`);
  isSaid("memory, 1,024 idle shards", (figure) => `${figure} with 1,024 idle shards`);
  isSaid("CPU of 1,024 idle shards, of a core", (figure) => `take ${figure} of a core`);
  isSaid("added latency at 2,000/s, 16 shards, p50", (figure) => `adds ${figure} at the median`);
});
