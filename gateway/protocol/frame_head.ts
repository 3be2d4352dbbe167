/**
 * Reads of a frame what the service must know: its head, a few fields of its `d`. The rest stays bytes.
 *
 * @module
 */

import { Opcode } from "./opcodes.ts";
import {
  ElementScan,
  MemberScan,
  readBoolean,
  readNumber,
  readSnowflake,
  readString,
  skipValue,
  skipWhitespace,
} from "./json_scan.ts";

/** The envelope of one frame from Discord (gateway docs, Payload Structure). */
export interface FrameHead {
  readonly opcode: number;
  /** `s`; null where it is null or missing. */
  readonly sequence: number | null;
  /** `t`, fit to be a routing key; null where it is null or missing. */
  readonly type: string | null;
  /** Index of the first byte of `d`'s value; null where there is no `d`. */
  readonly dataStart: number | null;
  /** What {@link readGuild} finds, where it has been read already. */
  readonly guild?: GuildData;
}

/** What a shard needs of READY. Fields that are missing or of another type are null. */
export interface ReadyData {
  readonly sessionId: string | null;
  readonly resumeGatewayUrl: string | null;
  /** Those entries of `guilds` that have an id. */
  readonly guildIds: readonly bigint[];
}

/** What a shard needs of GUILD_CREATE and GUILD_DELETE. Fields that are missing or of another type are null. */
export interface GuildData {
  readonly id: bigint | null;
  readonly name: string | null;
  readonly unavailable: boolean | null;
}

/** AMQP carries a routing key as a short string: at most 255 bytes (AMQP 0-9-1, 4.2.5.3). */
const TYPE_MAX_BYTES = 255;

// Names go into routing keys, logs and metric labels: no line breaks, nothing that UTF-8 cannot carry.
const UNFIT_FOR_TYPE = /[\p{Cc}\p{Cs}\uFFFD]/u;

const encoder = new TextEncoder();

/**
 * Reads the head of a frame, in whatever order and spacing its members come; of a repeated member the last one
 * counts, as with `JSON.parse`.
 *
 * Null where it cannot be read: not one whole object and nothing else; `op` no safe integer >= 0; `s` neither
 * null nor a safe integer >= 0; `t` neither null nor a fit name of 1 to 255 bytes; a dispatch with `t` without `s`.
 *
 * Of `d` only the extent is looked at, and not even that where the frame opens exactly as Discord writes
 * dispatches, `{"t":"NAME","s":1,"op":0,"d":{`, and ends in `}}`: such a frame is taken at its word, which makes
 * reading independent of its size. The one valid JSON read differently for that is a frame that repeats one of
 * its four members, with an object as the value, behind `d`; Discord repeats none.
 */
export function readFrameHead(bytes: Uint8Array): FrameHead | null {
  return readCommonDispatch(bytes) ?? readAnyFrame(bytes);
}

/** Milliseconds between heartbeats that HELLO asks for; null where it names no positive number. */
export function readHeartbeatIntervalMs(bytes: Uint8Array, head: FrameHead): number | null {
  let intervalMs: number | null = null;
  const scan = dataScan(bytes, head);
  while (scan.next()) {
    if (scan.keyIs("heartbeat_interval")) intervalMs = readNumber(bytes, scan.valueStart, scan.valueEnd);
  }
  return intervalMs !== null && intervalMs > 0 && Number.isFinite(intervalMs) ? intervalMs : null;
}

/** Whether Invalid Session (op 9) lets the session be resumed. Anything but `true` does not. */
export function readResumable(bytes: Uint8Array, head: FrameHead): boolean {
  if (head.dataStart === null) return false;
  return readBoolean(bytes, head.dataStart, skipValue(bytes, head.dataStart)) === true;
}

