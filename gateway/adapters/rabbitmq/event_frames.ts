/**
 * Events as AMQP frames: a method, a header, and as many body frames as it takes (AMQP 0-9-1, 2.3.5 and 4.2).
 *
 * All that is the same for every event of a type is encoded once, and only what differs is written into a copy of it:
 * for the client library to encode the properties of each event anew is most of what publishing one costs.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Partitions } from "../../delivery/partitions.ts";
import type { OutgoingEvent } from "../../delivery/publisher.ts";
import { bufferView } from "../buffer_view.ts";

export interface EventFramesOptions {
  readonly exchange: string;
  /** Number of the channel that they go out on. */
  readonly channel: number;
  /** The largest frame that both sides take, in bytes. */
  readonly frameMaxBytes: number;
  readonly mandatory: boolean;
  /** How long an event may wait in a queue; 0 = for ever. */
  readonly ttlMs: number;
  readonly isPersistent: (type: string) => boolean;
  /** Null: events have no header `partition`. */
  readonly partitions: Partitions | null;
}

const METHOD_FRAME = 1;
const HEADER_FRAME = 2;
const BODY_FRAME = 3;
const FRAME_END = 0xce;
/** Type, channel and size before a frame's payload. */
const FRAME_START_BYTES = 7;
/** All that a frame has besides its payload. */
const FRAME_OVERHEAD_BYTES = FRAME_START_BYTES + 1;

const BASIC_CLASS = 60;
const PUBLISH_METHOD = 40;
const MANDATORY_BIT = 1;

/** Which of Basic's properties are there; they follow each other in this order. */
const CONTENT_TYPE = 1 << 15;
const HEADERS = 1 << 13;
const DELIVERY_MODE = 1 << 12;
const EXPIRATION = 1 << 8;
const MESSAGE_ID = 1 << 7;
const TIMESTAMP = 1 << 6;
const TYPE = 1 << 5;
const APP_ID = 1 << 3;

const TRANSIENT = 1;
const PERSISTENT = 2;

const TIMESTAMP_BYTES = 8;
/** `00-<32 digits>-<16 digits>-<2 digits>` (W3C Trace Context, 3.2). */
const TRACEPARENT_BYTES = 55;
const COLON = 0x3a;

/** Far more than the event names there are; a server that invents ever more of them is not to fill our memory. */
const TYPES_KEPT = 1_000;

/** A shorter body is copied behind its header; a longer one goes out as it is. */
const COPIED_BODY_MAX_BYTES = 32 * 1024;
/** A piece takes no more events from here on: all that waited for a broker is not to be copied in one. */
const PIECE_BYTES = 256 * 1024;

/** What events of one type share. */
interface Template {
  /** The method frame, and the header frame up to the message id. */
  readonly start: Buffer;
  readonly headerAt: number;
  readonly bodySizeAt: number;
  readonly shardAt: number;
  /** Null where there are none. */
  readonly partitionAt: number | null;
  /** Null in what is for events without a trace. */
  readonly traceparentAt: number | null;
  /** What follows the timestamp. */
  readonly end: Buffer;
}

export class EventFrames {
  readonly #options: EventFramesOptions;
  readonly #bodyFrameMaxBytes: number;
  readonly #templates = new Map<string, Template>();
  readonly #tracedTemplates = new Map<string, Template>();

  constructor(options: EventFramesOptions) {
    this.#options = options;
    this.#bodyFrameMaxBytes = options.frameMaxBytes - FRAME_OVERHEAD_BYTES;
  }

