/**
 * What becomes of the state cache by an event: the steps of each effect in `rules.ts`, with the keys they go to and the
 * values as they stand in the event.
 *
 * @module
 */
import { isGuildEvent, readFrameHead } from "../protocol/frame_head.ts";
import {
  BOT_USER,
  channelEntity,
  type Entity,
  guildEntity,
  guildPartEntity,
  messageEntity,
} from "./entity.ts";
import {
  cut,
  cutMembers,
  elementsOf,
  findMembers,
  type Found,
  idAt,
  idOf,
  isNull,
  isTrue,
  joined,
  replaced,
  type Span,
} from "./fields.ts";
import { type Effect, keptEffectOf, type KeptKinds } from "./rules.ts";
import type { StateStep } from "./store.ts";

/** What is kept besides guilds, channels and roles, and for how long; 0: for ever. */
export interface StateKeeping extends KeptKinds {
  readonly members: boolean;
  readonly memberTtlMs: number;
  readonly messageTtlMs: number;
  /** Whether events are to carry what was kept before them. */
  readonly old: boolean;
}

/** Effects that one piece of work is enough for, whatever the event holds. */
export type SmallEffect = Exclude<
  Effect,
  | "nothing"
  | "set_bot_user_and_stubs"
  | "write_guild"
  | "clear_guild"
  | "delete_channel"
  | "set_threads"
  | "set_members"
>;

/** A guild keeps these under keys of their own. */
export const GUILD_PARTS = [
  "channels",
  "roles",
  "emojis",
  "voice_states",
  "members",
  "presences",
] as const;

const encoder = new TextEncoder();
const EMPTY_ARRAY = encoder.encode("[]");

export class StatePlan {
  /** The bot's own user; null while it is not known. */
  botId: string | null = null;
  readonly #keeping: StateKeeping;

  constructor(keeping: StateKeeping) {
    this.#keeping = keeping;
  }

