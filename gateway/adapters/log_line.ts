/**
 * One line of the log, as text: JSON for machines, columns for a terminal.
 *
 * @module
 */
import type { LogFormat } from "../config.ts";
import type { LineLevel } from "./log_phrases.ts";

/** A line before it is text. Whatever is in it is safe to show. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly level: LineLevel;
  readonly text: string;
  /** Dotted name of what was observed. */
  readonly kind: string;
  readonly fields: readonly (readonly [name: string, value: FieldValue])[];
}

export type FieldValue = string | number | boolean | null;

/** The text of a line, line break included. Colours are for `pretty` alone. */
export function lineText(line: LogLine, format: LogFormat, color: boolean): string {
  return (format === "json" ? jsonText(line) : prettyText(line, color)) + "\n";
}

function jsonText({ atMs, level, text, kind, fields }: LogLine): string {
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    level,
    message: text,
    kind,
    ...Object.fromEntries(fields),
  });
}

/** ANSI colours: red, yellow, green, blue, grey. */
const COLORS: Readonly<Record<LineLevel, number>> = { error: 31, warn: 33, info: 32, debug: 34, trace: 90 };

/** Wide enough for most texts, so that the fields stand under one another. */
const TEXT_COLUMNS = 24;

/** `12:34:56.789 INFO  Shard ready               shard=0 guilds=3`, time in UTC. Null fields are left out. */
function prettyText({ atMs, level, text, fields }: LogLine, color: boolean): string {
  const time = new Date(atMs).toISOString().slice(11, 23);
  const word = level.toUpperCase().padEnd(5);
  const shown = fields.filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${prettyValue(value)}`);
  const columns = [
    time,
    color ? `\x1b[${COLORS[level]}m${word}\x1b[0m` : word,
    shown.length > 0 ? `${text.padEnd(TEXT_COLUMNS)} ` : text,
    ...shown,
  ];
  return columns.join(" ");
}

function prettyValue(value: FieldValue): string {
  return typeof value === "string" && !/^[^\s"=]+$/.test(value) ? JSON.stringify(value) : String(value);
}
