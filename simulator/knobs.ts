/**
 * Everything about the simulated Discord that can be changed while it runs.
 *
 * @module
 */
import { isCloseCode } from "./close_codes.ts";

/** All durations in milliseconds. Where Discord publishes no number, the default is a decision of this simulator. */
export interface Knobs {
  heartbeatIntervalMs: number;
  heartbeatGraceIntervals: number;
  heartbeatCloseCode: number;
  acknowledgeHeartbeats: boolean;
  keepSessionOn: readonly number[];
  dropSessionOn: readonly number[];
  sessionTtlMs: number;
  replayBufferEvents: number;
  trimReplay: boolean;
  maxPayloadBytes: number;
  sendLimit: number;
  sendWindowMs: number;
  identifyWindowMs: number;
  maxConcurrency: number;
  sessionStartTotal: number;
  presenceLimit: number;
  presenceWindowMs: number;
  memberRequestWindowMs: number;
  guildCap: number;
  shardMultiple: number;
  recommendedShards: number;
  guildMembersIntent: boolean;
  guildPresencesIntent: boolean;
  messageContentIntent: boolean;
  zlibStream: boolean;
  zstdStream: boolean;
  shuffleKeys: boolean;
  splitMessages: number;
  zlibLevel: number;
  readyDelayMs: number;
  reconnectGraceMs: number;
  compressThresholdBytes: number;
  voiceServerFirst: boolean;
  refuseMain: boolean;
  refuseResume: boolean;
  sendBufferMaxBytes: number;
  eventsPerSecond: number;
  paused: boolean;
  messageLimit: number;
  messageWindowMs: number;
  globalRestLimit: number;
  oauthCodeTtlMs: number;
  oauthTokenTtlMs: number;
}

type KnobValue = Knobs[keyof Knobs];

interface KnobRule<Value extends KnobValue> {
  readonly default: Value;
  /** What it does, in one line. */
  readonly help: string;
  /** Least and greatest number allowed; whole numbers only, unless `fraction`. A number without it is a close code. */
  readonly range?: readonly [number, number];
  readonly fraction?: boolean;
  /** Name on the command line, where it is not that of the knob. */
  readonly flag?: string;
}

const DAY_MS = 86_400_000;

/** The one list from which defaults, checks, command line and help all come. */
export const KNOB_RULES: { readonly [Name in keyof Knobs]: KnobRule<Knobs[Name]> } = {
  heartbeatIntervalMs: {
    default: 41_250,
    range: [1, DAY_MS],
    help: "heartbeat interval that HELLO asks for",
  },
  heartbeatGraceIntervals: {
    default: 2,
    range: [0.1, 1_000],
    fraction: true,
    help: "intervals without a heartbeat after which the server closes",
  },
  heartbeatCloseCode: { default: 4009, help: "close code of that" },
  acknowledgeHeartbeats: { default: true, help: "answer heartbeats" },
  keepSessionOn: {
    default: [],
    help: "close codes of the server that keep the session, against the default",
  },
  dropSessionOn: { default: [], help: "close codes of the server that end the session, against the default" },
  sessionTtlMs: {
    default: 120_000,
    range: [0, DAY_MS],
    help: "how long a session without a connection is kept",
  },
  replayBufferEvents: {
    default: 0,
    range: [0, 10_000_000],
    help: "events kept for a resume; 0 = max(100, min(3500, 75 per guild))",
  },
  trimReplay: { default: false, help: "forget events that a heartbeat or RESUME has acknowledged" },
  maxPayloadBytes: { default: 4_096, range: [1, 1_000_000], help: "largest frame taken from a client" },
  sendLimit: { default: 120, range: [1, 1_000_000], help: "frames a connection may send per window" },
  sendWindowMs: { default: 60_000, range: [1, DAY_MS], help: "that window, sliding" },
  identifyWindowMs: { default: 5_000, range: [0, DAY_MS], help: "time between two identifies of one bucket" },
  maxConcurrency: { default: 1, range: [1, 10_000], help: "number of identify buckets" },
  sessionStartTotal: { default: 1_000, range: [0, 1_000_000], help: "identifies allowed per day" },
  presenceLimit: { default: 5, range: [0, 1_000_000], help: "presence updates heeded per window" },
  presenceWindowMs: { default: 20_000, range: [1, DAY_MS], help: "that window, sliding" },
  memberRequestWindowMs: {
    default: 30_000,
    range: [0, DAY_MS],
    help: "time between two full member lists of one guild",
  },
  guildCap: { default: 2_500, range: [0, 1_000_000], help: "guilds a shard may hold" },
  shardMultiple: {
    default: 1,
    range: [1, 100_000],
    help: "number of which a shard count must be a multiple",
  },
  recommendedShards: {
    default: 1,
    range: [1, 100_000],
    flag: "shards",
    help: "shard count that GET /gateway/bot recommends",
  },
  guildMembersIntent: { default: false, help: "the app may ask for GUILD_MEMBERS" },
  guildPresencesIntent: { default: false, help: "the app may ask for GUILD_PRESENCES" },
  messageContentIntent: { default: false, help: "the app may ask for MESSAGE_CONTENT" },
  zlibStream: { default: true, help: "let clients ask for zlib-stream" },
  zstdStream: { default: true, help: "let clients ask for zstd-stream" },
  shuffleKeys: { default: false, help: "write the keys of payloads, and of their d, in random order" },
  splitMessages: {
    default: 1,
    range: [1, 1_000],
    help: "WebSocket messages into which zlib-stream cuts a payload",
  },
  zlibLevel: {
    default: 6,
    range: [1, 9],
    help: "how hard a new connection's zlib-stream compresses: 1 fastest",
  },
  readyDelayMs: { default: 0, range: [0, DAY_MS], help: "time from IDENTIFY to READY" },
  reconnectGraceMs: {
    default: 3_000,
    range: [0, DAY_MS],
    help: "time from an op 7 to the server's own close",
  },
  compressThresholdBytes: {
    default: 1_024,
    range: [0, 1_000_000_000],
    help: "payload size above which compress:true in IDENTIFY compresses",
  },
  voiceServerFirst: {
    default: false,
    help: "answer op 4 with VOICE_SERVER_UPDATE before VOICE_STATE_UPDATE",
  },
  refuseMain: { default: false, help: "refuse new gateway connections on the main URL" },
  refuseResume: { default: false, help: "refuse new gateway connections on the resume URL" },
  sendBufferMaxBytes: {
    default: 268_435_456,
    range: [1, Number.MAX_SAFE_INTEGER],
    help: "unsent bytes at which a connection that does not read is cut",
  },
  eventsPerSecond: {
    default: 0,
    range: [0, 100_000],
    fraction: true,
    flag: "rate",
    help: "events generated per second, over all guilds",
  },
  paused: { default: false, help: "generate nothing, whatever the rate" },
  messageLimit: {
    default: 5,
    range: [1, 1_000_000],
    help: "messages that REST takes per channel and window",
  },
  messageWindowMs: { default: 5_000, range: [1, DAY_MS], help: "that window" },
  globalRestLimit: {
    default: 50,
    range: [0, 1_000_000],
    help: "REST requests per second of a bot; 0 = no limit",
  },
  oauthCodeTtlMs: {
    // What Discord's staff said in its issue tracker (discord-api-docs, #2526); the documentation is silent.
    default: 100_000,
    range: [0, DAY_MS],
    help: "how long an OAuth2 code can be exchanged",
  },
  oauthTokenTtlMs: {
    // The expires_in of the documentation's example.
    default: 7 * DAY_MS,
    range: [0, 365 * DAY_MS],
    help: "how long an OAuth2 access token is good",
  },
};

