/**
 * Events of channels that are no threads: their coming, changing and going, pins and webhooks.
 *
 * @module
 */

import { guildChannel } from "../channel.ts";
import type { EventData } from "../events.ts";
import type { Scene } from "../scene.ts";
import { timestamp } from "../timestamp.ts";

/** A channel that did not exist before. */
export function channelCreate(scene: Scene): EventData<"CHANNEL_CREATE"> {
  return { ...channelUpdate(scene), id: scene.newId() };
}

/** A channel of the guild, as it is changed or deleted. */
export function channelUpdate(scene: Scene): EventData<"CHANNEL_UPDATE"> {
  return guildChannel(scene.guild, scene.place.below(scene.guild.channelCount));
}

export function channelPinsUpdate(scene: Scene): EventData<"CHANNEL_PINS_UPDATE"> {
  return {
    channel_id: scene.channelOf(scene.actor()),
    last_pin_timestamp: scene.detail.chance(0.2) ? null : timestamp(scene.nowMs),
    ...scene.where(),
  };
}

export function webhooksUpdate(scene: Scene): EventData<"WEBHOOKS_UPDATE"> {
  return { guild_id: scene.guild.id, channel_id: scene.textChannelId() };
}
