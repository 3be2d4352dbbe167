/**
 * What happens on the simulated Discord: guilds, people and an endless, repeatable stream of events. It knows
 * nothing of sockets or sessions.
 *
 * The nouns of Discord have a file each (`guild.ts`, `member.ts`, `message.ts`); `builders/` makes each event
 * out of them and `builders/table.ts` lists who makes which; `mix.ts` says how often; `intents.ts` who may
 * see it. Nothing is stored: a guild or a person is worked out from the seed and a number when needed, and an
 * event from its place in the stream.
 *
 * @module
 */

import { Bot } from "./bot.ts";
import { BUILDERS } from "./builders/table.ts";
import { guildChannels } from "./channel.ts";
import type { EventName } from "./events.ts";
import { Guild, GUILD_BYTES_MAX } from "./guild.ts";
import { guildCreate } from "./guild_state.ts";
import { EVENT_INTENTS } from "./intents.ts";
import { guildMember } from "./member.ts";
import { DEFAULT_MIX, Mix } from "./mix.ts";
import { Population } from "./population.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { Scene } from "./scene.ts";
import { DISCORD_OPENED_MS, IDS_PER_MILLISECOND, snowflake, SnowflakeSequence } from "./snowflake.ts";
import type { WorldEvent } from "./world_event.ts";

export type { WorldEvent };

/** `largeGuildBytes` when nothing is said: some megabytes. */
const LARGE_GUILD_BYTES = 2 * 1024 * 1024;

/** The first guild is large, and so is every hundredth after it. */
const LARGE_GUILD_EVERY = 100;

/**
 * Before this there was hardly anybody on Discord, and guilds and accounts have to be older than the
 * simulation.
 */
const EARLIEST_START_MS = Date.UTC(2017, 0, 1);

/** Share of messages, reactions and the like that happen in direct channels, where they can. */
const DIRECT_SHARE = 0.03;

export interface WorldOptions {
  /** Any integer >= 0. Same seed, same calls: same bytes. */
  readonly seed: number;
  /** How many guilds the bot is in, 1 to 2,097,152. */
  readonly guilds: number;
  /**
   * When the simulation begins, in milliseconds of the Unix epoch, 2017 at the earliest. Guilds and accounts
   * are older.
   */
  readonly startMs: number;
  /** Weight of each event in {@link World.next}, in place of {@link DEFAULT_MIX}. */
  readonly mix?: Readonly<Record<string, number>>;
  /**
   * Bytes that the GUILD_CREATE of a large guild has at least, for a session with every intent: 0, where no
   * guild is made large, to 30,000,000. Default 2 MiB.
   */
  readonly largeGuildBytes?: number;
}

/** Where an event comes from: the endless stream, or somebody who asked for it. Each is counted by itself. */
const STREAM = 1;
const ON_DEMAND = 2;

/** Events that belong to no guild although nobody sent them in a direct channel. */
const OUTSIDE_GUILDS: ReadonlySet<EventName> = new Set<EventName>([
  "READY",
  "RESUMED",
  "USER_UPDATE",
  "ENTITLEMENT_CREATE",
  "ENTITLEMENT_UPDATE",
  "ENTITLEMENT_DELETE",
  "SUBSCRIPTION_CREATE",
  "SUBSCRIPTION_UPDATE",
  "SUBSCRIPTION_DELETE",
]);

export class World {
  /** The bot's own user, as READY shows it. */
  readonly user: Record<string, unknown>;
  /** The bot's application, as READY shows it. */
  readonly application: { readonly id: string; readonly flags: number };
  /** Every guild the bot is in, oldest first. */
  readonly guildIds: readonly bigint[];

  readonly #seed: number;
  readonly #startMs: number;
  readonly #bot: Bot;
  readonly #population: Population;
  readonly #ids = new SnowflakeSequence();
  readonly #mix: Mix;
  readonly #largeGuildBytes: number;
  /** Worked out when first asked for. */
  readonly #guilds: (Guild | undefined)[] = [];
  readonly #mixDraws: Random;
  readonly #place = new Random(0);
  readonly #detail = new Random(0);
  readonly #text = new Random(0);
  #nextCount = 0;
  #makeCount = 0;

