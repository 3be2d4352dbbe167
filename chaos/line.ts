/**
 * A network line between two programs, made of as many TCP proxies as there are ports.
 *
 * @module
 */

import { TcpProxy } from "../harness/tcp_proxy.ts";

export class Line implements AsyncDisposable {
  readonly #proxies: readonly TcpProxy[];

  constructor(...proxies: TcpProxy[]) {
    this.#proxies = proxies;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
