/**
 * A machine of its own, as far as the network goes: a network namespace of Linux, joined to this one by wires that can
 * be severed. Takes root, and iproute2.
 *
 * @module
 */
import { type Launch, Supervisor } from "./supervisor.ts";

/** What a wire is to be. */
export interface WireOptions {
  /** Another address of this machine, which the other one reaches by this wire. Several wires may have the same. */
  readonly alias?: string;
}

/** One of the wires to it. */
export interface Wire {
  /** This machine's end. */
  readonly hereAddress: string;
  /** The other machine's end. */
  readonly thereAddress: string;
  /** Every packet is lost in both directions until {@link join}; whoever waits for an answer waits. */
  sever(): Promise<void>;
  join(): Promise<void>;
}

/** Of 198.18.0.0/15, which is for tests of networks (RFC 2544), each machine has 256 addresses. */
const NETWORKS = 512;
const ADDRESSES_OF_WIRE = 4;

/** `$1`: process in the namespace, `$2`: where it is, `$3`…: of each wire its name, both addresses and its alias. */
const SET_UP = `set -e
there=$1
shift
until [ "$(readlink "/proc/$there/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
nsenter -t "$there" -n ip link set lo up
while [ $# -gt 0 ]; do
  ip link add "$1" type veth peer name "$1" netns "$there"
  ip addr add "$2/30" dev "$1"
  ip link set "$1" up
  nsenter -t "$there" -n ip addr add "$3/30" dev "$1"
  nsenter -t "$there" -n ip link set "$1" up
  if [ -n "$4" ]; then
    ip addr add "$4/32" dev "$1"
    nsenter -t "$there" -n ip route add "$4" via "$2"
  fi
  shift 4
done`;

/** A queue that loses all that is put into it, on both ends. `$1`: process in the namespace, `$2`: name of the wire. */
const SEVER = `set -e
tc qdisc add dev "$2" root blackhole
nsenter -t "$1" -n tc qdisc add dev "$2" root blackhole`;
const JOIN = SEVER.replaceAll(" add ", " del ").replaceAll(" blackhole", "");

export class OwnNetwork implements AsyncDisposable {
  /** In the order in which they were asked for. */
  readonly wires: readonly Wire[];
  readonly #holder: Supervisor;
  readonly #processId: number;

  private constructor(holder: Supervisor, processId: number, wires: readonly Wire[]) {
    this.#holder = holder;
    this.#processId = processId;
    this.wires = wires;
  }

  /**
   * Makes one with these wires. It goes, with its wires, when it is disposed of or this process ends.
   *
   * @throws Error where this machine does not allow it.
   */
  static async make(wireOptions: readonly WireOptions[]): Promise<OwnNetwork> {
    const holder = await Supervisor.start();
    try {
      const processId = await holder.launch({
        program: "unshare",
        args: ["--net", "sleep", "infinity"],
        output: "log",
      });
      const network = crypto.getRandomValues(new Uint16Array(1))[0]! % NETWORKS;
      const addressIn = (at: number) => `198.${18 + (network >> 8)}.${network & 255}.${at}`;
      const ends = wireOptions.map(({ alias = "" }, index) => ({
        name: `s${processId}-${index}`,
        here: addressIn(index * ADDRESSES_OF_WIRE + 1),
        there: addressIn(index * ADDRESSES_OF_WIRE + 2),
        alias,
      }));
      await run(SET_UP, [
        String(processId),
        ...ends.flatMap(({ name, here, there, alias }) => [name, here, there, alias]),
      ]);
      const wires = ends.map(({ name, here, there }): Wire => ({
        hereAddress: here,
        thereAddress: there,
        sever: () => run(SEVER, [String(processId), name]),
        join: () => run(JOIN, [String(processId), name]),
      }));
      return new OwnNetwork(holder, processId, wires);
    } catch (error) {
      const said = await holder.logTail();
      await holder.end();
      throw new Error([error instanceof Error ? error.message : error, said].filter(Boolean).join("; "));
    }
  }

  /** The same program, on that machine. */
  launchThere(launch: Omit<Launch, "output">): Omit<Launch, "output"> {
    return {
      ...launch,
      program: "nsenter",
      args: ["-t", String(this.#processId), "-n", launch.program, ...launch.args ?? []],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.end();
  }
}

async function run(script: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    stdin: "null",
    stdout: "null",
  }).output();
  if (success) return;
  throw new Error(`Cannot set up a network namespace: ${new TextDecoder().decode(stderr).trim()}`);
}
