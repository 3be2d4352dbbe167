import assert from "node:assert/strict";
import { Bench, identify, names, sequences } from "../bench.ts";

Deno.test("§22.28 after op 7 the server closes with 1001 if the client stays for 3 s, and the session is kept", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    bench.control.inject({ fault: "reconnect", shard: 0 });
    assert.equal((await client.expect(7)).text, '{"t":null,"s":null,"op":7,"d":null}');
    bench.clock.advance(2_999);
    assert.deepEqual(await client.settle(), []);
    bench.clock.advance(1);
    assert.equal((await client.closed()).code, 1001);
    assert.deepEqual(names(await (await bench.resuming(sessionId, 1)).settle()), ["RESUMED"]);
  });
});

Deno.test("§22.28 a client that leaves by itself resumes as well", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    bench.control.inject({ fault: "reconnect" });
    await client.expect(7);
    await client.close(4000);
    await bench.detached(sessionId);
    bench.clock.advance(5_000);
    assert.deepEqual(names(await (await bench.resuming(sessionId, 1)).settle()), ["RESUMED"]);
  });
});

Deno.test("§22.28 op 7 may come before HELLO, or in its place", async () => {
  await Bench.run({}, async (bench) => {
    bench.control.inject({ fault: "greet-reconnect", count: 1, hello: true });
    bench.control.inject({ fault: "greet-reconnect", count: 1, hello: false });
    bench.control.inject({ fault: "greet-silence", count: 1 });
    const before = bench.connect();
    await before.expect(7);
    await before.expect(10);
    const inPlace = bench.connect();
    await inPlace.expect(7);
    assert.deepEqual(await inPlace.settle(), []);
    const silent = bench.connect();
    await bench.control.until(() => bench.control.state().connections.length === 3);
    await bench.greeted();
    bench.clock.advance(3_000);
    assert.equal((await before.closed()).code, 1001);
    assert.equal((await inPlace.closed()).code, 1001);
    assert.deepEqual(silent.messages, []);
  });
});

Deno.test("§22.29 op 9 true leaves the session resumable, on the same socket and on another", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    bench.control.inject({ fault: "invalid-session", resumable: true });
    assert.equal((await client.expect(9)).text, '{"t":null,"s":null,"op":9,"d":true}');
    bench.control.dispatch("TYPING_START", "{}");
    client.send(6, { token: "simulated-token", session_id: sessionId, seq: 1 });
    assert.deepEqual(names(await client.settle()), ["TYPING_START", "RESUMED"]);
    bench.control.inject({ fault: "invalid-session", resumable: true });
    await client.expect(9);
    assert.deepEqual(names(await (await bench.resuming(sessionId, 3)).settle()), ["RESUMED"]);
  });
});

Deno.test("§22.29 op 9 false deletes the session, and the socket may identify anew", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    bench.control.inject({ fault: "invalid-session", resumable: false });
    assert.equal((await client.expect(9)).d, false);
    assert.equal(bench.session(sessionId), undefined);
    identify(client);
    assert.notEqual((await client.dispatch("READY")).d.session_id, sessionId);
  });
});

Deno.test("§22.29 after op 9 heartbeats are acknowledged, and any other op but 2 and 6 closes with 4003", async () => {
  await Bench.run({}, async (bench) => {
    for (const resumable of [true, false]) {
      const { client } = await bench.ready();
      bench.control.inject({ fault: "invalid-session", resumable });
      await client.expect(9);
      assert.deepEqual(await client.settle(), []);
      client.send(3, { since: null, activities: [], status: "online", afk: false });
      assert.equal((await client.closed()).code, 4003);
    }
  });
});

/** Which codes leave the session resumable by default (the table of close codes). */
const KEPT = [1001, 4000, 4002, 4005, 4008, 1011, 1012, 3000, 4006, 4015, 4999];
const DROPPED = [1000, 4001, 4003, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014];

Deno.test("§22.30 every close code can be injected, and keeps or drops the session as the table says", async () => {
  await Bench.run({}, async (bench) => {
    for (const code of [...KEPT, ...DROPPED]) {
      const { client, sessionId } = await bench.ready();
      bench.control.inject({ fault: "close", code, session: sessionId });
      assert.equal((await client.closed()).code, code);
      assert.equal(bench.session(sessionId) !== undefined, KEPT.includes(code), `code ${code}`);
    }
  });
});

Deno.test("§22.30 the fate and the words can be chosen", async () => {
  await Bench.run({}, async (bench) => {
    for (const [code, keepSession] of [[4009, true], [4000, false]] as const) {
      const { client, sessionId } = await bench.ready();
      bench.control.inject({ fault: "close", code, keepSession, reason: "because", session: sessionId });
      assert.deepEqual(await client.closed(), { code, reason: "because" });
      assert.equal(bench.session(sessionId) !== undefined, keepSession);
    }
  });
});

