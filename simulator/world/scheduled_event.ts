/**
 * The scheduled events of a guild.
 *
 * @module
 */

import type { APIGuildScheduledEvent } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { sentence, title } from "./text.ts";
import { timestamp } from "./timestamp.ts";

/** Something that members meet for (Guild Scheduled Event Object). */
export type ScheduledEvent = AsWritten<APIGuildScheduledEvent>;

/**
 * The `number`-th event that a guild has announced: in one of its voice channels, or somewhere outside
 * Discord.
 */
export function scheduledEvent(guild: Guild, number: number): ScheduledEvent {
  const random = new Random(streamSeed(guild.seed, CONCERN.scheduledEvent, guild.index, number));
  const beginsMs = guild.startMs + random.between(1, 14) * 86_400_000;
  const base = {
    id: guild.partId("scheduledEvent", number),
    guild_id: guild.id,
    creator_id: guild.userId(1),
    name: title(random, guild.script),
    description: sentence(random, guild.script, random.between(4, 30)),
    scheduled_start_time: timestamp(beginsMs),
    privacy_level: 2 as const,
    status: 1 as const,
    entity_id: null,
    user_count: random.below(200),
    image: null,
    recurrence_rule: null,
  };
  if (random.chance(0.5)) {
    return {
      ...base,
      scheduled_end_time: timestamp(beginsMs + 7_200_000),
      channel_id: null,
      entity_type: 3,
      entity_metadata: { location: "https://example.com/stream" },
    };
  }
  return {
    ...base,
    scheduled_end_time: null,
    channel_id: guild.voiceChannelId(random.below(guild.voiceCount)),
    entity_type: 2,
    entity_metadata: null,
  };
}
