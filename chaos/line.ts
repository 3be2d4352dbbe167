/**
 * A network line between two programs, made of as many TCP proxies as there are ports.
 *
 * @module
 */

import { TcpProxy } from "../harness/tcp_proxy.ts";

/** What lies under a line, where it can lose whatever is sent. */
export interface Wire {
  /** Every packet is lost in both directions until {@link join}. */
  sever(): Promise<void>;
  join(): Promise<void>;
}

export class Line implements AsyncDisposable {
  readonly #proxies: readonly TcpProxy[];
  readonly #wire: Wire | null;
  /** How many have severed it, and not joined it again. */
  #severings = 0;

  /** Without a wire of its own, the proxies let nothing through where it is severed. */
  constructor(proxies: readonly TcpProxy[], wire: Wire | null = null) {
    this.#proxies = proxies;
    this.#wire = wire;
  }

  /** Ends every connection; new ones are made as before. */
  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  /** Ends every connection, and each new one at once, until {@link up}. */
  down(): void {
    for (const proxy of this.#proxies) proxy.down();
  }

  up(): void {
    for (const proxy of this.#proxies) proxy.up();
  }

  /** Lets so many bytes through in a second, on each connection and in each direction, until {@link fast}. */
  slow(bytesPerSecond: number): void {
    for (const proxy of this.#proxies) proxy.slow(bytesPerSecond);
  }

  fast(): void {
    for (const proxy of this.#proxies) proxy.fast();
  }

  /** Lets no answer through, until {@link release}. */
  hold(): void {
    for (const proxy of this.#proxies) proxy.hold();
  }

  release(): void {
    for (const proxy of this.#proxies) proxy.release();
  }

  /** Nobody hears of the other side any more, and connections stay, until {@link join} was called as often. */
  async sever(): Promise<void> {
    if (this.#severings++ > 0) return;
    if (this.#wire !== null) return await this.#wire.sever();
    for (const proxy of this.#proxies) proxy.sever();
  }

  async join(): Promise<void> {
    if (--this.#severings > 0) return;
    if (this.#wire !== null) return await this.#wire.join();
    for (const proxy of this.#proxies) proxy.join();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
