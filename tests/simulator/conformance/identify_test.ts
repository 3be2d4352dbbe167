import assert from "node:assert/strict";
import {
  ALL_INTENTS,
  Bench,
  FREE_INTENTS,
  GUILDS,
  identify,
  names,
  resume,
  sequences,
  TOKEN,
} from "../bench.ts";

/** The code that closes a connection which identified with these fields. */
async function closeCode(bench: Bench, fields: Readonly<Record<string, unknown>>): Promise<number> {
  const client = await bench.greeted();
  identify(client, fields);
  return (await client.closed()).code;
}

Deno.test("§22.11 a wrong token closes with 4004, the right one is taken with and without Bot", async () => {
  await Bench.run({}, async (bench) => {
    for (const token of ["wrong", "", `Bot ${TOKEN}x`, `Bearer ${TOKEN}`, TOKEN.toUpperCase()]) {
      assert.equal(await closeCode(bench, { token }), 4004, token);
    }
    await bench.ready({ token: TOKEN });
    await bench.ready({ token: `Bot ${TOKEN}` });
  });
});

Deno.test("§22.12 a shard that is none closes with 4010", async () => {
  await Bench.run({ shardMultiple: 4 }, async (bench) => {
    const shards = [
      null,
      "0,1",
      0,
      [],
      [0],
      [0, 4, 8],
      ["0", "4"],
      [0.5, 4],
      [-1, 4],
      [4, 4],
      [5, 4],
      [0, 0],
      [0, 6],
      [0, 2],
    ];
    for (const shard of shards) {
      assert.equal(await closeCode(bench, { shard }), 4010, JSON.stringify(shard));
    }
    await bench.ready({ shard: [7, 8] });
  });
});

Deno.test("§22.12 a shard with more guilds than allowed closes with 4011", async () => {
  await Bench.run({ guildCap: 5 }, async (bench) => {
    assert.equal(await closeCode(bench, {}), 4011);
    assert.equal(await closeCode(bench, { shard: [0, 1] }), 4011);
    bench.control.set({ guildCap: 6 });
    await bench.ready();
  });
});

Deno.test("§22.13 intents that are missing, no integer or undefined close with 4013", async () => {
  await Bench.run({}, async (bench) => {
    const undefinedBits = [17, 18, 19, 22, 23, 26, 30].map((bit) => 2 ** bit);
    for (const intents of [undefined, null, "1", 1.5, -1, [], 2 ** 31, 2 ** 40, 2 ** 53, ...undefinedBits]) {
      assert.equal(await closeCode(bench, { intents }), 4013, String(intents));
    }
  });
});

Deno.test("§22.13 each privileged intent closes with 4014 until it is granted, and 4013 wins over it", async () => {
  await Bench.run({}, async (bench) => {
    const grants = [[1, "guildMembersIntent"], [8, "guildPresencesIntent"], [
      15,
      "messageContentIntent",
    ]] as const;
    for (const [bit, grant] of grants) {
      const intents = 2 ** bit;
      assert.equal(await closeCode(bench, { intents }), 4014, grant);
      assert.equal(await closeCode(bench, { intents: intents | 2 ** 17 }), 4013, grant);
      bench.control.set({ [grant]: true });
      await bench.ready({ intents });
    }
    await bench.ready({ intents: ALL_INTENTS });
  });
});

Deno.test("§22.14 a second IDENTIFY, or a RESUME, on an authenticated socket closes with 4005 and keeps the session", async () => {
  await Bench.run({}, async (bench) => {
    for (const again of [identify, (client: Parameters<typeof resume>[0]) => resume(client, "whatever", 1)]) {
      const { client, sessionId } = await bench.ready();
      again(client);
      assert.equal((await client.closed()).code, 4005);
      assert.notEqual(bench.session(sessionId), undefined);
    }
  });
});

Deno.test("§22.14 so does a second IDENTIFY while READY is still to come", async () => {
  await Bench.run({ readyDelayMs: 10_000 }, async (bench) => {
    const client = await bench.greeted();
    identify(client);
    assert.deepEqual(await client.settle(), []);
    identify(client);
    assert.equal((await client.closed()).code, 4005);
  });
});

