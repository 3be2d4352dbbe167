/**
 * A line to a server that can be cut, severed, slowed, held up, overheard and spoken on.
 *
 * @module
 */

/** How often a slow line passes something on. */
const SLOW_STEP_MS = 50;

interface Link {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  readonly clientOver: Promise<void>;
  readonly over: Promise<unknown>;
}

/** Is given all that one client says, at the moment at which it comes, whenever it is passed on. */
export type Overhearer = (bytes: Uint8Array) => void;

export interface TcpProxyOptions {
  /** Where clients find it; left out, 127.0.0.1. */
  readonly hostname?: string;
  /** Called for each connection. A line that is overheard takes at once whatever a client says, however slow it is. */
  readonly overhear?: () => Overhearer;
}

export class TcpProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #overhear: (() => Overhearer) | null;
  #target: { hostname: string; port: number } | null = null;
  readonly #links = new Set<Link>();
  readonly #accepting: Promise<void>;
  #isDown = false;
  #held: PromiseWithResolvers<void> | null = null;
  #severed: PromiseWithResolvers<void> | null = null;
  #bytesPerSecond = Infinity;

  /** A line to the host and port of this URL; without one, {@link leadTo} says it before anybody connects. */
  constructor(url?: string, { hostname = "127.0.0.1", overhear }: TcpProxyOptions = {}) {
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.#overhear = overhear ?? null;
    if (url !== undefined) this.leadTo(url);
    this.#accepting = this.#accept();
  }

  /** New connections go to the host and port of this URL. */
  leadTo(url: string): void {
    const { hostname, port } = new URL(url);
    this.#target = { hostname, port: Number(port) };
  }

  /** The same URL, by way of this line. */
  through(url: string): string {
    const proxied = new URL(url);
    proxied.hostname = this.#listener.addr.hostname;
    proxied.port = String(this.#listener.addr.port);
    return proxied.href;
  }

  /** Ends every connection; new ones are made as before, unless the line is {@link down}. */
  cut(): void {
    for (const { client, server } of this.#links) {
      close(client);
      close(server);
    }
  }

  /** Ends every connection, and each new one at once, until {@link up}. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  up(): void {
    this.#isDown = false;
  }

  /** Lets no answer of the server through, until {@link release}. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  /** Lets nothing through in either direction, also of new connections, until {@link join}. */
  sever(): void {
    this.#severed ??= Promise.withResolvers();
  }

  join(): void {
    this.#severed?.resolve();
    this.#severed = null;
  }

  /** Lets so many bytes through in a second, on each connection and in each direction, until {@link fast}. */
  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  fast(): void {
    this.#bytesPerSecond = Infinity;
  }

  /** Resolves when every client has ended its connection. */
  async left(): Promise<void> {
    await Promise.all([...this.#links].map(({ clientOver }) => clientOver));
  }

  /** Says something to every client in the server's name. */
  async sayToClients(bytes: Uint8Array): Promise<void> {
    for (const { client } of this.#links) await client.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.down();
    this.release();
    this.join();
    await this.#accepting;
    await Promise.all([...this.#links].map(({ over }) => over));
  }

  /** Takes a client that has come another way. */
  async admit(client: Deno.TcpConn): Promise<void> {
    if (this.#isDown || this.#target === null) return close(client);
    try {
      this.#link(client, await Deno.connect(this.#target));
    } catch {
      close(client); // the server is not there
    }
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) await this.admit(client);
  }

  #link(client: Deno.TcpConn, server: Deno.TcpConn): void {
    const said = this.#overhear === null ? piecesOf(client) : overheard(client, this.#overhear());
    const clientOver = this.#pass(said, client, server, false);
    const serverOver = this.#pass(piecesOf(server), server, client, true);
    const over = Promise.all([clientOver, serverOver]).then(() => this.#links.delete(link));
    const link: Link = { client, server, clientOver, over };
    this.#links.add(link);
  }

  async #pass(
    pieces: AsyncIterable<Uint8Array>,
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    isAnswer: boolean,
  ): Promise<void> {
    try {
      for await (const piece of pieces) {
        await this.#severed?.promise;
        if (isAnswer) await this.#held?.promise;
        for (let written = 0; written < piece.length;) {
          const end = Math.min(piece.length, written + await this.#allowance());
          written += await to.write(piece.subarray(written, end));
        }
      }
    } catch {
      // cut
    }
    close(from);
    close(to);
  }

  /** How many bytes may pass now; on a slow line after a while. */
  async #allowance(): Promise<number> {
    if (this.#bytesPerSecond === Infinity) return Infinity;
    const bytes = Math.max(1, Math.round(this.#bytesPerSecond * SLOW_STEP_MS / 1_000));
    await new Promise((resolve) => setTimeout(resolve, SLOW_STEP_MS));
    return bytes;
  }
}

/** What is said on a connection, each piece good until the next one is asked for. */
async function* piecesOf(connection: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    yield buffer.subarray(0, count);
  }
}

/** The same, read as it comes and kept until it is asked for. */
async function* overheard(connection: Deno.TcpConn, hear: Overhearer): AsyncGenerator<Uint8Array> {
  let kept: Uint8Array[] = [];
  let more = Promise.withResolvers<void>();
  let isOver = false;
  const read = async () => {
    try {
      for await (const piece of piecesOf(connection)) {
        hear(piece);
        kept.push(piece.slice());
        more.resolve();
      }
    } catch {
      // cut
    }
    isOver = true;
    more.resolve();
  };
  const reading = read();
  while (!isOver || kept.length > 0) {
    await more.promise;
    const pieces = kept;
    kept = [];
    if (!isOver) more = Promise.withResolvers();
    yield* pieces;
  }
  await reading;
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}
