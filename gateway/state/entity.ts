/**
 * The things that the state cache keeps, each under a key and in the sets of its kind and of whatever it belongs to (wire
 * contract, State cache).
 *
 * @module
 */

/** Kinds whose keys stand in a set of their own, `<kind>_keys`. */
export const KINDS = [
  "guild",
  "channel",
  "message",
  "role",
  "emoji",
  "member",
  "presence",
  "voice",
] as const;

export type Kind = typeof KINDS[number];

export interface Entity {
  /** Before the prefix: `member:<guild>:<user>`. */
  readonly key: string;
  /** The set of what belongs to the same guild or channel, before the prefix; null: it belongs to none. */
  readonly group: string | null;
}

/** In no set. */
export const BOT_USER: Entity = { key: "bot_user", group: null };

export function guildEntity(guild: string): Entity {
  return { key: `guild:${guild}`, group: null };
}

/** @param guild Null for a direct channel. */
export function channelEntity(guild: string | null, channel: string): Entity {
  return { key: `channel:${channel}`, group: guild === null ? null : guildGroup(guild) };
}

export function messageEntity(channel: string, message: string): Entity {
  return { key: `message:${channel}:${message}`, group: channelGroup(channel) };
}

/** What is a guild's, and has an id within it. */
export function guildPartEntity(
  kind: "role" | "emoji" | "member" | "presence" | "voice",
  guild: string,
  id: string,
): Entity {
  return { key: `${kind}:${guild}:${id}`, group: guildGroup(guild) };
}

/** Names all that is kept of a guild, but for the guild itself. */
export function guildGroup(guild: string): string {
  return `guild_keys:${guild}`;
}

/** Names the messages of a channel. */
export function channelGroup(channel: string): string {
  return `channel_keys:${channel}`;
}
