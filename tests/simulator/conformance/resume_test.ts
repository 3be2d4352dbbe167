import assert from "node:assert/strict";
import { Bench, FREE_INTENTS, GUILDS, identify, names, resume, sequences, TOKEN } from "../bench.ts";

/** Dispatches so many events without meaning to a session. */
function dispatch(bench: Bench, session: string, count: number): void {
  for (let index = 0; index < count; index++) {
    bench.control.dispatch("TYPING_START", `{"index":${index}}`, { session });
  }
}

Deno.test("§22.23 a resume brings what was missed byte for byte, then RESUMED with the next number, and no READY", async () => {
  for (const shuffleKeys of [false, true]) {
    await Bench.run({ shuffleKeys }, async (bench) => {
      const { client, sessionId } = await bench.ready({ intents: FREE_INTENTS });
      bench.control.generate(50);
      const live = await client.settle();
      const last = Number(live.at(-1)?.s);
      await client.close(4000);
      await bench.detached(sessionId);
      bench.control.generate(50);
      const resumed = await bench.resuming(sessionId, 10);
      bench.control.generate(50);
      const payloads = await resumed.settle();
      const end = payloads.findIndex(({ t }) => t === "RESUMED");
      const missed = payloads.slice(0, end);
      assert.deepEqual(
        missed.slice(0, last - 10).map(({ text }) => text),
        live.slice(9).map(({ text }) => text),
      );
      assert.deepEqual(sequences(payloads), payloads.map((_, index) => 11 + index));
      assert.equal(names(payloads).includes("READY"), false);
      assert.deepEqual(Object.keys(payloads[end]?.d ?? {}), ["_trace"]);
      assert.deepEqual(
        sequences(payloads).slice(0, end),
        bench.control.ledger.page(sessionId, 10, end).map(({ s }) => s),
      );
    });
  }
});

Deno.test("§22.23 events created after the resume come after RESUMED", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    dispatch(bench, sessionId, 3);
    await client.close(4000);
    await bench.detached(sessionId);
    const resumed = await bench.resuming(sessionId, 2);
    await bench.control.until(() => bench.control.state().statistics.happenings.resumed === 1);
    dispatch(bench, sessionId, 2);
    const payloads = await resumed.settle();
    assert.deepEqual(names(payloads), [
      "TYPING_START",
      "TYPING_START",
      "RESUMED",
      "TYPING_START",
      "TYPING_START",
    ]);
    assert.deepEqual(sequences(payloads), [3, 4, 5, 6, 7]);
  });
});

Deno.test("§22.23 the newest number yields only RESUMED, and RESUMED is a gap in a later replay", async () => {
  await Bench.run({ trimReplay: false }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    dispatch(bench, sessionId, 1);
    await client.close(4000);
    await bench.detached(sessionId);
    const second = await bench.resuming(sessionId, 2);
    assert.deepEqual(sequences(await second.settle()), [3]);
    dispatch(bench, sessionId, 1);
    await second.close(4000);
    await bench.detached(sessionId);
    const third = await bench.resuming(sessionId, 1);
    const payloads = await third.settle();
    assert.deepEqual(sequences(payloads), [2, 4, 5]);
    assert.deepEqual(names(payloads), ["TYPING_START", "TYPING_START", "RESUMED"]);
  });
});

Deno.test("§22.24 a number that was never sent closes with 4007 and drops the session", async () => {
  await Bench.run({}, async (bench) => {
    for (const seq of [2, 1_000_000, -1]) {
      const { client, sessionId } = await bench.ready();
      await client.close(4000);
      await bench.detached(sessionId);
      assert.equal((await (await bench.resuming(sessionId, seq)).closed()).code, 4007);
      assert.equal(bench.session(sessionId), undefined);
    }
  });
});

Deno.test("§22.24 a number older than the buffer gets op 9 false, and the socket stays open", async () => {
  await Bench.run({ replayBufferEvents: 5 }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    dispatch(bench, sessionId, 10); // 2 to 11; the buffer holds 7 to 11
    await client.settle();
    await client.close(4000);
    await bench.detached(sessionId);
    const late = await bench.resuming(sessionId, 5);
    assert.equal((await late.expect(9)).d, false);
    identify(late);
    await late.dispatch("READY");
    assert.equal(bench.session(sessionId), undefined);
  });
});

