/**
 * Follows the leases of a fleet from outside: all that Redis is told of them, with its time.
 *
 * @module
 */
import { Redis } from "ioredis";
import type { LeaseHistory } from "./lease_history.ts";
import { sleep } from "./sleep.ts";

/** The wire contract, Redis. */
const LEASES = "gateway:leases";
const MEMBERS = "gateway:members";

const RETRY_MS = 100;

export class LeaseWatch {
  readonly #url: string;
  readonly #history: LeaseHistory;
  /** Member → its replica. */
  readonly #replicas = new Map<string, string>();
  readonly #over = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(url: string, history: LeaseHistory) {
    this.#url = url;
    this.#history = history;
  }

  /** Follows until {@link stop}; resolves when it does. Comes back whenever Redis does. */
  static async start(redisUrl: string, history: LeaseHistory): Promise<LeaseWatch> {
    const watch = new LeaseWatch(redisUrl, history);
    const following = Promise.withResolvers<void>();
    watch.#running = watch.#run(following.resolve);
    await following.promise;
    return watch;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(following: () => void): Promise<void> {
    while (!this.#over.signal.aborted) {
      // That Redis is away is what this is about: it is tried again.
      await this.#follow(following).catch(() => {});
      await sleep(RETRY_MS, this.#over.signal);
    }
  }

  async #follow(following: () => void): Promise<void> {
    const reading = new Redis(this.#url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
    reading.on("error", () => {}); // connect() rejects with it, or the monitor ends
    const endings = [endOf(reading)];
    let monitor: Redis | null = null;
    let hasLeft = false;
    const leave = () => {
      if (hasLeft) return;
      hasLeft = true;
      for (const redis of [reading, monitor]) {
        if (redis !== null && redis.status !== "end") redis.disconnect();
      }
    };
    this.#over.signal.addEventListener("abort", leave);
    try {
      await reading.connect();
      monitor = await reading.monitor();
      const ended = endOf(monitor);
      endings.push(ended);
      monitor.on("error", () => {}); // "end" follows
      monitor.on("monitor", (time: string, args: string[]) => this.#heard(Number(time) * 1_000, args));
      // What was said while nobody listened.
      for (const [member, card] of Object.entries(await reading.hgetall(MEMBERS))) this.#meet(member, card);
      for (const [name, lease] of Object.entries(await reading.hgetall(LEASES))) {
        this.#changed(name, lease, Date.now());
      }
      following();
      await ended;
    } finally {
      this.#over.signal.removeEventListener("abort", leave);
      leave();
      await Promise.all(endings);
    }
  }

  #heard(atMs: number, [command = "", key, ...args]: readonly string[]): void {
    if (command.toUpperCase() !== "HSET") return;
    const [field = "", value = ""] = args;
    if (key === MEMBERS) this.#meet(field, value);
    else if (key === LEASES) this.#changed(field, value, atMs);
  }

  /** A member's card is behind its beat. */
  #meet(member: string, text: string): void {
    if (this.#replicas.has(member)) return;
    this.#replicas.set(member, JSON.parse(text.slice(text.indexOf(" ") + 1)).replica);
  }

  /** A token is the time in microseconds at which it was given, unless Redis's clock was set back. */
  #changed(name: string, text: string, atMs: number): void {
    const [, token, member] = /^(\d+) (.*)$/s.exec(text) ?? [];
    if (!/^\d+$/.test(name) || token === undefined || member === undefined) return;
    const shard = Number(name);
    if (member === "") return this.#history.letGo(shard, Number(token), atMs);
    const takenAtMs = Math.min(atMs, Number(token) / 1_000);
    this.#history.took(shard, Number(token), this.#replicas.get(member) ?? member, takenAtMs);
  }
}

function endOf(redis: Redis): Promise<void> {
  return new Promise((resolve) => redis.once("end", resolve));
}
