/**
 * Writes events into the state cache: small ones in one piece, a guild or a great list in many, between which others have
 * their turns, here and in the store.
 *
 * @module
 */
import { LargeFrameReader, readFrameHead } from "../protocol/frame_head.ts";
import { shardOfGuild } from "../protocol/guild_shard.ts";
import { channelEntity, channelGroup, type Entity, guildEntity, guildGroup } from "./entity.ts";
import { elementsOf, type Found, idAt, idOf, isTrue, joined, MemberSearch, type Span } from "./fields.ts";
import { GUILD_PARTS, type SmallEffect, type StatePlan } from "./plan.ts";
import type { Effect } from "./rules.ts";
import type {
  ChannelSelection,
  GuildPage,
  StateOutcome,
  StateStep,
  StateStore,
  WrittenShard,
} from "./store.ts";

/** What was kept before an event of what it is about, as JSON; null: nothing. */
export type Old = Uint8Array | null;

/**
 * `nothing`: the cache does not heed the event. `small`: it has been asked of the store, and whatever is asked next comes
 * behind it. `large`: it is done in pieces, and whatever concerns the same shard must wait for its end.
 */
export type Writing =
  | { readonly kind: "nothing" }
  | { readonly kind: "small" | "large"; readonly done: Promise<Old> };

/** What the writer asks of a store. */
type Asked = Pick<StateStore, "apply" | "guilds">;

/** The same for the events of one shard. */
interface ShardStore {
  apply(steps: readonly StateStep[], written?: WrittenShard["sessions"]): Promise<StateOutcome>;
  guilds(page: string | null): Promise<GuildPage>;
}

export interface StateWriterOptions {
  readonly store: Asked;
  readonly plan: StatePlan;
  /** Resolves in another turn of the event loop, for an event too large to be read in one. */
  readonly nextTurn: () => Promise<void>;
}

/** An event is read in pieces from so many bytes on, and so many a turn. */
const TURN_BYTES = 1024 * 1024;
/** One piece of work for the store: it takes some milliseconds there. */
const PIECE_STEPS = 100;
const PIECE_BYTES = 256 * 1024;
/** Keys that are forgotten in one piece. */
const CLEAR_AT_ONCE = 100;

const NOTHING: Writing = { kind: "nothing" };

const GUILD_ID = /^\d{1,20}$/;

type LargeEffect = Exclude<Effect, SmallEffect | "nothing">;

/** Of what is written in pieces, the members that count. */
const LARGE_MEMBERS = [
  "id",
  "guild_id",
  "unavailable",
  "user",
  "guilds",
  "shard",
  "threads",
  ...GUILD_PARTS,
] as const;

type LargeFound = Found<typeof LARGE_MEMBERS[number]>;

/** What was kept before, and what is left to do, in one piece. */
interface LargeOutcome {
  readonly old: Old;
  readonly last: readonly StateStep[];
}

const NOTHING_DONE: LargeOutcome = { old: null, last: [] };

const encoder = new TextEncoder();

export class StateWriter {
  readonly #options: StateWriterOptions;
  #opening: Opening;

  constructor(options: StateWriterOptions) {
    this.#options = options;
    this.#opening = new Opening(options.store);
  }

  /** The store has closed: what is under way goes no further, and never settles. */
  abandon(): void {
    this.#opening.end();
    this.#opening = new Opening(this.#options.store);
  }

