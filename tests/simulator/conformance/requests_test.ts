import assert from "node:assert/strict";
import { Bench, GRANTED, GUILD_MEMBERS, GUILD_PRESENCES, names } from "../bench.ts";

const ONLINE = { since: null, activities: [], status: "online", afk: false };

Deno.test("§22.32 the sixth presence update within 20 s is ignored in silence, and still counts as a frame sent", async () => {
  await Bench.run({ sendLimit: 9 }, async (bench) => {
    const { client, sessionId } = await bench.ready(); // frame 1
    for (let number = 1; number <= 6; number++) {
      client.send(3, { ...ONLINE, activities: [{ name: String(number), type: 0 }] });
    }
    assert.deepEqual(await client.settle(), []); // frame 8
    assert.deepEqual(bench.session(sessionId)?.presence?.activities, [{ name: "5", type: 0 }]);
    client.send(1, null);
    await client.expect(11);
    client.send(1, null);
    assert.equal((await client.closed()).code, 4008);
  });
});

Deno.test("§22.32 after 20 s presences are heeded again; they survive a resume and go with the session", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready({ presence: { ...ONLINE, status: "dnd" } });
    assert.equal(bench.session(sessionId)?.presence?.status, "dnd");
    for (let index = 0; index < 5; index++) client.send(3, ONLINE);
    await client.settle();
    bench.clock.advance(20_000);
    client.send(3, { ...ONLINE, status: "idle" });
    await client.settle();
    await client.close(4000);
    await bench.detached(sessionId);
    await (await bench.resuming(sessionId, 1)).dispatch("RESUMED");
    assert.equal(bench.session(sessionId)?.presence?.status, "idle");
    const fresh = await bench.ready();
    assert.equal(bench.session(fresh.sessionId)?.presence, null);
  });
});

Deno.test("§22.32 a presence of wrong types closes with 4002", async () => {
  await Bench.run({}, async (bench) => {
    for (
      const presence of [null, {}, { ...ONLINE, status: "busy" }, { ...ONLINE, activities: null }, {
        ...ONLINE,
        afk: 1,
      }]
    ) {
      const { client } = await bench.ready();
      client.send(3, presence);
      assert.equal((await client.closed()).code, 4002, JSON.stringify(presence));
    }
  });
});

Deno.test("§22.33 op 8 with neither or both of query and user_ids closes with 4001", async () => {
  await Bench.run({}, async (bench) => {
    const guild_id = String(bench.control.world.guildIds[0]);
    for (const d of [{ guild_id }, { guild_id, query: "", limit: 0, user_ids: ["1"] }]) {
      const { client } = await bench.ready();
      client.send(8, d);
      assert.equal((await client.closed()).code, 4001);
    }
  });
});

Deno.test("§22.33 a full list comes in chunks of at most 1000, numbered, with the nonce", async () => {
  const members = Array.from(
    { length: 2_345 },
    (_, index) => ({ user: { id: String(5_000_000 + index), username: `u${index}` } }),
  );
  await Bench.run({ ...GRANTED, guilds: 1 }, async (bench) => {
    Object.assign(bench.control.world, { members: () => members });
    const guild_id = String(bench.control.world.guildIds[0]);
    const { client } = await bench.ready({ intents: GUILD_MEMBERS });
    client.send(8, { guild_id, query: "", limit: 0, nonce: "a".repeat(32) });
    const chunks = await client.settle();
    assert.deepEqual(names(chunks), ["GUILD_MEMBERS_CHUNK", "GUILD_MEMBERS_CHUNK", "GUILD_MEMBERS_CHUNK"]);
    assert.deepEqual(
      chunks.map(({ d }) => [d.chunk_index, d.chunk_count, d.nonce]),
      [0, 1, 2].map((index) => [index, 3, "a".repeat(32)]),
    );
    assert.deepEqual(chunks.flatMap(({ d }) => d.members), members);
    assert.ok(chunks.every(({ d }) => (d.members as unknown[]).length <= 1_000 && d.guild_id === guild_id));
  });
});

Deno.test("§22.33 a full list without GUILD_MEMBERS, or of a guild elsewhere, gets no reply", async () => {
  await Bench.run({ ...GRANTED, guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const owner = Number((guild >> 22n) % 2n);
    const blind = await bench.ready({ shard: [owner, 2] });
    blind.client.send(8, { guild_id: String(guild), query: "", limit: 0 });
    assert.deepEqual(await blind.client.settle(), []);
    const elsewhere = await bench.ready({ intents: GUILD_MEMBERS, shard: [1 - owner, 2] });
    for (const guild_id of [String(guild), "1"]) elsewhere.client.send(8, { guild_id, query: "", limit: 0 });
    assert.deepEqual(await elsewhere.client.settle(), []);
  });
});

Deno.test("§22.33 user_ids bring who is there, and not_found who is not; a nonce above 32 bytes is dropped", async () => {
  await Bench.run({ ...GRANTED, guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const known = String((bench.control.world.members(guild)[0]?.user as { id: string }).id);
    const { client } = await bench.ready({ intents: GUILD_PRESENCES });
    const nonce = "é".repeat(17);
    client.send(8, {
      guild_id: String(guild),
      user_ids: [known, "99", "88888888888888888888"],
      presences: true,
      nonce,
    });
    const [chunk] = await client.settle();
    assert.deepEqual((chunk?.d.members as { user: { id: string } }[]).map(({ user }) => user.id), [known]);
    assert.deepEqual(chunk?.d.not_found, [99, "88888888888888888888"]);
    assert.equal((chunk?.d.presences as unknown[]).length, 1);
    assert.equal("nonce" in (chunk?.d ?? {}), false);
  });
});

