/**
 * A line to a server that can be cut, slowed, held up and spoken on.
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

export class TcpProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  #target: { hostname: string; port: number } | null = null;
  readonly #links = new Set<Link>();
  readonly #accepting: Promise<void>;
  #isDown = false;
  #held: PromiseWithResolvers<void> | null = null;
  #bytesPerSecond = Infinity;

  /** A line to the host and port of this URL; without one, {@link leadTo} says it before anybody connects. */
  constructor(url?: string) {
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
    proxied.hostname = "127.0.0.1";
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
    await this.#accepting;
    await Promise.all([...this.#links].map(({ over }) => over));
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#isDown || this.#target === null) {
        close(client);
        continue;
      }
      try {
        this.#join(client, await Deno.connect(this.#target));
      } catch {
        close(client); // the server is not there
      }
    }
  }

  #join(client: Deno.TcpConn, server: Deno.TcpConn): void {
    const clientOver = this.#pass(client, server, false);
    const serverOver = this.#pass(server, client, true);
    const over = Promise.all([clientOver, serverOver]).then(() => this.#links.delete(link));
    const link: Link = { client, server, clientOver, over };
    this.#links.add(link);
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn, isAnswer: boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        if (isAnswer) await this.#held?.promise;
        for (let written = 0; written < count;) {
          const end = Math.min(count, written + await this.#allowance());
          written += await to.write(buffer.subarray(written, end));
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

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}