Deno.test("§22.24 the oldest number that the buffer can serve still resumes", async () => {
  await Bench.run({ replayBufferEvents: 5 }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    dispatch(bench, sessionId, 10);
    await client.settle();
    await client.close(4000);
    await bench.detached(sessionId);
    const resumed = await bench.resuming(sessionId, 6);
    assert.deepEqual(sequences(await resumed.settle()), [7, 8, 9, 10, 11, 12]);
  });
});

Deno.test("§22.24 trimming by heartbeats and resumes forgets what they named, and only with the knob on", async () => {
  for (const trimReplay of [true, false]) {
    await Bench.run({ trimReplay }, async (bench) => {
      const { client, sessionId } = await bench.ready();
      dispatch(bench, sessionId, 10);
      await client.settle();
      client.send(1, 8);
      await client.expect(11);
      assert.equal(bench.session(sessionId)?.buffered, trimReplay ? 3 : 11);
      assert.equal(bench.session(sessionId)?.sequenceAcknowledged, 8);
      await client.close(4000);
      await bench.detached(sessionId);
      const resumed = await bench.resuming(sessionId, 9);
      assert.deepEqual(sequences(await resumed.settle()), [10, 11, 12]);
      await resumed.close(4000);
      await bench.detached(sessionId);
      const earlier = await bench.resuming(sessionId, 8);
      const [first] = await earlier.settle();
      assert.deepEqual([first?.op, first?.s ?? first?.d], trimReplay ? [9, false] : [0, 9]);
    });
  }
});

Deno.test("§22.24 an unknown id and a wrong token get op 9 false, and the session is untouched", async () => {
  await Bench.run({ tokens: [TOKEN, "other"] }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    await client.close(4000);
    await bench.detached(sessionId);
    const attempts = [["0".repeat(32), TOKEN], ["", TOKEN], [sessionId, "wrong"], [
      sessionId,
      "other",
    ]] as const;
    for (const [id, token] of attempts) {
      const attempt = await bench.greeted(bench.simulator.resumeGatewayUrl);
      resume(attempt, id, 1, token);
      assert.equal((await attempt.expect(9)).d, false);
      await attempt.settle();
    }
    assert.deepEqual(names(await (await bench.resuming(sessionId, 1)).settle()), ["RESUMED"]);
  });
});

Deno.test("§22.24 a RESUME of wrong types closes with 4002", async () => {
  await Bench.run({}, async (bench) => {
    const forms = [null, {}, { token: TOKEN, session_id: "x" }, { token: TOKEN, session_id: 1, seq: 1 }, {
      token: TOKEN,
      session_id: "x",
      seq: null,
    }];
    for (const form of forms) {
      const client = await bench.greeted();
      client.send(6, form);
      assert.equal((await client.closed()).code, 4002, JSON.stringify(form));
    }
  });
});

Deno.test("§22.25 a RESUME costs neither quota nor a bucket, and on the main URL it is counted", async () => {
  await Bench.run({ identifyWindowMs: 5_000, sessionStartTotal: 1 }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    const remaining = () => bench.control.state().accounts[0]?.sessionStartLimit.remaining;
    assert.equal(remaining(), 0);
    await client.close(4000);
    await bench.detached(sessionId);
    const resumed = await bench.resuming(sessionId, 1);
    await resumed.dispatch("RESUMED");
    const { wrongUrl } = bench.control.statistics;
    assert.deepEqual(wrongUrl, { resumesOnMain: 0, identifiesOnResume: 0 });
    await resumed.close(4000);
    await bench.detached(sessionId);
    const main = await bench.greeted();
    resume(main, sessionId, 2);
    await main.dispatch("RESUMED");
    assert.deepEqual(wrongUrl, { resumesOnMain: 1, identifiesOnResume: 0 });
    assert.equal(remaining(), 0);
  });
});

Deno.test("§22.25 an IDENTIFY on the resume URL works and is counted, but not after an op 9 there", async () => {
  await Bench.run({}, async (bench) => {
    const client = await bench.greeted(bench.simulator.resumeGatewayUrl);
    identify(client);
    await client.dispatch("READY");
    assert.equal(bench.control.statistics.wrongUrl.identifiesOnResume, 1);
    const refused = await bench.resuming("gone", 1);
    await refused.expect(9);
    identify(refused);
    await refused.dispatch("READY");
    assert.equal(bench.control.statistics.wrongUrl.identifiesOnResume, 1);
  });
});

