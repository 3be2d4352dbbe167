/**
 * Gateway intents: which events a bot asks Discord for (Discord gateway docs, Gateway Intents).
 *
 * @module
 */

/** Every documented intent and its bit. The gaps (17–19, 22, 23, 26 and up) are undefined: close code 4013. */
export const Intent = {
  GUILDS: 1 << 0,
  GUILD_MEMBERS: 1 << 1,
  GUILD_MODERATION: 1 << 2,
  GUILD_EXPRESSIONS: 1 << 3,
  GUILD_INTEGRATIONS: 1 << 4,
  GUILD_WEBHOOKS: 1 << 5,
  GUILD_INVITES: 1 << 6,
  GUILD_VOICE_STATES: 1 << 7,
  GUILD_PRESENCES: 1 << 8,
  GUILD_MESSAGES: 1 << 9,
  GUILD_MESSAGE_REACTIONS: 1 << 10,
  GUILD_MESSAGE_TYPING: 1 << 11,
  DIRECT_MESSAGES: 1 << 12,
  DIRECT_MESSAGE_REACTIONS: 1 << 13,
  DIRECT_MESSAGE_TYPING: 1 << 14,
  MESSAGE_CONTENT: 1 << 15,
  GUILD_SCHEDULED_EVENTS: 1 << 16,
  AUTO_MODERATION_CONFIGURATION: 1 << 20,
  AUTO_MODERATION_EXECUTION: 1 << 21,
  GUILD_MESSAGE_POLLS: 1 << 24,
  DIRECT_MESSAGE_POLLS: 1 << 25,
} as const;

export type IntentName = keyof typeof Intent;

/** The names in the order of their bits. */
export const INTENT_NAMES = Object.keys(Intent) as readonly IntentName[];

/** Intents that the bot's owner must switch on in the Developer Portal: else close code 4014. */
const PRIVILEGED_INTENTS = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT;

export const ALL_INTENTS = INTENT_NAMES.reduce((bits, name) => bits | Intent[name], 0);

const NON_PRIVILEGED_INTENTS = ALL_INTENTS & ~PRIVILEGED_INTENTS;

/** All that need no permission, without the two typing ones: they are most of the traffic and few bots look. */
export const DEFAULT_INTENTS = NON_PRIVILEGED_INTENTS &
  ~(Intent.GUILD_MESSAGE_TYPING | Intent.DIRECT_MESSAGE_TYPING);

/** The names of the bits that are set, undefined bits left out. */
export function intentNames(bits: number): IntentName[] {
  return INTENT_NAMES.filter((name) => (bits & Intent[name]) !== 0);
}

/** The privileged ones among the bits that are set, for the line that explains close code 4014. */
export function privilegedIntentNames(bits: number): IntentName[] {
  return intentNames(bits & PRIVILEGED_INTENTS);
}

/** Numbers of the bits that are set without being documented. `bits` is any non-negative safe integer. */
export function undefinedIntentBits(bits: number): number[] {
  const unknown = BigInt(bits) & ~BigInt(ALL_INTENTS);
  const numbers: number[] = [];
  for (let bit = 0; unknown >> BigInt(bit) > 0n; bit++) {
    if ((unknown >> BigInt(bit)) & 1n) numbers.push(bit);
  }
  return numbers;
}
