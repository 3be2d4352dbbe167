import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { FAULT_NAMES, parseFault } from "../../simulator/fault.ts";
import { parseKnobs } from "../../simulator/knobs.ts";
import { LedgerDigest, sha256 } from "../../simulator/ledger_digest.ts";
import { DEFAULT_PEOPLE } from "../../simulator/people.ts";
import { Bench, FREE_INTENTS, GUILDS, identify, names } from "./bench.ts";

/** Calls the control API; the body may be raw bytes. */
async function call(bench: Bench, method: string, path: string, body?: unknown) {
  const raw = body instanceof Uint8Array || typeof body === "string";
  const response = await fetch(`${bench.simulator.controlUrl}${path}`, {
    method,
    ...(body === undefined ? {} : { body: raw ? body as BodyInit : JSON.stringify(body) }),
  });
  // The API promises JSON; what is in it, each test asserts for itself.
  return { status: response.status, body: await response.json() };
}

Deno.test("Control API lists its routes and its faults", async () => {
  await Bench.run({}, async (bench) => {
    const { status, body } = await call(bench, "GET", "");
    assert.equal(status, 200);
    assert.ok(body.routes.includes("POST /control/inject"));
    assert.ok(body.faults.includes("reset"));
    assert.deepEqual((await call(bench, "GET", "/")).body, body);
  });
});

Deno.test("Control API shows the state, with sessions, connections, accounts and statistics", async () => {
  await Bench.run({}, async (bench) => {
    const { sessionId } = await bench.ready({ shard: [1, 2], intents: 512 });
    const { body } = await call(bench, "GET", "/state");
    assert.deepEqual(body, JSON.parse(JSON.stringify(bench.control.state())));
    assert.deepEqual(body.sessions[0].id, sessionId);
    assert.deepEqual(body.sessions[0].shard, [1, 2]);
    assert.equal(body.connections[0].session, sessionId);
    assert.equal(body.accounts[0].sessionStartLimit.remaining, 999);
    assert.deepEqual(body.statistics.identifiesByShard, { 1: 1 });
  });
});

Deno.test("Control API holds the state back until something has happened since", async () => {
  await Bench.run({}, async (bench) => {
    const { body: before } = await call(bench, "GET", "/state");
    const waiting = call(bench, "GET", `/state?after=${before.changes}`);
    await call(bench, "GET", "/state"); // asked later, answered at once
    await bench.greeted();
    const { body: then } = await waiting;
    assert.ok(then.changes > before.changes);
    assert.equal(then.connections.length, 1);
    const { body: late } = await call(bench, "GET", `/state?after=${before.changes}`);
    assert.ok(late.changes >= then.changes);
    assert.equal((await call(bench, "GET", "/state?after=soon")).status, 400);
  });
});

Deno.test("Control API never says a token", async () => {
  const options = { tokens: ["a-very-secret-token"], clientSecret: "a-very-secret-word" };
  await Bench.run(options, async (bench) => {
    await bench.ready({ token: "a-very-secret-token" });
    for (const path of ["/state", "/history", "/commands", "/knobs", "/ledger", "/oauth"]) {
      assert.equal(JSON.stringify((await call(bench, "GET", path)).body).includes("secret"), false, path);
    }
  });
});

Deno.test("Control API tells who can sign in where", async () => {
  await Bench.run({ redirectUris: ["https://example.com/callback"] }, async (bench) => {
    const { status, body } = await call(bench, "GET", "/oauth");
    assert.deepEqual([status, body], [200, {
      clientId: "1200000000000000000",
      redirectUris: ["https://example.com/callback"],
      people: DEFAULT_PEOPLE,
      accessTokens: 0,
    }]);
  });
});

Deno.test("simulator/README.md lists everybody who can sign in", async () => {
  const readme = await Deno.readTextFile(new URL("../../simulator/README.md", import.meta.url));
  const rows = readme.split("\n").filter((line) => /^\| `\d{17,20}` /.test(line));
  const cells = rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(
    cells,
    DEFAULT_PEOPLE.map(({ id, username, globalName }) => [`\`${id}\``, username, globalName ?? "none"]),
  );
});

