/**
 * The state cache held against an independent model, which is fed with what came out of the queue.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { Redis } from "ioredis";
import { ALL_STATE } from "../harness/gateway.ts";
import { StateModel } from "../tests/state/model.ts";

/** With which the gateway keeps all that there is, for ever. Bodies stay as they were sent. */
export const STATE_SETTINGS = { ...ALL_STATE, STATE_MEMBER_TTL: "0", STATE_MESSAGE_TTL: "0" } as const;

/** How the cache ended. */
export interface CacheJudgement {
  /** Keys that must be there, those of sets among them. */
  readonly expected: number;
  /** Of these, those that are not. */
  readonly missing: number;
  /** Of these, those with another value. */
  readonly changed: number;
  /** Keys that are there and must not be. */
  readonly surplus: number;
  /** What is wrong, in words; the first of each kind. */
  readonly findings: readonly string[];
}

/** All that Redis has of the cache, by name: what `JSON.parse` makes of a text, and sets. */
export type KeptState = ReadonlyMap<string, unknown>;

/** What is in Redis besides the cache (the wire contract, Redis). */
const OTHERS = /^gateway[:_]/;
/** Names and values asked for at a time. */
const PAGE = 1_000;
const LISTED_FINDINGS = 20;

const decoder = new TextDecoder();

export class StateWitness {
  readonly #model = new StateModel({
    prefix: "",
    member: true,
    message: true,
    presence: true,
    emoji: true,
    voice: true,
  });
  readonly #shardsTotal: number;

  constructor(shardsTotal: number) {
    this.#shardsTotal = shardsTotal;
  }

  /** Takes in an event that came out of the queue for the first time, in the order in which they came. */
  add(type: string, shard: number, body: Uint8Array): void {
    const d = dataOf(body);
    // Every member is kept, so it does not matter whose is the bot's own.
    if (d !== undefined) this.#model.apply(type, d, { shard, shardsTotal: this.#shardsTotal, botId: "" });
  }

  judge(kept: KeptState): CacheJudgement {
    const expected: KeptState = new Map<string, unknown>([...this.#model.keys(), ...this.#model.sets()]);
    const missing: string[] = [];
    const changed: string[] = [];
    for (const [key, value] of expected) {
      if (!kept.has(key)) missing.push(`state cache: ${key} is not there`);
      else if (!isDeepStrictEqual(kept.get(key), value)) changed.push(difference(key, kept.get(key), value));
    }
    const surplus = [...kept.keys()].flatMap((key) =>
      expected.has(key) ? [] : [`state cache: ${key} is there and must not be`]
    );
    return {
      expected: expected.size,
      missing: missing.length,
      changed: changed.length,
      surplus: surplus.length,
      findings: [missing, changed, surplus].flatMap((kind) => kind.slice(0, LISTED_FINDINGS)),
    };
  }
}

/** Whether all that must be in the cache is there, and nothing else. */
export function isCacheWhole({ missing, changed, surplus }: CacheJudgement): boolean {
  return missing + changed + surplus === 0;
}

/** @throws Error where Redis cannot be asked, or a text is not JSON. */
export async function readKeptState(redisUrl: string): Promise<KeptState> {
  const redis = new Redis(redisUrl);
  try {
    const kept = new Map<string, unknown>();
    for (let cursor: string | null = "0"; cursor !== null;) {
      const [next, names]: [string, string[]] = await redis.scan(cursor, "COUNT", PAGE);
      const ours = names.filter((name) => !OTHERS.test(name));
      const types = await Promise.all(ours.map((name) => redis.type(name)));
      await Promise.all(ours.map(async (name, index) => {
        if (types[index] === "set") kept.set(name, new Set(await redis.smembers(name)));
        else kept.set(name, JSON.parse(await redis.get(name) ?? "null"));
      }));
      cursor = next === "0" ? null : next;
    }
    return kept;
  } finally {
    redis.disconnect();
  }
}

/** Undefined where the body is no JSON, as some events are that faults make. */
function dataOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body)).d;
  } catch {
    return undefined;
  }
}

function difference(key: string, found: unknown, expected: unknown): string {
  if (!(found instanceof Set && expected instanceof Set)) {
    return `state cache: ${key} is ${JSON.stringify(found)}, and must be ${JSON.stringify(expected)}`;
  }
  const lacks = [...expected.difference(found)].slice(0, 3);
  const more = [...found.difference(expected)].slice(0, 3);
  return `state cache: ${key} lacks ${lacks.join(", ") || "nothing"}, and has ${
    more.join(", ") || "nothing"
  } too many`;
}
