/**
 * One socket between a gateway process and the simulated Discord, with what may go wrong on the way.
 *
 * @module
 */
import type { Connection, ConnectionEvents } from "../../gateway/shard/transport.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Dispatch } from "./ledger.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** How long a close waits for its answer (the port's promise). */
const LEAVE_MAX_MS = 2_000;

const encoder = new TextEncoder();

/** What Discord does with a connection. */
export interface DiscordEnd {
  frame(connection: DiscordConnection, text: string): void;
  /** It is over. `leftWith`: the code with which the gateway closed it; null where it did not. */
  gone(connection: DiscordConnection, leftWith: number | null): void;
}

export interface ConnectionOptions {
  readonly number: number;
  readonly process: GatewayProcess;
  readonly clock: VirtualClock;
  readonly discord: DiscordEnd;
  readonly events: ConnectionEvents;
  /** One way. */
  readonly latencyMs: number;
  /**
   * So much later what was on its way still arrives at a gateway that has left, though the port rules that out; null:
   * it does not.
   */
  readonly hauntsAfterMs: number | null;
}

export class DiscordConnection implements Connection {
  readonly number: number;
  readonly process: GatewayProcess;
  readonly #options: ConnectionOptions;
  /** Discord answers no heartbeats on it. */
  isDeaf = false;
  /** Nothing gets through in either direction any more. */
  isStalled = false;
  /** Discord sends no dispatches on it. */
  isSilent = false;
  /** The next dispatch arrives damaged. */
  damagesNext = false;
  isClosedByDiscord = false;
  #isOpened = false;
  #hasLeft = false;
  #hasEnded = false;
  #toGatewayAtMs = 0;
  #toDiscordAtMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.number = options.number;
    this.process = options.process;
  }

  /** Whether both ends still hold it. */
  get isOpen(): boolean {
    return this.#isOpened && !this.isClosedByDiscord && this.#isHeld;
  }

  get #isHeld(): boolean {
    return !this.#hasLeft && !this.#hasEnded && this.process.isAlive;
  }

  // The gateway's end.

  send(text: string): void {
    if (!this.process.calls() || !this.#isOpened || !this.#isHeld) return;
    this.#toDiscord(() => {
      if (!this.isClosedByDiscord) this.#options.discord.frame(this, text);
    });
  }

  leave(code: number): Promise<void> {
    return this.process.asks((resolve) => {
      const { clock, latencyMs } = this.#options;
      this.#hasLeft = true;
      this.#toDiscord(() => this.#left(code));
      clock.after(this.isStalled ? LEAVE_MAX_MS : 2 * latencyMs, resolve);
    });
  }

  // Discord's end.

  opened(): void {
    this.#toGateway(() => {
      this.#isOpened = true;
      this.#options.events.opened();
    });
  }

  refused(): void {
    this.#end(1006, "the connection was refused", "refused");
  }

  sendText(text: string): void {
    this.#toGateway(() => this.#options.events.payload(encoder.encode(text)));
  }

  /** `arrived` is called when the gateway has got it. */
  sendDispatch(dispatch: Dispatch, arrived: () => void): void {
    if (this.isSilent) return;
    const isDamaged = this.damagesNext;
    this.damagesNext = false;
    this.#toGateway((isLate) => {
      if (isDamaged) return this.#options.events.payload(encoder.encode('{"t":"MESSAGE_CRE'));
      if (!isLate) {
        dispatch.receivedBy = this.process.number;
        dispatch.receivedAtMs = Math.min(dispatch.receivedAtMs, this.#options.clock.nowMs());
        arrived();
      }
      this.#options.events.payload(dispatch.body);
    });
  }

  /** Discord closes it, or it breaks (1006). */
  close(code: number, reason: string): void {
    if (this.isClosedByDiscord) return;
    this.isClosedByDiscord = true;
    this.#end(code, reason, "peer");
    this.#options.discord.gone(this, null);
  }

  /** The process at the other end has died. */
  abandoned(): void {
    this.#toDiscord(() => this.#left(null));
  }

  #left(leftWith: number | null): void {
    if (this.isClosedByDiscord) return;
    this.isClosedByDiscord = true;
    this.#options.discord.gone(this, leftWith);
  }

  #end(code: number, reason: string, cause: "refused" | "peer"): void {
    this.#toGateway((isLate) => {
      if (!isLate) this.#hasEnded = true;
      this.#options.events.ended({ code, reason, cause });
    });
  }

  #toGateway(arrive: (isLate: boolean) => void): void {
    if (this.isStalled) return;
    const { clock, latencyMs, hauntsAfterMs } = this.#options;
    this.#toGatewayAtMs = Math.max(this.#toGatewayAtMs, clock.nowMs() + latencyMs);
    const arrived = () => {
      if (this.#hasEnded || this.isStalled) return;
      if (!this.#hasLeft) arrive(false);
      else if (hauntsAfterMs !== null) clock.after(hauntsAfterMs, this.process.into(() => arrive(true)));
    };
    clock.schedule(this.#toGatewayAtMs, this.process.into(arrived));
  }

  #toDiscord(arrive: () => void): void {
    if (this.isStalled) return;
    const { clock, latencyMs } = this.#options;
    this.#toDiscordAtMs = Math.max(this.#toDiscordAtMs, clock.nowMs() + latencyMs);
    clock.schedule(this.#toDiscordAtMs, () => {
      if (!this.isStalled) arrive();
    });
  }
}
