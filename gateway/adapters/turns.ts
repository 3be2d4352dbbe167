/**
 * Turns of the event loop, for work that would hold it up if it were done in one.
 *
 * @module
 */

/** So much of a payload is taken in one turn, some milliseconds, before others have theirs. */
export const TURN_MAX_BYTES = 1024 * 1024;

const waiting: (() => void)[] = [];

/** Resolves in a turn that nobody else who waits for one has: however many large payloads there are, they take turns. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setTimeout(giveTurn);
  });
}

/** By a timer: between immediates the runtime does not look at its sockets, and nobody would have a turn. */
function giveTurn(): void {
  const [resolve] = waiting;
  resolve?.();
  // Only now, so that whoever asks for the next turn at once comes last and sets no timer of its own.
  waiting.shift();
  if (waiting.length > 0) setTimeout(giveTurn);
}
