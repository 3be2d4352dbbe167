/**
 * What a replica says of leases, and of what it publishes without them, read out of its log.
 *
 * @module
 */

export interface Saying {
  /** By the wall clock. */
  readonly atMs: number;
  /** `spool.late`: it publishes spooled events of a shard that others have run since. */
  readonly kind: "spool.late" | "leases.lapsed";
  /** Null where it is said of all shards. */
  readonly shard: number | null;
}

const SCRIPT = `grep -E '"kind":"(spool\\.late|leases\\.lapsed)"' "$1" || [ $? -eq 1 ]`;

/** @throws Error where the log cannot be read. */
export async function readSayings(logPath: string): Promise<readonly Saying[]> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", logPath],
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(`Cannot read what a replica said: ${new TextDecoder().decode(stderr).trim()}`);
  }
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map((line) => {
    const { time, kind, shard = null } = JSON.parse(line);
    return { atMs: Date.parse(time), kind, shard };
  });
}
