/**
 * What becomes of the state cache by an event: the steps of each effect in `rules.ts`, with the keys they go to and the
 * values as they stand in the event.
 *
 * @module
 */
import { BOT_USER, channelEntity, guildEntity, guildPartEntity, messageEntity } from "./entity.ts";
import {
  cut,
  cutMembers,
  elementsOf,
  findMembers,
  idAt,
  idOf,
  isNull,
  isTrue,
  joined,
  replaced,
  type Span,
  type Spans,
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

  get wantsOld(): boolean {
    return this.#keeping.old;
  }

  /** The steps for an event whose `d` is there; none where it lacks what it takes, or is of a member that is not kept. */
  steps(effect: SmallEffect, bytes: Uint8Array, d: Span): StateStep[] {
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
        return this.#memberOf(bytes, d);
      case "change_member":
        return this.#changeMember(bytes, d);
      case "delete_member_and_presence":
        return this.#deleteMember(bytes, d);
      case "set_presence":
        return this.#presenceOf(bytes, d);
      case "set_or_delete_voice":
        return this.#voiceOf(bytes, d);
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

  botUser(bytes: Uint8Array, user: Span): StateStep[] {
    const id = idOf(bytes, user);
    if (id === null) return [];
    this.botId = id;
    return [this.#set(BOT_USER, cut(bytes, user), 0, true)];
  }

  /** The guild itself, with its parts emptied; one that is away may have none of them. */
  guild(bytes: Uint8Array, d: Span, wantsOld: boolean): StateStep[] {
    const found = findMembers(bytes, d.start, ["id", "unavailable", ...GUILD_PARTS]);
    const id = idAt(bytes, found.id);
    return id === null ? [] : this.guildOf(bytes, d, id, found, wantsOld);
  }

  /** The same for whoever has found its parts. */
  guildOf(
    bytes: Uint8Array,
    guild: Span,
    id: string,
    found: Spans<"unavailable" | typeof GUILD_PARTS[number]>,
    wantsOld: boolean,
  ): StateStep[] {
    const there = GUILD_PARTS.flatMap((name) => found[name] ?? []).map((part) => ({
      ...part,
      by: EMPTY_ARRAY,
    })).sort((one, other) => one.start - other.start);
    const braceAt = guild.end - 1;
    const added = isTrue(bytes, found.unavailable)
      ? []
      : GUILD_PARTS.filter((name) => found[name] === undefined).map((name) => ({
        start: braceAt,
        end: braceAt,
        by: encoder.encode(`,"${name}":[]`),
      }));
    return [this.#set(guildEntity(id), replaced(bytes, guild, [...there, ...added]), 0, wantsOld)];
  }

  /** @param knownGuild Whose channel it is, where it does not say so itself. */
  channel(bytes: Uint8Array, channel: Span, knownGuild: string | null, wantsOld: boolean): StateStep[] {
    const { id: idSpan, guild_id } = findMembers(bytes, channel.start, ["id", "guild_id"]);
    const id = idAt(bytes, idSpan);
    if (id === null) return [];
    const said = idAt(bytes, guild_id);
    const guild = said ?? knownGuild;
    // One that is there and says nothing is left as it came.
    const value = guild_id === undefined && guild !== null
      ? withMember(bytes, channel, "guild_id", guild)
      : cut(bytes, channel);
    return [this.#set(channelEntity(guild, id), value, 0, wantsOld)];
  }

  role(bytes: Uint8Array, role: Span, guild: string): StateStep[] {
    const id = idOf(bytes, role);
    return id === null ? [] : [this.#set(guildPartEntity("role", guild, id), cut(bytes, role), 0, true)];
  }

  emoji(bytes: Uint8Array, emoji: Span, guild: string): StateStep[] {
    const id = this.#keeping.emojis ? idOf(bytes, emoji) : null;
    return id === null ? [] : [this.#set(guildPartEntity("emoji", guild, id), cut(bytes, emoji), 0, false)];
  }

  /** The bot's own member is kept in any case, and for ever. */
  member(bytes: Uint8Array, member: Span, guild: string): StateStep[] {
    const user = idOf(bytes, findMembers(bytes, member.start, ["user"]).user);
    if (user === null || !this.#keepsMember(user)) return [];
    const entity = guildPartEntity("member", guild, user);
    return [this.#set(entity, cut(bytes, member), this.#memberTtlMs(user), true)];
  }

  presence(bytes: Uint8Array, presence: Span, guild: string): StateStep[] {
    if (!this.#keeping.presences) return [];
    const user = idOf(bytes, findMembers(bytes, presence.start, ["user"]).user);
    if (user === null) return [];
    return [this.#set(guildPartEntity("presence", guild, user), cut(bytes, presence), 0, true)];
  }

  voice(bytes: Uint8Array, voice: Span, guild: string): StateStep[] {
    if (!this.#keeping.voices) return [];
    const { user_id, channel_id } = findMembers(bytes, voice.start, ["user_id", "channel_id"]);
    const user = idAt(bytes, user_id);
    if (user === null) return [];
    const entity = guildPartEntity("voice", guild, user);
    return isNull(bytes, channel_id)
      ? [{ step: "delete", entity, wantsOld: this.wantsOld }]
      : [this.#set(entity, cut(bytes, voice), 0, true)];
  }

  #pins(bytes: Uint8Array, d: Span): StateStep[] {
    const found = findMembers(bytes, d.start, ["channel_id", "guild_id", "last_pin_timestamp"]);
    const channel = idAt(bytes, found.channel_id);
    if (channel === null || found.last_pin_timestamp === undefined) return [];
    const members = [encoder.encode('"last_pin_timestamp"'), cut(bytes, found.last_pin_timestamp)];
    const entity = channelEntity(idAt(bytes, found.guild_id), channel);
    return [{ step: "merge", entity, members, ttlMs: 0, wantsOld: this.wantsOld }];
  }

  #roleOf(bytes: Uint8Array, d: Span): StateStep[] {
    const { guild_id, role } = findMembers(bytes, d.start, ["guild_id", "role"]);
    const guild = idAt(bytes, guild_id);
    return guild === null || role === undefined ? [] : this.role(bytes, role, guild);
  }

  #deleteRole(bytes: Uint8Array, d: Span): StateStep[] {
    const { guild_id, role_id } = findMembers(bytes, d.start, ["guild_id", "role_id"]);
    const guild = idAt(bytes, guild_id);
    const role = idAt(bytes, role_id);
    if (guild === null || role === null) return [];
    return [{ step: "delete", entity: guildPartEntity("role", guild, role), wantsOld: this.wantsOld }];
  }

  #replaceEmojis(bytes: Uint8Array, d: Span): StateStep[] {
    const { guild_id, emojis } = findMembers(bytes, d.start, ["guild_id", "emojis"]);
    const guild = idAt(bytes, guild_id);
    if (guild === null || emojis === undefined) return [];
    const emojiSteps = [...elementsOf(bytes, emojis)].flatMap((emoji) => this.emoji(bytes, emoji, guild));
    return [{ step: "clear_emojis", guild, wantsOld: this.wantsOld }, ...emojiSteps];
  }

  #memberOf(bytes: Uint8Array, d: Span): StateStep[] {
    const guild = idAt(bytes, findMembers(bytes, d.start, ["guild_id"]).guild_id);
    return guild === null ? [] : this.member(bytes, d, guild);
  }

  #changeMember(bytes: Uint8Array, d: Span): StateStep[] {
    const found = findMembers(bytes, d.start, ["guild_id", "user"]);
    const guild = idAt(bytes, found.guild_id);
    const user = idOf(bytes, found.user);
    if (guild === null || user === null || !this.#keepsMember(user)) return [];
    return [{
      step: "merge",
      entity: guildPartEntity("member", guild, user),
      members: cutMembers(bytes, d.start),
      ttlMs: this.#memberTtlMs(user),
      wantsOld: this.wantsOld,
    }];
  }

  #deleteMember(bytes: Uint8Array, d: Span): StateStep[] {
    const found = findMembers(bytes, d.start, ["guild_id", "user"]);
    const guild = idAt(bytes, found.guild_id);
    const user = idOf(bytes, found.user);
    if (guild === null || user === null) return [];
    const of = (kind: "member" | "presence") => guildPartEntity(kind, guild, user);
    return [
      { step: "delete", entity: of("member"), wantsOld: this.wantsOld },
      { step: "delete", entity: of("presence"), wantsOld: false },
    ];
  }

  #presenceOf(bytes: Uint8Array, d: Span): StateStep[] {
    const guild = idAt(bytes, findMembers(bytes, d.start, ["guild_id"]).guild_id);
    return guild === null ? [] : this.presence(bytes, d, guild);
  }

  #voiceOf(bytes: Uint8Array, d: Span): StateStep[] {
    const guild = idAt(bytes, findMembers(bytes, d.start, ["guild_id"]).guild_id);
    return guild === null ? [] : this.voice(bytes, d, guild);
  }

  #message(bytes: Uint8Array, d: Span): StateStep[] {
    const entity = this.#messageOf(bytes, d);
    return entity === null ? [] : [this.#set(entity, cut(bytes, d), this.#keeping.messageTtlMs, true)];
  }

  #changeMessage(bytes: Uint8Array, d: Span): StateStep[] {
    const entity = this.#messageOf(bytes, d);
    if (entity === null) return [];
    const members = cutMembers(bytes, d.start);
    return [{
      step: "merge",
      entity,
      members,
      ttlMs: this.#keeping.messageTtlMs,
      wantsOld: this.wantsOld,
    }];
  }

  #deleteMessage(bytes: Uint8Array, d: Span): StateStep[] {
    const entity = this.#messageOf(bytes, d);
    return entity === null ? [] : [{ step: "delete", entity, wantsOld: this.wantsOld }];
  }

  #deleteMessages(bytes: Uint8Array, d: Span): StateStep[] {
    const { channel_id, ids } = findMembers(bytes, d.start, ["channel_id", "ids"]);
    const channel = idAt(bytes, channel_id);
    if (channel === null) return [];
    return [...elementsOf(bytes, ids)].flatMap((span) => idAt(bytes, span) ?? []).map((message) => ({
      step: "delete",
      entity: messageEntity(channel, message),
      wantsOld: this.wantsOld,
    }));
  }

  #messageOf(bytes: Uint8Array, d: Span) {
    const { channel_id, id } = findMembers(bytes, d.start, ["channel_id", "id"]);
    const channel = idAt(bytes, channel_id);
    const message = idAt(bytes, id);
    return channel === null || message === null ? null : messageEntity(channel, message);
  }

  #keepsMember(user: string): boolean {
    return this.#keeping.members || user === this.botId;
  }

  #memberTtlMs(user: string): number {
    return user === this.botId ? 0 : this.#keeping.memberTtlMs;
  }

  #set(
    entity: ReturnType<typeof guildEntity>,
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
