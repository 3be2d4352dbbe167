/**
 * The state cache in Redis.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import { failureText } from "../../failure.ts";
import type { Fences } from "../../fleet/leases.ts";
import { BANKS } from "../../resume/bank.ts";
import type { Observer } from "../../observation.ts";
import { BOT_USER, KINDS } from "../../state/entity.ts";
import type {
  ChannelSelection,
  GuildPage,
  StateOutcome,
  StateStep,
  StateStore,
  StateStoreEvents,
  WrittenShard,
} from "../../state/store.ts";
import { joined } from "../../state/fields.ts";
import { bufferView } from "../buffer_view.ts";
import { isRefusal, type RedisClient } from "./client.ts";
import { isOfAnotherServer } from "./place/open.ts";
import { keyInBank, LEASES_KEY, WRITTEN_KEY } from "./keys.ts";
import { APPLY, BEHIND, SWEEP } from "./state_script.ts";

export interface RedisStateStoreOptions {
  readonly clock: Clock;
  readonly observe: Observer;
  readonly fences: Fences;
  /** By then it is known in which bank the sessions are. */
  readonly placed?: Promise<unknown>;
}

/** What has expired leaves its sets within a second (wire contract, State cache). */
const SWEEP_EVERY_MS = 250;
/** Keys looked at in one go, a few milliseconds of Redis; where there are more, again at once, so often a time. */
const SWEEP_KEYS = 100;
const SWEEPS_AT_ONCE = 100;
const SIZES_EVERY_MS = 1_000;
/** After Redis has refused something. */
const REOPEN_AFTER_MS = 1_000;
/** Names that one look at a set brings, about: neither Redis nor whoever takes them is held up. */
const SCAN_COUNT = 250;

/** Keys that go in one piece, at most, unless somebody's alone are more: some milliseconds of Redis. */
const PIECE_KEYS = 100;

type Argument = string | number | Buffer;
const encoder = new TextEncoder();

type Command = readonly [name: string, ...parameters: Argument[]];

