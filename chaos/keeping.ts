/**
 * What a run leaves for whoever looks for the cause of a fault.
 *
 * @module
 */
import type { Replica } from "./replica.ts";

/** `$1`: the folder, `$2`…: of each log its name and its path. */
const SCRIPT = `set -e
folder=$1
shift
mkdir -p "$folder"
cat >"$folder/course.log"
while [ $# -gt 0 ]; do
  cp "$2" "$folder/$1.log"
  shift 2
done`;

/** Copies the replicas' logs into the folder, that of one alone as `gateway.log`, and writes the lines beside it. */
export async function keep(
  folder: string,
  replicas: readonly { readonly name: string; readonly gateway: Pick<Replica["gateway"], "logPath"> }[],
  lines: readonly string[],
): Promise<void> {
  const logs = replicas.flatMap(({ name, gateway: { logPath } }) => [
    replicas.length === 1 ? "gateway" : name,
    logPath,
  ]);
  const shell = new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", folder, ...logs],
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const input = shell.stdin.getWriter();
  await input.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  await input.close();
  const { success } = await shell.status;
  if (!success) throw new Error(`Cannot leave the logs in ${folder}: see the line above`);
}
