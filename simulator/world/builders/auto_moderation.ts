/**
 * Events of auto moderation: rules, and what they caught.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { CONCERN, Random, streamSeed } from "../random.ts";
import type { Scene } from "../scene.ts";
import { handle, title } from "../text.ts";

/** Rules of one guild. */
const RULES = 6;

/** A rule that is made, changed or deleted: all three events look the same. */
export function autoModerationRule(scene: Scene): EventData<"AUTO_MODERATION_RULE_CREATE"> {
  const { guild } = scene;
  const number = scene.place.below(RULES);
  const random = new Random(streamSeed(guild.seed, CONCERN.rule, guild.index, number));
  return {
    id: guild.partId("rule", number),
    guild_id: guild.id,
    name: title(random, guild.script),
    creator_id: guild.userId(1),
    event_type: 1,
    trigger_type: 1,
    trigger_metadata: {
      keyword_filter: [handle(random), `*${handle(random)}*`],
      regex_patterns: ["(?i)fr[e3]{2}\\s+n[i1]tr[o0]"],
      allow_list: [],
    },
    actions: [
      { type: 1, metadata: { custom_message: title(random, guild.script) } },
      { type: 2, metadata: { channel_id: guild.textChannelId(0) } },
    ],
    enabled: random.chance(0.8),
    exempt_roles: [guild.partId("role", 1)],
    exempt_channels: [],
  };
}

/**
 * A message that a rule caught; `content` and `matched_content` as a session with MESSAGE_CONTENT sees them.
 */
export function autoModerationActionExecution(scene: Scene): EventData<"AUTO_MODERATION_ACTION_EXECUTION"> {
  const { guild } = scene;
  const content = scene.message();
  return {
    guild_id: guild.id,
    action: { type: 2, metadata: { channel_id: guild.textChannelId(0) } },
    rule_id: guild.partId("rule", scene.place.below(RULES)),
    rule_trigger_type: 1,
    user_id: scene.memberId(),
    channel_id: scene.textChannelId(),
    alert_system_message_id: scene.newId(),
    content,
    matched_keyword: handle(scene.text),
    matched_content: Array.from(content).slice(0, 12).join(""),
  };
}
