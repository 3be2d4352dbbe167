import assert from "node:assert/strict";
import { lifePhrase, shortSession } from "../../../dashboard/shard/life_phrases.ts";
import { lifeFields } from "../../../gateway/adapters/redis/figures_text.ts";
import { lifeEvent } from "../../../gateway/figures/life.ts";
import type { LifeObservation } from "../../../gateway/figures/store.ts";
import { GAP_REASONS } from "../../../gateway/observation.ts";
import { closeCode, knownCloseCodes } from "../../../gateway/protocol/close_codes.ts";

const SESSION = "0123456789abcdef0123456789abcdef";

/** What the gateway would write of it, read back as a page reads it. */
function written(observation: LifeObservation): readonly [kind: string, data: unknown] {
  const [, kind, , data] = lifeFields(lifeEvent(observation, 0));
  return [String(kind), JSON.parse(String(data))];
}

const SENTENCES: readonly (readonly [observation: LifeObservation, sentence: string])[] = [
  [
    { kind: "shard.connecting", shard: 3, host: "gateway.discord.gg", attempt: 1 },
    "Connecting to gateway.discord.gg",
  ],
  [
    { kind: "shard.connecting", shard: 3, host: "gateway.discord.gg", attempt: 4 },
    "Connecting to gateway.discord.gg, try 4",
  ],
  [
    { kind: "shard.connected", shard: 3, heartbeatIntervalMs: 41_250 },
    "Connected, a heartbeat every 41.25 s",
  ],
  [{ kind: "shard.identifying", shard: 3 }, "Identifying: a new session"],
  [
    { kind: "shard.ready", shard: 3, session: SESSION, guilds: 1_812, resumable: true },
    "Ready: session 01234567… with 1,812 guilds",
  ],
  [
    { kind: "shard.ready", shard: 3, session: "", guilds: 1, resumable: false },
    "Ready: session with 1 guild, which cannot be resumed",
  ],
  [
    { kind: "shard.resuming", shard: 3, session: SESSION, sequence: 4711 },
    "Resuming session 01234567… after event 4,711",
  ],
  [{ kind: "shard.resumed", shard: 3, replayed: 12 }, "Resumed: 12 events repeated by Discord"],
  [
    { kind: "shard.disconnected", shard: 3, code: 4009, reason: "", by: "discord" },
    "Disconnected by Discord: 4009, session timed out",
  ],
  [
    { kind: "shard.disconnected", shard: 3, code: 4009, reason: "Session timed out.", by: "discord" },
    "Disconnected by Discord: 4009, session timed out (“Session timed out.”)",
  ],
  [
    { kind: "shard.disconnected", shard: 3, code: 4000, reason: "restart requested", by: "us" },
    "Disconnected by us: 4000, session kept (“restart requested”)",
  ],
  [
    { kind: "shard.disconnected", shard: 3, code: 1000, reason: "", by: "us" },
    "Disconnected by us: 1000, session ended",
  ],
  [
    { kind: "shard.disconnected", shard: 3, code: 1006, reason: "", by: "network" },
    "Disconnected by the network: 1006, connection dropped",
  ],
  [{ kind: "shard.reconnecting", shard: 3, delayMs: 0, resume: true }, "Connecting again at once, to resume"],
  [
    { kind: "shard.reconnecting", shard: 3, delayMs: 1_500, resume: false },
    "Connecting again in 1.5 s, for a new session",
  ],
  [{ kind: "shard.zombie", shard: 3 }, "A heartbeat was not answered: the connection is given up"],
  [
    { kind: "shard.silent", shard: 3, silentMs: 1_860_000, usualMs: 300_000 },
    "Silent for 31 min, where 5 min was the longest so far: the connection is given up",
  ],
  [{ kind: "shard.parked", shard: 3 }, "Parked: away until the broker has caught up"],
  [{ kind: "shard.unparked", shard: 3, parkedMs: 185_000 }, "No longer parked, after 3 min 5 s"],
  [
    {
      kind: "shard.gap",
      shard: 3,
      oldSession: SESSION,
      newSession: "fedcba98fedcba98",
      lastSequence: 4711,
      fromMs: 0,
      toMs: 1,
      reason: "restart_requested",
    },
    "Events are missing after 4,711 of session 01234567…: a new session was asked for",
  ],
  [
    {
      kind: "shard.gap",
      shard: 3,
      oldSession: SESSION,
      newSession: SESSION,
      lastSequence: 4710,
      fromMs: 0,
      toMs: 1,
      reason: "event_refused",
      sequence: 4711,
      type: "GUILD_CREATE",
    },
    "Event 4,711 (GUILD_CREATE) is missing: the broker refused it for good",
  ],
  [
    { kind: "shard.fatal", shard: 3, code: 4014, meaning: "disallowed intents" },
    "Discord refuses for good: 4014, disallowed intents",
  ],
];

Deno.test("lifePhrase() makes a sentence of everything that the gateway writes of a shard's life", () => {
  for (const [observation, sentence] of SENTENCES) {
    assert.equal(lifePhrase(...written(observation)).text, sentence);
  }
});

Deno.test("lifePhrase() spells out every close code of Discord's", () => {
  for (const code of knownCloseCodes()) {
    const { text } = lifePhrase("disconnected", { code, reason: "", by: "discord" });
    assert.equal(text, `Disconnected by Discord: ${code}, ${closeCode(code).meaning}`);
  }
});

Deno.test("lifePhrase() has words for every reason of a gap", () => {
  for (const reason of GAP_REASONS) {
    const { text, tone } = lifePhrase("gap", { reason });
    assert.doesNotMatch(text, /_/, reason);
    assert.equal(tone, "bad");
  }
});

Deno.test("lifePhrase() says what it can of garbage, on one line and within a bound", () => {
  const kinds = new Set(SENTENCES.map(([observation]) => written(observation)[0]));
  const long = "x".repeat(1_000_000);
  const garbage = [null, 7, "text", [], {}, { code: {}, reason: [], session: 8, host: null }, {
    code: Number.NaN,
    reason: `a\n\u202eb${long}`,
    host: long,
    session: long,
    old_session: long,
    type: long,
    meaning: long,
    sequence: 1e308,
  }];
  for (const kind of [...kinds, "", "no\nkind", long]) {
    for (const data of garbage) {
      const { text } = lifePhrase(kind, data);
      assert(text.length > 5 && text.length < 800, `${kind.slice(0, 20)}: ${text.length} characters`);
      assert.doesNotMatch(text, /[\n\u202e]|undefined|NaN|null|object/);
    }
  }
});

Deno.test("shortSession() never shows a whole id", () => {
  assert.equal(shortSession(SESSION), "01234567…");
  assert.equal(shortSession("01234567…"), "01234567…");
  assert.equal(shortSession("abcdef"), "abc…");
  assert.equal(shortSession(`${SESSION}…`), "01234567…");
  assert.equal(shortSession(""), "…");
});
