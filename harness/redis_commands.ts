/**
 * Redis servers asked and told from outside, each time on a connection of its own.
 *
 * @module
 */

import { Redis } from "ioredis";

const ASK_AGAIN_MS = 50;
const DEADLINE_MS = 60_000;

/** Sends one command to the server at this URL. Rejects with what it refuses, or where it is not there. */
export async function command(
  url: string,
  ...[name, ...parameters]: [string, ...string[]]
): Promise<unknown> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  redis.on("error", () => {}); // connect() rejects with it
  const ended = new Promise((resolve) => redis.once("end", resolve));
  try {
    await redis.connect();
    return await redis.call(name, ...parameters);
  } finally {
    if (redis.status !== "end") redis.disconnect();
    await ended;
  }
}

/** Asks until the answer will do; one that is not there yet counts as none. Throws after a minute, with the last one. */
export async function untilAnswered(
  url: string,
  words: [string, ...string[]],
  willDo: (answer: unknown) => boolean,
): Promise<void> {
  const deadlineMs = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await command(url, ...words).catch((error: unknown) => error);
    if (!(answer instanceof Error) && willDo(answer)) return;
    if (Date.now() > deadlineMs) {
      throw new Error(`Redis has not come to what ${words.join(" ")} was to answer, but to ${answer}`);
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}
