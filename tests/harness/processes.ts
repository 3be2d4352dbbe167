/**
 * What tests of the harness ask of the machine's process table.
 *
 * @module
 */

/** How often {@link waitUntilGone} looks before it gives up: every 0.1 s, for 20 s. */
const TRIES = 200;

/** Starts `deno run` for a script of the project with the permissions that the harness needs. */
export function spawnDeno(
  script: string,
  { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {},
): Deno.ChildProcess {
  const permissions = [
    "--allow-run=sh",
    "--allow-net=127.0.0.1,198.18.0.0/15",
    "--allow-env",
    "--allow-read",
  ];
  return new Deno.Command("sh", {
    args: ["-c", 'exec "$@"', "sh", Deno.execPath(), "run", "--no-prompt", ...permissions, script, ...args],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Resolves when no such process and no such path is there any more; rejects where that does not happen. */
export async function waitUntilGone(
  { processIds = [], paths = [] }: { processIds?: readonly number[]; paths?: readonly string[] },
): Promise<void> {
  const script = `tries=${TRIES}
for id in ${processIds.join(" ")}; do
  # A process that has ended and that nobody has asked after yet is gone as well.
  while case $(ps -o stat= -p "$id") in ""|Z*) false ;; esac; do
    tries=$((tries - 1)); [ $tries -gt 0 ] || exit 1; sleep 0.1
  done
done
for path; do
  while [ -e "$path" ]; do tries=$((tries - 1)); [ $tries -gt 0 ] || exit 1; sleep 0.1; done
done`;
  const { success } = await new Deno.Command("sh", { args: ["-c", script, "sh", ...paths] }).output();
  if (!success) throw new Error(`Still there: processes ${processIds.join(", ")} or ${paths.join(", ")}`);
}

/** The ids of the processes of a group, its leader's among them. */
export async function processesOfGroup(leader: number): Promise<number[]> {
  const output = await shell(
    'ps -A -o pgid=,pid= | while read -r group id; do [ "$group" != "$1" ] || echo "$id"; done',
    [
      String(leader),
    ],
  );
  return output.split("\n").filter(Boolean).map(Number);
}

/** What a shell script prints, trimmed. */
export async function shell(script: string, args: readonly string[] = []): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, "sh", ...args] }).output();
  return new TextDecoder().decode(stdout).trim();
}
