/**
 * Reads what a publisher says to its broker, and picks the events out of it (AMQP 0-9-1, 2.3.5 and 4.2).
 *
 * @module
 */

/** An event as it was handed to the broker. */
export interface PublishedEvent {
  /** `<session>:<sequence>` */
  readonly id: string;
  readonly shard: number;
  /** When its publisher received it, in whole seconds of the wall clock. */
  readonly receivedAtS: number;
}

const EVENT_EXCHANGE = "gateway";

const PROTOCOL_HEADER_BYTES = 8;
const FRAME_START_BYTES = 7;
const FRAME_END_BYTES = 1;
const METHOD_FRAME = 1;
const HEADER_FRAME = 2;
const BASIC_CLASS = 60;
const PUBLISH_METHOD = 40;

/** Which of Basic's properties come before the timestamp, in this order. */
const CONTENT_TYPE = 1 << 15;
const CONTENT_ENCODING = 1 << 14;
const HEADERS = 1 << 13;
const DELIVERY_MODE = 1 << 12;
const PRIORITY = 1 << 11;
const CORRELATION_ID = 1 << 10;
const REPLY_TO = 1 << 9;
const EXPIRATION = 1 << 8;
const MESSAGE_ID = 1 << 7;
const TIMESTAMP = 1 << 6;

const decoder = new TextDecoder();

/** Of one connection, in pieces as they come. */
export class PublishReader {
  readonly #published: (event: PublishedEvent) => void;
  #pending = new Uint8Array();
  /** Bytes still to come that say nothing about events. */
  #skip = PROTOCOL_HEADER_BYTES;
  /** Channels on which the header of an event comes next. */
  readonly #awaiting = new Set<number>();

  constructor(published: (event: PublishedEvent) => void) {
    this.#published = published;
  }

  /** @throws Error where it is no AMQP. */
  read(piece: Uint8Array): void {
    const bytes = this.#pending.length === 0 ? piece : joined(this.#pending, piece);
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      at += skipped;
      this.#skip -= skipped;
      if (this.#skip > 0 || bytes.length - at < FRAME_START_BYTES) break;
      const { type, channel, size } = frameStart(bytes, at);
      if (type === METHOD_FRAME || type === HEADER_FRAME) {
        const end = at + FRAME_START_BYTES + size + FRAME_END_BYTES;
        if (bytes.length < end) break;
        this.#frame(type, channel, bytes.subarray(at + FRAME_START_BYTES, end - FRAME_END_BYTES));
        at = end;
      } else this.#skip = FRAME_START_BYTES + size + FRAME_END_BYTES;
    }
    this.#pending = bytes.slice(at);
  }

  #frame(type: number, channel: number, payload: Uint8Array): void {
    const fields = new Fields(payload);
    if (type === METHOD_FRAME) {
      if (fields.uint(2) !== BASIC_CLASS || fields.uint(2) !== PUBLISH_METHOD) return;
      fields.skip(2);
      if (fields.shortString() === EVENT_EXCHANGE) this.#awaiting.add(channel);
    } else if (this.#awaiting.delete(channel)) {
      const event = eventOf(fields);
      if (event !== null) this.#published(event);
    }
  }
}

/** Of a header; null where it is of something else. */
function eventOf(fields: Fields): PublishedEvent | null {
  fields.skip(12); // class, weight, size of the body
  const flags = fields.uint(2);
  if (flags & CONTENT_TYPE) fields.shortString();
  if (flags & CONTENT_ENCODING) fields.shortString();
  const shard = flags & HEADERS ? fields.integerOf("shard") : null;
  if (flags & DELIVERY_MODE) fields.skip(1);
  if (flags & PRIORITY) fields.skip(1);
  if (flags & CORRELATION_ID) fields.shortString();
  if (flags & REPLY_TO) fields.shortString();
  if (flags & EXPIRATION) fields.shortString();
  const id = flags & MESSAGE_ID ? fields.shortString() : null;
  const receivedAtS = flags & TIMESTAMP ? fields.uint(8) : null;
  return shard === null || id === null || receivedAtS === null ? null : { id, shard, receivedAtS };
}

class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  skip(count: number): void {
    this.#at += count;
  }

  uint(byteCount: number): number {
    const bytes = this.#bytes.subarray(this.#at, this.#at + byteCount);
    this.#at += byteCount;
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  shortString(): string {
    return this.#text(this.uint(1));
  }

  /** An integer of a table, which is passed over; null where it has none of that name. */
  integerOf(name: string): number | null {
    const end = this.uint(4) + this.#at;
    let found: number | null = null;
    while (this.#at < end) {
      const key = this.shortString();
      const type = this.#text(1);
      if (type === "I") {
        const value = this.uint(4);
        if (key === name) found = value;
      } else if (type === "S") this.skip(this.uint(4));
      else break;
    }
    this.#at = end;
    return found;
  }

  #text(byteCount: number): string {
    this.#at += byteCount;
    return decoder.decode(this.#bytes.subarray(this.#at - byteCount, this.#at));
  }
}

function frameStart(bytes: Uint8Array, at: number): { type: number; channel: number; size: number } {
  const fields = new Fields(bytes.subarray(at, at + FRAME_START_BYTES));
  const type = fields.uint(1);
  if (type < 1 || type > 8) throw new Error(`Cannot read AMQP: there is no frame of type ${type}`);
  return { type, channel: fields.uint(2), size: fields.uint(4) };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
