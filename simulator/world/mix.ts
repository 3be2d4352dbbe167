/**
 * How often each event happens, compared with the others.
 *
 * @module
 */

import { EVENT_NAMES, type EventName } from "./events.ts";
import type { Random } from "./random.ts";

/**
 * How often each event happens beside the others, for a bot that asked for everything: presences, messages
 * and typing make up most of the traffic, and the weights sum to roughly 10,000. A whole GUILD_CREATE while
 * the bot is running is rare.
 *
 * Left out is what only a session causes (READY, RESUMED, the answers to its requests) and GUILD_DELETE,
 * after which a guild would have to fall silent.
 */
export const DEFAULT_MIX: Readonly<Partial<Record<EventName, number>>> = {
  PRESENCE_UPDATE: 3_000,
  MESSAGE_CREATE: 2_600,
  TYPING_START: 1_500,
  VOICE_STATE_UPDATE: 600,
  MESSAGE_REACTION_ADD: 500,
  GUILD_MEMBER_UPDATE: 500,
  INTERACTION_CREATE: 350,
  MESSAGE_UPDATE: 350,
  MESSAGE_DELETE: 150,
  MESSAGE_REACTION_REMOVE: 80,
  GUILD_MEMBER_ADD: 60,
  GUILD_MEMBER_REMOVE: 50,
  CHANNEL_UPDATE: 30,
  THREAD_UPDATE: 25,
  THREAD_CREATE: 20,
  THREAD_MEMBERS_UPDATE: 20,
  GUILD_AUDIT_LOG_ENTRY_CREATE: 20,
  MESSAGE_POLL_VOTE_ADD: 15,
  VOICE_CHANNEL_STATUS_UPDATE: 12,
  VOICE_CHANNEL_START_TIME_UPDATE: 12,
  GUILD_SCHEDULED_EVENT_USER_ADD: 10,
  AUTO_MODERATION_ACTION_EXECUTION: 10,
  VOICE_CHANNEL_EFFECT_SEND: 8,
  GUILD_ROLE_UPDATE: 6,
  CHANNEL_CREATE: 5,
  CHANNEL_DELETE: 5,
  INVITE_CREATE: 5,
  MESSAGE_POLL_VOTE_REMOVE: 4,
  GUILD_SCHEDULED_EVENT_USER_REMOVE: 4,
  THREAD_DELETE: 4,
  THREAD_MEMBER_UPDATE: 4,
  MESSAGE_DELETE_BULK: 4,
  MESSAGE_REACTION_REMOVE_ALL: 4,
  MESSAGE_REACTION_REMOVE_EMOJI: 3,
  CHANNEL_PINS_UPDATE: 3,
  GUILD_UPDATE: 3,
  GUILD_BAN_ADD: 3,
  GUILD_SCHEDULED_EVENT_UPDATE: 2,
  GUILD_SCHEDULED_EVENT_CREATE: 2,
  GUILD_SCHEDULED_EVENT_DELETE: 1,
  STAGE_INSTANCE_CREATE: 2,
  STAGE_INSTANCE_UPDATE: 1,
  STAGE_INSTANCE_DELETE: 2,
  GUILD_ROLE_CREATE: 2,
  GUILD_ROLE_DELETE: 2,
  GUILD_BAN_REMOVE: 1,
  GUILD_EMOJIS_UPDATE: 2,
  GUILD_STICKERS_UPDATE: 1,
  GUILD_SOUNDBOARD_SOUND_CREATE: 1,
  GUILD_SOUNDBOARD_SOUND_UPDATE: 1,
  GUILD_SOUNDBOARD_SOUND_DELETE: 1,
  GUILD_SOUNDBOARD_SOUNDS_UPDATE: 1,
  GUILD_INTEGRATIONS_UPDATE: 2,
  INTEGRATION_CREATE: 1,
  INTEGRATION_UPDATE: 1,
  INTEGRATION_DELETE: 1,
  WEBHOOKS_UPDATE: 2,
  INVITE_DELETE: 2,
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: 1,
  AUTO_MODERATION_RULE_CREATE: 1,
  AUTO_MODERATION_RULE_UPDATE: 1,
  AUTO_MODERATION_RULE_DELETE: 1,
  VOICE_SERVER_UPDATE: 1,
  THREAD_LIST_SYNC: 1,
  ENTITLEMENT_CREATE: 2,
  ENTITLEMENT_UPDATE: 1,
  ENTITLEMENT_DELETE: 1,
  SUBSCRIPTION_CREATE: 2,
  SUBSCRIPTION_UPDATE: 1,
  SUBSCRIPTION_DELETE: 1,
  USER_UPDATE: 0.1,
  GUILD_CREATE: 0.5,
};

/** A choice among events by weight. */
export class Mix {
  readonly #names: EventName[] = [];
  /** Sum of the weights up to and including each name. */
  readonly #upTo: number[] = [];

  /** Throws RangeError where a name is not an event, a weight is not a number >= 0, or nothing has weight. */
  constructor(weights: Readonly<Record<string, number>>) {
    let sum = 0;
    for (const [name, weight] of Object.entries(weights)) {
      if (!isEventName(name)) {
        throw new RangeError(`Cannot mix events: "${name}" is not the name of a dispatch`);
      }
      if (!(weight >= 0 && weight < Infinity)) {
        throw new RangeError(`Cannot mix events: the weight of ${name} must be a number >= 0, not ${weight}`);
      }
      if (weight === 0) continue;
      sum += weight;
      this.#names.push(name);
      this.#upTo.push(sum);
    }
    if (sum === 0) throw new RangeError("Cannot mix events: no event has a weight above 0");
  }

  /** The next event, each as likely as its share of all weights. */
  draw(random: Random): EventName {
    const target = random.fraction() * (this.#upTo.at(-1) as number);
    let low = 0;
    let high = this.#upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upTo[middle] as number) > target) high = middle;
      else low = middle + 1;
    }
    return this.#names[low] as EventName;
  }
}

function isEventName(name: string): name is EventName {
  return (EVENT_NAMES as readonly string[]).includes(name);
}
