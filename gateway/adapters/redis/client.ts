/**
 * A connection to Redis that is made anew for as long as it takes.
 *
 * @module
 */
import type { ChainableCommander, Redis } from "ioredis";
import type { Buffer } from "node:buffer";
import { type Clock, type Dice, sleepUntil } from "../../clock.ts";
import type { Observer } from "../../observation.ts";
import { failureText, isNetworkFailure } from "../../failure.ts";
import type { RedisServers } from "../../protocol/redis_servers.ts";
import { type Bank, FIRST_BANK } from "../../resume/bank.ts";
import { CONNECT_TIMEOUT_MS, keepTrying, serverRetryDelayMs } from "../server_retry.ts";
import { moveDamagedKeysAside } from "./damaged_keys.ts";
import { type Eviction, readEviction } from "./eviction.ts";
import { keyInBank } from "./keys.ts";
import { RedisLocator } from "./place/locator.ts";
import { isOfAnotherServer, isSound, openRedis } from "./place/open.ts";

/** Redis answers within milliseconds; one that owes an answer for this long is given up. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long a connection that we leave may take to end. */
const DISCONNECT_TIMEOUT_MS = 200;

const HOW_TO_GET_ONE = "start Redis there (Debian: apt-get install redis-server; " +
  "Docker: docker run -p 6379:6379 redis), or set REDIS_HOST and REDIS_PORT, or REDIS_URL";

export type RedisClientOptions = RedisServers & {
  /** Put before every key. */
  readonly prefix: string;
  /** Where keys are that each bank has its own of; in the first where nothing is said. */
  readonly bank?: () => Bank;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly observe: Observer;
  /** One that owes an answer for so long is given up; {@link ANSWER_TIMEOUT_MS} where nothing else is said. */
  readonly answerTimeoutMs?: number;
};

/** A Lua script, run on the server in one piece. */
export interface Script {
  readonly lua: string;
  /** As they are called in the first bank. */
  readonly keys: readonly string[];
}

/** What Redis was asked is not done, because the connection is closed for good. */
export class RedisClosedError extends Error {
  constructor(options: ErrorOptions) {
    super("Cannot finish what Redis was asked: the connection is closed", options);
  }
}

/** Hears of what nobody waits for: that it is over is no news, and anything else is a fault of ours. */
export function ignoreClosed(error: unknown): null {
  if (error instanceof RedisClosedError) return null;
  throw error;
}

/** What is asked of Redis waits while it is away and is asked again until it is done: it must bear a repeat. */
export class RedisClient {
  /** Put before every key; a script must do that itself with a key that it makes up. */
  readonly prefix: string;
  readonly #options: RedisClientOptions;
  readonly #locator: RedisLocator;
  readonly #readyListeners: (() => void)[] = [];
  readonly #lostListeners: (() => void)[] = [];
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #redis: Redis | null = null;
  /** Why we leave it, where it has said that another server is to be asked. */
  #leftFor: Error | null = null;
  /** Resolved while commands are taken, and once it is over. */
  #ready = Promise.withResolvers<void>();
  /** One line in the log for an outage, however many attempts it takes; the same for refused commands. */
  #isOutageReported = false;
  #isRefusing = false;
  /** As it was last told. */
  #eviction: Eviction | null = null;

  /** Throws a TypeError for what is not a URL. */
  constructor(options: RedisClientOptions) {
    this.prefix = options.prefix;
    this.#options = options;
    this.#locator = new RedisLocator(options, options.prefix);
  }

