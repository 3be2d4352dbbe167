/**
 * The Discord channels that shards and guilds are logged to (`LOG_CHANNEL`, `LOG_GUILD_CHANNEL`), for people
 * who watch their bot from Discord. Titles and colours are those of twilight-dispatch.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Observation, Observer } from "../observation.ts";
import { EmbedQueue } from "./embed_queue.ts";
import type { RestClient } from "./rest/client.ts";

export interface LogChannelsOptions {
  /** Channel ids; null: nothing is logged of this kind. Both may be the same. */
  readonly shardChannelId: string | null;
  readonly guildChannelId: string | null;
  readonly rest: Pick<RestClient, "createMessage">;
  readonly clock: Clock;
  readonly observe: Observer;
}

const GREEN = 0x00ff00;
const BLUE = 0x1e90ff;
const RED = 0xff0000;

/** Discord docs, Embed Limits. */
const DESCRIPTION_MAX_LENGTH = 4_096;

/** Longer than any snowflake. */
const ID_MAX_LENGTH = 32;

const KINDS: ReadonlySet<Observation["kind"]> = new Set([
  "shard.connected",
  "shard.ready",
  "shard.resumed",
  "shard.disconnected",
  "guild.joined",
  "guild.left",
]);

/** Whether {@link LogChannels} may have a message for it. */
export function isForLogChannels({ kind }: Observation): boolean {
  return KINDS.has(kind);
}

export class LogChannels {
  readonly #clock: Clock;
  readonly #shardQueue: EmbedQueue | null;
  readonly #guildQueue: EmbedQueue | null;

  constructor({ shardChannelId, guildChannelId, rest, clock, observe }: LogChannelsOptions) {
    this.#clock = clock;
    const queueOf = (channelId: string | null) =>
      channelId === null ? null : new EmbedQueue({ channelId, rest, clock, observe });
    this.#shardQueue = queueOf(shardChannelId);
    // One channel, one queue: else its messages would compete for the channel's rate limit.
    this.#guildQueue = guildChannelId === shardChannelId ? this.#shardQueue : queueOf(guildChannelId);
  }

  readonly observe: Observer = (observation) => {
    switch (observation.kind) {
      case "shard.connected":
        return this.#logShard(observation.shard, "Connected", GREEN);
      case "shard.ready":
        return this.#logShard(observation.shard, "Ready", GREEN);
      case "shard.resumed":
        return this.#logShard(observation.shard, "Resumed", BLUE);
      case "shard.disconnected":
        return this.#logShard(observation.shard, "Disconnected", RED);
      case "guild.joined":
        return this.#logGuild("Guild Join", GREEN, observation.guild, observation.name);
      case "guild.left":
        return this.#logGuild("Guild Leave", RED, observation.guild, observation.name);
    }
  };

  /** Sends what is left, until the deadline. */
  async flush(deadline: AbortSignal): Promise<void> {
    await Promise.all([this.#shardQueue?.flush(deadline), this.#guildQueue?.flush(deadline)]);
  }

  #logShard(shard: number, change: string, color: number): void {
    this.#shardQueue?.push({ title: `[Shard ${shard}] ${change}`, color, timestamp: this.#timestamp() });
  }

  #logGuild(title: string, color: number, guild: string, name: string | null): void {
    const description = nameAndId(name ?? "Unknown", guild);
    this.#guildQueue?.push({ title, description, color, timestamp: this.#timestamp() });
  }

  /** When it happened: the message may go out later. */
  #timestamp(): string {
    return new Date(this.#clock.wallMs()).toISOString();
  }
}

/** `name (id)`, the name cut so that both fit into an embed. */
function nameAndId(name: string, id: string): string {
  const end = ` (${id.slice(0, ID_MAX_LENGTH)})`;
  return (name.slice(0, DESCRIPTION_MAX_LENGTH - end.length) + end).toWellFormed();
}
