import assert from "node:assert/strict";
import { runWorld } from "./world.ts";

const SEEDS = 200;

Deno.test(`runWorld() keeps every promise in ${SEEDS} histories`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, history } = await runWorld(seed, 60);
    assert.equal(
      failure,
      null,
      `${history.last("state").join("\n")}\n${failure}\nreplay with: deno task sim --seed ${seed}`,
    );
  }
});

Deno.test("runWorld() makes the same history of the same seed, and another of another", async () => {
  const digests = [];
  for (const seed of [7, 8, 7]) digests.push((await runWorld(seed)).history.digest);
  const [first, other, again] = digests;
  assert.equal(again, first);
  assert.notEqual(other, first);
});
