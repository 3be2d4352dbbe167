/**
 * The events that the parts are measured with: drawn from the simulated Discord's world, in its own mix, as many as
 * have the size that is asked for.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { OutgoingEvent } from "../../gateway/delivery/publisher.ts";
import { dispatchPayload, LIVE_ORDER } from "../../simulator/payload.ts";
import { World } from "../../simulator/world/world.ts";
import { once } from "./once.ts";

/** So many a batch: then a millisecond of a batch is a microsecond of an event. */
export const EVENTS = 1_000;
/** For the names of benches. */
export const BATCH = `${EVENTS.toLocaleString("en")} events`;

/** Bytes of a whole payload, on average. */
export const SIZES = [300, 800, 3_000] as const;
export type Size = typeof SIZES[number];
/** The one that the rest is compared with. */
export const COMMON_SIZE: Size = 800;

/** As in a name: `3,000 bytes`. */
export function sizeText(bytes: Size): string {
  return `${bytes.toLocaleString("en")} bytes`;
}

/** What an event's `d` is, and of which type. */
export interface Drawn {
  readonly type: string;
  readonly data: Buffer;
}

/** A payload may be larger or smaller than asked for by this part. */
const TOLERANCE = 0.1;
/** Around an event's data, where its number has five digits. */
const ENVELOPE_BYTES = '{"t":"MESSAGE_CREATE","s":12345,"op":0,"d":}'.length;
/** Beyond the 256 KiB that zstd looks back at, so that no repeat compresses to nothing. */
const DISTINCT_BYTES = 300_000;
const SEED = 1;
const GUILDS = 50;
const STARTED_AT_MS = Date.UTC(2026, 8, 1);

const draws = new Map(SIZES.map((bytes) => [bytes, once(() => draw(bytes))]));

/** {@link EVENTS} of them, the same at every call. */
export function drawnEvents(bytes: Size): readonly Drawn[] {
  return draws.get(bytes)?.() ?? [];
}

/**
 * The drawn events as Discord would send them to so many shards in turn: numbered per shard, behind `sequenceBefore`.
 * Event `i` is of shard `i % shards`. Each has a buffer of its own.
 */
export function payloadsOf(bytes: Size, shards = 1, sequenceBefore = 0): Uint8Array<ArrayBuffer>[] {
  return drawnEvents(bytes).map(({ type, data }, index) => {
    const sequence = sequenceBefore + 1 + Math.floor(index / shards);
    return new Uint8Array(dispatchPayload(type, sequence, data, LIVE_ORDER));
  });
}

/** The same, as they leave for the broker. */
export function outgoingEvents(bytes: Size, shards: number): OutgoingEvent[] {
  const payloads = payloadsOf(bytes, shards);
  return drawnEvents(bytes).map(({ type }, index) => ({
    shard: index % shards,
    session: sessionOf(index % shards),
    sequence: 1 + Math.floor(index / shards),
    type,
    body: payloads[index] ?? new Uint8Array(),
    receivedAtMs: Date.now(),
    partition: null,
    trace: null,
  }));
}

/** From receipt to confirmation, as with a broker on the same machine; made up, and no whole number. */
export function delayMs(event: number): number {
  return 0.3 + (event % 20) * 0.7;
}

/** The id of a shard's session, as long as one of Discord's. */
export function sessionOf(shard: number): string {
  return shard.toString(16).padStart(32, "0");
}

function draw(bytes: Size): Drawn[] {
  const world = new World({ seed: SEED, guilds: GUILDS, startMs: STARTED_AT_MS, largeGuildBytes: 0 });
  const distinct: Drawn[] = [];
  for (let sum = 0, atMs = STARTED_AT_MS; sum < DISTINCT_BYTES && distinct.length < EVENTS; atMs += 10) {
    const { t, data } = world.next(atMs);
    const text = Buffer.from(JSON.stringify(data));
    if (Math.abs(text.length + ENVELOPE_BYTES - bytes) > bytes * TOLERANCE) continue;
    distinct.push({ type: t, data: text });
    sum += text.length;
  }
  return Array.from({ length: EVENTS }, (_, index) => distinct[index % distinct.length] as Drawn);
}
