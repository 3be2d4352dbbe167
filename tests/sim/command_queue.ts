/**
 * Queue `gateway.send` in virtual time: what was not acknowledged is delivered again to the next process.
 *
 * @module
 */
import type { CommandSource, IncomingCommand } from "../../gateway/commands/source.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { VirtualClock } from "./virtual_clock.ts";

const encoder = new TextEncoder();

export class SimulatedCommandQueue {
  readonly #clock: VirtualClock;
  readonly #messages = new Set<Uint8Array>();
  #deliver: ((body: Uint8Array) => void) | null = null;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  send(command: unknown): void {
    const body = encoder.encode(JSON.stringify(command));
    this.#messages.add(body);
    this.#deliver?.(body);
  }

  source(process: GatewayProcess): CommandSource {
    this.#deliver = null;
    return {
      start: (handler) => {
        if (!process.calls()) return;
        const deliver = (body: Uint8Array) => {
          this.#clock.after(10, () => {
            if (process.isAlive && this.#deliver === deliver) handler(this.#incoming(process, body));
          });
        };
        this.#deliver = deliver;
        for (const body of this.#messages) deliver(body);
      },
      quiet: () =>
        process.asks((resolve) => {
          this.#deliver = null;
          this.#clock.after(10, resolve);
        }),
      close: () => process.asks((resolve) => this.#clock.after(10, resolve)),
    };
  }

  #incoming(process: GatewayProcess, body: Uint8Array): IncomingCommand {
    return {
      body,
      replyTo: undefined,
      correlationId: undefined,
      sentAtMs: undefined,
      acknowledge: () => {
        if (process.calls()) this.#messages.delete(body);
      },
      get current() {
        return process.isAlive;
      },
    };
  }
}