/** What somebody has asked for, and waits for. */
interface Asked {
  readonly steps: readonly StateStep[];
  /** Of whose event they are. */
  readonly shard: number | undefined;
  readonly written: WrittenShard["sessions"] | undefined;
  readonly resolve: (outcome: StateOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** Of one who asked: what the last `clear` has left, and what was kept before; or the error. */
type Answer = [left: number, ...olds: (Buffer | null)[]] | Error;

/**
 * Owns its connection, and closes it. While Redis owes an answer, what it is asked is gathered: it goes in one piece, for
 * what costs most is not what is in it.
 */
export class RedisStateStore implements StateStore {
  readonly #client: RedisClient;
  readonly #options: RedisStateStoreOptions;
  #events: StateStoreEvents | null = null;
  /** SHA-1 of the script; null while none is loaded, and nothing is taken. */
  #apply: string | null = null;
  #sweep = "";
  /** Counts the openings: an answer to an earlier one is nobody's. */
  #epoch = 0;
  #cancelTimers = () => {};
  #isRefusalReported = false;
  #gathered: Asked[] = [];
  #isAsking = false;

  constructor(client: RedisClient, options: RedisStateStoreOptions) {
    this.#client = client;
    this.#options = options;
  }

  start(events: StateStoreEvents): void {
    this.#events = events;
    this.#client.onReady(() => this.#open());
    this.#client.onLost(() => this.#close());
    const { placed = Promise.resolve() } = this.#options;
    placed.then(() => this.#client.start());
  }

  apply(
    steps: readonly StateStep[],
    shard?: number,
    written?: WrittenShard["sessions"],
  ): Promise<StateOutcome> {
    return new Promise((resolve, reject) => {
      this.#gathered.push({ steps, shard, written, resolve, reject });
      if (this.#isAsking) return;
      this.#isAsking = true;
      // What is asked in one turn goes in one piece, too.
      queueMicrotask(() => this.#askGathered());
    });
  }

  async written(shards: readonly number[]): Promise<readonly WrittenShard[]> {
    if (shards.length === 0) return [];
    const texts = await this.#ask<(Buffer | null)[]>(
      ["hmget", this.#client.keyOf(WRITTEN_KEY)],
      shards.map(String),
    );
    return writtenOf(Object.fromEntries(shards.flatMap((shard, index) => {
      const text = texts[index] ?? null;
      return text === null ? [] : [[shard, text]];
    })));
  }

  async guilds(page: string | null): Promise<GuildPage> {
    const [set = "guild_keys", cursor = "0"] = page?.split(" ") ?? [];
    const command: Command = ["sscan", set, cursor, "COUNT", SCAN_COUNT];
    const [nextCursor, names] = await this.#ask<[Buffer, Buffer[]]>(command, []);
    const start = set === BEHIND ? 0 : `${this.#client.prefix}guild:`.length;
    return {
      ids: names.map((name) => name.toString().slice(start)),
      next: nextCursor.toString() !== "0" ? `${set} ${nextCursor}` : set === BEHIND ? null : `${BEHIND} 0`,
    };
  }

  async close(): Promise<void> {
    this.#events = null;
    this.#close();
    await this.#client.disconnect();
  }

  async #askGathered(): Promise<void> {
    const epoch = this.#epoch;
    while (epoch === this.#epoch && this.#gathered.length > 0) {
      const asked = this.#takeGathered();
      const keys = [WRITTEN_KEY, LEASES_KEY].map((key) => this.#client.keyOf(key));
      const command: Command = ["evalsha", this.#apply ?? "", keys.length, ...keys, this.#client.prefix];
      const answers = await this.#ask<Answer[]>(command, stepsText(asked, this.#options.fences)).catch((
        error: Error,
      ) => asked.map(() => error));
      for (const [index, { resolve, reject }] of asked.entries()) {
        const answer = answers[index];
        if (Array.isArray(answer)) resolve({ left: answer[0], olds: answer.slice(1) as (Buffer | null)[] });
        else reject(answer ?? new Error("Redis has not answered"));
      }
    }
    if (epoch === this.#epoch) this.#isAsking = false;
  }

  #takeGathered(): Asked[] {
    let keys = 0;
    const end = this.#gathered.findIndex(({ steps }, index) => {
      for (const step of steps) keys += step.step === "clear" ? step.atMost : 1;
      return index > 0 && keys > PIECE_KEYS;
    });
    return this.#gathered.splice(0, end === -1 ? this.#gathered.length : end);
  }

  /** Nobody's answer where the store is closed meanwhile. */
  #ask<Reply>(command: Command, parameters: readonly Argument[]): Promise<Reply> {
    const epoch = this.#epoch;
    return new Promise((resolve, reject) => {
      this.#client.tryCall([...command, ...parameters]).then((reply) => {
        if (epoch !== this.#epoch) return;
        // A script answers for each who asked.
        const answers: unknown[] = Array.isArray(reply) ? reply : [];
        const refusal = answers.find((answer) => isRefusal(answer) && !isOfOneKey(answer));
        if (refusal === undefined) resolve(reply as Reply);
        else this.#failed(refusal);
      }, (error: unknown) => {
        if (epoch !== this.#epoch) return;
        if (isOfOneKey(error)) reject(error);
        else this.#failed(error);
      });
    });
  }

  async #open(): Promise<void> {
    const epoch = ++this.#epoch;
    try {
      const load = async (lua: string) => String(await this.#client.tryCall(["script", "LOAD", lua]));
      const [apply, sweep, written, botUser] = await Promise.all([
        load(APPLY),
        load(SWEEP),
        this.#client.tryCall(["hgetall", this.#client.keyOf(WRITTEN_KEY)]),
        this.#client.tryCall(["get", BOT_USER.key]),
        // Changes nothing, but Redis answers it only while it takes writes.
        this.#client.tryCall(["setrange", BOT_USER.key, 0, ""]),
      ]);
      if (epoch !== this.#epoch || this.#events === null) return;
      this.#apply = apply;
      this.#sweep = sweep;
      this.#events.opened({ botId: botIdOf(botUser), written: writtenOf(written) });
      this.#keepUp();
    } catch (error) {
      if (epoch === this.#epoch) this.#failed(error);
    }
  }

  #close(): void {
    this.#epoch += 1;
    this.#gathered = [];
    this.#isAsking = false;
    this.#cancelTimers();
    if (this.#apply === null) return;
    this.#apply = null;
    this.#events?.closed();
  }

  /** Redis is short of memory, or read-only, and takes nothing; or the connection is lost. */
  #failed(error: unknown): void {
    const { clock } = this.#options;
    this.#close();
    // A loss is the client's to tell, one that it has decided on too, and it says when there is another connection.
    if (this.#events === null || !isRefusal(error) || isOfAnotherServer(error)) return;
    // What is another's by now is left soon.
    if (!failureText(error).includes("FENCED")) this.#tellRefusal(error);
    this.#cancelTimers = clock.schedule(clock.nowMs() + REOPEN_AFTER_MS, () => this.#open());
  }

  #tellRefusal(error: unknown): void {
    if (this.#isRefusalReported) return;
    this.#isRefusalReported = true;
    this.#options.observe({ kind: "state.refused", error: failureText(error) });
  }

  /** Takes expired keys out of their sets, and tells how much there is. */
  #keepUp(): void {
    const { clock } = this.#options;
    const cancels: (() => void)[] = [];
    const every = (index: number, periodMs: number, work: () => Promise<void>) => {
      cancels[index] = clock.schedule(clock.nowMs() + periodMs, () => {
        every(index, periodMs, work);
        work().catch((error: unknown) => this.#tellRefusal(error));
      });
    };
    every(0, SWEEP_EVERY_MS, () => this.#sweepExpired());
    every(1, SIZES_EVERY_MS, () => this.#tellSizes());
    this.#cancelTimers = () => cancels.forEach((cancel) => cancel());
  }

  async #sweepExpired(): Promise<void> {
    const command: Command = ["evalsha", this.#sweep, 1, BEHIND, this.#client.prefix, SWEEP_KEYS];
    for (let sweeps = 0; sweeps < SWEEPS_AT_ONCE; sweeps++) {
      if (await this.#ask<number>(command, []) < SWEEP_KEYS) return;
    }
  }

  async #tellSizes(): Promise<void> {
    const { observe } = this.#options;
    const count = (set: string) => this.#ask<number>(["scard", set], []);
    const [guildsBehind, ...counts] = await Promise.all([
      count(BEHIND),
      ...KINDS.map((kind) => count(`${kind}_keys`)),
    ]);
    // It has stood for a while: what is refused from now on is news.
    this.#isRefusalReported = false;
    const sizes = Object.fromEntries(KINDS.map((kind, index) => [kind, counts[index] ?? 0]));
    observe({ kind: "state.sizes", sizes, guildsBehind });
  }
}

/**
 * The words of all steps, a line for each who asked, and the values that they speak of. In a line more, for nobody, how far
 * the sessions are written by then.
 */
function stepsText(asked: readonly Asked[], fences: Fences): [words: string, values: Buffer] {
  const values: Uint8Array[] = [];
  let end = 0;
  const place = (value: Uint8Array) => {
    values.push(value);
    end += value.length;
    return `${end - value.length + 1} ${end}`;
  };
  const lastWritten = new Map<number, WrittenShard["sessions"]>();
  // A token that nobody has fences as well.
  const fenceWords = (shard: number) => `fence ${shard} ${fences.tokenOf(shard) ?? 0} ${fences.member} `;
  let words = "";
  for (const { steps, shard, written } of asked) {
    if (shard !== undefined) words += fenceWords(shard);
    for (const step of steps) words += `${stepWords(step, place)} `;
    if (shard !== undefined && written !== undefined) lastWritten.set(shard, written);
    words += "\n";
  }
  for (const [shard, sessions] of lastWritten) {
    words += `${fenceWords(shard)}written ${shard} ${place(writtenText(sessions))}\n`;
  }
  return [words, bufferView(joined(values))];
}

function stepWords(step: StateStep, place: (value: Uint8Array) => string): string {
  switch (step.step) {
    case "set": {
      const { entity: { key, group }, ttlMs, wantsOld, value } = step;
      return `set ${key} ${group ?? "-"} ${ttlMs} ${flag(wantsOld)} ${place(value)}`;
    }
    case "merge": {
      const { entity: { key, group }, ttlMs, wantsOld, members } = step;
      const places = members.map(place).join(" ");
      return `merge ${key} ${group ?? "-"} ${ttlMs} ${flag(wantsOld)} ${members.length} ${places}`;
    }
    case "delete": {
      const { entity: { key, group }, wantsOld } = step;
      return `delete ${key} ${group ?? "-"} ${flag(wantsOld)}`;
    }
    case "clear":
      return `clear ${step.group} ${channelList(step.keepsMessagesOf)} ${step.atMost}`;
    case "clear_emojis":
      return `clear_emojis ${step.guild} ${flag(step.wantsOld)}`;
    case "mark":
      return `mark ${step.isBehind ? "SADD" : "SREM"} ${step.guild}`;
    default:
      return step satisfies never;
  }
}

/** What was written so far is of no use to whoever writes nothing: a cache that is switched on again lacks what came since. */
export async function forgetWritten(redis: RedisClient): Promise<void> {
  await redis.transaction((commands) => commands.unlink(BANKS.map((bank) => keyInBank(WRITTEN_KEY, bank))));
}

function writtenText(sessions: WrittenShard["sessions"]): Uint8Array {
  return encoder.encode(JSON.stringify(sessions.map(({ id, sequence }) => [id, sequence])));
}

/** What was written by whatever process; a shard of which it is no longer to be read is left out. */
function writtenOf(reply: unknown): WrittenShard[] {
  return Object.entries(Object(reply)).flatMap(([shard, text]) => {
    try {
      const sessions: unknown[][] = JSON.parse(String(text));
      return [{
        shard: Number(shard),
        sessions: sessions.map(([id, sequence]) => ({ id: String(id), sequence: Number(sequence) })),
      }];
    } catch {
      return [];
    }
  });
}

/** Something else stands under a key: whoever asks for another is not refused. */
function isOfOneKey(error: unknown): error is Error {
  if (!isRefusal(error)) return false;
  // A script's commands are refused as in `ERR OOM command not allowed`.
  const [, code = ""] = /^(?:ERR )?([A-Z]{3,}) /.exec(error.message) ?? [];
  return code === "WRONGTYPE" || code === "ERR";
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}

/** One word, however many they are. */
function channelList(channels: ChannelSelection): string {
  return channels === "all" ? "all" : channels.join() || "none";
}

/** Null where there is none, or something else stands there. */
function botIdOf(reply: unknown): string | null {
  try {
    const { id } = JSON.parse(String(reply));
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}
