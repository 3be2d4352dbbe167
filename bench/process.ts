/**
 * What a process of this machine costs, by its kernel (Linux).
 *
 * @module
 */

/** The `USER_HZ` of every Linux there is (proc(5), time(7)). */
const TICKS_PER_SECOND = 100;

/** User and system time of all its threads so far, in seconds; in steps of 10 ms. */
export async function cpuSeconds(processId: number): Promise<number> {
  // Behind the name, which is in brackets and may hold anything.
  const script = "sed 's/.*) //' \"/proc/$1/stat\" | cut -d ' ' -f 12,13";
  const ticks = (await shell(script, [String(processId)])).trim().split(" ").map(Number);
  return ticks.reduce((sum, count) => sum + count, 0) / TICKS_PER_SECOND;
}

/** What of it is in memory, in bytes. */
export async function memoryBytes(processId: number): Promise<number> {
  return await statusBytes(processId, "VmRSS");
}

/** The most of it that has been in memory, in bytes. */
export async function peakMemoryBytes(processId: number): Promise<number> {
  return await statusBytes(processId, "VmHWM");
}

/** A figure in kibibytes of `/proc/<id>/status` (proc(5)), in bytes. */
async function statusBytes(processId: number, name: string): Promise<number> {
  const script = 'awk -v name="$2:" \'$1 == name { print $2 }\' "/proc/$1/status"';
  return Number(await shell(script, [String(processId), name])) * 1024;
}

/** What a script prints; its arguments are `$1`, `$2` … */
export async function shell(script: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, "sh", ...args] }).output();
  return new TextDecoder().decode(stdout);
}