  /** These guilds are behind: events of theirs have passed the cache by. Never settles where the store is closed meanwhile. */
  async markBehind(guilds: readonly string[]): Promise<void> {
    const pieces: Promise<StateOutcome>[] = [];
    // All in this turn: what is asked from the next on may take a mark away.
    for (let at = 0; at < guilds.length; at += PIECE_STEPS) {
      const steps = guilds.slice(at, at + PIECE_STEPS).map((guild) => markStep(guild, true));
      pieces.push(this.#opening.apply(steps));
    }
    await Promise.all(pieces);
  }

  /** @param written What is so once the event is in the cache; asked for at once, where the event is heeded. */
  write(type: string, bytes: Uint8Array, written: () => WrittenShard): Writing {
    const effect = this.#options.plan.effectOf(type);
    switch (effect) {
      case "nothing":
        return NOTHING;
      case "set_bot_user_and_stubs":
      case "write_guild":
      case "clear_guild":
      case "delete_channel":
      case "set_threads":
      case "set_members":
        return { kind: "large", done: this.#writeLarge(effect, bytes, written()) };
      default: {
        const start = readFrameHead(bytes)?.dataStart ?? null;
        const steps = start === null ? [] : this.#options.plan.steps(effect, bytes, start);
        if (steps.length === 0) return NOTHING;
        const isList = effect === "replace_emojis" || effect === "delete_messages";
        const { shard, sessions } = written();
        const done = this.#opening.apply(steps, shard, sessions).then(({ olds }) =>
          isList ? listOf(olds) : olds[0] ?? null
        );
        return { kind: "small", done };
      }
    }
  }

  async #writeLarge(effect: LargeEffect, bytes: Uint8Array, written: WrittenShard): Promise<Old> {
    const store = this.#opening.of(written.shard);
    const { old, last } = await this.#writeInPieces(store, effect, bytes);
    // Also where nothing is left: whoever has asked before must have been answered before.
    await store.apply(last, written.sessions);
    return old;
  }

