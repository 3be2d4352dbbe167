import assert from "node:assert/strict";
import fc from "fast-check";
import { Bench, identify, names } from "../bench.ts";

Deno.test("§22.3 a version that is missing, not a number, discontinued or unknown closes with 4012 and nothing before", async () => {
  await Bench.run({}, async (bench) => {
    for (const version of [null, "", "ten", "3", "4", "5", "11", "1e1"]) {
      const client = bench.connect(undefined, { version });
      assert.deepEqual((await client.closed()).code, 4012, `v=${version}`);
      assert.deepEqual(client.messages, [], `v=${version}`);
    }
  });
});

Deno.test("§22.3 versions 9 and 10 work and are named in READY", async () => {
  await Bench.run({}, async (bench) => {
    for (const [shard, version] of ["9", "10"].entries()) {
      const client = bench.connect(undefined, { version });
      await client.expect(10);
      identify(client, { shard: [shard, 2] });
      assert.equal((await client.dispatch("READY")).d.v, Number(version));
    }
  });
});

Deno.test("§22.4 HELLO comes first and unasked, with t and s null, compact and in the order t,s,op,d", async () => {
  await Bench.run({ heartbeatIntervalMs: 41_250 }, async (bench) => {
    const hello = await bench.connect().next();
    assert.match(
      hello.text,
      /^\{"t":null,"s":null,"op":10,"d":\{"heartbeat_interval":41250,"_trace":\[.*\]\}\}$/,
    );
  });
});

Deno.test("§22.4 dispatches are compact and in the order t,s,op,d", async () => {
  await Bench.run({}, async (bench) => {
    const { ready } = await bench.ready();
    assert.match(ready.text, /^\{"t":"READY","s":1,"op":0,"d":\{"v":10,/);
    assert.equal(ready.text, JSON.stringify({ t: ready.t, s: ready.s, op: ready.op, d: ready.d }));
  });
});

Deno.test("§22.4 with shuffled keys every order comes up, in d too, and says the same", async () => {
  await Bench.run({ shuffleKeys: true }, async (bench) => {
    const { client } = await bench.ready();
    for (let index = 0; index < 200; index++) bench.control.happen("MESSAGE_REACTION_ADD");
    const { client: witness } = await bench.ready({ intents: 1 << 10, shard: [1, 2] });
    await client.settle();
    for (let index = 0; index < 200; index++) {
      bench.control.happen(
        "MESSAGE_REACTION_ADD",
        bench.control.world.guildIds.find((id) => (id >> 22n) % 2n === 1n),
      );
    }
    const payloads = await witness.settle();
    const keyOrders = new Set(payloads.map(({ text }) => Object.keys(JSON.parse(text)).join()));
    const dataOrders = new Set(payloads.map(({ d }) => Object.keys(d).join()));
    assert.equal(payloads.length, 200);
    assert.equal(keyOrders.size, 24);
    assert.ok(dataOrders.size > 24);
    assert.deepEqual(payloads.map(({ s }) => s), payloads.map((_, index) => index + 2));
  });
});

Deno.test("§22.5 a heartbeat before IDENTIFY is acknowledged", async () => {
  await Bench.run({}, async (bench) => {
    const client = await bench.greeted();
    client.send(1, null);
    assert.equal((await client.expect(11)).text, '{"t":null,"s":null,"op":11,"d":null}');
  });
});

Deno.test("§22.5 ops 3, 4, 8, 31 and 43 before IDENTIFY close with 4003", async () => {
  await Bench.run({}, async (bench) => {
    for (const op of [3, 4, 8, 31, 43]) {
      const client = await bench.greeted();
      client.send(op, {});
      assert.equal((await client.closed()).code, 4003, `op ${op}`);
    }
  });
});

Deno.test("§22.6 every heartbeat gets exactly one acknowledgement, whether d is a number or null", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready();
    for (const d of [null, 1, 0, null, 12]) client.send(1, d);
    for (let index = 0; index < 5; index++) assert.equal((await client.expect(11)).d, null);
    assert.deepEqual(await client.settle(), []);
  });
});

Deno.test("§22.6 a heartbeat whose d is missing or of another type closes with 4002", async () => {
  await Bench.run({}, async (bench) => {
    for (
      const frame of [
        '{"op":1}',
        '{"op":1,"d":"1"}',
        '{"op":1,"d":1.5}',
        '{"op":1,"d":[]}',
        '{"op":1,"d":false}',
      ]
    ) {
      const client = await bench.greeted();
      client.sendText(frame);
      assert.equal((await client.closed()).code, 4002, frame);
    }
  });
});

Deno.test("§22.7 a connection silent beyond the grace is closed, each heartbeat starting the time anew", async () => {
  await Bench.run({ heartbeatIntervalMs: 10_000, heartbeatCloseCode: 4000 }, async (bench) => {
    const client = await bench.greeted();
    bench.clock.advance(19_999);
    client.send(1, null);
    await client.expect(11);
    bench.clock.advance(19_999);
    assert.deepEqual(await client.settle(), []);
    bench.clock.advance(20_000);
    assert.equal((await client.closed()).code, 4000);
  });
});

Deno.test("§22.7 the default code is 4009 and drops the session", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    bench.clock.advance(2 * 41_250);
    assert.equal((await client.closed()).code, 4009);
    assert.equal(bench.session(sessionId), undefined);
  });
});

