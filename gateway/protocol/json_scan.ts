/**
 * Finds values inside JSON text by walking over its bytes, so that an event of several megabytes is never
 * parsed for the sake of one field.
 *
 * Skipping is not validating. Where `JSON.parse` accepts a text, a scan finds the same members with the same
 * values. Where it does not, a scan still ends and never throws: it finds what can be found, or answers
 * {@link MALFORMED} or null. Invalid UTF-8 inside strings is passed over.
 *
 * @module
 */

/** In place of an index: there is no whole value here. */
export const MALFORMED = -1;

const QUOTE = 0x22;
const ZERO = 0x30;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const SNOWFLAKE = /^\d{1,20}$/;
/** Snowflakes are unsigned and have 64 bits (Discord reference, Snowflakes). */
const SNOWFLAKE_MAX = 2n ** 64n - 1n;
/** An id is read in halves: the lower one has so many digits. */
const LOW_DIGITS = 9;

// A byte order mark inside a string is a character of that string.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a step of a {@link MemberScan} came to. `end`: there are no more members, or the text is no object any more. */
export type MemberStep = "member" | "paused" | "end";

/** Walks the members of the object that starts at a given index. */
export class MemberScan {
  /** Index of the first byte of the current member's name, its quote. */
  keyStart = MALFORMED;
  /** Index behind the current member's name. */
  keyEnd = MALFORMED;
  /** Index of the first byte of the current member's value. */
  valueStart = MALFORMED;
  /** Index behind the current member's value. */
  valueEnd = MALFORMED;
  /** Index behind the object once there are no more members; {@link MALFORMED} before, and without a whole object. */
  end = MALFORMED;

