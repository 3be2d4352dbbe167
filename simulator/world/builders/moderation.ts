/**
 * Events of moderation by people: bans and the audit log.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import type { Scene } from "../scene.ts";
import { sentence } from "../text.ts";

/** Somebody is banned, or no longer: both events look the same. */
export function guildBan(scene: Scene): EventData<"GUILD_BAN_ADD"> {
  return { guild_id: scene.guild.id, user: scene.memberUser() };
}

/** A member gets another name, a moderator deletes a message or a member is banned. */
export function guildAuditLogEntryCreate(scene: Scene): EventData<"GUILD_AUDIT_LOG_ENTRY_CREATE"> {
  const { detail, text, guild } = scene;
  const common = {
    id: scene.newId(),
    user_id: scene.memberId(),
    target_id: scene.memberId(),
    guild_id: guild.id,
  };
  const kind = detail.below(3);
  if (kind === 0) {
    return {
      ...common,
      action_type: 24,
      changes: [{ key: "nick", new_value: sentence(text, guild.script, 2) }],
    };
  }
  if (kind === 1) {
    const options = { channel_id: scene.textChannelId(), count: String(detail.between(1, 20)) };
    return { ...common, action_type: 72, options };
  }
  return { ...common, action_type: 22, reason: sentence(text, guild.script, 5) };
}
