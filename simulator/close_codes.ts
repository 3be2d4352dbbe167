/**
 * Close codes as this server uses them, and what each does to a session.
 *
 * @module
 */

/** What becomes of a session when the server closes its connection. */
export type SessionFate = "keep" | "drop";

export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  unknownError: 4000,
  unknownOpcode: 4001,
  decodeError: 4002,
  notAuthenticated: 4003,
  authenticationFailed: 4004,
  alreadyAuthenticated: 4005,
  invalidSequence: 4007,
  rateLimited: 4008,
  sessionTimedOut: 4009,
  invalidShard: 4010,
  shardingRequired: 4011,
  invalidApiVersion: 4012,
  invalidIntents: 4013,
  disallowedIntents: 4014,
} as const;

interface CloseRule {
  readonly reason: string;
  readonly fate: SessionFate;
}

/**
 * The documented codes (Discord docs, Gateway Close Event Codes). The docs say only whether a client may reconnect;
 * the fate of the session follows what has been observed: a RESUME after 4001 drew op 9 (discord.js issue 4376), a
 * session was gone after 1000 (discord-api-docs issue 2922), and alive after 1001 (discord.js issue 4095).
 */
export const CLOSE_RULES: Readonly<Record<number, CloseRule>> = {
  1000: { reason: "", fate: "drop" },
  1001: { reason: "Discord WebSocket requesting client reconnect.", fate: "keep" },
  4000: { reason: "Unknown error.", fate: "keep" },
  4001: { reason: "Unknown opcode.", fate: "drop" },
  4002: { reason: "Error while decoding payload.", fate: "keep" },
  4003: { reason: "Not authenticated.", fate: "drop" },
  4004: { reason: "Authentication failed.", fate: "drop" },
  4005: { reason: "Already authenticated.", fate: "keep" },
  4007: { reason: "Invalid seq.", fate: "drop" },
  4008: { reason: "You are being rate limited.", fate: "keep" },
  4009: { reason: "Session timed out.", fate: "drop" },
  4010: { reason: "Invalid shard.", fate: "drop" },
  4011: { reason: "Sharding required.", fate: "drop" },
  4012: { reason: "Invalid API version.", fate: "drop" },
  4013: { reason: "Invalid intent(s).", fate: "drop" },
  4014: { reason: "Disallowed intent(s).", fate: "drop" },
};

/** The fate of a session whose connection the server closes with `code`; codes that nobody documented keep it. */
export function sessionFate(code: number): SessionFate {
  return CLOSE_RULES[code]?.fate ?? "keep";
}

/** True for a number that may stand in a close frame (RFC 6455, section 7.4). */
export function isCloseCode(code: unknown): code is number {
  return typeof code === "number" && Number.isInteger(code) &&
    ((code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999));
}

/** The human words that go with a code. */
export function closeReason(code: number): string {
  return CLOSE_RULES[code]?.reason ?? "";
}

/** True where a client's own close ends its session at once (Discord docs, Initiating a Disconnect). */
export function endsSession(clientCode: number): boolean {
  return clientCode === CLOSE.normal || clientCode === CLOSE.goingAway;
}
