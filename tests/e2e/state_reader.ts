/**
 * A reader of the state cache as another program would be: it knows the names of keys and sets, and nothing else.
 *
 * @module
 */
import type { Redis } from "ioredis";

type Json = Readonly<Record<string, unknown>>;

/** What a key's name says that it holds. */
type PartKind = "channel" | "role" | "emoji" | "member" | "presence" | "voice";

export class StateReader {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Null where it is not known. */
  botUser(): Promise<Json | null> {
    return this.#value("bot_user");
  }

  guilds(): Promise<Json[]> {
    return this.#valuesOf("guild_keys");
  }

  guild(id: string): Promise<Json | null> {
    return this.#value(`guild:${id}`);
  }

  /** All that a guild has of one kind. */
  partsOf(guild: string, kind: PartKind): Promise<Json[]> {
    return this.#valuesOf(`guild_keys:${guild}`, `${kind}:`);
  }

  messagesOf(channel: string): Promise<Json[]> {
    return this.#valuesOf(`channel_keys:${channel}`);
  }

  /** Of the keys that a set names, those that begin so. */
  async #valuesOf(set: string, beginning = ""): Promise<Json[]> {
    const names = (await this.#redis.smembers(set)).filter((name) => name.startsWith(beginning));
    if (names.length === 0) return [];
    const texts = await this.#redis.mget(names);
    return texts.flatMap((text) => text === null ? [] : [JSON.parse(text)]);
  }

  async #value(key: string): Promise<Json | null> {
    const text = await this.#redis.get(key);
    return text === null ? null : JSON.parse(text);
  }
}