export function readReady(bytes: Uint8Array, head: FrameHead): ReadyData {
  let sessionId: string | null = null;
  let resumeGatewayUrl: string | null = null;
  let guildIds: readonly bigint[] = [];
  const scan = dataScan(bytes, head);
  while (scan.next()) {
    if (scan.keyIs("session_id")) {
      sessionId = readString(bytes, scan.valueStart, scan.valueEnd);
    } else if (scan.keyIs("resume_gateway_url")) {
      resumeGatewayUrl = readString(bytes, scan.valueStart, scan.valueEnd);
    } else if (scan.keyIs("guilds")) {
      guildIds = readIds(bytes, scan.valueStart);
    }
  }
  return { sessionId, resumeGatewayUrl, guildIds };
}

export function readGuild(bytes: Uint8Array, head: FrameHead): GuildData {
  if (head.guild !== undefined) return head.guild;
  const reader = new GuildReader(bytes, head);
  reader.read(Infinity);
  return reader.guild;
}

/** Events whose `d` is a channel itself. */
const IS_CHANNEL = /^(?:CHANNEL|THREAD)_(?:CREATE|UPDATE|DELETE)$/;

/**
 * Whom an event concerns: its guild; where it is of none, its channel; where it is of none, its user. Null where it is of
 * nobody. Only what stands in `d` itself counts, never an id inside a message, an embed or a text.
 */
export function readOwner(bytes: Uint8Array, head: FrameHead): bigint | null {
  const type = head.type ?? "";
  const isGuild = isGuildEvent(type);
  let guild = isGuild ? readGuild(bytes, head).id : null;
  if (guild !== null) return guild;
  const channelName = IS_CHANNEL.test(type) ? "id" : "channel_id";
  const isUser = type === "USER_UPDATE";
  let channel: bigint | null = null;
  let userId: bigint | null = null;
  let user: bigint | null = null;
  const scan = dataScan(bytes, head);
  while (scan.next()) {
    const { valueStart, valueEnd } = scan;
    if (scan.keyIs(channelName)) channel = readSnowflake(bytes, valueStart, valueEnd);
    else if (!isGuild && scan.keyIs("guild_id")) guild = readSnowflake(bytes, valueStart, valueEnd);
    else if (scan.keyIs(isUser ? "id" : "user_id")) userId = readSnowflake(bytes, valueStart, valueEnd);
    else if (!isUser && scan.keyIs("user")) user = readId(bytes, valueStart);
  }
  return guild ?? channel ?? userId ?? user;
}

/** Reads a guild bit by bit. */
class GuildReader {
  readonly #bytes: Uint8Array;
  readonly #scan: MemberScan;
  #id: bigint | null = null;
  #name: string | null = null;
  #unavailable: boolean | null = null;

  constructor(bytes: Uint8Array, head: FrameHead) {
    this.#bytes = bytes;
    this.#scan = dataScan(bytes, head);
  }

  /** What has been read of it so far. */
  get guild(): GuildData {
    return { id: this.#id, name: this.#name, unavailable: this.#unavailable };
  }

  /** Reads on, at least up to the index `until`; true once there is nothing more. */
  read(until: number): boolean {
    const bytes = this.#bytes;
    const scan = this.#scan;
    for (let step; (step = scan.step(until)) !== "end";) {
      if (step === "paused") return false;
      if (scan.keyIs("id")) this.#id = readSnowflake(bytes, scan.valueStart, scan.valueEnd);
      else if (scan.keyIs("name")) this.#name = readString(bytes, scan.valueStart, scan.valueEnd);
      else if (scan.keyIs("unavailable")) {
        this.#unavailable = readBoolean(bytes, scan.valueStart, scan.valueEnd);
      }
    }
    return true;
  }
}

/** The events of which {@link readGuild} is asked for. */
export type GuildEventType = "GUILD_CREATE" | "GUILD_UPDATE" | "GUILD_DELETE";

const GUILD_EVENT_TYPES: Readonly<Record<GuildEventType, true>> = {
  GUILD_CREATE: true,
  GUILD_UPDATE: true,
  GUILD_DELETE: true,
};

export function isGuildEvent(type: string | null): type is GuildEventType {
  return type !== null && Object.hasOwn(GUILD_EVENT_TYPES, type);
}

/**
 * {@link readFrameHead} for a frame that is too large to be read in one go; with the guild of a guild event, which is
 * the most of it. A string is never cut, and READY's fields are left to {@link readReady}: neither is large.
 */
export class LargeFrameReader {
  readonly #bytes: Uint8Array;
  /** Null once the head is known. */
  #frame: AnyFrameReader | null = null;
  #head: FrameHead | null;
  #guild: GuildReader | null = null;
  #until = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#head = readCommonDispatch(bytes);
    if (this.#head === null) this.#frame = new AnyFrameReader(bytes);
    else this.#readGuildNext(this.#head);
  }

