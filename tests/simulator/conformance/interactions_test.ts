import assert from "node:assert/strict";
import { Bench } from "../bench.ts";

const PONG = { type: 4, data: { content: "Pong!" } };
const INTERACTION = {
  id: "77",
  application_id: "1200000000000000099",
  channel_id: "55",
  token: "aW50ZXJhY3Rpb24=",
  type: 2,
  data: { type: 1, name: "ping" },
};

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: number; readonly [field: string]: unknown } | null;
}

/** Answers an interaction without any authorization, as Discord has it. */
function respond(
  bench: Bench,
  body: unknown,
  { id = INTERACTION.id, token = INTERACTION.token, method = "POST" } = {},
): Promise<Answer> {
  return send(bench, method, `interactions/${id}/${encodeURIComponent(token)}/callback`, body);
}

/** Edits the message of an answer. */
function edit(
  bench: Bench,
  body: unknown,
  { application = INTERACTION.application_id, token = INTERACTION.token, method = "PATCH" } = {},
): Promise<Answer> {
  return send(bench, method, `webhooks/${application}/${encodeURIComponent(token)}/messages/@original`, body);
}

async function send(bench: Bench, method: string, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(
    `${bench.simulator.restUrl}/v10/${path}`,
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
    const answers = [{ atMs: bench.clock.nowMs(), interactionId: "77", kind: "callback", body: PONG }];
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

Deno.test(
  "The message of an answer can be edited for 15 minutes, a deferred one too",
  withInteraction(async (bench) => {
    const answeredAtMs = bench.clock.nowMs();
    assert.equal((await respond(bench, { type: 5 })).status, 204);
    bench.clock.advance(15 * 60_000 - 1);
    const edited = await edit(bench, { content: "At last" });
    assert.deepEqual(
      [edited.status, edited.body?.content, edited.body?.channel_id],
      [200, "At last", INTERACTION.channel_id],
    );
    assert.deepEqual(bench.control.statistics.interactionAnswers(), [
      { atMs: answeredAtMs, interactionId: "77", kind: "callback", body: { type: 5 } },
      { atMs: bench.clock.nowMs(), interactionId: "77", kind: "edit", body: { content: "At last" } },
    ]);
    bench.clock.advance(1);
    const late = await edit(bench, { content: "Too late" });
    assert.deepEqual([late.status, late.body?.code], [401, 50027]);
    assert.equal(bench.control.statistics.interactionAnswers().length, 2);
  }),
);

Deno.test(
  "An edit is refused where there is no message to edit, or the new one is none",
  withInteraction(async (bench) => {
    const early = await edit(bench, PONG.data);
    assert.deepEqual([early.status, early.body?.code], [404, 10015]);
    await respond(bench, PONG);
    for (const other of [{ application: "1" }, { token: "wrong" }]) {
      const { status, body } = await edit(bench, PONG.data, other);
      assert.deepEqual([status, body?.code], [404, 10015]);
    }
    const refusals: [body: unknown, code: number][] = [
      [[], 50035],
      [{}, 50006],
      [{ content: "x".repeat(2_001) }, 50035],
    ];
    for (const [body, code] of refusals) {
      const answer = await edit(bench, body);
      assert.deepEqual([answer.status, answer.body?.code], [400, code], JSON.stringify(body).slice(0, 40));
    }
    assert.equal((await edit(bench, PONG.data, { method: "POST" })).status, 405);
    assert.equal((await edit(bench, PONG.data)).status, 200);
  }),
);

Deno.test(
  "An answer that is no message cannot be edited",
  withInteraction(async (bench) => {
    assert.equal((await respond(bench, { type: 9, data: { custom_id: "form" } })).status, 204);
    const { status, body } = await edit(bench, PONG.data);
    assert.deepEqual([status, body?.code], [404, 10008]);
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
