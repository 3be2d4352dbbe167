import { EVENT_NAMES, type EventName } from "./events.ts";
import type { Random } from "./random.ts";

/**
 * How often each event happens beside the others, for a bot that asked for everything: presences, messages and typing make up
 * most of the traffic. The weights sum to roughly 10,000. A whole GUILD_CREATE while the bot is running is rare.
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
