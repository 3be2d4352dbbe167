/**
 * Guild names in Redis, one hash, kept only where a log channel is to say which guild the bot has left.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../../clock.ts";
import type { GuildNames } from "../../guild_names.ts";
import { ignoreClosed, type RedisClient } from "./client.ts";
import { GUILD_NAMES_KEY } from "./keys.ts";

/** A log line need not wait longer for a name. */
const ANSWER_MAX_MS = 5_000;

export class RedisGuildNames implements GuildNames {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  /** Names not written yet: one write is under way at a time, and the newest name of a guild is enough. */
  #waiting = new Map<bigint, string>();
  #writing = false;

  constructor(client: RedisClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  keep(guild: bigint, name: string): void {
    this.#waiting.set(guild, name);
    if (!this.#writing) this.#write();
  }

  async take(guild: bigint): Promise<string | null> {
    const waiting = this.#waiting.get(guild);
    this.#waiting.delete(guild);
    const answered = new AbortController();
    const stored = this.#client.transaction((commands) =>
      commands.hget(GUILD_NAMES_KEY, String(guild)).hdel(GUILD_NAMES_KEY, String(guild))
    ).then(([name]) => typeof name === "string" ? name : null).catch(ignoreClosed);
    const tooLate = sleepUntil(this.#clock, this.#clock.nowMs() + ANSWER_MAX_MS, answered.signal).then(() =>
      null
    );
    const name = await Promise.race([stored, tooLate]);
    answered.abort();
    return waiting ?? name;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.size > 0) {
      const fields = new Map([...this.#waiting].map(([guild, name]) => [String(guild), name]));
      this.#waiting = new Map();
      await this.#client.transaction((commands) => commands.hset(GUILD_NAMES_KEY, fields)).catch(
        ignoreClosed,
      );
    }
    this.#writing = false;
  }
}
