import assert from "node:assert/strict";
import { Bench, GRANTED, GUILD_MEMBERS, GUILD_PRESENCES, identify, names, TOKEN } from "../bench.ts";

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

Deno.test("§22.32 five are heeded in any 20 s, and what is ignored takes nobody's place", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready();
    const heeded: number[] = [];
    for (let number = 0; number < 12; number++) { // one every 3 s
      client.send(3, { ...ONLINE, since: number });
      await client.settle();
      if (bench.session(sessionId)?.presence?.since === number) heeded.push(number);
      bench.clock.advance(3_000);
    }
    // The first leaves the window at 20 s, so the one sent at 21 s is heeded.
    assert.deepEqual(heeded, [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]);
  });
});

Deno.test("§22.32 the window is 20 s to the millisecond, and IDENTIFY's presence is not counted", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready({ presence: ONLINE });
    for (const status of ["online", "online", "online", "online", "dnd"]) {
      client.send(3, { ...ONLINE, status });
    }
    await client.settle();
    assert.equal(bench.session(sessionId)?.presence?.status, "dnd");
    bench.clock.advance(19_999);
    client.send(3, { ...ONLINE, status: "idle" });
    await client.settle();
    assert.equal(bench.session(sessionId)?.presence?.status, "dnd");
    bench.clock.advance(1);
    client.send(3, { ...ONLINE, status: "idle" });
    await client.settle();
    assert.equal(bench.session(sessionId)?.presence?.status, "idle");
  });
});

Deno.test("§22.32 a presence survives a resume and goes with the session", async () => {
  await Bench.run({}, async (bench) => {
    const { client, sessionId } = await bench.ready({ presence: { ...ONLINE, status: "dnd" } });
    assert.equal(bench.session(sessionId)?.presence?.status, "dnd");
    client.send(3, { ...ONLINE, status: "idle" });
    await client.settle();
    await client.close(4000);
    await bench.detached(sessionId);
    const resumed = await bench.resuming(sessionId, 1);
    await resumed.dispatch("RESUMED");
    assert.equal(bench.session(sessionId)?.presence?.status, "idle");
    bench.control.inject({ fault: "invalid-session", resumable: false });
    await resumed.expect(9);
    assert.deepEqual(bench.control.state().sessions, []);
    identify(resumed);
    await resumed.dispatch("READY");
    assert.deepEqual(bench.control.state().sessions.map(({ presence }) => presence), [null]);
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
    for (
      const d of [{ guild_id }, { guild_id, limit: 5 }, { guild_id, query: "", limit: 0, user_ids: ["1"] }]
    ) {
      const { client } = await bench.ready();
      client.send(8, d);
      assert.equal((await client.closed()).code, 4001, JSON.stringify(d));
    }
  });
});

