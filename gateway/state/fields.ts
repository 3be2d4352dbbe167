/**
 * Cuts values out of an event's bytes, as they stand there: a value that went through a number type would lose digits.
 *
 * @module
 */
import { ElementScan, MALFORMED, MemberScan, readBoolean, readSnowflakeText } from "../protocol/json_scan.ts";

/** Where a value stands: from its first byte to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Members of one object, by their names. */
export type Spans<Name extends string> = { readonly [_ in Name]?: Span };

/** The same, with all of the object itself. */
export type Found<Name extends string> = Spans<Name> & { readonly whole: Span };

/** Where these members of the object that starts there stand; of one that is repeated the last. Null: no whole object. */
export function findMembers<Name extends string>(
  bytes: Uint8Array,
  start: number,
  names: readonly Name[],
): Found<Name> | null {
  const search = new MemberSearch(bytes, start, names);
  return search.step(Infinity) ? search.found : null;
}

/** The same, for whoever cannot walk over all of it in one go. */
export class MemberSearch<Name extends string> {
  readonly #start: number;
  readonly #names: readonly Name[];
  readonly #scan: MemberScan;
  readonly #spans: { [_ in Name | "whole"]?: Span } = {};

  constructor(bytes: Uint8Array, start: number, names: readonly Name[]) {
    this.#start = start;
    this.#names = names;
    this.#scan = new MemberScan(bytes, start);
  }

  /** Goes on, at least up to the index `until`; true once there is nothing more. */
  step(until: number): boolean {
    const scan = this.#scan;
    for (let step; (step = scan.step(until)) !== "end";) {
      if (step === "paused") return false;
      for (const name of this.#names) {
        if (scan.keyIs(name)) this.#spans[name] = { start: scan.valueStart, end: scan.valueEnd };
      }
    }
    return true;
  }

  /** Once there is nothing more. Null: no whole object. */
  get found(): Found<Name> | null {
    const { end } = this.#scan;
    if (end === MALFORMED) return null;
    this.#spans.whole = { start: this.#start, end };
    return this.#spans as Found<Name>;
  }
}

/** Names and values of all members of the object that starts there, in turn, each as it stands. */
export function cutMembers(bytes: Uint8Array, start: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const scan = new MemberScan(bytes, start);
  while (scan.next()) {
    parts.push(
      bytes.subarray(scan.keyStart, scan.keyEnd),
      bytes.subarray(scan.valueStart, scan.valueEnd),
    );
  }
  return parts;
}

/** The elements of an array; none where there is no array. */
export function* elementsOf(bytes: Uint8Array, span: Span | undefined): Generator<Span> {
  if (span === undefined) return;
  const scan = new ElementScan(bytes, span.start);
  while (scan.next()) yield { start: scan.valueStart, end: scan.valueEnd };
}

export function cut(bytes: Uint8Array, { start, end }: Span): Uint8Array {
  return bytes.subarray(start, end);
}

/** A snowflake, in decimal; null where there is none. */
export function idAt(bytes: Uint8Array, span: Span | undefined): string | null {
  return span === undefined ? null : readSnowflakeText(bytes, span.start, span.end);
}

/** The id of the object that stands there. */
export function idOf(bytes: Uint8Array, span: Span | undefined): string | null {
  return span === undefined ? null : idAt(bytes, findMembers(bytes, span.start, ["id"])?.id);
}

export function isTrue(bytes: Uint8Array, span: Span | undefined): boolean {
  return span !== undefined && readBoolean(bytes, span.start, span.end) === true;
}

export function isNull(bytes: Uint8Array, span: Span | undefined): boolean {
  return span !== undefined && span.end - span.start === 4 && bytes[span.start] === 0x6e;
}

/** The bytes with other texts in place of some parts of it, which follow each other. */
export function replaced(
  bytes: Uint8Array,
  whole: Span,
  parts: readonly (Span & { readonly by: Uint8Array })[],
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = whole.start;
  for (const { start, end, by } of parts) {
    pieces.push(bytes.subarray(at, start), by);
    at = end;
  }
  pieces.push(bytes.subarray(at, whole.end));
  return joined(pieces);
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
