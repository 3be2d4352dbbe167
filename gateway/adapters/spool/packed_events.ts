/**
 * Events packed for the way between two threads: a few flat things that are handed over, instead of thousands of
 * objects that are copied one by one.
 *
 * @module
 */
import type { SpooledEvent } from "../../delivery/spool.ts";

export interface PackedEvents {
  /** {@link NUMBERS_PER_EVENT} for each event. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Sessions and event names, each once. */
  readonly texts: readonly string[];
  /** All bodies, one behind the other. */
  readonly bodies: Uint8Array<ArrayBuffer>;
}

/** Position, shard, sequence, time of receipt, bytes of the body, and where its session and its type are in the texts. */
const NUMBERS_PER_EVENT = 7;

export function packEvents(events: readonly SpooledEvent[]): PackedEvents {
  const numbers = new Float64Array(events.length * NUMBERS_PER_EVENT);
  const bodies = new Uint8Array(events.reduce((sum, { event }) => sum + event.body.length, 0));
  const places = new Map<string, number>();
  const placeOf = (text: string): number => {
    const place = places.get(text) ?? places.size;
    if (place === places.size) places.set(text, place);
    return place;
  };
  let at = 0;
  let bodyStart = 0;
  for (const { position, event } of events) {
    numbers[at++] = position;
    numbers[at++] = event.shard;
    numbers[at++] = event.sequence;
    numbers[at++] = event.receivedAtMs;
    numbers[at++] = event.body.length;
    numbers[at++] = placeOf(event.session);
    numbers[at++] = placeOf(event.type);
    bodies.set(event.body, bodyStart);
    bodyStart += event.body.length;
  }
  return { numbers, texts: [...places.keys()], bodies };
}

/** The bodies are views into the pack: whoever keeps one of them keeps them all. */
export function unpackEvents({ numbers, texts, bodies }: PackedEvents): SpooledEvent[] {
  const events: SpooledEvent[] = [];
  let bodyStart = 0;
  for (let at = 0; at < numbers.length; at += NUMBERS_PER_EVENT) {
    const [position = 0, shard = 0, sequence = 0, receivedAtMs = 0, bodyBytes = 0, session = 0, type = 0] =
      numbers.subarray(at, at + NUMBERS_PER_EVENT);
    const body = bodies.subarray(bodyStart, bodyStart += bodyBytes);
    events.push({
      position,
      event: {
        shard,
        session: texts[session] ?? "",
        sequence,
        type: texts[type] ?? "",
        body,
        receivedAtMs,
        partition: null,
        trace: null,
      },
    });
  }
  return events;
}

/** What to hand over together with the pack, so that it is not copied. */
export function buffersOf({ numbers, bodies }: PackedEvents): ArrayBuffer[] {
  return [numbers.buffer, bodies.buffer];
}
