/**
 * Messages of one kind on their way to the broker, kept while it is away.
 *
 * @module
 */

/** Messages that wait; past this one is dropped for each that comes. */
const WAITING_MAX = 1_000;
/** Messages sent and not answered: a blocked broker reads nothing, and amqplib would keep it all. */
const IN_FLIGHT_MAX = 1_000;

export interface LineUser<Message> {
  /** Whether what the broker has not answered when it goes away is sent again. */
  readonly repeats: boolean;
  /** Sends a message; `done` is called once the broker has answered, and never after {@link MessageLine.close}. */
  send(message: Message, done: () => void): void;
  /** There is no room for this one any more. It may have been sent, if the broker went away before it answered. */
  dropped(message: Message): void;
  /** Whether others are dropped before this one. */
  isPrecious(message: Message): boolean;
}

/** A line that is closed at first. Messages are sent in the order in which they came. */
export class MessageLine<Message> {
  readonly #user: LineUser<Message>;
  #isOpen = false;
  #waiting: Message[] = [];
  readonly #inFlight = new Set<Message>();

  constructor(user: LineUser<Message>) {
    this.#user = user;
  }

  /** Puts a message at the end. */
  push(message: Message): void {
    this.#waiting.push(message);
    this.#dropExcess();
    this.#sendOn();
  }

  /** The broker takes messages. */
  open(): void {
    this.#isOpen = true;
    this.#sendOn();
  }

  /** The broker takes none until the next {@link open}. */
  close(): void {
    this.#isOpen = false;
    if (this.#user.repeats) this.#waiting = [...this.#inFlight, ...this.#waiting];
    this.#inFlight.clear();
    this.#dropExcess();
  }

  #sendOn(): void {
    while (this.#isOpen && this.#inFlight.size < IN_FLIGHT_MAX) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#inFlight.add(message);
      this.#user.send(message, () => {
        this.#inFlight.delete(message);
        this.#sendOn();
      });
    }
  }

  /** The oldest goes first, the precious last. */
  #dropExcess(): void {
    while (this.#waiting.length > WAITING_MAX) {
      const ordinary = this.#waiting.findIndex((message) => !this.#user.isPrecious(message));
      const [dropped] = this.#waiting.splice(Math.max(0, ordinary), 1);
      if (dropped !== undefined) this.#user.dropped(dropped);
    }
  }
}
