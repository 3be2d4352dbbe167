/**
 * Answers to interactions, by Discord's REST API.
 *
 * @module
 */
import process from "node:process";

const API_URL = process.env.API_URL ?? "https://discord.com/api";
/** The answer is a message (Discord docs, Interaction Callback Type). */
const MESSAGE = 4;
/** Discord takes the first answer within three seconds; later there is nothing left to do. */
const TIMEOUT_MS = 3_000;
/** Discord docs, JSON Error Codes: the interaction is too old, or has been answered already, by a copy of the event. */
const TOO_LATE = 10_062;
const ANSWERED = 40_060;

/**
 * Answers with a message. The interaction's own token is all that Discord asks for.
 *
 * @param {{ id: string, token: string }} interaction
 * @param {string} content
 * @throws {Error} where Discord does not take it, so that the event is tried again.
 */
export async function answer({ id, token }, content) {
  const response = await fetch(`${API_URL}/v10/interactions/${id}/${encodeURIComponent(token)}/callback`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: MESSAGE, data: { content } }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.ok) return;
  const text = await response.text();
  if ([TOO_LATE, ANSWERED].includes(codeOf(text))) return;
  throw new Error(
    `Cannot answer interaction ${id}: Discord answered ${response.status} ${text.slice(0, 200)}`,
  );
}

/** @param {string} text */
function codeOf(text) {
  try {
    return JSON.parse(text).code;
  } catch {
    return undefined; // whatever stands before Discord answers in HTML
  }
}
