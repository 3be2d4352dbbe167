/**
 * The lines of each replica to everybody, laid before anybody but the servers runs.
 *
 * @module
 */
import type { GatewayMachine } from "../harness/gateway.ts";
import { TcpProxy } from "../harness/tcp_proxy.ts";
import { Line } from "./line.ts";
import { type Machine, makeMachines, ResumeDoor } from "./machines.ts";
import type { Publications } from "./publications.ts";
import type { Lines } from "./replica.ts";

export interface LineSet {
  /** Of the replica. */
  readonly name: string;
  readonly lines: Lines;
  readonly rabbitUrl: string;
  readonly redisUrl: string;
  /** Where the replica runs; undefined: on this machine. */
  readonly machine: GatewayMachine | undefined;
  /** Says where Discord is, and returns the URL of its REST API by this line. */
  leadToDiscord(restUrl: string, resumeUrl: string): string;
}

export interface LaidLines extends AsyncDisposable {
  /** For each replica. */
  readonly lineSets: readonly LineSet[];
  /** Where sessions are to be resumed, for everybody; null: at Discord itself. */
  readonly resumeUrl: string | null;
  /** Why replicas have no network of their own; null where they have, or where there is one. */
  readonly sharedNetwork: string | null;
}

export interface LineOptions {
  readonly replicas?: number;
  readonly areLinesDirect?: boolean;
}

export interface ServerUrls {
  readonly rabbitUrl: string;
  readonly redisUrl: string;
}

/** `publications`: told what is published; null: nobody wants to know. */
export async function layLines(
  { replicas = 1, areLinesDirect = false }: LineOptions,
  servers: ServerUrls,
  publications: Publications | null,
): Promise<LaidLines> {
  await using opening = new AsyncDisposableStack();
  const { machines, problem } = replicas === 1 ? ON_THIS_MACHINE : await machinesIfAllowed(replicas);
  if (machines !== null) opening.use(machines);
  const resumes = new Map<string, TcpProxy>();
  // Replicas that cannot be told apart where they resume share their line to Discord.
  const sharedMain = machines === null ? opening.use(new TcpProxy()) : null;
  const sharedResume = machines === null ? opening.use(new TcpProxy()) : null;
  const sharedDiscord = new Line([sharedMain, sharedResume].filter((proxy) => proxy !== null));
  const lineSets = Array.from({ length: replicas }, (_, index): LineSet => {
    const name = `replica-${index + 1}`;
    const machine = machines?.[index] ?? null;
    const wires = machine?.wires ?? null;
    const rabbit = opening.use(
      new TcpProxy(servers.rabbitUrl, {
        ...at(wires?.rabbit.hereAddress),
        ...(publications === null ? {} : { overhear: () => publications.overhear(name) }),
      }),
    );
    const redis = opening.use(new TcpProxy(servers.redisUrl, at(wires?.redis.hereAddress)));
    const main = sharedMain ?? opening.use(new TcpProxy(undefined, at(wires?.discord.hereAddress)));
    const resume = sharedResume ?? opening.use(new TcpProxy());
    if (wires !== null) resumes.set(wires.discord.thereAddress, resume);
    return {
      name,
      lines: {
        // What is lost on the way to its proxy would be heard late: the proxy loses it.
        rabbit: new Line([rabbit]),
        redis: new Line([redis], wires?.redis),
        discord: wires === null ? sharedDiscord : new Line([main, resume], wires.discord),
      },
      rabbitUrl: areLinesDirect ? servers.rabbitUrl : rabbit.through(servers.rabbitUrl),
      redisUrl: areLinesDirect ? servers.redisUrl : redis.through(servers.redisUrl),
      machine: machine === null ? undefined : gatewayMachine(machine),
      leadToDiscord: (restUrl, resumeUrl) => {
        main.leadTo(restUrl);
        resume.leadTo(resumeUrl);
        return areLinesDirect ? restUrl : main.through(restUrl);
      },
    };
  });
  const door = machines === null ? null : opening.use(new ResumeDoor((address) => resumes.get(address)));
  const opened = opening.move();
  return {
    lineSets,
    resumeUrl: areLinesDirect ? null : door?.url ?? sharedResume?.through("ws://127.0.0.1") ?? null,
    sharedNetwork: problem,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const ON_THIS_MACHINE = { machines: null, problem: null };

async function machinesIfAllowed(count: number) {
  try {
    return { machines: await makeMachines(count), problem: null };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { machines: null, problem: error.message };
  }
}

function at(hostname: string | undefined): { readonly hostname?: string } {
  return hostname === undefined ? {} : { hostname };
}

function gatewayMachine({ network, address }: Machine): GatewayMachine {
  return { address, launchThere: (launch) => network.launchThere(launch) };
}