  /** Throws RangeError where an option is out of its range. */
  constructor(options: WorldOptions) {
    const { seed, guilds, startMs, mix = DEFAULT_MIX, largeGuildBytes = LARGE_GUILD_BYTES } = options;
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Cannot make a world: seed must be an integer >= 0, not ${seed}`);
    }
    if (!Number.isInteger(guilds) || guilds < 1 || guilds > IDS_PER_MILLISECOND) {
      throw new RangeError(`Cannot make a world: guilds must be an integer from 1 to 2097152, not ${guilds}`);
    }
    if (!Number.isSafeInteger(startMs) || startMs < EARLIEST_START_MS) {
      throw new RangeError(`Cannot make a world: startMs must be a time from 2017 on, not ${startMs}`);
    }
    if (!(largeGuildBytes >= 0 && largeGuildBytes <= GUILD_BYTES_MAX)) {
      throw new RangeError(
        `Cannot make a world: largeGuildBytes must be from 0 to ${GUILD_BYTES_MAX}, not ${largeGuildBytes}`,
      );
    }
    this.#seed = seed;
    this.#startMs = startMs;
    this.#bot = new Bot(seed, startMs);
    this.#population = new Population(seed, startMs);
    this.#mix = new Mix(mix as Readonly<Record<string, number>>);
    this.#mixDraws = new Random(streamSeed(seed, CONCERN.mix));
    this.#largeGuildBytes = largeGuildBytes;
    this.user = { ...this.#bot.user };
    this.application = this.#bot.application;
    this.guildIds = guildIds(seed, guilds, startMs);
  }

  /** The next event of the mix. */
  next(nowMs: number): WorldEvent {
    this.#deal(this.#nextCount++, STREAM);
    return this.#event(this.#mix.draw(this.#mixDraws), nowMs, undefined);
  }

  /**
   * An event of any name, in the given guild or in one that is drawn. Of what {@link next} yields it changes
   * nothing but ids. Throws RangeError for a guild that the bot is not in.
   */
  make(t: EventName, nowMs: number, guildId?: bigint): WorldEvent {
    this.#deal(this.#makeCount++, ON_DEMAND);
    return this.#event(t, nowMs, guildId);
  }

  /** The `d` of GUILD_CREATE for one session. Throws RangeError for a guild that the bot is not in. */
  guildCreate(
    guildId: bigint,
    intents: number,
    nowMs: number,
    largeThreshold: number,
  ): Record<string, unknown> {
    const guild = this.#guild(guildId);
    return { ...guildCreate(guild, this.#population, this.#bot, nowMs, { intents, largeThreshold }) };
  }

  /** All members of a guild, the bot first: worked out anew at each call, some microseconds for each. */
  members(guildId: bigint): readonly Record<string, unknown>[] {
    const guild = this.#guild(guildId);
    return Array.from(
      { length: guild.memberCount },
      (_, number) => ({ ...guildMember(guild, number, this.#population, this.#bot) }),
    );
  }

  /** All channels of a guild, threads not counted. */
  channels(guildId: bigint): readonly Record<string, unknown>[] {
    return guildChannels(this.#guild(guildId)).map((channel) => ({ ...channel }));
  }

  /** Deals the dice of one event: each event has streams of its own, whatever those before it drew. */
  #deal(count: number, source: number): void {
    this.#place.restart(streamSeed(this.#seed, CONCERN.place, count, source));
    this.#detail.restart(streamSeed(this.#seed, CONCERN.detail, count, source));
    this.#text.restart(streamSeed(this.#seed, CONCERN.text, count, source));
  }

  #event(t: EventName, nowMs: number, guildId: bigint | undefined): WorldEvent {
    const needed = EVENT_INTENTS[t];
    const direct = guildId === undefined && needed.direct !== null && this.#place.chance(DIRECT_SHARE);
    const scene = new Scene({
      bot: this.#bot,
      population: this.#population,
      ids: this.#ids,
      place: this.#place,
      detail: this.#detail,
      text: this.#text,
      guild: guildId === undefined ? this.#drawGuild(t) : this.#guild(guildId),
      direct,
      nowMs,
    });
    const data = { ...BUILDERS[t](scene) } as Record<string, unknown>;
    const fromBot = concernsUser(data, this.#bot.id);
    const alwaysSent = t === "GUILD_MEMBER_UPDATE" && fromBot;
    return {
      t,
      guildId: direct || OUTSIDE_GUILDS.has(t) ? null : scene.guild.snowflake,
      data,
      intents: alwaysSent ? 0 : direct ? needed.direct as number : needed.guild,
      fromBot,
      direct,
      mentionsBot: mentionsUser(data, this.#bot.id),
    };
  }

  /**
   * Busier guilds come up more often: the larger of two drawn. A GUILD_CREATE is of one of the large guilds.
   */
  #drawGuild(t: EventName): Guild {
    const count = this.guildIds.length;
    if (t === "GUILD_CREATE") {
      return this.#guildAt(this.#place.below(Math.ceil(count / LARGE_GUILD_EVERY)) * LARGE_GUILD_EVERY);
    }
    const one = this.#guildAt(this.#place.below(count));
    const other = this.#guildAt(this.#place.below(count));
    return one.memberCount >= other.memberCount ? one : other;
  }

  #guild(guildId: bigint): Guild {
    const index = Number(guildId & BigInt(IDS_PER_MILLISECOND - 1));
    if (this.guildIds[index] !== guildId) {
      throw new RangeError(`Cannot find guild ${guildId}: the bot is not in it`);
    }
    return this.#guildAt(index);
  }

  #guildAt(index: number): Guild {
    const bytesAtLeast = index % LARGE_GUILD_EVERY === 0 ? this.#largeGuildBytes : 0;
    return this.#guilds[index] ??= new Guild({
      seed: this.#seed,
      index,
      id: this.guildIds[index] as bigint,
      population: this.#population,
      startMs: this.#startMs,
      bytesAtLeast,
    });
  }
}

/** True where the user wrote the message, or acts in the event, or is who it is about. */
function concernsUser(
  data: { author?: unknown; user?: unknown; user_id?: unknown },
  userId: string,
): boolean {
  const user = (data.author ?? data.user) as { id?: unknown } | undefined;
  return (user?.id ?? data.user_id) === userId;
}

function mentionsUser(data: { mentions?: unknown }, userId: string): boolean {
  return Array.isArray(data.mentions) && data.mentions.some(({ id }) => id === userId);
}

/** Ids of guilds made evenly over the years before `startMs`; the low bits are the guild's number. */
function guildIds(seed: number, count: number, startMs: number): bigint[] {
  const spacingMs = Math.floor((startMs - DISCORD_OPENED_MS) / count);
  const ids: bigint[] = [];
  for (let index = 0; index < count; index++) {
    const jitterMs = streamSeed(seed, CONCERN.guild, index, 2) % spacingMs;
    ids.push(snowflake(DISCORD_OPENED_MS + index * spacingMs + jitterMs, index));
  }
  return ids;
}