  /** Once everything is read; null where it cannot be. */
  get head(): FrameHead | null {
    return this.#head && this.#guild ? { ...this.#head, guild: this.#guild.guild } : this.#head;
  }

  /** Reads about so many bytes more; true once there is nothing more. */
  read(maxBytes: number): boolean {
    this.#until += maxBytes;
    if (this.#frame !== null) {
      if (!this.#frame.read(this.#until)) return false;
      this.#head = this.#frame.head;
      this.#frame = null;
      if (this.#head !== null) this.#readGuildNext(this.#head);
      return this.#guild === null;
    }
    return this.#guild === null || this.#guild.read(this.#until);
  }

  #readGuildNext(head: FrameHead): void {
    if (!isGuildEvent(head.type)) return;
    this.#guild = new GuildReader(this.#bytes, head);
    this.#until = head.dataStart ?? 0;
  }
}

/** The members of `d`; none where `d` is missing or no object. */
function dataScan(bytes: Uint8Array, head: FrameHead): MemberScan {
  return new MemberScan(bytes, head.dataStart ?? bytes.length);
}

function readIds(bytes: Uint8Array, start: number): bigint[] {
  const ids: bigint[] = [];
  const elements = new ElementScan(bytes, start);
  while (elements.next()) {
    const members = new MemberScan(bytes, elements.valueStart);
    while (members.next()) {
      if (!members.keyIs("id")) continue;
      const id = readSnowflake(bytes, members.valueStart, members.valueEnd);
      if (id !== null) ids.push(id);
      break;
    }
  }
  return ids;
}

/** `id` of the object at this place. */
function readId(bytes: Uint8Array, start: number): bigint | null {
  let id: bigint | null = null;
  const members = new MemberScan(bytes, start);
  while (members.next()) {
    if (members.keyIs("id")) id = readSnowflake(bytes, members.valueStart, members.valueEnd);
  }
  return id;
}

function readAnyFrame(bytes: Uint8Array): FrameHead | null {
  const reader = new AnyFrameReader(bytes);
  reader.read(Infinity);
  return reader.head;
}

/** Reads the head of a frame in whatever order its members come, bit by bit. */
class AnyFrameReader {
  readonly #bytes: Uint8Array;
  readonly #scan: MemberScan;
  #opcode: number | null = null;
  #sequence: number | null = null;
  #type: string | null = null;
  #dataStart: number | null = null;
  #sequenceReadable = true;
  #typeReadable = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#scan = new MemberScan(bytes, skipWhitespace(bytes, 0));
  }

