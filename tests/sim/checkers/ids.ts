/**
 * The same message id is the same event, byte for byte, under the same name and on the same shard.
 *
 * @module
 */
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import type { Dispatch } from "../ledger.ts";
import type { Report } from "../report.ts";

export class IdChecker {
  readonly #report: Report;
  readonly #mayHaveOld: boolean;

  /** `mayHaveOld`: a body may have `old` behind what Discord sent. */
  constructor(report: Report, { mayHaveOld = false } = {}) {
    this.#report = report;
    this.#mayHaveOld = mayHaveOld;
  }

  /** The broker was handed this; `dispatch` is what Discord sent under its id. */
  published(event: OutgoingEvent, dispatch: Dispatch | undefined): void {
    const id = `${event.session}:${event.sequence}`;
    if (dispatch === undefined) return this.#report(`${id} was published, which Discord has never sent`);
    if (event.shard !== dispatch.session.shard) {
      this.#report(`${id} was published for shard ${event.shard}, and is of shard ${dispatch.session.shard}`);
    }
    if (event.type !== dispatch.type) {
      this.#report(`${id} was published as ${event.type}, and is ${dispatch.type}`);
    }
    const sent = this.#mayHaveOld ? withoutOld(event.body, dispatch.body) : event.body;
    if (!areSameBytes(sent, dispatch.body)) this.#report(`${id} was published with other bytes`);
  }
}

/** The body without the member `old` at its end, where it has one that the other one has not. */
function withoutOld(body: Uint8Array, sent: Uint8Array): Uint8Array {
  return oldIn(body, sent) === null ? body : sent;
}

/** The text of the member `old` that a body has at its end, and the same body as Discord sent it has not; null: none. */
export function oldIn(body: Uint8Array, sent: Uint8Array): string | null {
  const end = sent.length - 1;
  if (body.length <= sent.length || !areSameBytes(body.subarray(0, end), sent.subarray(0, end))) return null;
  const rest = new TextDecoder().decode(body.subarray(end));
  return /^,"old":(.+)\}$/s.exec(rest)?.[1] ?? null;
}

function areSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.length === other.length && one.every((byte, index) => byte === other[index]));
}