  readonly #bytes: Uint8Array;
  readonly #start: number;
  /** Whether the current member's name is written with escapes; null while nobody has looked. */
  #isKeyEscaped: boolean | null = null;
  /** The value that a pause has cut short. */
  #container: ContainerSkip | null = null;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
  }

  /**
   * Steps to the next member. False behind the last one, or where the text is not an object any more; then it is
   * not to be called again.
   */
  next(): boolean {
    return this.step(Infinity) === "member";
  }

  /**
   * The same, but pauses at or soon behind the index `until`, for whoever cannot walk over all of it in one go. A
   * member counts once all of it has been walked over.
   */
  step(until: number): MemberStep {
    if ((this.#container?.index ?? this.valueEnd) >= until) return "paused";
    if (this.#container === null) {
      if (!this.#stepToValue()) return "end";
      if (!isContainer(this.#bytes[this.valueStart])) {
        return this.#endValue(skipValue(this.#bytes, this.valueStart));
      }
      this.#container = new ContainerSkip(this.#bytes, this.valueStart);
    }
    const end = this.#container.skip(until);
    if (end === null) return "paused";
    this.#container = null;
    return this.#endValue(end);
  }

  #stepToValue(): boolean {
    const bytes = this.#bytes;
    const at = nextItem(bytes, this.#start, this.valueEnd, OPEN_BRACE, CLOSE_BRACE);
    if (at === MALFORMED) return false;
    if (bytes[at] === CLOSE_BRACE) {
      this.end = at + 1;
      return false;
    }
    if (bytes[at] !== QUOTE) return false;
    this.keyStart = at;
    this.keyEnd = skipString(bytes, at);
    this.#isKeyEscaped = null;
    if (this.keyEnd === MALFORMED) return false;
    const colonAt = skipWhitespace(bytes, this.keyEnd);
    if (bytes[colonAt] !== COLON) return false;
    this.valueStart = skipWhitespace(bytes, colonAt + 1);
    return true;
  }

  #endValue(end: number): MemberStep {
    this.valueEnd = end;
    return end === MALFORMED ? "end" : "member";
  }

  /** Whether the current member has this name, plain or written with escapes. `name` is ASCII. */
  keyIs(name: string): boolean {
    const bytes = this.#bytes;
    const first = this.keyStart + 1;
    const last = this.keyEnd - 1;
    if (last - first === name.length) {
      let matching = 0;
      while (matching < name.length && bytes[first + matching] === name.charCodeAt(matching)) matching++;
      if (matching === name.length) return true;
    }
    this.#isKeyEscaped ??= bytes.subarray(first, last).includes(BACKSLASH);
    return this.#isKeyEscaped && readString(bytes, this.keyStart, this.keyEnd) === name;
  }
}

/** Walks the elements of the array that starts at a given index. */
export class ElementScan {
  /** Index of the first byte of the current element. */
  valueStart = MALFORMED;
  /** Index behind the current element. */
  valueEnd = MALFORMED;

  readonly #bytes: Uint8Array;
  readonly #start: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
  }

  /** Like {@link MemberScan.next}, for elements. */
  next(): boolean {
    const at = nextItem(this.#bytes, this.#start, this.valueEnd, OPEN_BRACKET, CLOSE_BRACKET);
    if (at === MALFORMED || this.#bytes[at] === CLOSE_BRACKET) return false;
    this.valueStart = at;
    this.valueEnd = skipValue(this.#bytes, at);
    return this.valueEnd !== MALFORMED;
  }
}

/** Index of the first byte at or behind `at` that is not JSON whitespace; the length when there is none. */
export function skipWhitespace(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && isWhitespace(bytes[at])) at++;
  return at;
}

/** Index behind the value that starts at `at`, or {@link MALFORMED}. */
export function skipValue(bytes: Uint8Array, at: number): number {
  if (bytes[at] === QUOTE) return skipString(bytes, at);
  if (isContainer(bytes[at])) return new ContainerSkip(bytes, at).skip(Infinity) ?? MALFORMED;
  return skipScalar(bytes, at);
}

/** The string at this place, escapes decoded, invalid UTF-8 as U+FFFD; null where there is something else. */
export function readString(bytes: Uint8Array, start: number, end: number): string | null {
  if (bytes[start] !== QUOTE) return null;
  if (!bytes.subarray(start, end).includes(BACKSLASH)) {
    return decoder.decode(bytes.subarray(start + 1, end - 1));
  }
  try {
    return String(JSON.parse(decoder.decode(bytes.subarray(start, end))));
  } catch {
    return null;
  }
}

/** The number at this place, rounded as `JSON.parse` does; null where there is something else. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number | null {
  const text = decoder.decode(bytes.subarray(start, end));
  return NUMBER.test(text) ? Number(text) : null;
}

/** The boolean at this place; null where there is something else. */
export function readBoolean(bytes: Uint8Array, start: number, end: number): boolean | null {
  const text = decoder.decode(bytes.subarray(start, end));
  return text === "true" ? true : text === "false" ? false : null;
}

/**
 * The snowflake at this place; null where there is something else. They are strings, but ids too small to be
 * one can come back as integers (Discord reference, ID Serialization).
 */
export function readSnowflake(bytes: Uint8Array, start: number, end: number): bigint | null {
  const text = readString(bytes, start, end) ?? decoder.decode(bytes.subarray(start, end));
  if (!SNOWFLAKE.test(text)) return null;
  const snowflake = BigInt(text);
  return snowflake <= SNOWFLAKE_MAX ? snowflake : null;
}

/** The same in decimal digits, and at a third of the cost for an id of the usual length. */
export function readSnowflakeText(bytes: Uint8Array, start: number, end: number): string | null {
  const isText = bytes[start] === QUOTE;
  const first = isText ? start + 1 : start;
  const last = isText ? end - 1 : end;
  const length = last - first;
  // Its halves are numbers that lose no digit.
  const high = length > LOW_DIGITS && length <= 2 * LOW_DIGITS + 1 && bytes[first] !== ZERO
    ? readDigits(bytes, first, last - LOW_DIGITS)
    : null;
  const low = high === null ? null : readDigits(bytes, last - LOW_DIGITS, last);
  if (low !== null) return `${high}${String(low).padStart(LOW_DIGITS, "0")}`;
  const snowflake = readSnowflake(bytes, start, end);
  return snowflake === null ? null : String(snowflake);
}

/** Of fifteen digits at most; null where there is anything else. */
function readDigits(bytes: Uint8Array, start: number, end: number): number | null {
  let number = 0;
  for (let index = start; index < end; index += 1) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return null;
    number = number * 10 + digit;
  }
  return number;
}

/** Where the next item of a container or its closing byte is; `itemEnd` is {@link MALFORMED} before the first. */
function nextItem(bytes: Uint8Array, start: number, itemEnd: number, open: number, close: number): number {
  if (itemEnd === MALFORMED) {
    return bytes[start] === open ? skipWhitespace(bytes, start + 1) : MALFORMED;
  }
  const at = skipWhitespace(bytes, itemEnd);
  if (bytes[at] === close) return at;
  if (bytes[at] !== COMMA) return MALFORMED;
  const itemAt = skipWhitespace(bytes, at + 1);
  return bytes[itemAt] === close ? MALFORMED : itemAt;
}

function skipString(bytes: Uint8Array, at: number): number {
  const length = bytes.length;
  let index = at + 1;
  while (index < length) {
    const byte = bytes[index];
    if (byte === QUOTE) return index + 1;
    index += byte === BACKSLASH ? 2 : 1;
  }
  return MALFORMED;
}

function isContainer(byte: number | undefined): boolean {
  return byte === OPEN_BRACE || byte === OPEN_BRACKET;
}

/** Counts depth instead of recursing, so that no nesting can exhaust the stack. */
class ContainerSkip {
  /** How far it has come. */
  index: number;
  readonly #bytes: Uint8Array;
  #depth = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.index = start;
  }

  /** Index behind the container, or {@link MALFORMED}; null where `until` came first. */
  skip(until: number): number | null {
    const bytes = this.#bytes;
    const stop = Math.min(until, bytes.length);
    let depth = this.#depth;
    let index = this.index;
    while (index < stop) {
      switch (bytes[index]) {
        case QUOTE:
          index = skipString(bytes, index);
          if (index === MALFORMED) return MALFORMED;
          continue;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          depth++;
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          depth--;
          if (depth === 0) return index + 1;
          break;
      }
      index++;
    }
    this.#depth = depth;
    this.index = index;
    return index < bytes.length ? null : MALFORMED;
  }
}

function skipScalar(bytes: Uint8Array, at: number): number {
  let index = at;
  while (index < bytes.length && !endsScalar(bytes[index])) index++;
  return index === at ? MALFORMED : index;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isWhitespace(byte);
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