Deno.test("§22.15 two identifies of one bucket within 5 s: the second gets op 9 false", async () => {
  await Bench.run({ identifyWindowMs: 5_000, maxConcurrency: 2 }, async (bench) => {
    const [first, second, other] = [await bench.greeted(), await bench.greeted(), await bench.greeted()];
    identify(first, { shard: [0, 4] });
    await first.dispatch("READY");
    identify(second, { shard: [2, 4] });
    assert.equal((await second.expect(9)).d, false);
    identify(other, { shard: [1, 4] }); // another bucket
    await other.dispatch("READY");
    bench.clock.advance(4_999);
    identify(second, { shard: [2, 4] }); // the socket is still open
    assert.equal((await second.expect(9)).d, false);
    bench.clock.advance(1);
    identify(second, { shard: [2, 4] });
    await second.dispatch("READY");
  });
});

Deno.test("§22.16 an overspent quota ends all sessions, closes all sockets and kills the token until it is reset", async () => {
  await Bench.run({ sessionStartTotal: 4 }, async (bench) => {
    const one = await bench.ready({ shard: [0, 2] });
    const two = await bench.ready({ shard: [1, 2] });
    const away = await bench.ready();
    await away.client.close(4000);
    await bench.detached(away.sessionId);
    const refused = await bench.ready(); // its session is gone by op 9, its socket open
    bench.control.inject({ fault: "invalid-session", resumable: false, session: refused.sessionId });
    assert.equal((await refused.client.expect(9)).d, false);
    assert.equal(await closeCode(bench, {}), 4004);
    for (const { client } of [one, two, refused]) assert.equal((await client.closed()).code, 4004);
    assert.deepEqual(bench.control.state().sessions, []);
    assert.deepEqual(bench.control.state().connections, []);
    assert.equal(await closeCode(bench, {}), 4004);
    const answer = await fetch(`${bench.simulator.restUrl}/v10/users/@me`, {
      headers: { authorization: `Bot ${TOKEN}` },
    });
    assert.equal(answer.status, 401);
    await answer.body?.cancel();
    bench.control.resetAccount();
    await bench.ready();
    for (const { sessionId } of [one, away]) {
      assert.equal((await (await bench.resuming(sessionId, 1)).expect(9)).d, false);
    }
  });
});

Deno.test("§22.16 a spent quota does nothing before the next IDENTIFY that would start a session: others go on, and resume", async () => {
  await Bench.run({ sessionStartTotal: 1, identifyWindowMs: 5_000 }, async (bench) => {
    const { client, sessionId } = await bench.ready();
    assert.equal(await closeCode(bench, { intents: 2 ** 17 }), 4013);
    await client.close(4000);
    await bench.detached(sessionId);
    const resumed = await bench.resuming(sessionId, 1);
    await resumed.dispatch("RESUMED");
    assert.equal(bench.control.state().accounts[0]?.valid, true);
    // Its identify bucket is busy as well, and the quota is looked at first.
    assert.equal(await closeCode(bench, {}), 4004);
    assert.equal((await resumed.closed()).code, 4004);
  });
});

Deno.test("§22.16 closes a socket whose READY is still to come, and READY never comes", async () => {
  await Bench.run({ sessionStartTotal: 1, readyDelayMs: 10_000 }, async (bench) => {
    const waiting = await bench.greeted();
    identify(waiting);
    assert.deepEqual(await waiting.settle(), []);
    assert.equal(await closeCode(bench, {}), 4004);
    assert.equal((await waiting.closed()).code, 4004);
    bench.clock.advance(10_000);
    assert.deepEqual(bench.control.state().sessions, []);
  });
});

Deno.test("§22.16 leaves the sessions, the token and the quota of another bot alone", async () => {
  await Bench.run({ sessionStartTotal: 1, tokens: [TOKEN, "another-token"] }, async (bench) => {
    await bench.ready();
    const other = await bench.ready({ token: "another-token" });
    const stranger = await bench.greeted(); // has said nothing yet
    assert.equal(await closeCode(bench, {}), 4004);
    assert.deepEqual(await other.client.settle(), []);
    assert.deepEqual(await stranger.settle(), []);
    assert.deepEqual(bench.control.state().sessions.map(({ id }) => id), [other.sessionId]);
    assert.deepEqual(bench.control.state().accounts.map(({ valid }) => valid), [false, true]);
  });
});

