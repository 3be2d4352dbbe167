/**
 * Who may see what: an event as a session with given intents is sent it.
 *
 * @module
 */
import { blankContent, INTENT, letsThrough } from "./world/intents.ts";
import type { WorldEvent } from "./world/world.ts";

type Data = Readonly<Record<string, unknown>>;

/**
 * What a session with `intents` is sent of an event: its `d`, or null where it is not told. The same object is returned
 * wherever nothing has to be held back. `botId` is the id of the bot's user.
 */
export function visibleData(event: WorldEvent, intents: number, botId: string): Data | null {
  if (!letsThrough(intents, event.intents)) return null;
  switch (event.t) {
    case "MESSAGE_CREATE":
    case "MESSAGE_UPDATE":
      return mayReadMessage(event, intents) ? event.data : blankContent(event.data);
    case "AUTO_MODERATION_ACTION_EXECUTION":
      return has(intents, INTENT.MESSAGE_CONTENT)
        ? event.data
        : { ...event.data, content: "", matched_content: "" };
    case "THREAD_MEMBERS_UPDATE":
      return has(intents, INTENT.GUILD_MEMBERS) ? event.data : ownMembership(event.data, botId);
    case "GUILD_CREATE":
      return has(intents, INTENT.GUILD_PRESENCES) ? event.data : withoutPresences(event.data, botId);
    default:
      return event.data;
  }
}

function has(intents: number, intent: number): boolean {
  return (intents & intent) !== 0;
}

/** MESSAGE_CONTENT, or one of its exceptions: own messages, direct messages, mentions (Discord docs, Message Content Intent). */
function mayReadMessage({ fromBot, direct, mentionsBot }: WorldEvent, intents: number): boolean {
  return has(intents, INTENT.MESSAGE_CONTENT) || fromBot === true || direct === true || mentionsBot === true;
}

/** Without GUILD_MEMBERS it is sent only where the bot itself came or went (Discord docs, Thread Members Update). */
function ownMembership(data: Data, botId: string): Data | null {
  const { added_members = [], removed_member_ids = [], ...thread } = data as {
    added_members?: readonly { user_id?: string }[];
    removed_member_ids?: readonly string[];
  };
  const added = added_members.filter(({ user_id }) => user_id === botId);
  const removed = removed_member_ids.filter((id) => id === botId);
  if (added.length === 0 && removed.length === 0) return null;
  return {
    ...thread,
    ...(added.length > 0 ? { added_members: added } : {}),
    ...(removed.length > 0 ? { removed_member_ids: removed } : {}),
  };
}

/** Without GUILD_PRESENCES only the bot and those in voice are listed (Discord docs, Guild Create). */
function withoutPresences(data: Data, botId: string): Data {
  const { members = [], voice_states = [] } = data as {
    members?: readonly { user?: { id?: string } }[];
    voice_states?: readonly { user_id?: string }[];
  };
  const listed = new Set([botId, ...voice_states.map(({ user_id }) => user_id)]);
  return { ...data, members: members.filter(({ user }) => listed.has(user?.id)), presences: [] };
}
