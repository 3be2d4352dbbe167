/**
 * The text of a payload: its four keys, in the live order or in any other.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Random } from "./world/random.ts";

type Key = "t" | "s" | "op" | "d";

/** The order in which a payload's four keys are written. */
export type KeyOrder = readonly Key[];

/** The order that live frames have: `{"t":…,"s":…,"op":…,"d":…}`. */
export const LIVE_ORDER: KeyOrder = ["t", "s", "op", "d"];

/** Draws another key order for each payload, since JSON promises none and a client must not lean on one. */
export class KeyShuffler {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The four keys of a payload in some order. */
  next(): KeyOrder {
    return this.#shuffled(LIVE_ORDER);
  }

  /** The same object with its keys in some order. */
  reorder(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(this.#shuffled(Object.entries(object)));
  }

  #shuffled<Item>(items: readonly Item[]): Item[] {
    const rest = [...items];
    return items.map(() => rest.splice(this.#random.below(rest.length), 1)[0] as Item);
  }
}

/** A payload that is no dispatch: `t` and `s` are written out as null. */
export function controlPayload(opcode: number, data: unknown, order: KeyOrder): Buffer {
  const parts: Record<Key, string> = { t: "null", s: "null", op: String(opcode), d: JSON.stringify(data) };
  return Buffer.from(`{${order.map((key) => `"${key}":${parts[key]}`).join(",")}}`);
}

/** A numbered dispatch around `data`, whose bytes go in exactly as they are. */
export function dispatchPayload(name: string, sequence: number, data: Buffer, order: KeyOrder): Buffer {
  const parts: Record<Key, string> = { t: JSON.stringify(name), s: String(sequence), op: "0", d: "" };
  const written = order.map((key) => `"${key}":${parts[key]}`);
  const place = order.indexOf("d");
  const head = `{${written.slice(0, place + 1).join(",")}`;
  const tail = `${written.slice(place + 1).map((part) => `,${part}`).join("")}}`;
  // One allocation and one copy of the data: this runs for every event of every session.
  const headBytes = Buffer.byteLength(head);
  const payload = Buffer.allocUnsafe(headBytes + data.length + Buffer.byteLength(tail));
  payload.write(head, 0);
  payload.set(data, headBytes);
  payload.write(tail, headBytes + data.length);
  return payload;
}
