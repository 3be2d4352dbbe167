import assert from "node:assert/strict";
import { Bench } from "../bench.ts";

const PONG = { type: 4, data: { content: "Pong!" } };
const INTERACTION = { id: "77", token: "aW50ZXJhY3Rpb24=", type: 2, data: { type: 1, name: "ping" } };

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: number } | null;
}

/** Answers an interaction without any authorization, as Discord has it. */
async function respond(
  bench: Bench,
  body: unknown,
  { id = INTERACTION.id, token = INTERACTION.token, method = "POST" } = {},
): Promise<Answer> {
  const response = await fetch(
    `${bench.simulator.restUrl}/v10/interactions/${id}/${encodeURIComponent(token)}/callback`,
    { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } },
  );
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

/** Runs a test in which somebody has just used a command. */
function withInteraction(test: (bench: Bench) => Promise<void>): () => Promise<void> {
  return () =>
    Bench.run({}, async (bench) => {
      await bench.ready();
      assert.equal(bench.control.dispatch("INTERACTION_CREATE", JSON.stringify(INTERACTION)), 1);
      await test(bench);
    });
}

Deno.test(
  "An interaction takes one answer, needs no authorization, and answers 204",
  withInteraction(async (bench) => {
    assert.deepEqual(await respond(bench, PONG), { status: 204, body: null });
    const again = await respond(bench, PONG);
    assert.deepEqual([again.status, again.body?.code], [400, 40060]);
    const answers = [{ atMs: bench.clock.nowMs(), interactionId: "77", body: PONG }];
    assert.deepEqual(bench.control.statistics.interactionAnswers(), answers);
    const listed = await fetch(`${bench.simulator.controlUrl}/interaction-answers`);
    assert.deepEqual(await listed.json(), answers);
  }),
);

Deno.test(
  "An interaction that nobody dispatched, or that is three seconds old, is unknown",
  withInteraction(async (bench) => {
    for (const other of [{ id: "78" }, { token: "wrong" }]) {
      const { status, body } = await respond(bench, PONG, other);
      assert.deepEqual([status, body?.code], [404, 10062]);
    }
    const malformed = await fetch(`${bench.simulator.restUrl}/v10/interactions/77/%/callback`, {
      method: "POST",
    });
    assert.equal(malformed.status, 404);
    await malformed.body?.cancel();
    bench.clock.advance(3_000);
    const late = await respond(bench, PONG);
    assert.deepEqual([late.status, late.body?.code], [404, 10062]);
    assert.deepEqual(bench.control.statistics.interactionAnswers(), []);
  }),
);

Deno.test(
  "An answer to an interaction is refused where Discord refuses it, and may be given again",
  withInteraction(async (bench) => {
    const refusals: [body: unknown, code: number][] = [
      [{}, 50035],
      [{ type: 3 }, 50035],
      [[], 50035],
      [{ type: 4 }, 50006],
      [{ type: 4, data: { content: "x".repeat(2_001) } }, 50035],
    ];
    for (const [body, code] of refusals) {
      const answer = await respond(bench, body);
      assert.deepEqual([answer.status, answer.body?.code], [400, code], JSON.stringify(body).slice(0, 40));
    }
    assert.equal((await respond(bench, PONG, { method: "PUT" })).status, 405);
    assert.equal((await respond(bench, { type: 5 })).status, 204);
  }),
);

Deno.test("An interaction of the world can be answered; what is no interaction at all troubles nobody", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready();
    for (const d of ["[]", "null", "{}", '{"id":1,"token":""}']) {
      bench.control.dispatch("INTERACTION_CREATE", d);
    }
    await client.settle();
    bench.control.happen("INTERACTION_CREATE");
    const event = await client.dispatch("INTERACTION_CREATE");
    const { status } = await respond(bench, PONG, { id: String(event.d.id), token: String(event.d.token) });
    assert.equal(status, 204);
  });
});
