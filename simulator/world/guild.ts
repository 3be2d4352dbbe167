import { POPULATION, Population } from "./population.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { DISCORD_EPOCH_MS, IDS_PER_MILLISECOND, snowflake } from "./snowflake.ts";
import { pickScript, type ScriptName } from "./text.ts";

/** Most members that a guild has. Discord's largest have more; here a full member list must fit in memory at once. */
export const GUILD_MEMBERS_MAX = 100_000;

/** A listed member with their presence never has fewer bytes in GUILD_CREATE: so many members reach any wanted size. */
const LISTED_MEMBER_BYTES_LEAST = 400;

/** Above this many members Discord lists none but those in voice, presences or not (Discord gateway docs, Guild Create). */
export const LISTED_MEMBERS_MAX = 75_000;

/** The largest GUILD_CREATE that can be asked for, in bytes. */
export const GUILD_BYTES_MAX = LISTED_MEMBERS_MAX * LISTED_MEMBER_BYTES_LEAST;

/** What of a guild has an id of its own. The numbers are part of "same seed, same bytes". */
const PART = {
  channel: 0,
  role: 1,
  emoji: 2,
  sticker: 3,
  sound: 4,
  rule: 5,
  integration: 6,
  event: 7,
} as const;

/** A kind of part of a guild. */
export type GuildPart = keyof typeof PART;

/** Kinds of {@link PART} fit in so many bits, and at most {@link PARTS_MAX} of one kind in the rest of ten. */
const PART_BITS = 3;
const PARTS_MAX = 128;

/** Between a guild and its first part, and from one part to the next: somebody sets the guild up by hand. */
const PART_SPACING_MS = 977;

/**
 * What is fixed about one guild: who is in it and how much of everything it has. The objects that Discord sends are
 * built from this on demand; only these few numbers are kept.
 */
export class Guild {
  /** Position in the world's list of guilds. */
  readonly index: number;
  readonly id: string;
  readonly snowflake: bigint;
  readonly createdMs: number;
  readonly script: ScriptName;
  /** Members, the bot being number 0 and the owner number 1. At least three; few guilds have many. */
  readonly memberCount: number;
  readonly roleCount: number;
  readonly emojiCount: number;
  readonly stickerCount: number;
  readonly soundCount: number;
  /** Channels by kind, in the order of their numbers: categories, text, voice, one announcement, one stage, one forum. */
  readonly categoryCount: number;
  readonly textCount: number;
  readonly voiceCount: number;
  readonly activeThreadCount: number;
  /** Bytes that its whole GUILD_CREATE reaches; 0 where its size is left to chance. */
  readonly bytesAtLeast: number;
  readonly seed: number;
  readonly #population: Population;
  readonly #walkStart: number;
  readonly #walkStride: number;

  constructor(seed: number, index: number, id: bigint, population: Population, bytesAtLeast: number) {
    const random = new Random(streamSeed(seed, CONCERN.guild, index));
    this.seed = seed;
    this.bytesAtLeast = bytesAtLeast;
    this.index = index;
    this.snowflake = id;
    this.id = id.toString();
    this.createdMs = Number(id >> 22n) + DISCORD_EPOCH_MS;
    this.script = pickScript(random);
    // Pareto with exponent 0.9: half of all guilds under 20 members, one in a hundred above 1000.
    const drawn = Math.floor(3 + 8 * (1 - random.fraction()) ** (-1 / 0.9));
    this.memberCount = bytesAtLeast === 0
      ? Math.min(drawn, GUILD_MEMBERS_MAX)
      : Math.min(Math.max(drawn, Math.ceil(bytesAtLeast / LISTED_MEMBER_BYTES_LEAST)), LISTED_MEMBERS_MAX);
    const size = Math.log2(this.memberCount);
    this.roleCount = Math.min(3 + random.below(Math.ceil(size * 4)), PARTS_MAX);
    this.emojiCount = Math.min(random.below(Math.ceil(size * 6)), PARTS_MAX);
    this.stickerCount = random.below(Math.ceil(size));
    this.soundCount = random.below(Math.ceil(size));
    this.categoryCount = 1 + random.below(Math.ceil(size / 2));
    this.textCount = 2 + random.below(Math.ceil(size * 2));
    this.voiceCount = 1 + random.below(Math.ceil(size));
    this.activeThreadCount = random.below(Math.ceil(size));
    this.#population = population;
    this.#walkStart = random.below(POPULATION);
    this.#walkStride = 1 + random.below(POPULATION - 1);
  }

  /** Channels of every kind, threads not counted. */
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

  /** The id of the `number`-th part of a kind. The role @everyone, number 0, has the id of the guild, as on Discord. */
  partId(part: GuildPart, number: number): string {
    if (part === "role" && number === 0) return this.id;
    const bornMs = this.createdMs + (1 + number) * PART_SPACING_MS;
    const low = (this.index << (PART_BITS + 7)) | ((number % PARTS_MAX) << PART_BITS) | PART[part];
    return snowflake(bornMs, low & (IDS_PER_MILLISECOND - 1)).toString();
  }
}