Deno.test("§22.33 a prefix query brings at most 100 whose name begins so, one empty chunk where nobody's does", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const names = Array.from(
      { length: 150 },
      (_, index) => ({ nick: null, user: { id: String(index), username: `Anna${index}` } }),
    );
    Object.assign(bench.control.world, {
      members: () => [...names, { nick: "annika", user: { id: "500", username: "x" } }],
    });
    const guild_id = String(bench.control.world.guildIds[0]);
    const { client } = await bench.ready();
    for (
      const [query, limit, found] of [["anna", 0, 100], ["ANNA", 7, 7], ["annik", 5, 1], [
        "nobody",
        5,
        0,
      ]] as const
    ) {
      client.send(8, { guild_id, query, limit });
      const [chunk, ...more] = await client.settle();
      assert.deepEqual(more, []);
      assert.equal((chunk?.d.members as unknown[]).length, found, query);
      assert.deepEqual([chunk?.d.chunk_index, chunk?.d.chunk_count], [0, 1]);
    }
  });
});

Deno.test("§22.34 a second full list of a guild within 30 s yields RATE_LIMITED to whichever session asked", async () => {
  await Bench.run({ ...GRANTED, guilds: 2 }, async (bench) => {
    const [guild, other] = bench.control.world.guildIds.map(String);
    const one = await bench.ready({ intents: GUILD_MEMBERS });
    const two = await bench.ready({ intents: GUILD_MEMBERS });
    const full = { guild_id: guild, query: "", limit: 0 };
    one.client.send(8, full);
    assert.ok(names(await one.client.settle()).every((name) => name === "GUILD_MEMBERS_CHUNK"));
    bench.clock.advance(12_500);
    two.client.send(8, { ...full, nonce: "n" });
    const [limited, ...more] = await two.client.settle();
    assert.deepEqual(more, []);
    assert.equal(limited?.t, "RATE_LIMITED");
    assert.equal(limited?.s, 2);
    assert.deepEqual(limited?.d, { opcode: 8, retry_after: 17.5, meta: { guild_id: guild, nonce: "n" } });
    two.client.send(8, { guild_id: other, query: "", limit: 0 });
    two.client.send(8, { guild_id: guild, query: "a", limit: 1 });
    assert.equal(names(await two.client.settle()).includes("RATE_LIMITED"), false);
    bench.clock.advance(17_500);
    two.client.send(8, full);
    assert.equal(names(await two.client.settle()).includes("RATE_LIMITED"), false);
  });
});

Deno.test("§22.35 op 4 yields VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE, in either order", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const d = { guild_id: String(guild), channel_id: "123456789", self_mute: true, self_deaf: false };
    const { client } = await bench.ready({ intents: 128 });
    client.send(4, d);
    const [state, server] = await client.settle();
    assert.deepEqual([state?.t, state?.d.channel_id, state?.d.self_mute], [
      "VOICE_STATE_UPDATE",
      "123456789",
      true,
    ]);
    assert.equal(state?.d.user_id, bench.control.world.user.id);
    assert.deepEqual([server?.t, Object.keys(server?.d ?? {})], ["VOICE_SERVER_UPDATE", [
      "token",
      "guild_id",
      "endpoint",
    ]]);
    bench.control.set({ voiceServerFirst: true });
    client.send(4, d);
    assert.deepEqual(names(await client.settle()), ["VOICE_SERVER_UPDATE", "VOICE_STATE_UPDATE"]);
    client.send(4, { ...d, channel_id: null });
    assert.deepEqual(names(await client.settle()), ["VOICE_STATE_UPDATE"]);
    const without = await bench.ready();
    without.client.send(4, d);
    assert.deepEqual(names(await without.client.settle()), ["VOICE_SERVER_UPDATE"]);
  });
});

Deno.test("§22.35 op 31 yields one SOUNDBOARD_SOUNDS for each guild it knows", async () => {
  await Bench.run({ guilds: 3 }, async (bench) => {
    const guild_ids = bench.control.world.guildIds.map(String);
    const { client } = await bench.ready();
    client.send(31, { guild_ids: [...guild_ids, "5"] });
    const sounds = await client.settle();
    assert.deepEqual(names(sounds), guild_ids.map(() => "SOUNDBOARD_SOUNDS"));
    assert.deepEqual(sounds.map(({ d }) => d.guild_id), guild_ids);
  });
});

Deno.test("§22.35 op 43 yields one CHANNEL_INFO with only the fields asked for", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild_id = String(bench.control.world.guildIds[0]);
    const { client } = await bench.ready();
    for (const fields of [["status"], ["voice_start_time"], ["status", "voice_start_time"], []]) {
      client.send(43, { guild_id, fields });
      const [info, ...more] = await client.settle();
      assert.deepEqual([info?.t, info?.d.guild_id, more], ["CHANNEL_INFO", guild_id, []]);
      for (const channel of info?.d.channels as Record<string, unknown>[]) {
        assert.ok(Object.keys(channel).every((name) => name === "id" || fields.includes(name)));
      }
    }
  });
});

Deno.test("§22.35 requests are written down with their very text, by shard", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready({ shard: [1, 2] });
    const text = '{ "d":{"guild_ids":[]} ,"op":31, "n":12345678901234567890}';
    client.sendText(text);
    await client.settle();
    const [command, ...more] = bench.control.statistics.commands();
    assert.deepEqual(more, []);
    assert.deepEqual(command, { atMs: bench.clock.nowMs(), shard: 1, session: sessionId, op: 31, text });
  });
});
