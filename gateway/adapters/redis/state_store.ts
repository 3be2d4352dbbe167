/**
 * The state cache in Redis.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import { failureText } from "../../failure.ts";
import type { Observer } from "../../observation.ts";
import { BOT_USER, KINDS } from "../../state/entity.ts";
import type { StateOutcome, StateStep, StateStore, StateStoreEvents } from "../../state/store.ts";
import { bufferView } from "../buffer_view.ts";
import { isRefusal, type RedisClient } from "./client.ts";
import { APPLY, SWEEP } from "./state_script.ts";

export interface RedisStateStoreOptions {
  /** Put before every key; the client has none of its own. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly observe: Observer;
}

/** What has expired leaves its sets within a second (wire contract, State cache). */
const SWEEP_EVERY_MS = 250;
/** Keys looked at in one go, a few milliseconds of Redis; where there are more, again at once, so often a time. */
const SWEEP_KEYS = 1_000;
const SWEEPS_AT_ONCE = 10;
const SIZES_EVERY_MS = 1_000;
/** After Redis has refused something. */
const REOPEN_AFTER_MS = 1_000;
/** Names that one look at a set brings, about. */
const SCAN_COUNT = 1_000;

type Argument = string | number | Buffer;
type Command = readonly [name: string, ...parameters: Argument[]];

/** Owns its connection, and closes it. */
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

  constructor(client: RedisClient, options: RedisStateStoreOptions) {
    this.#client = client;
    this.#options = options;
  }

  start(events: StateStoreEvents): void {
    this.#events = events;
    this.#client.onReady(() => this.#open());
    this.#client.onLost(() => this.#close());
    this.#client.start();
  }

  async apply(steps: readonly StateStep[]): Promise<StateOutcome> {
    const parameters: Argument[] = [this.#options.prefix];
    for (const step of steps) pushStep(parameters, step);
    const command: Command = ["evalsha", this.#apply ?? "", 0];
    const [left, ...olds] = await this.#ask<[number, ...(Buffer | null)[]]>(command, parameters);
    return { left, olds };
  }

  async guilds(): Promise<string[]> {
    const { prefix } = this.#options;
    const start = `${prefix}guild:`.length;
    const guilds = new Set<string>();
    let cursor = "0";
    do {
      const [next, names] = await this.#ask<[Buffer, Buffer[]]>([
        "sscan",
        `${prefix}guild_keys`,
        cursor,
        "COUNT",
        SCAN_COUNT,
      ], []);
      cursor = next.toString();
      for (const name of names) guilds.add(name.toString().slice(start));
    } while (cursor !== "0");
    return [...guilds];
  }

  async close(): Promise<void> {
    this.#events = null;
    this.#close();
    await this.#client.disconnect();
  }

  /** Nobody's answer where the store is closed meanwhile. */
  #ask<Reply>(command: Command, parameters: readonly Argument[]): Promise<Reply> {
    const epoch = this.#epoch;
    return new Promise((resolve, reject) => {
      this.#client.tryCall([...command, ...parameters]).then((reply) => {
        if (epoch === this.#epoch) resolve(reply as Reply);
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
      const botUserKey = this.#options.prefix + BOT_USER.key;
      const [apply, sweep, botUser] = await Promise.all([
        load(APPLY),
        load(SWEEP),
        this.#client.tryCall(["get", botUserKey]),
        // Changes nothing, but Redis answers it only while it takes writes.
        this.#client.tryCall(["setrange", botUserKey, 0, ""]),
      ]);
      if (epoch !== this.#epoch || this.#events === null) return;
      this.#apply = apply;
      this.#sweep = sweep;
      this.#events.opened(botIdOf(botUser));
      this.#keepUp();
    } catch (error) {
      if (epoch === this.#epoch) this.#failed(error);
    }
  }

  #close(): void {
    this.#epoch += 1;
    this.#cancelTimers();
    if (this.#apply === null) return;
    this.#apply = null;
    this.#events?.closed();
  }

  /** Redis is short of memory, or read-only, and takes nothing; or the connection is lost. */
  #failed(error: unknown): void {
    const { clock } = this.#options;
    this.#close();
    // A loss is the client's to tell, and it says when there is another connection.
    if (this.#events === null || !isRefusal(error)) return;
    this.#tellRefusal(error);
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
    const command: Command = ["evalsha", this.#sweep, 0, this.#options.prefix, SWEEP_KEYS];
    for (let sweeps = 0; sweeps < SWEEPS_AT_ONCE; sweeps++) {
      if (await this.#ask<number>(command, []) < SWEEP_KEYS) return;
    }
  }

  async #tellSizes(): Promise<void> {
    const { prefix, observe } = this.#options;
    const counts = await Promise.all(
      KINDS.map((kind) => this.#ask<number>(["scard", `${prefix}${kind}_keys`], [])),
    );
    // It has stood for a while: what is refused from now on is news.
    this.#isRefusalReported = false;
    const sizes = Object.fromEntries(KINDS.map((kind, index) => [kind, counts[index] ?? 0]));
    observe({ kind: "state.sizes", sizes });
  }
}

function pushStep(parameters: Argument[], step: StateStep): void {
  switch (step.step) {
    case "set": {
      const { entity: { key, group }, ttlMs, wantsOld, value } = step;
      parameters.push("set", key, group ?? "", ttlMs, flag(wantsOld), bufferView(value));
      return;
    }
    case "merge": {
      const { entity: { key, group }, ttlMs, wantsOld, members } = step;
      parameters.push("merge", key, group ?? "", ttlMs, flag(wantsOld), members.length);
      for (const part of members) parameters.push(bufferView(part));
      return;
    }
    case "delete": {
      const { entity: { key, group }, wantsOld } = step;
      parameters.push("delete", key, group ?? "", flag(wantsOld));
      return;
    }
    case "clear":
      parameters.push("clear", step.group, flag(step.withMessages), step.atMost);
      return;
    case "clear_emojis":
      parameters.push("clear_emojis", step.guild, flag(step.wantsOld));
      return;
    default:
      step satisfies never;
  }
}

/** Something else stands under a key: whoever asks for another is not refused. */
function isOfOneKey(error: unknown): boolean {
  return isRefusal(error) && /^(?:WRONGTYPE|ERR) /.test(error.message);
}

function flag(value: boolean): number {
  return value ? 1 : 0;
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
