/**
 * A channel that is opened anew whenever it is lost, for as long as its connection lives.
 *
 * @module
 */
import type { Channel, ChannelModel } from "amqplib";
import type { Clock, Dice } from "../../clock.ts";
import type { Observer } from "../../observation.ts";
import { failureText } from "../../failure.ts";
import { keepTrying } from "../server_retry.ts";

const CONNECTION_OVER = "the connection is over";

/** Whoever works on the channel. */
export interface ChannelUser<Kind extends Channel> {
  /** Declares what is needed and opens the channel. A rejection is tried again. */
  open(model: ChannelModel): Promise<Kind>;
  /** The channel is ready for use. */
  opened(channel: Kind): void;
  /**
   * The channel is gone; nothing of it is heard any more. Once for each `opened`.
   *
   * @param brokerError With what the broker closed this channel alone, where it did.
   */
  lost(brokerError: Error | null): void;
}

export interface KeptChannelOptions {
  readonly purpose: "publishing" | "consuming";
  readonly clock: Clock;
  readonly dice: Dice;
  readonly observe: Observer;
}

export class KeptChannel<Kind extends Channel> {
  readonly #user: ChannelUser<Kind>;
  readonly #options: KeptChannelOptions;
  readonly #ended = new AbortController();
  #keeping: Promise<void> = Promise.resolve();
  #leave: ((problem: string) => void) | null = null;

  constructor(user: ChannelUser<Kind>, options: KeptChannelOptions) {
    this.#user = user;
    this.#options = options;
  }

  /** Opens the channel on a connection, and again after each loss, until `over`. */
  keep(model: ChannelModel, over: AbortSignal): void {
    const overOrEnded = AbortSignal.any([over, this.#ended.signal]);
    // The channel of an old connection is through with its user before that of the next one opens.
    this.#keeping = this.#keeping.then(() => this.#keepOn(model, overOrEnded));
  }

  /** Leaves the channel for good: `lost` is called before this returns. Resolves as {@link closed} does. */
  end(): Promise<void> {
    this.#ended.abort();
    return this.closed;
  }

  /** Resolves when the last channel is closed, so that the broker has dealt with all that was sent on it. */
  get closed(): Promise<void> {
    return this.#keeping;
  }

  /**
   * Leaves the channel, if one is open: `lost` is called before this returns. Another one is opened after a pause
   * and after the broker has dealt with all that was sent on this one.
   */
  giveUp(problem: string): void {
    this.#leave?.(problem);
  }

  #keepOn(model: ChannelModel, over: AbortSignal): Promise<void> {
    const { clock, dice, observe, purpose } = this.#options;
    let reported: string | null = null;
    return keepTrying(async (isSound) => {
      const channel = await this.#user.open(model).catch(failureText);
      const problem = typeof channel === "string" ? channel : await this.#use(channel, over);
      if (typeof channel !== "string") await closed(channel);
      if (over.aborted) return;
      if (problem !== reported || isSound()) {
        observe({ kind: "broker.channel_lost", purpose, error: problem });
      }
      reported = problem;
    }, { clock, dice, over });
  }

  /** Hands the channel to its user, and resolves with what ended it. */
  #use(channel: Kind, over: AbortSignal): Promise<string> {
    return new Promise((resolve) => {
      if (over.aborted) return resolve(CONNECTION_OVER);
      const leave = (problem: string, brokerError: Error | null = null) => {
        if (this.#leave !== leave) return;
        this.#leave = null;
        over.removeEventListener("abort", leaveWithConnection);
        this.#user.lost(brokerError);
        resolve(problem);
      };
      const leaveWithConnection = () => leave(CONNECTION_OVER);
      this.#leave = leave;
      over.addEventListener("abort", leaveWithConnection);
      channel.on("error", (error: Error) => leave(failureText(error), error));
      // Before amqplib's own listener, which answers all that is unconfirmed as if the broker had refused it.
      channel.prependListener("close", () => leave("closed by the broker"));
      channel.on("handler-error", (error) => {
        throw error; // a fault of ours: amqplib would take it for the broker's and close the connection
      });
      this.#user.opened(channel);
    });
  }
}

/** Resolves when the channel is closed, however that comes about. */
function closed(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once("close", resolve);
    // Never settles where the connection is lost meanwhile; rejects where the channel is closed already.
    channel.close().catch(() => resolve());
  });
}
