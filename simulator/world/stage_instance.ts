/**
 * The stage of a guild while it is live.
 *
 * @module
 */

import type { APIStageInstance } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { sentence } from "./text.ts";

/** What is being talked about on the guild's stage (Stage Instance Object). */
export function stageInstance(guild: Guild): AsWritten<APIStageInstance> {
  const random = new Random(streamSeed(guild.seed, CONCERN.stage, guild.index));
  return {
    id: guild.partId("stage", 0),
    guild_id: guild.id,
    channel_id: guild.stageChannelId,
    topic: sentence(random, guild.script, 6),
    privacy_level: 2,
    discoverable_disabled: true,
    guild_scheduled_event_id: guild.partId("scheduledEvent", 0),
  };
}
