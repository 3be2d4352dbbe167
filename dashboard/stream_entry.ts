/**
 * Entries of Redis streams.
 *
 * @module
 */

/** As Redis writes ids; both halves are unsigned and have 64 bits. */
const ENTRY_ID = /^\d{1,19}-\d{1,19}$/;

/** One entry. What a field holds is as trustworthy as whoever can write to this Redis. */
export class StreamEntry {
  readonly id: string;
  readonly #fields: readonly string[];

  /** @param fields Names and values by turns, as ioredis has them. */
  constructor([id, fields]: readonly [id: string, fields: readonly string[]]) {
    this.id = id;
    this.#fields = fields;
  }

  /** When it was written, in milliseconds since the epoch, by the clock of Redis. */
  get atMs(): number {
    return Number(this.id.split("-")[0]);
  }

  /** Null where there is no such field. */
  field(name: string): string | null {
    for (let index = 0; index < this.#fields.length; index += 2) {
      if (this.#fields[index] === name) return this.#fields[index + 1] ?? null;
    }
    return null;
  }
}

/** Whether a text from outside could be the id of an entry. */
export function isEntryId(text: string): boolean {
  return ENTRY_ID.test(text);
}

/** Where reading backwards begins, for XREVRANGE: behind an entry, or at the newest where this is no id. */
export function readingBefore(id: string | undefined): string {
  return id !== undefined && isEntryId(id) ? `(${id}` : "+";
}
