/**
 * Where replicas run: each on a machine of its own as far as the network goes, or all of them on this one.
 *
 * @module
 */
import { OwnNetwork, type Wire } from "../harness/own_network.ts";
import type { TcpProxy } from "../harness/tcp_proxy.ts";

/** Where one replica runs. */
export interface Machine {
  readonly network: OwnNetwork;
  readonly wires: { readonly rabbit: Wire; readonly redis: Wire; readonly discord: Wire };
  /** Its address for whoever watches it: that wire is never severed. */
  readonly address: string;
}

/**
 * At which every one of them reaches the Discord that sessions are resumed at, each by its own wire: a session keeps that
 * address, whoever resumes it. Of 198.18.0.0/15, which is for tests of networks (RFC 2544).
 */
const RESUME_ADDRESS = "198.19.255.254";

/**
 * So many machines.
 *
 * @throws Error where this machine does not allow it.
 */
export async function makeMachines(count: number): Promise<readonly Machine[] & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const machines: Machine[] = [];
  for (let index = 0; index < count; index++) {
    const network = made.use(await OwnNetwork.make([{}, {}, { alias: RESUME_ADDRESS }, {}]));
    const [rabbit, redis, discord, watch] = network.wires as [Wire, Wire, Wire, Wire];
    machines.push({ network, wires: { rabbit, redis, discord }, address: watch.thereAddress });
  }
  const opened = made.move();
  return Object.assign(machines, { [Symbol.asyncDispose]: () => opened.disposeAsync() });
}

/** Takes everybody who resumes to the line of the machine that he comes from. */
export class ResumeDoor implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: RESUME_ADDRESS, port: 0 });
  readonly #accepting: Promise<void>;

  /** `lineOf`: by the address of a client. */
  constructor(lineOf: (address: string) => TcpProxy | undefined) {
    this.#accepting = this.#accept(lineOf);
  }

  get url(): string {
    return `ws://${RESUME_ADDRESS}:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }

  async #accept(lineOf: (address: string) => TcpProxy | undefined): Promise<void> {
    for await (const client of this.#listener) {
      const line = lineOf(client.remoteAddr.hostname);
      if (line === undefined) client.close();
      else await line.admit(client);
    }
  }
}