  /** The frames of these events, one after the other, in as few pieces as is cheap. */
  encode(events: readonly OutgoingEvent[]): Buffer[] {
    const pieces: Buffer[] = [];
    let next = 0;
    while (next < events.length) {
      const first = next;
      let bytes = 0;
      for (let event; (event = events[next]) !== undefined && bytes < PIECE_BYTES; next++) {
        if (event.body.length > COPIED_BODY_MAX_BYTES) break;
        bytes += this.#headBytes(event) + this.#bodyBytes(event.body.length);
      }
      if (next > first) pieces.push(this.#copied(events, first, next, bytes));
      const large = events[next];
      if (large === undefined || large.body.length <= COPIED_BODY_MAX_BYTES) continue;
      this.#pushLarge(large, pieces);
      next++;
    }
    return pieces;
  }

  #copied(events: readonly OutgoingEvent[], first: number, end: number, bytes: number): Buffer {
    const piece = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (let index = first; index < end; index++) {
      const event = events[index]!;
      at = this.#writeHead(event, piece, at);
      for (let from = 0; from < event.body.length; from += this.#bodyFrameMaxBytes) {
        const part = from === 0 && event.body.length <= this.#bodyFrameMaxBytes
          ? event.body
          : event.body.subarray(from, from + this.#bodyFrameMaxBytes);
        at = this.#writeFrameStart(BODY_FRAME, part.length, piece, at);
        piece.set(part, at);
        at += part.length;
        piece[at++] = FRAME_END;
      }
    }
    return piece;
  }

  /** A long body is never copied. */
  #pushLarge(event: OutgoingEvent, pieces: Buffer[]): void {
    const { body } = event;
    let before = Buffer.allocUnsafeSlow(this.#headBytes(event) + FRAME_START_BYTES);
    let at = this.#writeHead(event, before, 0);
    for (let from = 0; from < body.length; from += this.#bodyFrameMaxBytes) {
      const length = Math.min(body.length - from, this.#bodyFrameMaxBytes);
      if (from > 0) {
        before = Buffer.allocUnsafeSlow(1 + FRAME_START_BYTES);
        before[0] = FRAME_END;
        at = 1;
      }
      this.#writeFrameStart(BODY_FRAME, length, before, at);
      pieces.push(before, bufferView(body.subarray(from, from + length)));
    }
    pieces.push(Buffer.of(FRAME_END));
  }

  #headBytes(event: OutgoingEvent): number {
    const { start, end } = this.#template(event);
    return start.length + 1 + messageIdLength(event) + TIMESTAMP_BYTES + end.length;
  }

  #bodyBytes(length: number): number {
    return length + Math.ceil(length / this.#bodyFrameMaxBytes) * FRAME_OVERHEAD_BYTES;
  }

  /** Method and header; returns where the body begins. */
  #writeHead(event: OutgoingEvent, piece: Buffer, from: number): number {
    const { start, headerAt, bodySizeAt, shardAt, partitionAt, traceparentAt, end } = this.#template(event);
    piece.set(start, from);
    let at = from + start.length;
    at = writeMessageId(event, piece, at);
    const seconds = Math.floor(event.receivedAtMs / 1_000);
    at = writeUint32(Math.floor(seconds / 2 ** 32), piece, at);
    at = writeUint32(seconds, piece, at);
    piece.set(end, at);
    at += end.length;
    // What the template could not know.
    writeUint32(at - from - headerAt - FRAME_OVERHEAD_BYTES, piece, from + headerAt + 3);
    writeUint32(event.body.length, piece, from + bodySizeAt + 4);
    writeUint32(event.shard, piece, from + shardAt);
    const { partitions } = this.#options;
    if (partitionAt !== null && partitions !== null) {
      writeUint32(event.partition ?? partitions.of(event.body), piece, from + partitionAt);
    }
    if (traceparentAt !== null && event.trace !== null) {
      piece.write(event.trace.traceparent, from + traceparentAt, TRACEPARENT_BYTES, "latin1");
    }
    return at;
  }

