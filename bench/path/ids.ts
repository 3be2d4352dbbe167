/**
 * The ids of all that a bot has received.
 *
 * @module
 */

/** By what an event is known: its `message_id`, or its name and `d`, which are the same in every session that sees it. */
export type IdKind = "message" | "data";

export interface IdCounts {
  /** Different events. */
  readonly distinct: number;
  /** Copies beyond the first. */
  readonly repeats: number;
  /** First copies that came behind a later event of their session. */
  readonly outOfOrder: number;
}

export class Ids {
  readonly #ids = new Set<string>();
  /** Session → the last sequence. */
  readonly #latest = new Map<string, number>();
  #repeats = 0;
  #outOfOrder = 0;

  get counts(): IdCounts {
    return { distinct: this.#ids.size, repeats: this.#repeats, outOfOrder: this.#outOfOrder };
  }

  /**
   * @param id `<session>:<sequence>`, or what stands for the event in every session: those have no order.
   * @returns Whether it is the first copy.
   */
  add(id: string): boolean {
    if (this.#ids.has(id)) {
      this.#repeats++;
      return false;
    }
    this.#ids.add(id);
    const end = id.lastIndexOf(":");
    const session = id.slice(0, end);
    const sequence = Number(id.slice(end + 1));
    const latest = this.#latest.get(session) ?? 0;
    if (sequence < latest) this.#outOfOrder++;
    else this.#latest.set(session, sequence);
    return true;
  }
}