Deno.test("§22.16 the quota is whole again after a day, a token that overspent it is not", async () => {
  await Bench.run(
    { sessionStartTotal: 1, heartbeatGraceIntervals: 1_000, heartbeatIntervalMs: 86_400_000 },
    async (bench) => {
      await bench.ready();
      bench.clock.advance(86_400_000);
      await bench.ready();
      assert.equal(await closeCode(bench, {}), 4004);
      bench.clock.advance(86_400_000);
      assert.equal(bench.control.state().accounts[0]?.valid, false);
      assert.equal(await closeCode(bench, {}), 4004);
    },
  );
});

Deno.test("§22.17 READY comes first, with the documented fields and a resume URL that is not the main one", async () => {
  await Bench.run({}, async (bench) => {
    const client = await bench.greeted();
    identify(client, { shard: [0, 2], intents: FREE_INTENTS });
    const ready = await client.next();
    assert.equal(ready.t, "READY");
    const { v, user, session_id, resume_gateway_url, shard, application } = ready.d;
    assert.equal(v, 10);
    assert.deepEqual(user, bench.control.world.user);
    assert.match(String(session_id), /^[0-9a-f]{32}$/);
    assert.equal(resume_gateway_url, bench.simulator.resumeGatewayUrl);
    assert.notEqual(resume_gateway_url, bench.simulator.gatewayUrl);
    assert.equal(new URL(String(resume_gateway_url)).search, "");
    assert.deepEqual(shard, [0, 2]);
    const { id, flags } = bench.control.world.application;
    assert.deepEqual(application, { id, flags });
  });
});

Deno.test("§22.17 READY says the resume URL by which clients are to come, where one is given", async () => {
  await Bench.run({ resumeUrl: "ws://127.0.0.1:1" }, async (bench) => {
    const client = await bench.greeted();
    identify(client, { shard: [0, 1], intents: FREE_INTENTS });
    assert.equal((await client.next()).d.resume_gateway_url, "ws://127.0.0.1:1");
  });
});

Deno.test("§22.17 shard is in READY only where IDENTIFY had it, and no two session ids are alike", async () => {
  await Bench.run({}, async (bench) => {
    const seen = new Set<string>();
    for (let index = 0; index < 10; index++) {
      const { ready, sessionId } = await bench.ready();
      assert.equal("shard" in ready.d, false);
      seen.add(sessionId);
    }
    assert.equal(seen.size, 10);
  });
});

Deno.test("§22.18 READY lists the guilds of the shard, all unavailable, and a GUILD_CREATE of each follows", async () => {
  await Bench.run({ guilds: 30 }, async (bench) => {
    const listed: string[] = [];
    for (const id of [0, 1, 2]) {
      const { client, ready } = await bench.ready({ shard: [id, 3], intents: GUILDS });
      const guilds = ready.d.guilds as { id: string; unavailable: boolean }[];
      const expected = bench.control.world.guildIds.filter((guild) => (guild >> 22n) % 3n === BigInt(id)).map(
        String,
      );
      assert.deepEqual(guilds, expected.map((guild) => ({ id: guild, unavailable: true })));
      const creates = await client.settle();
      assert.deepEqual(names(creates), expected.map(() => "GUILD_CREATE"));
      assert.deepEqual(creates.map(({ d }) => d.id), expected);
      listed.push(...expected);
    }
    assert.equal(new Set(listed).size, 30);
  });
});

Deno.test("§22.18 without GUILDS nothing follows READY", async () => {
  await Bench.run({}, async (bench) => {
    const { client, ready } = await bench.ready({ intents: FREE_INTENTS & ~GUILDS });
    assert.equal((ready.d.guilds as unknown[]).length, 6);
    assert.deepEqual(await client.settle(), []);
  });
});

