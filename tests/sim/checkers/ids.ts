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

  constructor(report: Report) {
    this.#report = report;
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
    if (!areSameBytes(event.body, dispatch.body)) this.#report(`${id} was published with other bytes`);
  }
}

function areSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.length === other.length && one.every((byte, index) => byte === other[index]));
}
