/**
 * Reads the fleet from Redis. Anything there may be garbage: it is skipped and named, and stops nothing.
 *
 * @module
 */
import type { ChainableCommander } from "ioredis";
import type { Clock } from "../../gateway/clock.ts";
import { oneLine } from "../../gateway/one_line.ts";
import { isSessionId } from "../../gateway/protocol/session_id.ts";
import { isShardCount, SHARDS_MOST } from "../../gateway/protocol/shard_count.ts";
import {
  BANK_KEYS,
  REPLICAS_KEY,
  RESHARD_KEY,
  STARTED_KEY,
  STATUSES_KEY,
  TOTAL_KEY,
} from "../contract_keys.ts";
import { isCount, isObject, isTime, parsed } from "../json_checks.ts";
import type { DashboardRedis } from "../redis.ts";
import type { Bank } from "../resharding/reshard.ts";
import {
  PLAN_FIELD,
  readReshard,
  type ReshardReading,
  type ReshardTexts,
} from "../resharding/reshard_text.ts";
import { timestampMs } from "../timestamp.ts";
import {
  type Backlog,
  type CellState,
  type FleetPart,
  type FleetReplica,
  type FleetShard,
  type FleetSnapshot,
  type FleetSums,
  type IdentifyBudget,
  isGatewayAway,
  type ShardRanges,
  type Spool,
} from "./fleet_snapshot.ts";
import { HISTORY_SECONDS } from "./history_reader.ts";
import { LastWords } from "./last_words.ts";
import { LeasesReader, type SeenLeases } from "./leases_reader.ts";

/** Some hundred bytes for each of the most shards that there can be. */
const STATUSES_MAX_BYTES = SHARDS_MOST * 256;
/** A start time, a total. */
const SHORT_MAX_BYTES = 64;
const REPLICAS_MAX = 100;
/** One for each process that takes part in a change of the number of shards, and the plan. */
const RESHARD_FIELDS_MAX = 1_000;
/** A replica whose every second shard waits names half of ten thousand ranges. */
const REPLICA_MAX_LENGTH = 1024 * 1024;
const NAME_MAX_LENGTH = 100;
const VERSION_MAX_LENGTH = 40;
const MEMBER_MAX_LENGTH = 200;
/** So much of a session's id tells one from another, and resumes nothing. */
const SESSION_SHOWN_LENGTH = 8;
/** One line each says enough. */
const PROBLEMS_MAX = 20;
/** A replica that was heard so much earlier than another is not there any more. */
const CURRENT_WITHIN_MS = 60_000;
/** One that is not there any more is told of for as long as its history is shown. */
const GONE_AFTER_MS = HISTORY_SECONDS * 1_000;

/** The contract's words; a shard that waits or is parked is told apart by what the replicas say. */
const STATES: ReadonlyMap<unknown, CellState> = new Map([
  ["Connected", "connected"],
  ["Resuming", "resuming"],
  ["Identifying", "identifying"],
  ["Handshaking", "handshaking"],
  ["Disconnected", "disconnected"],
]);

export class FleetReader {
  readonly #redis: DashboardRedis;
  readonly #clock: Clock;
  readonly #lastWords: LastWords;
  readonly #leases: LeasesReader;
  #reading: Promise<FleetSnapshot> | null = null;

  constructor({ redis, clock }: { readonly redis: DashboardRedis; readonly clock: Clock }) {
    this.#redis = redis;
    this.#clock = clock;
    this.#lastWords = new LastWords(clock);
    this.#leases = new LeasesReader({ redis, clock });
  }

  /**
   * The fleet as it is now. Whoever asks while it is being read gets the same snapshot: at ten thousand shards it is
   * more than a megabyte. Rejects with a RedisAwayError.
   */
  read(): Promise<FleetSnapshot> {
    this.#reading ??= this.#read().finally(() => this.#reading = null);
    return this.#reading;
  }

