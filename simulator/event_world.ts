import { blankContent, INTENT, letsThrough } from "./world/intents.ts";
import type { World, WorldEvent } from "./world/world.ts";

/** What the simulator asks of a world. A test may hand in one in which only what it needs happens. */
export type EventWorld = Pick<
  World,
  "user" | "application" | "guildIds" | "next" | "make" | "guildCreate" | "members" | "channels"
>;

/** The shard to which a guild belongs (Discord docs, Sharding). */
export function shardOfGuild(guildId: bigint, shardCount: number): number {
  return Number((guildId >> 22n) % BigInt(shardCount));
}

/** True where a session with these intents is told of the event. */
export function reaches(event: WorldEvent, intents: number, botId: string): boolean {
  if (!letsThrough(intents, event.intents)) return false;
  // GUILDS alone lets this one through for the bot's own membership only (Discord docs, List of Intents).
  if (event.t !== "THREAD_MEMBERS_UPDATE" || (intents & INTENT.GUILD_MEMBERS) !== 0) return true;
  const { added_members: added = [], removed_member_ids: removed = [] } = event.data as {
    added_members?: readonly { user_id?: string }[];
    removed_member_ids?: readonly string[];
  };
  return added.some((member) => member.user_id === botId) || removed.includes(botId);
}

/** True where a session sees this event's texts only with MESSAGE_CONTENT (Discord docs, Message Content Intent). */
export function hidesContent(event: WorldEvent): boolean {
  if (event.t === "AUTO_MODERATION_ACTION_EXECUTION") return true;
  if (event.t !== "MESSAGE_CREATE" && event.t !== "MESSAGE_UPDATE") return false;
  return !(event.fromBot || event.direct || event.mentionsBot);
}

/** The `d` of an event that {@link hidesContent}, for a session without MESSAGE_CONTENT. */
export function hiddenContent(event: WorldEvent): Record<string, unknown> {
  if (event.t === "AUTO_MODERATION_ACTION_EXECUTION") {
    return { ...event.data, content: "", matched_content: "" };
  }
  return blankContent(event.data);
}

export function seesContent(intents: number): boolean {
  return (intents & INTENT.MESSAGE_CONTENT) !== 0;
}