Deno.test("§22.18 a guild that is down comes as GUILD_DELETE unavailable in place of GUILD_CREATE", async () => {
  await Bench.run({ guilds: 2 }, async (bench) => {
    const [up, down] = bench.control.world.guildIds as [bigint, bigint];
    bench.control.setGuildAvailable(down, false);
    const { client } = await bench.ready({ intents: GUILDS });
    const [create, gone] = await client.settle();
    assert.deepEqual([create?.t, create?.d.id], ["GUILD_CREATE", String(up)]);
    assert.deepEqual([gone?.t, gone?.d], ["GUILD_DELETE", { id: String(down), unavailable: true }]);
    bench.control.setGuildAvailable(down, true);
    assert.deepEqual(names(await client.settle()), ["GUILD_CREATE"]);
  });
});

Deno.test("§22.18 the vectors of the documentation belong to the shards it names", async () => {
  const { shardOfGuild } = await import("../../../simulator/event_world.ts");
  const vectors = [[41771983423143937n, 0, 6, 38], [81384788765712384n, 1, 2, 2], [
    613425648685547541n,
    2,
    8,
    56,
  ]] as const;
  for (const [guild, ofThree, ofSixteen, ofSixtyFour] of vectors) {
    assert.equal(shardOfGuild(guild, 3), ofThree);
    assert.equal(shardOfGuild(guild, 16), ofSixteen);
    assert.equal(shardOfGuild(guild, 64), ofSixtyFour);
  }
});

Deno.test("§22.19 numbers start at 1 with READY, rise by one per dispatch and by nothing else", async () => {
  await Bench.run({}, async (bench) => {
    const { client, ready, sessionId } = await bench.ready({ intents: GUILDS });
    assert.equal(ready.s, 1);
    bench.control.inject({ fault: "heartbeat" });
    bench.control.dispatch("TYPING_START", "{}");
    const payloads = await client.settle();
    assert.deepEqual(sequences(payloads.filter(({ op }) => op === 0)), [2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(sequences(payloads.filter(({ op }) => op !== 0)), [null]);
    await client.close(4000);
    await bench.detached(sessionId);
    const resumed = await bench.resuming(sessionId, 8);
    assert.equal((await resumed.dispatch("RESUMED")).s, 9);
    bench.control.dispatch("TYPING_START", "{}");
    assert.equal((await resumed.dispatch("TYPING_START")).s, 10);
    const fresh = await bench.ready();
    assert.equal(fresh.ready.s, 1);
  });
});

Deno.test("§22.20 sessions of the same shard and of other shard counts get a copy each, numbered for themselves", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const owner = Number((guild >> 22n) % 5n);
    const one = await bench.ready({ intents: 512 });
    const twin = await bench.ready({ intents: 512 });
    const fifth = await bench.ready({ intents: 512, shard: [owner, 5] });
    const stranger = await bench.ready({ intents: 512, shard: [(owner + 1) % 5, 5] });
    bench.control.dispatch("TYPING_START", "{}", { session: twin.sessionId }); // twin counts further
    bench.control.happen("MESSAGE_CREATE", guild);
    assert.deepEqual(sequences(await one.client.settle()), [2]);
    assert.deepEqual(sequences(await twin.client.settle()), [2, 3]);
    assert.deepEqual(sequences(await fifth.client.settle()), [2]);
    assert.deepEqual(await stranger.client.settle(), []);
  });
});

Deno.test("§22.20 what belongs to no guild reaches shard 0 only", async () => {
  await Bench.run({}, async (bench) => {
    const zero = await bench.ready({ intents: FREE_INTENTS & ~GUILDS, shard: [0, 2] });
    const one = await bench.ready({ intents: FREE_INTENTS & ~GUILDS, shard: [1, 2] });
    for (const name of ["ENTITLEMENT_CREATE", "SUBSCRIPTION_UPDATE", "USER_UPDATE"] as const) {
      bench.control.happen(name);
    }
    assert.equal((await zero.client.settle()).length, 3);
    assert.deepEqual(await one.client.settle(), []);
  });
});
