/**
 * Amounts as people read them. Alike here and on the server, whatever language either speaks.
 *
 * @module
 */

/** `12,345`; one digit behind the point where there are few. */
export function amount(value: number): string {
  const digits = value < 10 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value));
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number): string {
  const unit = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), BYTE_UNITS.length - 1);
  return `${amount(value / 1024 ** unit)} ${BYTE_UNITS[unit]}`;
}

/** The two largest units of a duration: `3 h 12 min`. */
export function duration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1_000));
  const units = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]] as const;
  const largest = units.findIndex(([length]) => seconds >= length);
  if (largest === -1) return "0 s";
  let rest = seconds;
  return units.slice(largest, largest + 2).map(([length, name]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count === 0 ? "" : `${count} ${name}`;
  }).filter((part) => part !== "").join(" ");
}

/** A time of day, UTC: `14:05`, or `14:05:09`. */
export function clockTime(atMs: number, to: "minutes" | "seconds" = "minutes"): string {
  const end = { minutes: "2026-01-01T00:00", seconds: "2026-01-01T00:00:00" }[to];
  return new Date(atMs).toISOString().slice("2026-01-01T".length, end.length);
}
