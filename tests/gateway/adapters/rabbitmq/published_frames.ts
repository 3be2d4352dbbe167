/**
 * What a broker reads out of the frames that publish events. It follows the specification (AMQP 0-9-1, 2.3.5 and 4.2),
 * nothing of ours, and takes nothing that is not whole.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

export interface PublishedMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  /** Those that are there, by amqplib's names. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** What each of its body frames carries, in bytes. */
  readonly bodyFrameSizes: readonly number[];
}

const METHOD_FRAME = 1;
const HEADER_FRAME = 2;
const BODY_FRAME = 3;
const FRAME_END = 0xce;
const BASIC_CLASS = 60;
const PUBLISH_METHOD = 40;
const MANDATORY_BIT = 1;

/** Basic's properties in the order of their flags, of which the highest bit is the first. */
const PROPERTIES: readonly [name: string, read: (fields: Fields) => unknown][] = [
  ["contentType", (fields) => fields.shortString()],
  ["contentEncoding", (fields) => fields.shortString()],
  ["headers", (fields) => fields.table()],
  ["deliveryMode", (fields) => fields.uint(1)],
  ["priority", (fields) => fields.uint(1)],
  ["correlationId", (fields) => fields.shortString()],
  ["replyTo", (fields) => fields.shortString()],
  ["expiration", (fields) => fields.shortString()],
  ["messageId", (fields) => fields.shortString()],
  ["timestamp", (fields) => fields.uint64()],
  ["type", (fields) => fields.shortString()],
  ["userId", (fields) => fields.shortString()],
  ["appId", (fields) => fields.shortString()],
];

/** Throws an AssertionError where the bytes are anything but whole messages on this channel, in frames this small. */
export function publishedMessages(
  bytes: Buffer,
  { channel, frameMaxBytes }: { channel: number; frameMaxBytes: number },
): PublishedMessage[] {
  const stream = new Fields(bytes);
  const messages: PublishedMessage[] = [];
  while (!stream.isAtEnd) messages.push(nextMessage(stream, channel, frameMaxBytes));
  return messages;
}

function nextMessage(stream: Fields, channel: number, frameMaxBytes: number): PublishedMessage {
  const method = nextFrame(stream, METHOD_FRAME, channel, frameMaxBytes);
  assert.equal(method.uint(2), BASIC_CLASS);
  assert.equal(method.uint(2), PUBLISH_METHOD);
  assert.equal(method.uint(2), 0, "reserved");
  const exchange = method.shortString();
  const routingKey = method.shortString();
  const bits = method.uint(1);
  assert.ok(bits <= MANDATORY_BIT, "immediate, or a bit that there is not");
  assert.ok(method.isAtEnd);

  const header = nextFrame(stream, HEADER_FRAME, channel, frameMaxBytes);
  assert.equal(header.uint(2), BASIC_CLASS);
  assert.equal(header.uint(2), 0, "weight");
  const bodyBytes = header.uint64();
  const flags = header.uint(2);
  const properties: Record<string, unknown> = {};
  for (const [index, [name, read]] of PROPERTIES.entries()) {
    if (flags & 1 << (15 - index)) properties[name] = read(header);
  }
  assert.equal(flags & 0b111, 0, "cluster id, a bit that there is not, or more flags");
  assert.ok(header.isAtEnd);

  const parts: Buffer[] = [];
  let left = bodyBytes;
  while (left > 0) {
    const part = nextFrame(stream, BODY_FRAME, channel, frameMaxBytes).rest();
    assert.ok(part.length > 0 && part.length <= left);
    parts.push(part);
    left -= part.length;
  }
  return {
    exchange,
    routingKey,
    mandatory: bits === MANDATORY_BIT,
    properties,
    body: Buffer.concat(parts),
    bodyFrameSizes: parts.map(({ length }) => length),
  };
}

function nextFrame(stream: Fields, type: number, channel: number, frameMaxBytes: number): Fields {
  assert.equal(stream.uint(1), type);
  assert.equal(stream.uint(2), channel);
  const payload = stream.bytes(stream.uint(4));
  assert.equal(stream.uint(1), FRAME_END);
  assert.ok(7 + payload.length + 1 <= frameMaxBytes, "a frame that is too large");
  return new Fields(payload);
}

class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  bytes(length: number): Buffer {
    assert.ok(this.#at + length <= this.#bytes.length, "cut off");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Buffer {
    return this.bytes(this.#bytes.length - this.#at);
  }

  uint(bytes: 1 | 2 | 4): number {
    return this.bytes(bytes).readUIntBE(0, bytes);
  }

  uint64(): number {
    const value = this.bytes(8).readBigUInt64BE();
    assert.ok(value <= Number.MAX_SAFE_INTEGER);
    return Number(value);
  }

  shortString(): string {
    const bytes = this.bytes(this.uint(1));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  }

  /** Of signed integers of 32 bits and long strings alone, which is what events carry. */
  table(): Record<string, number | string> {
    const fields = new Fields(this.bytes(this.uint(4)));
    const table: Record<string, number | string> = {};
    while (!fields.isAtEnd) {
      const name = fields.shortString();
      const kind = fields.bytes(1).toString("latin1");
      assert(kind === "I" || kind === "S", `a field of kind ${kind}`);
      table[name] = kind === "I"
        ? fields.bytes(4).readInt32BE()
        : fields.bytes(fields.uint(4)).toString("latin1");
    }
    return table;
  }
}