  async #read(): Promise<FleetSnapshot> {
    const problems = new Problems();
    const tell = (problem: string) => problems.add(problem);
    const texts = await this.#redis.ask((redis) => readTexts(redis.multi(), problems));
    const resharding = readReshard(texts.reshard, tell);
    const leases = await this.#leases.read(resharding.bank, tell);
    const entries = readReplicas(texts.replicas, problems);
    const agoMs = this.#lastWords.agoMs(new Map(entries.map(({ field, heardAtMs }) => [field, heardAtMs])));
    return this.#snapshot({ texts, resharding, heard: heardReplicas(entries, agoMs), leases, problems });
  }

  #snapshot({ texts, resharding, heard, leases, problems }: FleetReading): FleetSnapshot {
    const atMs = this.#clock.wallMs();
    const source = sourceOf(texts, resharding.bank);
    const replicas = judged(heard, source, leases);
    const current = replicas.filter((replica) => replica.isCurrent);
    const entries = readStatuses(texts.statuses, problems);
    const total = readTotal(texts.total, problems);
    const shards = readShards(entries, total, current, problems);
    const startedAtMs = readStarted(texts.started, problems);
    const agoMs = current.map((replica) => replica.heardAgoMs);
    return Object.freeze({
      atMs,
      source,
      startedAtMs,
      total,
      shards: Object.freeze(shards),
      replicas: Object.freeze(replicas),
      // What our gateway left behind says nothing of another's shards.
      unheld: this.#leases.unheld(leases, source === "shardline" ? total : null),
      sums: sumsOf(current, atMs),
      reshard: source === "shardline" ? resharding.reshard : null,
      heardAgoMs: agoMs.length === 0 ? null : Math.min(...agoMs),
      problems: Object.freeze(problems.lines),
    });
  }
}

/** What was skipped; the first of it in words. */
class Problems {
  readonly #lines: string[] = [];
  #more = 0;