export const KNOB_NAMES = Object.keys(KNOB_RULES) as readonly (keyof Knobs)[];

/** The name of a knob on the command line, without the dashes before it. */
export function flagOf(name: keyof Knobs): string {
  return KNOB_RULES[name].flag ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A setting that does not exist, or a value it does not take. */
export class KnobError extends Error {
  override name = "KnobError";
}

/**
 * The settings in `changes`, checked one by one; names that are left out are left out of the result.
 * Throws {@link KnobError} where a name or value is wrong.
 */
export function parseKnobs(changes: Readonly<Record<string, unknown>>): Partial<Knobs> {
  for (const [name, value] of Object.entries(changes)) {
    if (!isKnob(name)) throw new KnobError(`Cannot set ${name}: there is no such setting`);
    const rule: KnobRule<KnobValue> = KNOB_RULES[name];
    if (!accepts(rule, value)) {
      throw new KnobError(`Cannot set ${name}: it takes ${expectation(rule)}, not ${JSON.stringify(value)}`);
    }
  }
  return { ...changes } as Partial<Knobs>;
}

function accepts({ default: example, range, fraction }: KnobRule<KnobValue>, value: unknown): boolean {
  if (typeof example === "boolean") return typeof value === "boolean";
  if (typeof example === "object") return Array.isArray(value) && value.every(isCloseCode);
  if (range === undefined) return isCloseCode(value);
  return typeof value === "number" && value >= range[0] && value <= range[1] &&
    (fraction === true || Number.isInteger(value));
}

/** What a knob takes, in words. */
function expectation({ default: example, range, fraction }: KnobRule<KnobValue>): string {
  if (typeof example === "boolean") return "true or false";
  if (typeof example === "object") return "a list of close codes";
  if (range === undefined) return "a close code";
  return `a ${fraction ? "number" : "whole number"} from ${range[0]} to ${range[1]}`;
}

/** Every setting at its default, save for those in `changes`. Throws {@link KnobError}. */
export function createKnobs(changes: Readonly<Record<string, unknown>> = {}): Knobs {
  const defaults = Object.fromEntries(KNOB_NAMES.map((name) => [name, KNOB_RULES[name].default]));
  return { ...defaults, ...parseKnobs(changes) } as unknown as Knobs;
}

function isKnob(name: string): name is keyof Knobs {
  return Object.hasOwn(KNOB_RULES, name);
}
