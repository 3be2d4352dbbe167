/**
 * What machine a figure is from.
 *
 * @module
 */
import { shell } from "./process.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly deno: string;
}

export async function thisMachine(): Promise<Machine> {
  const script = `sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1
grep -c ^processor /proc/cpuinfo
awk '/^MemTotal/ { print $2 }' /proc/meminfo
uname -sr`;
  const [processor = "", cores = "", kibibytes = "", kernel = ""] = (await shell(script, [])).split("\n");
  return {
    processor,
    cores: Number(cores),
    memoryGib: Math.round(Number(kibibytes) / 2 ** 20),
    kernel,
    deno: Deno.version.deno,
  };
}

/** `node`: its version where anything ran on it. */
export function machineLine(machine: Machine, node: string | null, startedAt: string): string {
  const { processor, cores, memoryGib, kernel, deno } = machine;
  const runtimes = node === null ? `Deno ${deno}` : `Deno ${deno}, Node ${node.replace(/^v/, "")}`;
  return `${processor}, ${cores} cores, ${memoryGib} GiB, ${kernel}, ${runtimes}, ${startedAt.slice(0, 10)}`;
}