  add(line: string): void {
    if (this.#lines.length < PROBLEMS_MAX) this.#lines.push(line);
    else this.#more += 1;
  }

  get lines(): readonly string[] {
    return this.#more === 0 ? this.#lines : [...this.#lines, `and ${this.#more} more`];
  }
}

/** The raw values; empty where there is nothing. */
interface FleetTexts {
  readonly statuses: string;
  readonly total: string;
  readonly started: string;
  readonly ownStarted: Readonly<Record<Bank, string>>;
  readonly replicas: Fields;
  readonly reshard: ReshardTexts;
}

type Fields = readonly (readonly [field: string, text: string])[];

/** All that a snapshot is made from. */
interface FleetReading {
  readonly texts: FleetTexts;
  readonly resharding: ReshardReading;
  readonly heard: readonly HeardReplica[];
  readonly leases: SeenLeases;
  readonly problems: Problems;
}

/** All of one moment, in one round trip. No key is read further than what can be right is long. */
async function readTexts(commands: ChainableCommander, problems: Problems): Promise<FleetTexts> {
  const texts = [
    [STATUSES_KEY, STATUSES_MAX_BYTES],
    [TOTAL_KEY, SHORT_MAX_BYTES],
    [STARTED_KEY, SHORT_MAX_BYTES],
    [BANK_KEYS.a.started, SHORT_MAX_BYTES],
    [BANK_KEYS.b.started, SHORT_MAX_BYTES],
  ] as const;
  for (const [key, maxBytes] of texts) commands.getrange(key, 0, maxBytes);
  commands.hscan(REPLICAS_KEY, 0, "COUNT", REPLICAS_MAX);
  commands.hscan(RESHARD_KEY, 0, "COUNT", RESHARD_FIELDS_MAX);
  commands.hget(RESHARD_KEY, PLAN_FIELD);
  const answers = await commands.exec() ?? [];
  const answer = (index: number, key: string): unknown => {
    const [error, value] = answers[index] ?? [];
    if (error) problems.add(`${key} is of a wrong type`);
    return value;
  };
  const text = (index: number) => {
    const value = answer(index, texts[index]?.[0] ?? "");
    return typeof value === "string" ? value : "";
  };
  // Of a wrong type where the scan before it is.
  const plan = answers[texts.length + 2]?.[1];
  return {
    statuses: text(0),
    total: text(1),
    started: text(2),
    ownStarted: { a: text(3), b: text(4) },
    replicas: fieldsOf(answer(texts.length, REPLICAS_KEY), [REPLICAS_KEY, REPLICAS_MAX], problems),
    reshard: {
      fields: fieldsOf(answer(texts.length + 1, RESHARD_KEY), [RESHARD_KEY, RESHARD_FIELDS_MAX], problems),
      plan: typeof plan === "string" ? plan : null,
    },
  };
}

/** @param answer Of HSCAN: where it stopped, then fields and values in turn. */
function fieldsOf(
  answer: unknown,
  [key, most]: readonly [key: string, most: number],
  problems: Problems,
): [field: string, text: string][] {
  if (!Array.isArray(answer) || !Array.isArray(answer[1])) return [];
  const [cursor, items] = answer;
  const fields: [string, string][] = [];
  for (let index = 0; index + 1 < items.length; index += 2) {
    fields.push([String(items[index]), String(items[index + 1])]);
  }
  if (cursor !== "0" || fields.length > most) problems.add(`${key} has more than ${most} fields`);
  return fields.slice(0, most);
}

function sourceOf(texts: FleetTexts, bank: Bank): FleetSnapshot["source"] {
  const { started, statuses, replicas } = texts;
  const ownStarted = texts.ownStarted[bank];
  if (started !== "") return started === ownStarted ? "shardline" : "other";
  if (ownStarted !== "" || replicas.length > 0) return "shardline";
  return statuses === "" ? "none" : "other";
}

function readTotal(text: string, problems: Problems): number | null {
  if (text === "") return null;
  const total = Number(text);
  if (/^[1-9]\d*$/.test(text) && total <= SHARDS_MOST) return total;
  problems.add(`${TOTAL_KEY} is no number of shards`);
  return null;
}

function readStarted(text: string, problems: Problems): number | null {
  if (text === "") return null;
  const started = parsed(text);
  const atMs = typeof started === "string" ? timestampMs(started) : null;
  if (atMs === null) problems.add(`${STARTED_KEY} is no time`);
  return atMs;
}

function readStatuses(text: string, problems: Problems): readonly unknown[] {
  if (text === "") return [];
  const entries = text.length > STATUSES_MAX_BYTES ? undefined : parsed(text);
  if (Array.isArray(entries)) return entries;
  problems.add(`${STATUSES_KEY} is no JSON array`);
  return [];
}

/** One for each shard that there is, whether it has an entry or not. */
function readShards(
  entries: readonly unknown[],
  total: number | null,
  current: readonly FleetReplica[],
  problems: Problems,
): FleetShard[] {
  const shards: FleetShard[] = [];
  const bound = total ?? SHARDS_MOST;
  for (const entry of entries) {
    if (!isObject(entry) || !isCount(entry.shard) || entry.shard >= bound) {
      problems.add(`${STATUSES_KEY} holds an entry that names no shard below the total`);
    } else shards[entry.shard] = readShard(entry.shard, entry, problems);
  }
  const count = total ?? shards.length;
  for (let shard = 0; shard < count; shard++) {
    shards[shard] ??= Object.freeze({
      shard,
      state: "unknown",
      latencyMs: null,
      lastAckAtMs: null,
      session: null,
    });
  }
  for (const { waiting, parked } of current) {
    mark(shards, waiting, "waiting");
    mark(shards, parked, "parked");
  }
  return shards;
}

function readShard(
  shard: number,
  { status, latency, last_ack, session }: Readonly<Record<string, unknown>>,
  problems: Problems,
): FleetShard {
  const wrong = (name: string) => problems.add(`${STATUSES_KEY}: shard ${shard} has a wrong ${name}`);
  const state = STATES.get(status);
  if (state === undefined) wrong("status");
  if (!isTime(latency)) wrong("latency");
  const lastAckAtMs = typeof last_ack === "string" ? timestampMs(last_ack) : null;
  if (lastAckAtMs === null) wrong("last_ack");
  const hasSession = typeof session === "string" && session !== "";
  if (hasSession && !isSessionId(session)) wrong("session");
  return Object.freeze({
    shard,
    state: state ?? "unknown",
    latencyMs: isTime(latency) && latency > 0 ? latency : null,
    lastAckAtMs,
    session: hasSession && isSessionId(session) ? shortened(session) : null,
  });
}

/** Never the whole of it, however short it is. */
function shortened(session: string): string {
  return `${session.slice(0, Math.min(SESSION_SHOWN_LENGTH, Math.floor(session.length / 2)))}…`;
}

/** Says why shards are away. Those that are not are told of by the next entry of their replica. */
function mark(shards: FleetShard[], ranges: ShardRanges, state: CellState): void {
  for (const [first, last] of ranges) {
    for (let id = first; id <= last && id < shards.length; id++) {
      const shard = shards[id];
      if (shard?.state === "disconnected") shards[id] = Object.freeze({ ...shard, state });
    }
  }
}

/** The tenth comes behind the second. */
const BY_NAME = new Intl.Collator("en", { numeric: true });

/** A replica of which it is not known yet whether it counts, nor what others say of it. */
interface HeardReplica extends Omit<FleetReplica, "isCurrent" | "fleet"> {
  readonly fleet: Omit<FleetPart, "isLead"> | null;
}

/** What a replica says of itself. */
interface ReplicaEntry extends Omit<HeardReplica, "heardAgoMs"> {
  /** By its own clock. */
  readonly heardAtMs: number;
}

function readReplicas(fields: Fields, problems: Problems): ReplicaEntry[] {
  return fields.map(([field, text]) => readReplica(field, text, problems)).filter((entry) => entry !== null);
}

function heardReplicas(
  entries: readonly ReplicaEntry[],
  agoMs: ReadonlyMap<string, number>,
): HeardReplica[] {
  return entries.map(({ heardAtMs: _, ...entry }) => {
    return { ...entry, heardAgoMs: agoMs.get(entry.field) ?? 0 };
  });
}

/** None is current where another service runs the shards: what ours has left behind says nothing of them. */
function judged(
  replicas: readonly HeardReplica[],
  source: FleetSnapshot["source"],
  { isWhole, lead, members }: SeenLeases,
): FleetReplica[] {
  const there = replicas.filter(({ isStopped }) => !isStopped).map(({ heardAgoMs }) => heardAgoMs);
  const newest = Math.min(...there);
  return replicas
    .map((replica) => {
      const isThere = !replica.isStopped && replica.heardAgoMs - newest <= CURRENT_WITHIN_MS;
      // Killed, and another started in its place.
      const isSucceeded = isGatewayAway(replica) && replicas.some((other) => succeeds(other, replica));
      const { fleet } = replica;
      // Its shards are others' by now. Where none is left, its last word is the fleet's.
      const isGone = isWhole && isGatewayAway(replica) && newest < replica.heardAgoMs && fleet !== null &&
        members.get(fleet.member) !== null;
      return Object.freeze({
        ...replica,
        fleet: fleet && { ...fleet, isLead: fleet.member === lead },
        isCurrent: isThere && !isSucceeded && !isGone && source === "shardline",
      });
    })
    .filter(({ isCurrent, heardAgoMs }) => isCurrent || heardAgoMs <= GONE_AFTER_MS)
    .sort((one, other) => BY_NAME.compare(one.name, other.name));
}

/** Whether one was started later and runs shards of the other. */
function succeeds(later: HeardReplica, earlier: HeardReplica): boolean {
  return later.startedAtMs > earlier.startedAtMs &&
    later.shards.some(([first, last]) => earlier.shards.some(([from, to]) => first <= to && from <= last));
}

function readReplica(field: string, text: string, problems: Problems): ReplicaEntry | null {
  const name = oneLine(field, NAME_MAX_LENGTH);
  const raw = text.length > REPLICA_MAX_LENGTH ? undefined : parsed(text);
  if (!isObject(raw) || !isTime(raw.started_at) || !isTime(raw.heard_at)) {
    problems.add(`${REPLICAS_KEY}: "${name}" is no entry of a replica`);
    return null;
  }
  const wrong = (what: string) => problems.add(`${REPLICAS_KEY}: "${name}" has a wrong ${what}`);
  const ranges = (key: string): ShardRanges => {
    const value = readRanges(raw[key]);
    if (value === null) wrong(key);
    return value ?? [];
  };
  const optional = <Value>(key: string, read: (value: unknown) => Value | null): Value | null => {
    const value = raw[key];
    if (value === null || value === undefined) return null;
    const known = read(value);
    if (known === null) wrong(key);
    return known;
  };
  const shards = ranges("shards");
  return {
    name,
    field,
    version: oneLine(String(raw.version ?? ""), VERSION_MAX_LENGTH),
    startedAtMs: raw.started_at,
    heardAtMs: raw.heard_at,
    isStopped: raw.stopped === true,
    shards,
    shardCount: shards.reduce((count, [first, last]) => count + last - first + 1, 0),
    total: optional("total", readShardCount),
    recommended: optional("recommended", readShardCount),
    waiting: ranges("waiting"),
    parked: ranges("parked"),
    identify: optional("identify", readBudget),
    hasBroker: raw.broker === true,
    unconfirmed: optional("unconfirmed", readBacklog) ?? { events: 0, bytes: 0 },
    spool: optional("spool", readSpool),
    fleet: optional("fleet", readFleetPart),
  };
}

/** Null where they are not ascending, overlap, or lead beyond the shards that there can be. */
function readRanges(value: unknown): ShardRanges | null {
  if (!Array.isArray(value)) return null;
  let least = 0;
  for (const range of value) {
    if (!Array.isArray(range) || range.length !== 2) return null;
    const [first, last] = range;
    if (!isCount(first) || !isCount(last) || first < least || last < first || last >= SHARDS_MOST) {
      return null;
    }
    least = last + 1;
  }
  return value;
}

function readShardCount(value: unknown): number | null {
  return isShardCount(value) ? value : null;
}

function readBudget(value: unknown): IdentifyBudget | null {
  if (!isObject(value)) return null;
  const { remaining, total, resets_at } = value;
  return isCount(remaining) && isCount(total) && isTime(resets_at)
    ? { remaining, total, resetsAtMs: resets_at }
    : null;
}

function readBacklog(value: unknown): Backlog | null {
  if (!isObject(value)) return null;
  const { events, bytes } = value;
  return isCount(events) && isCount(bytes) ? { events, bytes } : null;
}

function readSpool(value: unknown): Spool | null {
  const backlog = readBacklog(value);
  if (backlog === null || !isObject(value) || !isCount(value.max_bytes)) return null;
  return { ...backlog, maxBytes: value.max_bytes };
}

function readFleetPart(value: unknown): Omit<FleetPart, "isLead"> | null {
  if (!isObject(value) || typeof value.member !== "string") return null;
  const { member, draining, holds } = value;
  return { member: oneLine(member, MEMBER_MAX_LENGTH), isDraining: draining === true, holds: holds === true };
}

function sumsOf(current: readonly FleetReplica[], atMs: number): FleetSums {
  const spools = current.map(({ spool }) => spool).filter((spool) => spool !== null);
  const recommended = current.map((replica) => replica.recommended).filter((count) => count !== null);
  return Object.freeze({
    unconfirmed: summed(current.map(({ unconfirmed }) => unconfirmed)),
    spool: spools.length === 0 ? null : {
      ...summed(spools),
      maxBytes: spools.reduce((sum, { maxBytes }) => sum + maxBytes, 0),
    },
    identify: budgetOf(current, atMs),
    recommended: recommended.length === 0 ? null : Math.max(...recommended),
  });
}

function summed(backlogs: readonly Backlog[]): Backlog {
  return {
    events: backlogs.reduce((sum, { events }) => sum + events, 0),
    bytes: backlogs.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Whoever has not asked since the budget was renewed knows the least, and counts only where nobody knows more. */
function budgetOf(current: readonly FleetReplica[], atMs: number): IdentifyBudget | null {
  const budgets = current.map(({ identify }) => identify).filter((budget) => budget !== null);
  const valid = budgets.filter(({ resetsAtMs }) => resetsAtMs > atMs);
  const [least] = (valid.length === 0 ? budgets : valid)
    .toSorted((one, other) => one.remaining - other.remaining);
  return least ?? null;
}