  #writeFrameStart(type: number, payloadBytes: number, piece: Buffer, at: number): number {
    const { channel } = this.#options;
    piece[at] = type;
    piece[at + 1] = channel >>> 8;
    piece[at + 2] = channel;
    return writeUint32(payloadBytes, piece, at + 3);
  }

  #template({ type, trace }: OutgoingEvent): Template {
    const templates = trace === null ? this.#templates : this.#tracedTemplates;
    const known = templates.get(type);
    if (known !== undefined) return known;
    if (templates.size === TYPES_KEPT) templates.clear();
    const template = this.#newTemplate(type, trace !== null);
    templates.set(type, template);
    return template;
  }

  #newTemplate(type: string, isTraced: boolean): Template {
    const { exchange, mandatory, ttlMs, isPersistent, partitions } = this.#options;
    const method = this.#frame(
      METHOD_FRAME,
      uint16(BASIC_CLASS),
      uint16(PUBLISH_METHOD),
      uint16(0),
      shortString(exchange),
      shortString(type),
      Buffer.of(mandatory ? MANDATORY_BIT : 0),
    );
    const flags = CONTENT_TYPE | HEADERS | DELIVERY_MODE | (ttlMs > 0 ? EXPIRATION : 0) | MESSAGE_ID |
      TIMESTAMP |
      TYPE | APP_ID;
    const beforeBodySize = [uint16(BASIC_CLASS), uint16(0)];
    // A table: shard and partition, signed integers of 32 bits, and the trace, a long string.
    const partition = partitions === null ? [] : [integerField("partition"), uint32(0)];
    const traceparent = isTraced
      ? [traceparentField(), uint32(TRACEPARENT_BYTES), Buffer.alloc(TRACEPARENT_BYTES)]
      : [];
    const beforeShard = [
      ...[uint64(0), uint16(flags), shortString("application/json")],
      ...[
        uint32(integerField("shard").length + 4 + lengthOf(partition) + lengthOf(traceparent)),
        integerField("shard"),
      ],
    ];
    const afterShard = [
      uint32(0),
      ...partition,
      ...traceparent,
      Buffer.of(isPersistent(type) ? PERSISTENT : TRANSIENT),
      ...(ttlMs > 0 ? [shortString(String(ttlMs))] : []),
    ];
    const headerStart = this.#frame(HEADER_FRAME).subarray(0, FRAME_START_BYTES);
    const headerAt = method.length;
    const bodySizeAt = headerAt + FRAME_START_BYTES + lengthOf(beforeBodySize);
    const shardAt = bodySizeAt + lengthOf(beforeShard);
    return {
      start: Buffer.concat([method, headerStart, ...beforeBodySize, ...beforeShard, ...afterShard]),
      headerAt,
      bodySizeAt,
      shardAt,
      partitionAt: partitions === null ? null : shardAt + lengthOf(partition),
      traceparentAt: isTraced
        ? shardAt + 4 + lengthOf(partition) + lengthOf(traceparent) - TRACEPARENT_BYTES
        : null,
      end: Buffer.concat([shortString(type), shortString("shardline"), Buffer.of(FRAME_END)]),
    };
  }

  #frame(type: number, ...parts: readonly Buffer[]): Buffer {
    const start = Buffer.alloc(FRAME_START_BYTES);
    this.#writeFrameStart(type, lengthOf(parts), start, 0);
    return Buffer.concat([start, ...parts, Buffer.of(FRAME_END)]);
  }
}

/** A field of the headers that is an integer, up to its value. */
function integerField(name: string): Buffer {
  return Buffer.concat([shortString(name), Buffer.from("I")]);
}

function traceparentField(): Buffer {
  return Buffer.concat([shortString("traceparent"), Buffer.from("S")]);
}

/** `session:sequence`, in ASCII throughout. */
function messageIdLength({ session, sequence }: OutgoingEvent): number {
  return session.length + 1 + digitsOf(sequence);
}

function writeMessageId(event: OutgoingEvent, piece: Buffer, from: number): number {
  const { session, sequence } = event;
  let at = from;
  piece[at++] = messageIdLength(event);
  for (let index = 0; index < session.length; index++) piece[at++] = session.charCodeAt(index);
  piece[at++] = COLON;
  const end = at + digitsOf(sequence);
  let rest = sequence;
  for (let digit = end - 1; digit >= at; digit--) {
    const tenth = Math.floor(rest / 10);
    piece[digit] = 0x30 + (rest - tenth * 10);
    rest = tenth;
  }
  return end;
}

function digitsOf(count: number): number {
  let digits = 1;
  for (let bound = 10; count >= bound; bound *= 10) digits++;
  return digits;
}

function writeUint32(value: number, piece: Buffer, at: number): number {
  piece[at] = value >>> 24;
  piece[at + 1] = value >>> 16;
  piece[at + 2] = value >>> 8;
  piece[at + 3] = value;
  return at + 4;
}

function shortString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >>> 8, value);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  writeUint32(value, bytes, 0);
  return bytes;
}

function uint64(value: number): Buffer {
  return Buffer.concat([uint32(Math.floor(value / 2 ** 32)), uint32(value)]);
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