Deno.test("Control API reads and changes settings, all of a request or none", async () => {
  await Bench.run({}, async (bench) => {
    assert.deepEqual((await call(bench, "GET", "/knobs")).body, bench.control.knobs());
    const changed = await call(bench, "PATCH", "/knobs", { heartbeatIntervalMs: 1_000, trimReplay: false });
    assert.deepEqual([changed.status, changed.body.heartbeatIntervalMs, changed.body.trimReplay], [
      200,
      1_000,
      false,
    ]);
    assert.equal((await bench.connect().expect(10)).d.heartbeat_interval, 1_000);
    const before = bench.control.knobs();
    const wrong = [{ sendLimit: 5, nonsense: 1 }, { sendLimit: "5" }, { sendLimit: 0 }, { sendLimit: 1.5 }, {
      paused: 1,
    }];
    for (const changes of wrong) {
      const { status, body } = await call(bench, "PATCH", "/knobs", changes);
      assert.equal(status, 400);
      assert.match(body.message, /^Cannot set (nonsense|sendLimit|paused): /);
    }
    assert.deepEqual(bench.control.knobs(), before);
  });
});

Deno.test("Control API injects every fault by its name and says how many it struck", async () => {
  await Bench.run({}, async (bench) => {
    const inject = async (fault: object) => (await call(bench, "POST", "/inject", fault)).body.struck;
    const { client } = await bench.ready({ shard: [0, 2] });
    const other = await bench.ready({ shard: [1, 2] });
    assert.equal(await inject({ fault: "heartbeat" }), 2);
    await client.expect(1);
    assert.equal(await inject({ fault: "lose", count: 1, shard: 0 }), 1);
    assert.equal(await inject({ fault: "duplicate", count: 1, session: other.sessionId }), 1);
    assert.equal(await inject({ fault: "blackhole", shard: 7 }), 0);
    assert.equal(await inject({ fault: "reconnect", connection: 1 }), 1);
    await client.expect(7);
    assert.equal(await inject({ fault: "invalid-session", resumable: true, shard: 0 }), 1);
    await client.expect(9);
    assert.equal(await inject({ fault: "close", code: 4008, reason: "slow down", shard: 1 }), 1);
    assert.deepEqual(await other.client.closed(), { code: 4008, reason: "slow down" });
    assert.equal(await inject({ fault: "reset" }), 1);
    assert.equal((await client.closed()).code, 1006);
    assert.equal(await inject({ fault: "greet-reconnect", count: 1, hello: false }), 1);
    await bench.connect().expect(7);
    assert.equal(await inject({ fault: "greet-silence", count: 2 }), 2);
  });
});

Deno.test("simulator/README.md shows every fault, and changes settings, in a way that works", async () => {
  const readme = await Deno.readTextFile(new URL("../../simulator/README.md", import.meta.url));
  const examples = (route: string) =>
    [...readme.matchAll(new RegExp(`\\$C/${route} -d '([^']+)'`, "g"))].map(([, body = ""]) =>
      JSON.parse(body)
    );
  assert.deepEqual(new Set(examples("inject").map((fault) => parseFault(fault).fault)), new Set(FAULT_NAMES));
  assert.equal(examples("knobs").map(parseKnobs).length, 2);
});

Deno.test("Control API refuses a fault that makes no sense and says why", async () => {
  await Bench.run({}, async (bench) => {
    const wrong: [unknown, RegExp][] = [
      ["{", /not JSON/],
      [[], /"fault" must be one of heartbeat, /],
      [{ fault: "toString" }, /"fault" must be one of/],
      [{ fault: "close" }, /"code" must be: integer/],
      [{ fault: "close", code: 1005 }, /1005 is no code/],
      [{ fault: "close", code: 99 }, /99 is no code/],
      [{ fault: "close", code: 4000, keepSession: 1 }, /"keepSession" must be: boolean/],
      [{ fault: "invalid-session" }, /"resumable" must be: boolean/],
      [{ fault: "reset", shard: "0" }, /"shard" must be: integer/],
      [{ fault: "reset", shards: 0 }, /it has no "shards"/],
      [{ fault: "greet-silence", count: 1, shard: 0 }, /it has no "shard"/],
    ];
    for (const [fault, message] of wrong) {
      const { status, body } = await call(bench, "POST", "/inject", fault);
      assert.equal(status, 400);
      assert.match(body.message, message);
    }
  });
});

