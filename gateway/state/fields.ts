/**
 * Cuts values out of an event's bytes, as they stand there: a value that went through a number type would lose digits.
 *
 * @module
 */
import { ElementScan, MemberScan, readBoolean, readSnowflakeText } from "../protocol/json_scan.ts";

/** Where a value stands: from its first byte to behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Members of one object, by their names. */
export type Spans<Name extends string> = { readonly [_ in Name]?: Span };

/** Where these members of the object that starts there stand; of one that is repeated the last. */
export function findMembers<Name extends string>(
  bytes: Uint8Array,
  start: number,
  names: readonly Name[],
): Spans<Name> {
  const found: { [_ in Name]?: Span } = {};
  const scan = new MemberScan(bytes, start);
  while (scan.next()) {
    for (const name of names) {
      if (scan.keyIs(name)) found[name] = { start: scan.valueStart, end: scan.valueEnd };
    }
  }
  return found;
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
  return span === undefined ? null : idAt(bytes, findMembers(bytes, span.start, ["id"]).id);
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
