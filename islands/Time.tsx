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
  const iso = new Date(atMs).toISOString();
  return <time datetime={iso}>{iso.slice(0, "2026-01-01T00:00:00".length).replace("T", " ")}</time>;
}