  /** Connects, and reconnects until {@link disconnect}. Safe to call again. */
  start(): void {
    if (this.#closing.signal.aborted) return;
    const { clock, dice } = this.#options;
    this.#running ??= keepTrying(() => this.#connectOnce(), { clock, dice, over: this.#closing.signal });
  }

  /** Calls back for every connection made, as soon as it takes commands. */
  onReady(listener: () => void): void {
    this.#readyListeners.push(listener);
  }

  /** Calls back for every connection that took commands, once it does not any more. */
  onLost(listener: () => void): void {
    this.#lostListeners.push(listener);
  }

  /** Carries out the commands in one transaction; resolves with their replies. Rejects like {@link run}. */
  transaction(fill: (commands: ChainableCommander) => void): Promise<unknown[]> {
    return this.#insist(async (redis) => {
      const commands = redis.multi();
      fill(commands);
      const replies = await commands.exec() ?? [];
      return replies.map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    });
  }

  /** Runs the script; resolves with what it returns. Rejects with a {@link RedisClosedError}, or with a fault of our own, which no repeat mends. */
  run(script: Script, parameters: readonly (string | number)[]): Promise<unknown> {
    const command = this.#commandOf(script, parameters);
    return this.#insist((redis) => redis.call("eval", command));
  }

  /**
   * Runs the script once, for what is not worth a repeat: rejects where Redis is away, refuses, or goes away meanwhile,
   * after ten seconds at the latest.
   */
  tryRun(script: Script, parameters: readonly (string | number)[]): Promise<unknown> {
    return this.#try((redis) => redis.call("eval", this.#commandOf(script, parameters)));
  }

  /** A command as Redis takes it, once, like {@link tryRun}; what it answers in bytes stays so. */
  tryCall([name, ...parameters]: readonly [string, ...(string | number | Buffer)[]]): Promise<unknown> {
    return this.#try((redis) => redis.callBuffer(name, parameters));
  }

  /** What a key is called in the bank of this client. */
  keyOf(key: string): string {
    return keyInBank(key, this.#options.bank?.() ?? FIRST_BANK);
  }

  /** See {@link moveDamagedKeysAside}. Rejects like {@link run}. */
  async moveDamagedKeysAside(): Promise<void> {
    await this.#insist((redis) => moveDamagedKeysAside(redis, this.#options));
  }

  /** Ends the connection as it is, for good: what Redis was asked and has not answered rejects. Safe twice. */
  async disconnect(): Promise<void> {
    this.#closing.abort();
    this.#ready.resolve();
    this.#leave();
    await this.#running;
  }

  #leave(): void {
    // ioredis would wait for the end of a connection that has ended.
    if (this.#redis !== null && this.#redis.status !== "end") this.#redis.disconnect();
  }

  /** Leaves a server that says, in the error or in one of several answers, that another is to be asked. */
  #heed(redis: Redis, told: unknown): void {
    const error = Array.isArray(told) ? told.find(isOfAnotherServer) : told;
    if (redis !== this.#redis || !isOfAnotherServer(error)) return;
    this.#leftFor ??= error;
    this.#leave();
  }

  async #try<Reply>(operation: (redis: Redis) => Promise<Reply>): Promise<Reply> {
    const redis = this.#redis;
    if (redis === null || !isSound(redis)) throw new Error("not connected");
    try {
      const reply = await operation(redis);
      this.#heed(redis, reply);
      return reply;
    } catch (error) {
      this.#heed(redis, error);
      throw error;
    }
  }

  /** One connection, from its first packet to its last. */
  async #connectOnce(): Promise<void> {
    const { prefix, observe } = this.#options;
    const redis = openRedis(this.#locator, {
      keyPrefix: prefix,
      connectionName: "shardline",
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      lazyConnect: true,
      // Repeating is ours: ioredis would give up commands of which it saw half the replies.
      retryStrategy: null,
      enableOfflineQueue: false,
    });
    let failure: unknown = new Error("closed by the server");
    redis.on("error", (error) => failure = error);
    const ended = new Promise((resolve) => redis.once("end", resolve));
    this.#redis = redis;
    this.#leftFor = null;
    try {
      await redis.connect();
      this.#isOutageReported = false;
      observe({ kind: "redis.connected", address: this.#address });
      // Nobody waits for it: it concerns a day when memory runs short.
      readEviction(redis).then((eviction) => this.#reportEviction(eviction));
      this.#ready.resolve();
      for (const listener of this.#readyListeners) listener();
      await ended;
      for (const listener of this.#lostListeners) listener();
      if (this.#closing.signal.aborted) return;
      this.#ready = Promise.withResolvers();
      const error = this.#leftFor === null ? failureText(failure) : refusalText(this.#leftFor);
      observe({ kind: "redis.lost", address: this.#address, error });
    } catch {
      this.#leave();
      await ended;
      if (!this.#closing.signal.aborted) this.#reportOutage(failure);
    } finally {
      this.#redis = null;
      await this.#locator.left();
    }
  }

  /** As one array: as arguments, those of many thousand shards would not fit on the stack. */
  #commandOf({ lua, keys }: Script, parameters: readonly (string | number)[]): (string | number)[] {
    return [lua, keys.length, ...keys.map((key) => this.keyOf(key)), ...parameters];
  }

  get #address(): string {
    return this.#locator.address;
  }

  async #insist<Result>(operation: (redis: Redis) => Promise<Result>): Promise<Result> {
    const { clock, dice } = this.#options;
    let isDamaged = false;
    for (let attempt = 0;; attempt++) {
      await this.#ready.promise;
      const redis = this.#redis;
      try {
        if (redis === null) throw new Error("not connected");
        if (isDamaged) await moveDamagedKeysAside(redis, this.#options);
        const result = await operation(redis);
        if (this.#isRefusing) {
          this.#isRefusing = false;
          this.#options.observe({ kind: "redis.accepting", address: this.#address });
        }
        return result;
      } catch (error) {
        if (this.#closing.signal.aborted) throw new RedisClosedError({ cause: error });
        if (redis !== null) this.#heed(redis, error);
        if (redis !== null && isSound(redis)) {
          if (!isRefusal(error)) throw error;
          // What stands in the way of the first attempt is moved aside for the second.
          if (!isDamaged && error.message.includes("WRONGTYPE")) isDamaged = true;
          else this.#reportRefusal(error);
        }
      }
      await sleepUntil(clock, clock.nowMs() + serverRetryDelayMs(attempt, dice), this.#closing.signal);
    }
  }

  #reportRefusal(error: Error): void {
    if (this.#isRefusing) return;
    this.#isRefusing = true;
    this.#options.observe({ kind: "redis.refusing", address: this.#address, error: refusalText(error) });
  }

  /** undefined: Redis did not say. */
  #reportEviction(eviction: Eviction | null | undefined): void {
    if (eviction === undefined) return;
    const told = this.#eviction;
    this.#eviction = eviction;
    if (eviction === null) return;
    if (eviction.policy === told?.policy && eviction.maxMemoryBytes === told.maxMemoryBytes) return;
    this.#options.observe({ kind: "redis.evicting", address: this.#address, ...eviction });
  }

  #reportOutage(failure: unknown): void {
    if (this.#isOutageReported) return;
    this.#isOutageReported = true;
    const advice = "url" in this.#options && isNetworkFailure(failure) ? `; ${HOW_TO_GET_ONE}` : "";
    this.#options.observe({
      kind: "redis.unreachable",
      address: this.#address,
      error: `${failureText(failure)}${advice}`,
    });
  }
}

/** Whether Redis answered that it does not do it; otherwise it did not answer. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/** A refused transaction names its cause only in the errors of its commands. */
function refusalText(error: Error): string {
  const causes = "previousErrors" in error && Array.isArray(error.previousErrors) ? error.previousErrors : [];
  return failureText(causes[0] ?? error);
}
