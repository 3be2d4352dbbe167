/**
 * A moment: short and in UTC, as logs have it; the machine's form beside it.
 *
 * @module
 */

export interface TimeProps {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export function Time({ atMs }: TimeProps) {
  return <time datetime={new Date(atMs).toISOString()}>{timeText(atMs)}</time>;
}

/** `2026-01-01 14:05:09` */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, "2026-01-01T00:00:00".length).replace("T", " ");
}