Deno.test("§22.33 a query needs a limit, and fields of wrong types close with 4002", async () => {
  await Bench.run({}, async (bench) => {
    const guild_id = String(bench.control.world.guildIds[0]);
    const faulty = [
      { guild_id, query: "" },
      { guild_id, query: 1, limit: 0 },
      { guild_id, query: "", limit: -1 },
      { guild_id: "guild", query: "", limit: 0 },
      { guild_id, user_ids: [{}] },
      { guild_id, user_ids: ["1"], presences: "yes" },
      { guild_id, user_ids: ["1"], nonce: 5 },
    ];
    for (const d of faulty) {
      const { client } = await bench.ready();
      client.send(8, d);
      assert.equal((await client.closed()).code, 4002, JSON.stringify(d));
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

Deno.test("§22.33 the last chunk is as full as the members make it", async () => {
  for (const [memberCount, sizes] of [[1, [1]], [1_000, [1_000]], [1_001, [1_000, 1]]] as const) {
    await Bench.run({ ...GRANTED, guilds: 1 }, async (bench) => {
      const members = Array.from({ length: memberCount }, (_, index) => ({ user: { id: String(index) } }));
      Object.assign(bench.control.world, { members: () => members });
      const { client } = await bench.ready({ intents: GUILD_MEMBERS });
      client.send(8, { guild_id: String(bench.control.world.guildIds[0]), query: "", limit: 0 });
      const chunks = await client.settle();
      assert.deepEqual(chunks.map(({ d }) => (d.members as unknown[]).length), sizes);
      assert.deepEqual(
        chunks.map(({ d }) => [d.chunk_index, d.chunk_count]),
        sizes.map((_, index) => [index, sizes.length]),
      );
    });
  }
});

Deno.test("§22.33 a nonce of 32 bytes is echoed and one of 33 dropped, whatever the letters", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild_id = String(bench.control.world.guildIds[0]);
    const { client } = await bench.ready();
    const echoed = async (nonce: string) => {
      client.send(8, { guild_id, user_ids: ["1"], nonce });
      const [chunk] = await client.settle();
      assert.equal(chunk?.t, "GUILD_MEMBERS_CHUNK");
      return chunk.d.nonce;
    };
    for (const nonce of ["", "a".repeat(32), "é".repeat(16)]) assert.equal(await echoed(nonce), nonce);
    for (const nonce of ["a".repeat(33), `${"é".repeat(16)}a`]) assert.equal(await echoed(nonce), undefined);
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
    for (const guild_id of [String(guild), "1"]) {
      elsewhere.client.send(8, { guild_id, query: "", limit: 0 });
      elsewhere.client.send(8, { guild_id, query: "a", limit: 5 });
      elsewhere.client.send(8, { guild_id, user_ids: ["1"] });
    }
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

Deno.test("§22.33 user_ids may be one, at most 100 are looked for, and presences need to be asked for and GUILD_PRESENCES", async () => {
  await Bench.run({ ...GRANTED, guilds: 1 }, async (bench) => {
    const guild_id = String(bench.control.world.guildIds[0]);
    const members = Array.from({ length: 150 }, (_, index) => ({ user: { id: String(2 ** 40 + index) } }));
    Object.assign(bench.control.world, { members: () => members });
    const ids = members.map(({ user }) => user.id);
    const { client } = await bench.ready();
    client.send(8, { guild_id, user_ids: ids[7], presences: true });
    const [one] = await client.settle();
    assert.deepEqual(one?.d.members, [members[7]]);
    assert.deepEqual(one?.d.not_found, []);
    assert.equal("presences" in one.d, false);
    client.send(8, { guild_id, user_ids: ids });
    const [many, ...more] = await client.settle();
    assert.deepEqual(many?.d.members, members.slice(0, 100));
    assert.deepEqual(more, []);
    const entitled = await bench.ready({ intents: GUILD_PRESENCES });
    entitled.client.send(8, { guild_id, user_ids: ids[7] });
    const [unasked] = await entitled.client.settle();
    assert.equal("presences" in (unasked?.d ?? {}), false);
  });
});

Deno.test("§22.33 of several guilds only the first is served", async () => {
  await Bench.run({ guilds: 2 }, async (bench) => {
    const guild_id = bench.control.world.guildIds.map(String);
    const { client } = await bench.ready();
    client.send(8, { guild_id, user_ids: ["1"] });
    assert.deepEqual((await client.settle()).map(({ d }) => d.guild_id), guild_id.slice(0, 1));
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
    two.client.send(8, { guild_id: guild, query: "a", limit: 1 });
    two.client.send(8, { guild_id: guild, user_ids: ["1"] });
    two.client.send(8, { guild_id: other, query: "", limit: 0 });
    const [prefix, ids, ...others] = await two.client.settle();
    for (const chunk of [prefix, ids]) {
      assert.deepEqual([chunk?.t, chunk?.d.guild_id], ["GUILD_MEMBERS_CHUNK", guild]);
    }
    assert.ok(others.length > 0);
    assert.ok(others.every(({ t, d }) => t === "GUILD_MEMBERS_CHUNK" && d.guild_id === other));
    bench.clock.advance(17_499);
    two.client.send(8, full);
    const [still] = await two.client.settle();
    assert.deepEqual(still?.d, { opcode: 8, retry_after: 0.001, meta: { guild_id: guild } });
    bench.clock.advance(1);
    two.client.send(8, full);
    assert.ok(names(await two.client.settle()).every((name) => name === "GUILD_MEMBERS_CHUNK"));
  });
});

Deno.test("§22.34 neither another bot nor a request without a reply takes the place of a full list", async () => {
  await Bench.run({ ...GRANTED, guilds: 1, tokens: [TOKEN, "another-token"] }, async (bench) => {
    const full = { guild_id: String(bench.control.world.guildIds[0]), query: "", limit: 0 };
    const blind = await bench.ready();
    blind.client.send(8, full);
    assert.deepEqual(await blind.client.settle(), []);
    for (const token of [TOKEN, "another-token"]) {
      const { client } = await bench.ready({ token, intents: GUILD_MEMBERS });
      client.send(8, full);
      const chunks = names(await client.settle());
      assert.ok(chunks.length > 0 && chunks.every((name) => name === "GUILD_MEMBERS_CHUNK"), token);
    }
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

Deno.test("§22.35 op 4: all sessions that may see it are told of the state, only the one that asked of the server", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const owner = Number((guild >> 22n) % 2n);
    const d = { guild_id: String(guild), channel_id: "123456789", self_mute: false, self_deaf: true };
    const asking = await bench.ready({ intents: 128 });
    const watching = await bench.ready({ intents: 128, shard: [owner, 2] });
    const elsewhere = await bench.ready({ intents: 128, shard: [1 - owner, 2] });
    asking.client.send(4, d);
    const [state] = await asking.client.settle();
    assert.deepEqual([state?.d.self_mute, state?.d.self_deaf], [false, true]);
    assert.equal(typeof state?.d.session_id, "string");
    assert.deepEqual(names(await watching.client.settle()), ["VOICE_STATE_UPDATE"]);
    elsewhere.client.send(4, d); // for a guild of another shard
    assert.deepEqual(await elsewhere.client.settle(), []);
    assert.deepEqual(await asking.client.settle(), []);
  });
});

Deno.test("§22.35 op 31 yields one SOUNDBOARD_SOUNDS for each guild it knows, however often it is named", async () => {
  await Bench.run({ guilds: 8 }, async (bench) => {
    const { guildIds } = bench.control.world;
    const own = guildIds.filter((id) => (id >> 22n) % 2n === 0n).map(String);
    assert.ok(own.length > 0 && own.length < guildIds.length);
    const { client } = await bench.ready({ shard: [0, 2] });
    client.send(31, { guild_ids: [...guildIds.map(String), "5", ...own] });
    const sounds = await client.settle();
    assert.deepEqual(names(sounds), own.map(() => "SOUNDBOARD_SOUNDS"));
    assert.deepEqual(sounds.map(({ d }) => d.guild_id), own);
    assert.ok(sounds.every(({ d }) => Array.isArray(d.soundboard_sounds)));
  });
});

Deno.test("§22.35 op 43 yields one CHANNEL_INFO with every voice channel and only the fields asked for", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const voice = bench.control.world.channels(guild).filter(({ type }) => type === 2).map(({ id }) => id);
    assert.ok(voice.length > 0);
    const { client } = await bench.ready();
    for (const fields of [["status"], ["voice_start_time"], ["status", "voice_start_time"], [], ["name"]]) {
      client.send(43, { guild_id: String(guild), fields });
      const [info, ...more] = await client.settle();
      assert.deepEqual([info?.t, info?.d.guild_id, more], ["CHANNEL_INFO", String(guild), []]);
      const channels = info?.d.channels as Record<string, unknown>[];
      assert.deepEqual(channels.map(({ id }) => id), voice);
      const expected = ["id", ...fields.filter((field) => field !== "name")];
      for (const channel of channels) assert.deepEqual(Object.keys(channel), expected);
    }
  });
});

Deno.test("§22.35 op 43 for a guild of another shard gets no reply", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const { client } = await bench.ready({ shard: [1 - Number((guild >> 22n) % 2n), 2] });
    for (const guild_id of [String(guild), "5"]) client.send(43, { guild_id, fields: ["status"] });
    assert.deepEqual(await client.settle(), []);
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
