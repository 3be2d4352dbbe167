/**
 * What was published on a channel and is not confirmed yet, by the number that the broker answers with.
 *
 * @module
 */

/** An answered front is let go of in bulk, once so many have gathered. */
const COMPACT_AFTER = 1_024;

/** The broker counts what is published on a channel from 1 (RabbitMQ docs, Publisher Confirms). */
export class Unconfirmed<Message> {
  /** Oldest first; null where it was answered before one that is older. */
  #messages: (Message | null)[] = [];
  /** How many at the front are answered. */
  #answered = 0;
  #firstTag = 1;

  /** Adds the message that is published next. */
  add(message: Message): void {
    this.#messages.push(message);
  }

  /**
   * Calls back for what this answer is about, oldest first: the message of that number, or with `multiple` all up to it
   * that were not answered before. What the broker answers twice, or was never sent, is nobody's.
   */
  answer(tag: number, multiple: boolean, settle: (message: Message) => void): void {
    const newest = this.#messages.length - 1;
    // With `multiple`, 0 stands for all that there is (AMQP 0-9-1, 1.8.3.13).
    const index = multiple && tag === 0 ? newest : tag - this.#firstTag;
    const last = Math.min(index, newest);
    for (let at = multiple ? this.#answered : index; at <= last; at++) {
      const message = this.#messages[at];
      if (message === undefined || message === null) continue;
      this.#messages[at] = null;
      settle(message);
    }
    while (this.#messages[this.#answered] === null) this.#answered++;
    if (this.#answered === this.#messages.length || this.#answered >= COMPACT_AFTER) this.#letGo();
  }

  #letGo(): void {
    this.#firstTag += this.#answered;
    if (this.#answered === this.#messages.length) this.#messages = [];
    else this.#messages.splice(0, this.#answered);
    this.#answered = 0;
  }
}