  /** What an event does. */
  effectOf(type: string): Effect {
    return keptEffectOf(type, this.#keeping);
  }

  /** The guilds of which an event changes what is kept. */
  guildsOfEvent(type: string, bytes: Uint8Array): string[] {
    const start = this.effectOf(type) === "nothing" ? null : readFrameHead(bytes)?.dataStart ?? null;
    const found = start === null ? null : findMembers(bytes, start, ["id", "guild_id", "guilds"]);
    if (type === "READY") {
      return [...elementsOf(bytes, found?.guilds)].flatMap((stub) => idOf(bytes, stub) ?? []);
    }
    const guild = idAt(bytes, isGuildEvent(type) ? found?.id : found?.guild_id);
    return guild === null ? [] : [guild];
  }

  get wantsOld(): boolean {
    return this.#keeping.old;
  }

  /**
   * The steps for an event whose `d` starts there; none where it lacks what it takes, or is of a member that is not kept.
   */
  steps(effect: SmallEffect, bytes: Uint8Array, d: number): StateStep[] {
    switch (effect) {
      case "set_bot_user":
        return this.botUser(bytes, d);
      case "set_guild":
        return this.guild(bytes, d, true);
      case "set_channel":
        return this.channel(bytes, d, null, true);
      case "change_pins":
        return this.#pins(bytes, d);
      case "set_role":
        return this.#roleOf(bytes, d);
      case "delete_role":
        return this.#deleteRole(bytes, d);
      case "replace_emojis":
        return this.#replaceEmojis(bytes, d);
      case "set_member":
        return this.member(bytes, d, null);
      case "change_member":
        return this.#changeMember(bytes, d);
      case "delete_member_and_presence":
        return this.#deleteMember(bytes, d);
      case "set_presence":
        return this.presence(bytes, d, null);
      case "set_or_delete_voice":
        return this.voice(bytes, d, null);
      case "set_message":
        return this.#message(bytes, d);
      case "change_message":
        return this.#changeMessage(bytes, d);
      case "delete_message":
        return this.#deleteMessage(bytes, d);
      case "delete_messages":
        return this.#deleteMessages(bytes, d);
      default:
        return effect satisfies never;
    }
  }

  botUser(bytes: Uint8Array, start: number): StateStep[] {
    const found = findMembers(bytes, start, ["id"]);
    const id = idAt(bytes, found?.id);
    if (found === null || id === null) return [];
    this.botId = id;
    return [this.#set(BOT_USER, cut(bytes, found.whole), 0, true)];
  }

  /** The guild itself, with its parts emptied; one that is away may have none of them. */
  guild(bytes: Uint8Array, start: number, wantsOld: boolean): StateStep[] {
    const found = findMembers(bytes, start, ["id", "unavailable", ...GUILD_PARTS]);
    const id = idAt(bytes, found?.id);
    return found === null || id === null ? [] : this.guildOf(bytes, id, found, wantsOld);
  }

  /** The same for whoever has found its parts. */
  guildOf(
    bytes: Uint8Array,
    id: string,
    found: Found<"unavailable" | typeof GUILD_PARTS[number]>,
    wantsOld: boolean,
  ): StateStep[] {
    const there = GUILD_PARTS.flatMap((name) => found[name] ?? []).map((part) => ({
      ...part,
      by: EMPTY_ARRAY,
    })).sort((one, other) => one.start - other.start);
    const braceAt = found.whole.end - 1;
    const added = isTrue(bytes, found.unavailable)
      ? []
      : GUILD_PARTS.filter((name) => found[name] === undefined).map((name) => ({
        start: braceAt,
        end: braceAt,
        by: encoder.encode(`,"${name}":[]`),
      }));
    return [this.#set(guildEntity(id), replaced(bytes, found.whole, [...there, ...added]), 0, wantsOld)];
  }

  /** @param knownGuild Whose channel it is, where it does not say so itself. */
  channel(bytes: Uint8Array, start: number, knownGuild: string | null, wantsOld: boolean): StateStep[] {
    const found = findMembers(bytes, start, ["id", "guild_id"]);
    const id = idAt(bytes, found?.id);
    if (found === null || id === null) return [];
    const guild = idAt(bytes, found.guild_id) ?? knownGuild;
    // One that is there and says nothing is left as it came.
    const value = found.guild_id === undefined && guild !== null
      ? withMember(bytes, found.whole, "guild_id", guild)
      : cut(bytes, found.whole);
    return [this.#set(channelEntity(guild, id), value, 0, wantsOld)];
  }

  role(bytes: Uint8Array, start: number, guild: string): StateStep[] {
    return this.#partOfGuild("role", bytes, start, guild, true);
  }

  emoji(bytes: Uint8Array, start: number, guild: string): StateStep[] {
    return this.#keeping.emojis ? this.#partOfGuild("emoji", bytes, start, guild, false) : [];
  }

  /**
   * The bot's own member is kept in any case, and for ever.
   *
   * @param knownGuild Whose it is; null where it says so itself.
   */
  member(bytes: Uint8Array, start: number, knownGuild: string | null): StateStep[] {
    const found = findMembers(bytes, start, ["guild_id", "user"]);
    const guild = knownGuild ?? idAt(bytes, found?.guild_id);
    const user = idOf(bytes, found?.user);
    if (found === null || guild === null || user === null || !this.#keepsMember(user)) return [];
    const entity = guildPartEntity("member", guild, user);
    return [this.#set(entity, cut(bytes, found.whole), this.#memberTtlMs(user), true)];
  }

  /** @param knownGuild Whose it is; null where it says so itself. */
  presence(bytes: Uint8Array, start: number, knownGuild: string | null): StateStep[] {
    if (!this.#keeping.presences) return [];
    const found = findMembers(bytes, start, ["guild_id", "user"]);
    const guild = knownGuild ?? idAt(bytes, found?.guild_id);
    const user = idOf(bytes, found?.user);
    if (found === null || guild === null || user === null) return [];
    return [this.#set(guildPartEntity("presence", guild, user), cut(bytes, found.whole), 0, true)];
  }

  /** @param knownGuild Whose it is; null where it says so itself. */
  voice(bytes: Uint8Array, start: number, knownGuild: string | null): StateStep[] {
    if (!this.#keeping.voices) return [];
    const found = findMembers(bytes, start, ["guild_id", "user_id", "channel_id"]);
    const guild = knownGuild ?? idAt(bytes, found?.guild_id);
    const user = idAt(bytes, found?.user_id);
    if (found === null || guild === null || user === null) return [];
    const entity = guildPartEntity("voice", guild, user);
    return isNull(bytes, found.channel_id)
      ? [{ step: "delete", entity, wantsOld: this.wantsOld }]
      : [this.#set(entity, cut(bytes, found.whole), 0, true)];
  }

  #partOfGuild(
    kind: "role" | "emoji",
    bytes: Uint8Array,
    start: number,
    guild: string,
    wantsOld: boolean,
  ): StateStep[] {
    const found = findMembers(bytes, start, ["id"]);
    const id = idAt(bytes, found?.id);
    if (found === null || id === null) return [];
    return [this.#set(guildPartEntity(kind, guild, id), cut(bytes, found.whole), 0, wantsOld)];
  }

  #pins(bytes: Uint8Array, d: number): StateStep[] {
    const found = findMembers(bytes, d, ["channel_id", "guild_id", "last_pin_timestamp"]);
    const channel = idAt(bytes, found?.channel_id);
    if (found?.last_pin_timestamp === undefined || channel === null) return [];
    const members = [encoder.encode('"last_pin_timestamp"'), cut(bytes, found.last_pin_timestamp)];
    const entity = channelEntity(idAt(bytes, found.guild_id), channel);
    return [{ step: "merge", entity, members, ttlMs: 0, wantsOld: this.wantsOld }];
  }

  #roleOf(bytes: Uint8Array, d: number): StateStep[] {
    const found = findMembers(bytes, d, ["guild_id", "role"]);
    const guild = idAt(bytes, found?.guild_id);
    return guild === null || found?.role === undefined ? [] : this.role(bytes, found.role.start, guild);
  }

  #deleteRole(bytes: Uint8Array, d: number): StateStep[] {
    const found = findMembers(bytes, d, ["guild_id", "role_id"]);
    const guild = idAt(bytes, found?.guild_id);
    const role = idAt(bytes, found?.role_id);
    if (guild === null || role === null) return [];
    return [{ step: "delete", entity: guildPartEntity("role", guild, role), wantsOld: this.wantsOld }];
  }

  #replaceEmojis(bytes: Uint8Array, d: number): StateStep[] {
    const found = findMembers(bytes, d, ["guild_id", "emojis"]);
    const guild = idAt(bytes, found?.guild_id);
    if (guild === null || found?.emojis === undefined) return [];
    const emojis = [...elementsOf(bytes, found.emojis)];
    return [
      { step: "clear_emojis", guild, wantsOld: this.wantsOld },
      ...emojis.flatMap(({ start }) => this.emoji(bytes, start, guild)),
    ];
  }

  #changeMember(bytes: Uint8Array, d: number): StateStep[] {
    const of = this.#memberOf(bytes, d);
    if (of === null || !this.#keepsMember(of.user)) return [];
    return [{
      step: "merge",
      entity: guildPartEntity("member", of.guild, of.user),
      members: cutMembers(bytes, d),
      ttlMs: this.#memberTtlMs(of.user),
      wantsOld: this.wantsOld,
    }];
  }

  #deleteMember(bytes: Uint8Array, d: number): StateStep[] {
    const of = this.#memberOf(bytes, d);
    if (of === null) return [];
    const entity = (kind: "member" | "presence") => guildPartEntity(kind, of.guild, of.user);
    return [
      { step: "delete", entity: entity("member"), wantsOld: this.wantsOld },
      { step: "delete", entity: entity("presence"), wantsOld: false },
    ];
  }

  #memberOf(bytes: Uint8Array, d: number): { readonly guild: string; readonly user: string } | null {
    const found = findMembers(bytes, d, ["guild_id", "user"]);
    const guild = idAt(bytes, found?.guild_id);
    const user = idOf(bytes, found?.user);
    return guild === null || user === null ? null : { guild, user };
  }

  #message(bytes: Uint8Array, d: number): StateStep[] {
    const of = this.#messageOf(bytes, d);
    return of === null ? [] : [this.#set(of.entity, cut(bytes, of.whole), this.#keeping.messageTtlMs, true)];
  }

  #changeMessage(bytes: Uint8Array, d: number): StateStep[] {
    const of = this.#messageOf(bytes, d);
    if (of === null) return [];
    return [{
      step: "merge",
      entity: of.entity,
      members: cutMembers(bytes, d),
      ttlMs: this.#keeping.messageTtlMs,
      wantsOld: this.wantsOld,
    }];
  }

  #deleteMessage(bytes: Uint8Array, d: number): StateStep[] {
    const of = this.#messageOf(bytes, d);
    return of === null ? [] : [{ step: "delete", entity: of.entity, wantsOld: this.wantsOld }];
  }

  #deleteMessages(bytes: Uint8Array, d: number): StateStep[] {
    const found = findMembers(bytes, d, ["channel_id", "ids"]);
    const channel = idAt(bytes, found?.channel_id);
    if (channel === null) return [];
    return [...elementsOf(bytes, found?.ids)].flatMap((span) => idAt(bytes, span) ?? []).map((message) => ({
      step: "delete",
      entity: messageEntity(channel, message),
      wantsOld: this.wantsOld,
    }));
  }

  #messageOf(bytes: Uint8Array, d: number): { readonly entity: Entity; readonly whole: Span } | null {
    const found = findMembers(bytes, d, ["channel_id", "id"]);
    const channel = idAt(bytes, found?.channel_id);
    const message = idAt(bytes, found?.id);
    if (found === null || channel === null || message === null) return null;
    return { entity: messageEntity(channel, message), whole: found.whole };
  }

  #keepsMember(user: string): boolean {
    return this.#keeping.members || user === this.botId;
  }

  #memberTtlMs(user: string): number {
    return user === this.botId ? 0 : this.#keeping.memberTtlMs;
  }

  #set(
    entity: Entity,
    value: Uint8Array,
    ttlMs: number,
    mayWantOld: boolean,
  ): StateStep {
    return { step: "set", entity, value, ttlMs, wantsOld: mayWantOld && this.wantsOld };
  }
}

/** The object, which has members already, with one more before them; its value is text in no need of escapes. */
function withMember(bytes: Uint8Array, object: Span, name: string, value: string): Uint8Array {
  const rest = bytes.subarray(object.start + 1, object.end);
  return joined([encoder.encode(`{"${name}":"${value}",`), rest]);
}