Deno.test("§22.30 the fate that goes with a code can be changed for all closes to come", async () => {
  await Bench.run({ keepSessionOn: [4009], dropSessionOn: [4008], sendLimit: 2 }, async (bench) => {
    const silent = await bench.ready();
    bench.clock.advance(2 * 41_250);
    assert.equal((await silent.client.closed()).code, 4009);
    assert.notEqual(bench.session(silent.sessionId), undefined);
    const talkative = await bench.ready();
    for (let index = 0; index < 2; index++) talkative.client.send(1, null);
    assert.equal((await talkative.client.closed()).code, 4008);
    assert.equal(bench.session(talkative.sessionId), undefined);
  });
});

Deno.test("§22.30 a TCP reset ends the connection without a close frame, in every compression", async () => {
  await Bench.run({}, async (bench) => {
    for (const compression of ["none", "zlib-stream", "zstd-stream"] as const) {
      const { client, sessionId } = await bench.ready({}, { compression });
      assert.equal(bench.control.inject({ fault: "reset" }), 1);
      assert.equal((await client.closed()).code, 1006);
      const resumed = await bench.resuming(sessionId, 1, { compression });
      await resumed.dispatch("RESUMED");
      await resumed.close(1000);
      await bench.control.until(() => bench.control.state().connections.length === 0);
    }
  });
});

Deno.test("§22.31 the 121st frame within 60 s closes with 4008 and keeps the session", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready(); // IDENTIFY counts
    for (let index = 0; index < 119; index++) client.send(1, null);
    for (let index = 0; index < 119; index++) await client.expect(11);
    client.send(1, null);
    assert.equal((await client.closed()).code, 4008);
    const resumed = await bench.resuming(sessionId, 1); // a new connection starts at zero
    await resumed.dispatch("RESUMED");
    for (let index = 0; index < 119; index++) client.send(1, null);
    await resumed.settle();
  });
});

Deno.test("§22.31 the window slides: what is 60 s old does not count any more", async () => {
  await Bench.run({}, async (bench) => {
    const client = await bench.greeted();
    for (let index = 0; index < 60; index++) await client.settle();
    bench.clock.advance(30_000);
    for (let index = 0; index < 60; index++) await client.settle();
    bench.clock.advance(29_999);
    await client.settle().then(() => assert.fail("the 121st was let through"), () => {});
    const other = await bench.greeted();
    for (let index = 0; index < 60; index++) await other.settle();
    bench.clock.advance(30_000);
    for (let index = 0; index < 60; index++) await other.settle();
    bench.clock.advance(30_000);
    for (let index = 0; index < 60; index++) await other.settle();
    other.send(1, null);
    assert.equal((await other.closed()).code, 4008);
  });
});

Deno.test("§22.21 the next dispatches can be lost or doubled", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    bench.control.inject({ fault: "lose", count: 2 });
    for (let index = 0; index < 4; index++) bench.control.dispatch("TYPING_START", "{}");
    assert.deepEqual(sequences(await client.settle()), [4, 5]);
    bench.control.inject({ fault: "duplicate", count: 1, shard: 0 });
    for (let index = 0; index < 2; index++) bench.control.dispatch("TYPING_START", "{}");
    assert.deepEqual(sequences(await client.settle()), [6, 6, 7]);
    assert.deepEqual(
      bench.control.ledger.page(sessionId).map(({ s, replayable }) => [s, replayable]),
      [[1, true], [2, false], [3, false], [4, true], [5, true], [6, true], [7, true]],
    );
  });
});

Deno.test("§22.17 READY can be slow, while heartbeats are answered and nothing else comes", async () => {
  await Bench.run({ readyDelayMs: 60_000 }, async (bench) => {
    const client = await bench.greeted();
    identify(client, { intents: 512 });
    await client.settle();
    bench.clock.advance(59_999);
    bench.control.happen("MESSAGE_CREATE");
    assert.deepEqual(await client.settle(), []);
    bench.clock.advance(1);
    assert.deepEqual(names(await client.settle()), ["READY"]);
  });
});

Deno.test("§22.17 a client that leaves before a slow READY leaves no session behind", async () => {
  await Bench.run({ readyDelayMs: 60_000 }, async (bench) => {
    const client = await bench.greeted();
    identify(client);
    await client.settle();
    await client.close(4000);
    await bench.control.until(() => bench.control.state().connections.length === 0);
    bench.clock.advance(60_000);
    assert.deepEqual(bench.control.state().sessions, []);
  });
});

Deno.test("§22.26 main and resume URL can be refused one without the other", async () => {
  await Bench.run({}, async (bench) => {
    bench.control.set({ refuseMain: true });
    assert.equal((await bench.connect().closed()).code, 1006);
    await bench.greeted(bench.simulator.resumeGatewayUrl);
    bench.control.set({ refuseMain: false, refuseResume: true });
    assert.equal((await bench.connect(bench.simulator.resumeGatewayUrl).closed()).code, 1006);
    await bench.greeted();
    assert.equal(bench.control.state().statistics.happenings.refused, 2);
  });
});

Deno.test("§22.11 a revoked token closes what is connected with 4004 and is refused from then on", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready();
    bench.control.revokeToken();
    assert.equal((await client.closed()).code, 4004);
    const next = await bench.greeted();
    identify(next);
    assert.equal((await next.closed()).code, 4004);
    bench.control.resetAccount();
    await bench.ready();
  });
});
