/**
 * Events of scheduled events, and of who wants to come to them.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { type ScheduledEvent, scheduledEvent } from "../scheduled_event.ts";
import type { Scene } from "../scene.ts";

/** Events that one guild has announced. */
const SCHEDULED_EVENTS = 8;

/** An event that is announced, changed or called off: all three look the same. */
export function guildScheduledEvent(scene: Scene): ScheduledEvent {
  return scheduledEvent(scene.guild, scene.place.below(SCHEDULED_EVENTS));
}

/** Somebody wants to come, or no longer: both events look the same. */
export function guildScheduledEventUser(scene: Scene): EventData<"GUILD_SCHEDULED_EVENT_USER_ADD"> {
  return {
    guild_scheduled_event_id: scene.guild.partId("scheduledEvent", scene.place.below(SCHEDULED_EVENTS)),
    user_id: scene.memberId(),
    guild_id: scene.guild.id,
  };
}