Deno.test("§22.26 a client that closes with 1000 ends its session at once", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    await client.close(1000);
    await bench.control.until(() => bench.session(sessionId) === undefined);
    assert.equal((await (await bench.resuming(sessionId, 1)).expect(9)).d, false);
  });
});

Deno.test("§22.26 so does one that closes with 1001, which a browser sends when it leaves", async () => {
  const { default: WebSocket } = await import("ws");
  await Bench.run({}, async (bench) => {
    const socket = new WebSocket(`${bench.simulator.gatewayUrl}/?v=10&encoding=json`);
    await new Promise((resolve) => socket.once("open", resolve));
    socket.send(JSON.stringify({ op: 2, d: { token: TOKEN, intents: 0, properties: {} } }));
    await bench.control.until(() => bench.control.state().sessions.length === 1);
    socket.close(1001);
    await new Promise((resolve) => socket.once("close", resolve));
    await bench.control.until(() => bench.control.state().sessions.length === 0);
    assert.deepEqual(bench.control.statistics.closeCodesReceived, { 1001: 1 });
  });
});

Deno.test("§22.26 any other code, an empty close frame and a reset keep the session and its events", async () => {
  await Bench.run({}, async (bench) => {
    for (const code of [3000, 4000, 4999, undefined, "reset"] as const) {
      const { client, sessionId } = await bench.ready();
      if (code === "reset") bench.control.inject({ fault: "reset", session: sessionId });
      else await client.close(code);
      await bench.detached(sessionId);
      dispatch(bench, sessionId, 2);
      const resumed = await bench.resuming(sessionId, 1);
      assert.deepEqual(sequences(await resumed.settle()), [2, 3, 4], String(code));
    }
    assert.deepEqual(bench.control.statistics.closeCodesReceived, { 1005: 1, 3000: 1, 4000: 1, 4999: 1 });
  });
});

Deno.test("§22.26 a session is kept for its time to live and no longer", async () => {
  await Bench.run({ sessionTtlMs: 120_000 }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    await client.close(4000);
    await bench.detached(sessionId);
    bench.clock.advance(119_999);
    const resumed = await bench.resuming(sessionId, 1);
    await resumed.dispatch("RESUMED");
    bench.clock.advance(1); // the time to live had started over
    assert.notEqual(bench.session(sessionId), undefined);
    await resumed.close(4000);
    await bench.detached(sessionId);
    bench.clock.advance(120_000);
    assert.equal((await (await bench.resuming(sessionId, 2)).expect(9)).d, false);
  });
});

Deno.test("§22.26 a session without a connection that misses more than its buffer holds is destroyed", async () => {
  await Bench.run({ replayBufferEvents: 5 }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    dispatch(bench, sessionId, 20); // with a connection the buffer only forgets
    await client.settle();
    await client.close(4000);
    await bench.detached(sessionId);
    dispatch(bench, sessionId, 5);
    assert.notEqual(bench.session(sessionId), undefined);
    dispatch(bench, sessionId, 1);
    assert.equal(bench.session(sessionId), undefined);
  });
});

Deno.test("§22.26 the buffer holds max(100, min(3500, 75 per guild)) where no number is set", async () => {
  const cases = [[1, 100], [2, 150], [60, 3_500]] as const;
  for (const [guilds, held] of cases) {
    await Bench.run({ guilds, ledgerMaxEntries: 0, trimReplay: false }, async (bench) => {
      const { client, sessionId } = await bench.ready();
      dispatch(bench, sessionId, 4_000);
      await client.settle();
      assert.equal(bench.session(sessionId)?.buffered, held);
    });
  }
});

Deno.test("§22.27 resuming a session that is still attached moves it, closes the older socket with 4000 and loses nothing", async () => {
  await Bench.run({}, async (bench) => {
    const { client: older, sessionId } = await bench.ready({ intents: GUILDS });
    await older.settle();
    const newer = await bench.resuming(sessionId, 7);
    await newer.dispatch("RESUMED");
    dispatch(bench, sessionId, 1);
    assert.equal((await older.closed()).code, 4000);
    assert.deepEqual(sequences(await newer.settle()), [9]);
    assert.equal(older.messages.some((message) => String(message).includes("TYPING_START")), false);
    await bench.control.until(() => bench.control.state().connections.length === 1);
    assert.notEqual(bench.session(sessionId)?.connection, null); // the older one's end touches it no more
  });
});