Deno.test("Control API dispatches any text and any bytes as the d of an event, unchanged", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    const d = '{ "id":12345678901234567890, "x" : "\\u00e9" }';
    assert.deepEqual((await call(bench, "POST", "/dispatch?t=MESSAGE_CREATE&shard=0", d)).body, {
      sessions: 1,
    });
    assert.equal((await client.next()).text, `{"t":"MESSAGE_CREATE","s":2,"op":0,"d":${d}}`);
    assert.deepEqual((await call(bench, "POST", "/dispatch?t=X&shard=1", d)).body, { sessions: 0 });
    const bytes = new Uint8Array([0x22, 0xff, 0xfe, 0x22]);
    await call(bench, "POST", `/dispatch?t=TYPING_START&session=${sessionId}`, bytes);
    const payload = Buffer.concat([
      Buffer.from('{"t":"TYPING_START","s":3,"op":0,"d":'),
      bytes,
      Buffer.from("}"),
    ]);
    assert.equal(bench.control.ledger.page(sessionId).at(-1)?.sha256, sha256(payload));
    assert.equal((await call(bench, "POST", "/dispatch", "{}")).status, 400);
  });
});

Deno.test("Control API makes events of the world happen, by name and guild, and draws from the mix", async () => {
  await Bench.run({ guilds: 2 }, async (bench) => {
    const { client } = await bench.ready({ intents: FREE_INTENTS & ~GUILDS });
    const [guild] = (await call(bench, "GET", "/guilds")).body;
    assert.deepEqual((await call(bench, "POST", `/happen?t=MESSAGE_CREATE&guild=${guild}`)).body, {
      sessions: 1,
    });
    assert.equal((await client.dispatch("MESSAGE_CREATE")).d.guild_id, guild);
    assert.equal((await call(bench, "POST", "/generate", { count: 40 })).status, 200);
    assert.ok((await client.settle()).length > 10);
    for (
      const path of [
        "/happen?t=NOTHING",
        "/happen",
        "/happen?t=MESSAGE_CREATE&guild=1",
        "/happen?t=MESSAGE_CREATE&guild=x",
      ]
    ) {
      assert.equal((await call(bench, "POST", path)).status, 400, path);
    }
    const { body: channels } = await call(bench, "GET", `/guilds/${guild}/channels`);
    assert.ok(channels.every((channel: { id: string }) => /^\d+$/.test(channel.id)));
    await call(bench, "POST", `/guilds/${guild}/available`, { available: false });
    assert.deepEqual((await call(bench, "GET", "/state")).body.unavailableGuilds, [guild]);
  });
});

Deno.test("Control API sends garbage as a payload, or past the compression", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready({}, { compression: "zlib-stream" });
    const base64 = btoa('{"op":99,"d":"garbage"}');
    assert.deepEqual((await call(bench, "POST", "/payload?shard=0", { base64 })).body, { connections: 1 });
    assert.equal((await client.next()).op, 99);
    const plain = await bench.ready();
    const bytes = btoa("raw");
    assert.deepEqual((await call(bench, "POST", "/message?connection=1", { base64: bytes })).body, {
      connections: 1,
    });
    await bench.control.until(() => client.messages.length > 0);
    assert.equal((await call(bench, "POST", "/payload", { base64: "?" })).status, 400);
    assert.equal((await call(bench, "POST", "/payload", {})).status, 400);
    await plain.client.settle();
    bench.control.inject({ fault: "reset" });
    await plain.client.closed();
    await client.ended;
    assert.deepEqual(client.messages.at(-1), new TextEncoder().encode("raw"));
  });
});

