/**
 * A guild's plain facts: its size, its owner, the ids of its parts. What the parts look like is in the
 * files of their own.
 *
 * @module
 */

import { POPULATION, type Population } from "./population.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { IDS_PER_MILLISECOND, snowflake, snowflakeMs } from "./snowflake.ts";
import { pickScript, type ScriptName } from "./text.ts";

/**
 * Most members that a guild has. Discord's largest have more; here a full member list must fit in memory at
 * once.
 */
export const GUILD_MEMBERS_MAX = 100_000;

/**
 * Above this many members Discord lists none but those in voice, presences or not (Discord gateway docs,
 * Guild Create).
 */
export const LISTED_MEMBERS_MAX = 75_000;

/**
 * A listed member with their presence never has fewer bytes in GUILD_CREATE: so many members reach any wanted
 * size.
 */
const LISTED_MEMBER_BYTES_LEAST = 400;

/** The largest GUILD_CREATE that can be asked for, in bytes. */
export const GUILD_BYTES_MAX = LISTED_MEMBERS_MAX * LISTED_MEMBER_BYTES_LEAST;

/**
 * What of a guild has an id of its own. The numbers are part of "same seed, same bytes": append, never
 * renumber.
 */
const PART = {
  channel: 0,
  role: 1,
  emoji: 2,
  sticker: 3,
  sound: 4,
  rule: 5,
  integration: 6,
  scheduledEvent: 7,
  thread: 8,
  stage: 9,
  tag: 10,
} as const;

/** A kind of part of a guild. */
export type GuildPart = keyof typeof PART;

/**
 * Bits of an id that hold the kind of part, and those that hold its number; the rest of the low bits hold the
 * guild's.
 */
const KIND_BITS = 4;
const NUMBER_BITS = 7;

/** At most so many parts of one kind. */
const PARTS_MAX = 1 << NUMBER_BITS;

/** From a guild to its first part, and from one part to the next: somebody sets the guild up by hand. */
const PART_SPACING_MS = 977;

/** What the world decides about a guild; the rest is drawn. */
export interface GuildOptions {
  readonly seed: number;
  /** Position in the world's list of guilds. */
  readonly index: number;
  readonly id: bigint;
  readonly population: Population;
  /** When the simulation begins: everybody joined before. Milliseconds of the Unix epoch. */
  readonly startMs: number;
  /**
   * Bytes that its whole GUILD_CREATE reaches, up to {@link GUILD_BYTES_MAX}; 0 leaves the size to chance.
   */
  readonly bytesAtLeast: number;
}

/**
 * What is fixed about one guild: who is in it and how much of everything it has. The objects that Discord
 * sends are built from this on demand; only these few numbers are kept.
 */
export class Guild {
  readonly seed: number;
  readonly index: number;
  readonly id: string;
  readonly snowflake: bigint;
  readonly createdMs: number;
  readonly startMs: number;
  readonly bytesAtLeast: number;
  /** The script that most of its members write in. */
  readonly script: ScriptName;
  /** Members, the bot being number 0 and the owner number 1. At least eleven; few guilds have many. */
  readonly memberCount: number;
  readonly roleCount: number;
  readonly emojiCount: number;
  readonly stickerCount: number;
  readonly soundCount: number;
  readonly categoryCount: number;
  readonly textCount: number;
  readonly voiceCount: number;
  readonly threadCount: number;
  readonly #population: Population;
  readonly #walkStart: number;
  readonly #walkStride: number;

  constructor({ seed, index, id, population, startMs, bytesAtLeast }: GuildOptions) {
    const random = new Random(streamSeed(seed, CONCERN.guild, index));
    this.seed = seed;
    this.index = index;
    this.snowflake = id;
    this.id = id.toString();
    this.createdMs = snowflakeMs(id);
    this.startMs = startMs;
    this.bytesAtLeast = bytesAtLeast;
    this.script = pickScript(random);
    this.memberCount = memberCount(random, bytesAtLeast);
    const size = Math.ceil(Math.log2(this.memberCount));
    this.roleCount = Math.min(3 + random.below(size * 4), PARTS_MAX);
    this.emojiCount = Math.min(random.below(size * 6), PARTS_MAX);
    this.stickerCount = random.below(size);
    this.soundCount = random.below(size);
    this.categoryCount = 1 + random.below(Math.ceil(size / 2));
    this.textCount = 2 + random.below(size * 2);
    this.voiceCount = 1 + random.below(size);
    this.threadCount = 1 + random.below(size);
    this.#population = population;
    this.#walkStart = random.below(POPULATION);
    this.#walkStride = 1 + random.below(POPULATION - 1);
  }

  /**
   * Channels, threads not counted: besides those of the three common kinds one each for announcements, a
   * stage, a forum.
   */
  get channelCount(): number {
    return this.categoryCount + this.textCount + this.voiceCount + 3;
  }

  /** The number, in the population, of a member other than the bot: `member` in [1, memberCount). */
  person(member: number): number {
    return this.#population.walk(this.#walkStart, this.#walkStride, member);
  }

  /** The id of a member other than the bot. */
  userId(member: number): string {
    return this.#population.userId(this.person(member));
  }

  /**
   * The id of the `number`-th part of a kind. The role @everyone, number 0, has the id of the guild, as on
   * Discord.
   */
  partId(part: GuildPart, number: number): string {
    if (part === "role" && number === 0) return this.id;
    const madeMs = this.createdMs + (1 + number) * PART_SPACING_MS;
    const low = (((this.index << NUMBER_BITS) | (number % PARTS_MAX)) << KIND_BITS) | PART[part];
    return snowflake(madeMs, low & (IDS_PER_MILLISECOND - 1)).toString();
  }

  /** The id of a text channel, `number` in [0, textCount). */
  textChannelId(number: number): string {
    return this.partId("channel", this.categoryCount + number);
  }

  /** The id of a voice channel, `number` in [0, voiceCount). */
  voiceChannelId(number: number): string {
    return this.partId("channel", this.categoryCount + this.textCount + number);
  }

  /** The id of the channel for announcements. */
  get announcementChannelId(): string {
    return this.partId("channel", this.channelCount - 3);
  }

  /** The id of the stage. */
  get stageChannelId(): string {
    return this.partId("channel", this.channelCount - 2);
  }
}

/**
 * A Pareto draw with exponent 0.9: half of all guilds have under 20 members, one in a hundred has above
 * 1,000.
 */
function memberCount(random: Random, bytesAtLeast: number): number {
  const drawn = Math.floor(3 + 8 * (1 - random.fraction()) ** (-1 / 0.9));
  if (bytesAtLeast === 0) return Math.min(drawn, GUILD_MEMBERS_MAX);
  return Math.min(Math.max(drawn, Math.ceil(bytesAtLeast / LISTED_MEMBER_BYTES_LEAST)), LISTED_MEMBERS_MAX);
}