Deno.test("§22.8 with the blackhole on, dispatches flow and no heartbeat is acknowledged", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready({ intents: 512 });
    const other = await bench.ready({ shard: [0, 2] });
    bench.control.inject({ fault: "blackhole", session: String(bench.control.state().sessions[0]?.id) });
    client.send(1, 1);
    await bench.control.until(() => bench.control.state().statistics.heartbeatsReceived === 1);
    bench.control.dispatch("MESSAGE_CREATE", "{}");
    assert.equal((await client.next()).t, "MESSAGE_CREATE");
    assert.deepEqual(names(await other.client.settle()), ["MESSAGE_CREATE"]); // others are answered
    bench.control.set({ acknowledgeHeartbeats: false });
    other.client.send(1, null);
    await bench.control.until(() => bench.control.state().statistics.heartbeatsReceived === 3);
    bench.control.dispatch("TYPING_START", "{}");
    assert.equal((await client.next()).t, "TYPING_START");
    assert.equal((await other.client.next()).t, "TYPING_START");
  });
});

Deno.test("§22.8 the server may ask for a heartbeat in any state, and acknowledges it", async () => {
  await Bench.run({}, async (bench) => {
    const fresh = await bench.greeted();
    const { client } = await bench.ready();
    assert.equal(bench.control.inject({ fault: "heartbeat" }), 2);
    for (const each of [fresh, client]) {
      assert.equal((await each.expect(1)).text, '{"t":null,"s":null,"op":1,"d":null}');
      each.send(1, null);
      await each.expect(11);
    }
  });
});

Deno.test("§22.9 what is no JSON object with an integer op closes with 4002", async () => {
  await Bench.run({}, async (bench) => {
    const frames = [
      "",
      "nonsense",
      "[]",
      "1",
      "null",
      '"op"',
      "{}",
      '{"op":"1","d":null}',
      '{"op":1.5,"d":null}',
    ];
    for (const frame of frames) {
      const client = await bench.greeted();
      client.sendText(frame);
      assert.equal((await client.closed()).code, 4002, frame);
    }
    const binary = await bench.greeted();
    binary.sendText(new TextEncoder().encode('{"op":1,"d":null}'));
    assert.equal((await binary.closed()).code, 4002);
  });
});

Deno.test("§22.9 a frame of 4096 bytes is taken and one of 4097 closes with 4002, counted in UTF-8", async () => {
  await Bench.run({}, async (bench) => {
    const padded = (letter: string, bytes: number) => {
      const frame = { op: 1, d: null, pad: "" };
      const room = bytes - JSON.stringify(frame).length;
      frame.pad = letter.repeat(Math.floor(room / new TextEncoder().encode(letter).length));
      return JSON.stringify(frame).padEnd(
        JSON.stringify(frame).length + room % new TextEncoder().encode(letter).length,
      );
    };
    for (const letter of ["a", "é", "語", "🛰"]) {
      assert.equal(new TextEncoder().encode(padded(letter, 4_096)).length, 4_096);
      const client = await bench.greeted();
      client.sendText(padded(letter, 4_096));
      await client.expect(11);
      client.sendText(padded(letter, 4_097));
      assert.equal((await client.closed()).code, 4002, letter);
    }
  });
});

Deno.test("§22.10 an op that a bot has no business sending closes with 4001", async () => {
  await Bench.run({}, async (bench) => {
    for (const op of [0, 5, 7, 9, 10, 11, 12, 30, 32, 42, 44, -1, 1e9]) {
      const client = await bench.greeted();
      client.send(op, null);
      assert.equal((await client.closed()).code, 4001, `op ${op}`);
    }
  });
});

Deno.test("§22.9 no frame, however odd, breaks the server: each is answered, ignored or closed with a documented code", async () => {
  await Bench.run({}, async (bench) => {
    const op = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 6, 8, 31, 43), fc.anything());
    const frame = fc.oneof(
      fc.string(),
      fc.record({ op, d: fc.anything() }, { requiredKeys: [] }).map((value) => safeJson(value)),
    );
    await fc.assert(
      fc.asyncProperty(frame, async (text) => {
        const client = await bench.greeted();
        client.sendText(text);
        client.send(0, null); // closes whatever is still open
        assert.ok([4001, 4002, 4003, 4004].includes((await client.closed()).code), text);
      }),
      { numRuns: 100 },
    );
    await bench.greeted();
  });
});

Deno.test("§22.9 a request that is no proper HTTP, or asks for nonsense, does not bring the server down", async () => {
  await Bench.run({}, async (bench) => {
    const { hostname, port } = new URL(bench.simulator.gatewayUrl);
    const upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    const requests = [
      "nonsense\r\n\r\n",
      "GET // HTTP/1.1\r\nHost: x\r\n\r\n",
      `GET // HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
      `GET http://[ HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
      `GET /?v=10&encoding=etf HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
      `GET /?v=10 HTTP/1.1\r\nHost: x\r\n${upgrade}Sec-WebSocket-Key: short\r\n\r\n`,
    ];
    for (const request of requests) {
      using connection = await Deno.connect({ hostname, port: Number(port) });
      await connection.write(new TextEncoder().encode(request));
      await connection.closeWrite();
      const answer = await connection.read(new Uint8Array(1_000));
      assert.ok(answer === null || answer > 0, request);
    }
    await bench.greeted();
  });
});

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, part) => typeof part === "bigint" ? Number(part) : part) ?? "";
  } catch {
    return "{";
  }
}