Deno.test("Control API moves the time, the account and REST", async () => {
  await Bench.run({}, async (bench) => {
    const startMs = bench.clock.nowMs();
    assert.deepEqual((await call(bench, "POST", "/clock", { advanceMs: 500 })).body, {
      nowMs: startMs + 500,
    });
    assert.equal((await call(bench, "POST", "/clock", { advanceMs: -1 })).status, 400);
    const remaining = () => bench.control.state().accounts[0]?.sessionStartLimit.remaining;
    await call(bench, "POST", "/accounts/0/spend");
    assert.equal(remaining(), 0);
    await call(bench, "POST", "/accounts/0/reset");
    assert.equal(remaining(), 1_000);
    await call(bench, "POST", "/accounts/0/revoke");
    assert.equal(bench.control.state().accounts[0]?.valid, false);
    assert.equal((await call(bench, "POST", "/accounts/7/reset")).status, 400);
    assert.equal(
      (await call(bench, "POST", "/rest-faults", { status: 503, count: 1, path: "/gateway" })).status,
      200,
    );
    const answer = await fetch(`${bench.simulator.restUrl}/v10/gateway`);
    assert.equal(answer.status, 503);
    await answer.body?.cancel();
    for (
      const fault of [{ status: 200, count: 1 }, { status: 500 }, { status: 500, count: 1, scope: "all" }]
    ) {
      assert.equal((await call(bench, "POST", "/rest-faults", fault)).status, 400);
    }
    assert.equal((await call(bench, "POST", "/channels/1/refuse", { code: 50013 })).status, 200);
    assert.equal((await call(bench, "POST", "/channels/1/refuse", { code: 1 })).status, 400);
  });
});

Deno.test("Control API answers 404 for what is not there", async () => {
  await Bench.run({}, async (bench) => {
    for (
      const [method, path] of [["GET", "/nothing"], ["DELETE", "/state"], ["GET", "/ledger/a/b"]] as const
    ) {
      assert.equal((await call(bench, method, path)).status, 404);
    }
    const elsewhere = await fetch(bench.simulator.restUrl.replace("/api", "/else"));
    assert.equal(elsewhere.status, 404);
    await elsewhere.body?.cancel();
  });
});

Deno.test("Control API tells history and commands", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready();
    client.send(31, { guild_ids: [] });
    await client.settle();
    await client.close(4000);
    await bench.control.until(() => bench.control.state().connections.length === 0);
    const { body: history } = await call(bench, "GET", "/history");
    assert.deepEqual(history.map(({ kind }: { kind: string }) => kind), [
      "connected",
      "identified",
      "closed-by-client",
    ]);
    assert.equal(history.at(-1).code, 4000);
    assert.equal((await call(bench, "GET", "/commands?shard=0")).body.length, 1);
    assert.equal((await call(bench, "GET", "/commands?shard=1")).body.length, 0);
  });
});

Deno.test("Ledger holds every dispatch of a session with the hash of its very bytes, those nobody received too", async () => {
  await Bench.run({}, async (bench) => {
    const { client, ready, sessionId } = await bench.ready({ intents: FREE_INTENTS });
    bench.control.generate(30);
    const received = [ready, ...await client.settle()];
    await client.close(4000);
    await bench.detached(sessionId);
    bench.control.dispatch("TYPING_START", "{}");
    const resumed = await bench.resuming(sessionId, received.length);
    received.push(...await resumed.settle());
    const { body } = await call(bench, "GET", `/ledger/${sessionId}?limit=1000`);
    assert.deepEqual(
      body.entries,
      received.map(({ s, t, text }) => ({ s, t, sha256: sha256(text), replayable: t !== "RESUMED" })),
    );
    assert.equal(body.next, null);

    const all = new LedgerDigest();
    const replayable = new LedgerDigest();
    for (const { s, t, text } of received.toReversed()) { // in whatever order
      all.add(sessionId, Number(s), sha256(text));
      if (t !== "RESUMED") replayable.add(sessionId, Number(s), sha256(text));
    }
    const { body: summary } = await call(bench, "GET", "/ledger");
    assert.deepEqual([summary.count, summary.digest], [all.count, all.hex]);
    assert.deepEqual(summary.replayable, { count: replayable.count, digest: replayable.hex });
    assert.equal(summary.complete, true);
    assert.deepEqual(summary.sessions, [{
      session: sessionId,
      shard: 0,
      count: all.count,
      lastSequence: all.count,
    }]);
  });
});