  /** All but the last piece. */
  async #writeInPieces(store: ShardStore, effect: LargeEffect, bytes: Uint8Array): Promise<LargeOutcome> {
    const start = await this.#dataStartInTurns(bytes);
    if (start === null) return NOTHING_DONE;
    const found = await this.#findInTurns(bytes, start);
    if (found === null) return NOTHING_DONE;
    switch (effect) {
      case "set_bot_user_and_stubs":
        return await this.#ready(store, bytes, found);
      case "write_guild":
        return await this.#writeGuild(store, bytes, found);
      case "clear_guild":
        return await this.#clearGuild(store, bytes, found);
      case "delete_channel":
        return await this.#deleteChannel(store, bytes, found);
      case "set_threads":
        return await this.#setThreads(store, bytes, found);
      case "set_members":
        return await this.#setMembers(store, bytes, found);
      default:
        return effect satisfies never;
    }
  }

  async #ready(
    store: ShardStore,
    bytes: Uint8Array,
    { user, guilds, shard }: LargeFound,
  ): Promise<LargeOutcome> {
    const { plan } = this.#options;
    const pieces = new Pieces(store);
    if (user !== undefined) await pieces.add(plan.botUser(bytes, user.start));
    const named = new Set<string>();
    await this.#writeEach(pieces, bytes, guilds, (stub) => {
      const id = idOf(bytes, stub);
      if (id === null) return [];
      named.add(id);
      return plan.guild(bytes, stub.start, false);
    });
    await pieces.end();
    const [index, total] = [...elementsOf(bytes, shard)].map((span) => idAt(bytes, span));
    if (index == null || total == null || total === "0") return NOTHING_DONE;
    const isLost = (guild: string) =>
      // Others may have put into the set what is no guild of ours.
      GUILD_ID.test(guild) && !named.has(guild) &&
      shardOfGuild(BigInt(guild), Number(total)) === Number(index);
    let page: string | null = null;
    do {
      const { ids, next }: GuildPage = await store.guilds(page);
      for (const guild of ids.filter(isLost)) {
        await this.#forgetGuild(store, guild, []);
        await store.apply([markStep(guild, false)]);
      }
      page = next;
    } while (page !== null);
    return NOTHING_DONE;
  }

  async #writeGuild(store: ShardStore, bytes: Uint8Array, found: LargeFound): Promise<LargeOutcome> {
    const { plan } = this.#options;
    const guild = idAt(bytes, found.id);
    if (guild === null) return NOTHING_DONE;
    const pieces = new Pieces(store);
    const listed = await this.#listedChannels(pieces, bytes, found);
    const old = await this.#forgetGuild(store, guild, listed);
    const write = (part: Span | undefined, stepsOf: (element: Span) => StateStep[]) =>
      this.#writeEach(pieces, bytes, part, stepsOf);
    await write(found.channels, (channel) => plan.channel(bytes, channel.start, guild, false));
    await write(found.threads, (thread) => plan.channel(bytes, thread.start, guild, false));
    await write(found.roles, (role) => plan.role(bytes, role.start, guild));
    await write(found.emojis, (emoji) => plan.emoji(bytes, emoji.start, guild));
    await write(found.members, (member) => plan.member(bytes, member.start, guild));
    await write(found.presences, (presence) => plan.presence(bytes, presence.start, guild));
    await write(found.voice_states, (voice) => plan.voice(bytes, voice.start, guild));
    // Last: whoever finds the guild finds all of it.
    const itself = [...plan.guildOf(bytes, guild, found, false), markStep(guild, false)];
    return { old, last: [...pieces.rest(), ...itself] };
  }

  async #listedChannels(
    pieces: Pieces,
    bytes: Uint8Array,
    { channels, threads }: LargeFound,
  ): Promise<string[]> {
    const ids: string[] = [];
    const note = (channel: Span) => {
      const id = idOf(bytes, channel);
      if (id !== null) ids.push(id);
      return [];
    };
    await this.#writeEach(pieces, bytes, channels, note);
    await this.#writeEach(pieces, bytes, threads, note);
    return ids;
  }

  async #clearGuild(
    store: ShardStore,
    bytes: Uint8Array,
    { id, unavailable, whole }: LargeFound,
  ): Promise<LargeOutcome> {
    const { plan } = this.#options;
    const guild = idAt(bytes, id);
    if (guild === null) return NOTHING_DONE;
    const isAway = isTrue(bytes, unavailable);
    const old = await this.#forgetGuild(store, guild, isAway ? "all" : []);
    const stub = isAway ? plan.guild(bytes, whole.start, false) : [];
    return { old, last: [...stub, markStep(guild, false)] };
  }

  async #deleteChannel(
    store: ShardStore,
    bytes: Uint8Array,
    { id, guild_id }: LargeFound,
  ): Promise<LargeOutcome> {
    const channel = idAt(bytes, id);
    if (channel === null) return NOTHING_DONE;
    const entity = channelEntity(idAt(bytes, guild_id), channel);
    return { old: await this.#forget(store, entity, channelGroup(channel), []), last: [] };
  }

  async #setThreads(
    store: ShardStore,
    bytes: Uint8Array,
    { guild_id, threads }: LargeFound,
  ): Promise<LargeOutcome> {
    const { plan } = this.#options;
    const guild = idAt(bytes, guild_id);
    const pieces = new Pieces(store);
    await this.#writeEach(
      pieces,
      bytes,
      threads,
      (thread) => plan.channel(bytes, thread.start, guild, false),
    );
    return { old: null, last: pieces.rest() };
  }

  async #setMembers(
    store: ShardStore,
    bytes: Uint8Array,
    { guild_id, members }: LargeFound,
  ): Promise<LargeOutcome> {
    const { plan } = this.#options;
    const guild = idAt(bytes, guild_id);
    if (guild === null) return NOTHING_DONE;
    const pieces = new Pieces(store);
    await this.#writeEach(pieces, bytes, members, (member) => plan.member(bytes, member.start, guild));
    return { old: null, last: pieces.rest() };
  }

  /** Writes what comes of each element of a list. */
  async #writeEach(
    pieces: Pieces,
    bytes: Uint8Array,
    list: Span | undefined,
    stepsOf: (element: Span) => StateStep[],
  ): Promise<void> {
    for (const element of elementsOf(bytes, list)) {
      await pieces.add(stepsOf(element));
      // Where nothing of them is kept, no piece has waited for the store.
      if (pieces.isTurnOver(element)) await this.#options.nextTurn();
    }
  }

  /**
   * The guild first: whoever finds it finds all of it. It is marked as behind, for it may end in between: whoever goes
   * on takes the mark from it.
   */
  #forgetGuild(store: ShardStore, guild: string, keepsMessagesOf: ChannelSelection): Promise<Old> {
    return this.#forget(store, guildEntity(guild), guildGroup(guild), keepsMessagesOf, [
      markStep(guild, true),
    ]);
  }

  /** Forgets a thing and all that its group names, after other steps. */
  async #forget(
    store: ShardStore,
    entity: Entity,
    group: string,
    keepsMessagesOf: ChannelSelection,
    before: readonly StateStep[] = [],
  ): Promise<Old> {
    const { wantsOld } = this.#options.plan;
    const clear: StateStep = { step: "clear", group, keepsMessagesOf, atMost: CLEAR_AT_ONCE };
    const first: StateStep[] = [...before, { step: "delete", entity, wantsOld }, clear];
    let { olds: [old = null], left } = await store.apply(first);
    while (left > 0) ({ left } = await store.apply([clear]));
    return old;
  }

  /** Where `d` begins; null where there is none. */
  async #dataStartInTurns(bytes: Uint8Array): Promise<number | null> {
    if (bytes.length <= TURN_BYTES) return readFrameHead(bytes)?.dataStart ?? null;
    const reader = new LargeFrameReader(bytes);
    while (!reader.read(TURN_BYTES)) await this.#options.nextTurn();
    return reader.head?.dataStart ?? null;
  }

  /** Null where there is no whole object. */
  async #findInTurns(bytes: Uint8Array, start: number): Promise<LargeFound | null> {
    const search = new MemberSearch(bytes, start, LARGE_MEMBERS);
    let until = start + TURN_BYTES;
    while (!search.step(until)) {
      until += TURN_BYTES;
      await this.#options.nextTurn();
    }
    return search.found;
  }
}

