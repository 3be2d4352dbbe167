/**
 * Checks of what a text from elsewhere says. Whatever stands in Redis may have been written by somebody else.
 *
 * @module
 */
/** The last moment that a date can name, milliseconds since the epoch (ECMAScript, Time Values and Time Range). */
const LAST_TIME_MS = 8.64e15;

/** What a JSON text says; undefined, which JSON cannot say, where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number from 0 to 2^53-1. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Milliseconds since the epoch, or of a duration. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LAST_TIME_MS;
}