Deno.test("Ledger is read page by page", async () => {
  await Bench.run({}, async (bench) => {
    const { sessionId } = await bench.ready();
    for (let index = 0; index < 9; index++) bench.control.dispatch("TYPING_START", "{}");
    const pages: number[][] = [];
    for (let after: number | null = 0; after !== null;) {
      const { body }: { body: { entries: { s: number }[]; next: number | null } } = await call(
        bench,
        "GET",
        `/ledger/${sessionId}?after=${after}&limit=4`,
      );
      pages.push(body.entries.map(({ s }) => s));
      after = body.next;
    }
    assert.deepEqual(pages, [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]);
    assert.deepEqual((await call(bench, "GET", "/ledger/unknown")).body.entries, []);
    assert.equal((await call(bench, "GET", `/ledger/${sessionId}?after=x`)).status, 400);
  });
});

Deno.test("Ledger counts on where its list is full, and holds nothing where it is off", async () => {
  await Bench.run({ ledgerMaxEntries: 2 }, async (bench) => {
    const { sessionId } = await bench.ready();
    for (let index = 0; index < 3; index++) bench.control.dispatch("TYPING_START", "{}");
    const { count, complete } = bench.control.ledger.summary();
    assert.deepEqual([count, complete, bench.control.ledger.page(sessionId).length], [4, false, 2]);
  });
  await Bench.run({ ledgerMaxEntries: 0 }, async (bench) => {
    await bench.ready();
    assert.equal(bench.control.ledger.summary().count, 0);
  });
});

Deno.test("LedgerDigest is the same in every order, and another for any missing, doubled or changed dispatch", () => {
  const entry = fc.record({ session: fc.constantFrom("a", "b"), s: fc.nat(50), payload: fc.string() });
  const digest = (entries: readonly { session: string; s: number; payload: string }[]) => {
    const sum = new LedgerDigest();
    for (const { session, s, payload } of entries) sum.add(session, s, sha256(payload));
    return sum.hex;
  };
  fc.assert(fc.property(fc.array(entry, { minLength: 1 }), fc.nat(), (entries, place) => {
    const whole = digest(entries);
    const index = place % entries.length;
    const one = entries[index] as typeof entries[number];
    assert.equal(digest(entries.toReversed()), whole);
    assert.notEqual(digest(entries.toSpliced(index, 1)), whole);
    assert.notEqual(digest([...entries, one]), whole);
    assert.notEqual(digest(entries.with(index, { ...one, payload: `${one.payload}x` })), whole);
    assert.notEqual(digest(entries.with(index, { ...one, s: one.s + 1 })), whole);
  }));
});

Deno.test("Control.until() resolves once something made its condition true, and rejects when its signal says so", async () => {
  await Bench.run({}, async (bench) => {
    const waiting = bench.control.until(() => bench.control.state().sessions.length === 1);
    await bench.ready();
    await waiting;
    const abort = new AbortController();
    const vain = bench.control.until(() => false, abort.signal);
    abort.abort(new Error("enough"));
    await assert.rejects(vain, /enough/);
    await assert.rejects(bench.control.until(() => true, abort.signal), /enough/);
  });
});

Deno.test("Control.until() is told of a session whose READY was slow", async () => {
  await Bench.run({ readyDelayMs: 1_000 }, async (bench) => {
    const client = await bench.greeted();
    identify(client);
    assert.deepEqual(await client.settle(), []);
    const waiting = bench.control.until(() => bench.control.state().sessions.length === 1);
    bench.clock.advance(1_000);
    await waiting;
  });
});

Deno.test("Statistics forget the oldest commands and keep counting", async () => {
  await Bench.run({ sendLimit: 1_000_000 }, async (bench) => {
    const { client } = await bench.ready();
    for (let index = 0; index < 20_500; index++) client.send(31, { guild_ids: [] });
    await client.settle();
    assert.equal(bench.control.statistics.commands().length, 10_000);
    assert.equal(bench.control.statistics.framesReceived, 20_502);
  });
});

Deno.test("Control.generate() tells the sessions at once", async () => {
  await Bench.run({ mix: { INTERACTION_CREATE: 1 } }, async (bench) => {
    const { client } = await bench.ready();
    bench.control.generate(3);
    const seen = names(await client.settle());
    assert.ok(seen.length > 0 && seen.every((name) => name === "INTERACTION_CREATE"));
  });
});
