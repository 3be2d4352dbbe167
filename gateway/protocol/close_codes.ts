/**
 * What a close of the gateway connection means and what follows from it, one row a code.
 *
 * The documentation (Discord gateway docs, Gateway Close Event Codes) says only whether to reconnect. Whether to
 * resume is our reading of it, with one rule above all: only Discord ends a session. A RESUME too many costs
 * one answer; a needless IDENTIFY costs a part of the daily budget and the events in between.
 *
 * @module
 */

/**
 * - `resume`: the session is alive, or may be.
 * - `resume_once`: the docs or experience call the session lost, but a RESUME may still work; the same answer
 *   again ends it.
 * - `identify`: the session is gone.
 * - `stop`: nothing that we do helps; an operator must.
 */
export type AfterClose = "resume" | "resume_once" | "identify" | "stop";

export interface CloseCode {
  readonly meaning: string;
  readonly next: AfterClose;
  /** How the session is then said to have been lost, where that is more than "invalid". */
  readonly loss?: "invalid_sequence" | "session_timed_out";
}

const CLOSE_CODES: ReadonlyMap<number, CloseCode> = new Map<number, CloseCode>([
  // Seen from servers that had dropped the session, though not always.
  [1000, { meaning: "normal closure", next: "resume_once" }],
  // What follows an op 7 that was not obeyed in time; the session stays resumable.
  [1001, { meaning: "going away", next: "resume" }],
  [1005, { meaning: "no close code", next: "resume" }],
  [1006, { meaning: "connection dropped", next: "resume" }],
  [4000, { meaning: "unknown error", next: "resume" }],
  [4001, { meaning: "unknown opcode", next: "resume" }],
  [4002, { meaning: "decode error", next: "resume" }],
  [4003, { meaning: "not authenticated", next: "resume_once" }],
  [4004, { meaning: "authentication failed", next: "stop" }],
  [4005, { meaning: "already authenticated", next: "resume" }],
  [4007, { meaning: "invalid sequence", next: "identify", loss: "invalid_sequence" }],
  [4008, { meaning: "rate limited", next: "resume" }],
  [4009, { meaning: "session timed out", next: "resume_once", loss: "session_timed_out" }],
  [4010, { meaning: "invalid shard", next: "stop" }],
  [4011, { meaning: "sharding required", next: "stop" }],
  [4012, { meaning: "invalid API version", next: "stop" }],
  [4013, { meaning: "invalid intents", next: "stop" }],
  [4014, { meaning: "disallowed intents", next: "stop" }],
]);

/** The row of a code; one that nobody documents means "may resume". */
export function closeCode(code: number): CloseCode {
  return CLOSE_CODES.get(code) ?? { meaning: "undocumented", next: "resume" };
}

/** Every code with a row, for tests and documentation. */
export function knownCloseCodes(): readonly number[] {
  return [...CLOSE_CODES.keys()];
}

/** The code with which we leave a connection and keep its session (any but 1000 and 1001 does). */
export const LEAVE_RESUMABLY = 4000;

/** The code with which we leave and end the session. */
export const END_SESSION = 1000;

/** Sent past Discord's limit of client frames (gateway docs, Rate Limiting). */
export const RATE_LIMITED = 4008;

/** Codes with which Discord refuses a frame that we sent: an opcode or a `d` that it cannot take. */
export const FRAME_REFUSED: ReadonlySet<number> = new Set([4001, 4002]);