/** A store as long as it is open: afterwards nothing is asked of it, and nothing settles. */
class Opening implements Asked {
  readonly #store: Asked;
  #hasEnded = false;

  constructor(store: Asked) {
    this.#store = store;
  }

  apply(
    steps: readonly StateStep[],
    shard?: number,
    written?: WrittenShard["sessions"],
  ): Promise<StateOutcome> {
    return this.#hasEnded ? new Promise(() => {}) : this.#store.apply(steps, shard, written);
  }

  /** For an event of this shard. */
  of(shard: number): ShardStore {
    return {
      apply: (steps, written) => this.apply(steps, shard, written),
      guilds: (page) => this.guilds(page),
    };
  }

  guilds(page: string | null): Promise<GuildPage> {
    return this.#hasEnded ? new Promise(() => {}) : this.#store.guilds(page);
  }

  end(): void {
    this.#hasEnded = true;
  }
}

/** Steps, gathered into pieces of work; the next is begun when the last is done. */
class Pieces {
  readonly #store: ShardStore;
  #steps: StateStep[] = [];
  #bytes = 0;
  /** What has been read since others had their turn. */
  #readBytes = 0;

  constructor(store: ShardStore) {
    this.#store = store;
  }

  async add(steps: readonly StateStep[]): Promise<void> {
    for (const step of steps) {
      // Nobody is told what was kept before of one thing among many.
      this.#steps.push("wantsOld" in step ? { ...step, wantsOld: false } : step);
      if (step.step === "set") this.#bytes += step.value.length;
    }
    if (this.#steps.length >= PIECE_STEPS || this.#bytes >= PIECE_BYTES) await this.end();
  }

  /** Whether so much has been read of lists, this element included, that others are to have their turn. */
  isTurnOver({ start, end }: Span): boolean {
    this.#readBytes += end - start;
    if (this.#readBytes < TURN_BYTES) return false;
    this.#readBytes = 0;
    return true;
  }

  async end(): Promise<void> {
    const steps = this.rest();
    if (steps.length > 0) await this.#store.apply(steps);
  }

  /** What is gathered and not begun, for whoever begins it. */
  rest(): StateStep[] {
    const steps = this.#steps;
    this.#steps = [];
    this.#bytes = 0;
    return steps;
  }
}

function markStep(guild: string, isBehind: boolean): StateStep {
  return { step: "mark", guild, isBehind };
}

function listOf(olds: readonly Old[]): Old {
  const found = olds.filter((old) => old !== null);
  if (found.length === 0) return null;
  const comma = encoder.encode(",");
  const items = found.flatMap((old, index) => index === 0 ? [old] : [comma, old]);
  return joined([encoder.encode("["), ...items, encoder.encode("]")]);
}