  /** Once everything is read; null where it cannot be. */
  get head(): FrameHead | null {
    const { end } = this.#scan;
    if (end < 0 || skipWhitespace(this.#bytes, end) !== this.#bytes.length) return null;
    const opcode = this.#opcode;
    const sequence = this.#sequence;
    const type = this.#type;
    if (opcode === null || !this.#sequenceReadable || !this.#typeReadable) return null;
    if (opcode === Opcode.Dispatch && type !== null && sequence === null) return null;
    return { opcode, sequence, type, dataStart: this.#dataStart };
  }

  /** Reads on, at least up to the index `until`; true once there is nothing more. */
  read(until: number): boolean {
    const bytes = this.#bytes;
    const scan = this.#scan;
    for (let step; (step = scan.step(until)) !== "end";) {
      if (step === "paused") return false;
      const { valueStart, valueEnd } = scan;
      if (scan.keyIs("op")) {
        this.#opcode = readCount(bytes, valueStart, valueEnd);
      } else if (scan.keyIs("s")) {
        this.#sequence = readCount(bytes, valueStart, valueEnd);
        this.#sequenceReadable = this.#sequence !== null || isNull(bytes, valueStart, valueEnd);
      } else if (scan.keyIs("t")) {
        this.#type = readType(bytes, valueStart, valueEnd);
        this.#typeReadable = this.#type !== null || isNull(bytes, valueStart, valueEnd);
      } else if (scan.keyIs("d")) {
        this.#dataStart = valueStart;
      }
    }
    return true;
  }
}

/** A safe integer >= 0, or null. */
function readCount(bytes: Uint8Array, start: number, end: number): number | null {
  const number = readNumber(bytes, start, end);
  // Math.abs turns -0 into 0.
  return number !== null && Number.isSafeInteger(number) && number >= 0 ? Math.abs(number) : null;
}

function readType(bytes: Uint8Array, start: number, end: number): string | null {
  const type = readString(bytes, start, end);
  if (type === null || type === "" || UNFIT_FOR_TYPE.test(type)) return null;
  return encoder.encode(type).length <= TYPE_MAX_BYTES ? type : null;
}

function isNull(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 4 && startsWithAt(bytes, start, NULL);
}

// The common dispatch: no scan, no decoding, and no new string for a name seen before.

const NULL = encoder.encode("null");
const BEFORE_TYPE = encoder.encode('{"t":"');
const BEFORE_SEQUENCE = encoder.encode('","s":');
const BEHIND_SEQUENCE = encoder.encode(',"op":0,"d":{');

const ZERO = 0x30;
const NINE = 0x39;
const CLOSE_BRACE = 0x7d;

/** So many digits are always a safe integer. */
const SEQUENCE_MAX_DIGITS = 15;

/** A power of two well above the 79 documented names, so that few of them share a slot. */
const NAME_SLOTS = 1024;
const names: string[] = new Array(NAME_SLOTS).fill("");

function readCommonDispatch(bytes: Uint8Array): FrameHead | null {
  const length = bytes.length;
  if (bytes[length - 1] !== CLOSE_BRACE || bytes[length - 2] !== CLOSE_BRACE) return null;
  if (!startsWithAt(bytes, 0, BEFORE_TYPE)) return null;

  const nameStart = BEFORE_TYPE.length;
  let at = nameStart;
  let hash = 0;
  for (; isNameByte(bytes[at]); at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  const nameEnd = at;
  if (nameEnd === nameStart || nameEnd - nameStart > TYPE_MAX_BYTES) return null;
  if (!startsWithAt(bytes, at, BEFORE_SEQUENCE)) return null;

  at += BEFORE_SEQUENCE.length;
  const digitsStart = at;
  let sequence = 0;
  for (; isDigit(bytes[at]) && at - digitsStart < SEQUENCE_MAX_DIGITS; at++) {
    sequence = sequence * 10 + bytes[at]! - ZERO;
  }
  // A leading zero is not JSON: the careful path judges it, and a lone 0.
  if (at === digitsStart || bytes[digitsStart] === ZERO) return null;
  if (!startsWithAt(bytes, at, BEHIND_SEQUENCE)) return null;

  const type = nameAt(bytes, nameStart, nameEnd, hash & (NAME_SLOTS - 1));
  return { opcode: Opcode.Dispatch, sequence, type, dataStart: at + BEHIND_SEQUENCE.length - 1 };
}

function nameAt(bytes: Uint8Array, start: number, end: number, slot: number): string {
  const known = names[slot]!;
  if (known.length === end - start) {
    let matching = 0;
    while (matching < known.length && known.charCodeAt(matching) === bytes[start + matching]) matching++;
    if (matching === known.length) return known;
  }
  const name = String.fromCharCode(...bytes.subarray(start, end));
  names[slot] = name;
  return name;
}

function startsWithAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (bytes[at + index] !== expected[index]) return false;
  }
  return true;
}

/** A to Z, 0 to 9 and the underscore. */
function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || byte === 0x5f || isDigit(byte));
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
