/**
 * A connection of the dashboard's own to RabbitMQ, made anew for as long as it takes.
 *
 * @module
 */
import { type ChannelModel, connect, credentials } from "amqplib";
import { type Clock, sleepUntil } from "../gateway/clock.ts";
import { failureText } from "../gateway/failure.ts";
import { BrokerHosts, type BrokerUrl } from "../gateway/protocol/broker_url.ts";

/** A host that swallows packets must not hold back the next attempt for minutes, as the kernel would. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A healthy broker answers a close within milliseconds; a hung one must not hold back our end. */
const CLOSE_DEADLINE_MS = 2_000;

const RETRY_LEAST_MS = 100;
const RETRY_MOST_MS = 5_000;
/** What lived this long was sound: its end is a new trouble, answered at once. */
const SOUND_AFTER_MS = 30_000;

/** A connection that stands. */
export interface OpenBroker {
  readonly model: ChannelModel;
  /** Aborted when it is gone; what was asked on it may never be answered then. */
  readonly lost: AbortSignal;
  /** Gives it up; another is made after a pause. */
  leave(problem: string): void;
}

export interface BrokerConnectionOptions {
  /**
   * `amqp://` or `amqps://`, with user, password and virtual host where they are not the defaults; several, joined with
   * commas, are tried in turn.
   */
  readonly url: string;
  /** Names the connection in the broker's own lists. */
  readonly purpose: string;
  readonly clock: Clock;
  /** Makes ready what is needed on each new connection. A rejection gives it up. */
  readonly opened: (broker: OpenBroker) => Promise<void>;
}

export class BrokerConnection {
  /** `host:port` of each host, never with a password. */
  readonly address: string;
  readonly #options: BrokerConnectionOptions;
  readonly #hosts: BrokerHosts;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  #attempt: Promise<void> = Promise.resolve();
  #problem: string | null = "not connected yet";
  #blocked: string | null = null;

  /** Throws a TypeError for what is not a URL, and a URIError where user or password is not percent-encoded. */
  constructor(options: BrokerConnectionOptions) {
    this.#options = options;
    this.#hosts = new BrokerHosts(options.url);
    this.address = this.#hosts.address;
  }

  /** Connects, and reconnects until {@link stop}. Safe to call again. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Closes it; a broker that does not answer within 2 s is left. Safe twice, and before {@link start}. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** What keeps it from being of use, in words for people and without a password; null where nothing does. */
  get problem(): string | null {
    return this.#problem ?? this.#blocked;
  }

  /** Resolves when the attempt to connect that is under way has succeeded or failed; at once where none is. */
  get tried(): Promise<void> {
    return this.#attempt;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const startedAtMs = clock.nowMs();
      await this.#connectOnce();
      if (clock.nowMs() - startedAtMs >= SOUND_AFTER_MS) failures = 0;
      const pauseMs = Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** failures++);
      await sleepUntil(clock, clock.nowMs() + pauseMs, this.#stopping.signal);
    }
  }

  /** One connection to whichever host answers, from its first packet to its last. Sets {@link problem}, and never rejects. */
  async #connectOnce(): Promise<void> {
    const attempt = Promise.withResolvers<void>();
    this.#attempt = attempt.promise;
    const failures: string[] = [];
    for (const host of this.#hosts.round()) {
      const failure = await this.#connectTo(host, attempt.resolve);
      if (failure === null || this.#stopping.signal.aborted) break;
      failures.push(host.address === this.address ? failure : `${host.address}: ${failure}`);
      this.#problem = failures.join("; ");
    }
    attempt.resolve();
  }

  /** Resolves with what kept it from being made, or with null once it has ended. */
  async #connectTo({ user, password, href }: BrokerUrl, ready: () => void): Promise<string | null> {
    const stopping = this.#stopping.signal;
    // amqplib only ends its socket, which a silent peer never answers; this signal lets go of it.
    const socket = new AbortController();
    const abandon = () => socket.abort();
    stopping.addEventListener("abort", abandon);
    try {
      const socketOptions = {
        signal: socket.signal,
        noDelay: true,
        timeout: CONNECT_TIMEOUT_MS,
        // amqplib itself decodes those in a URL as Latin-1.
        credentials: credentials.plain(user, password),
        clientProperties: { connection_name: `shardline dashboard ${this.#options.purpose}` },
      };
      const model = await connect(href, socketOptions);
      stopping.removeEventListener("abort", abandon);
      this.#problem = await this.#serve(model, ready);
      await this.#close(model);
      return null;
    } catch (error) {
      return failureText(error);
    } finally {
      stopping.removeEventListener("abort", abandon);
      socket.abort();
    }
  }

  /** Resolves with what ended the connection. */
  #serve(model: ChannelModel, ready: () => void): Promise<string> {
    const stopping = this.#stopping.signal;
    const lost = new AbortController();
    return new Promise((resolve) => {
      const leave = (problem: string) => {
        if (lost.signal.aborted) return;
        stopping.removeEventListener("abort", stop);
        this.#problem = problem;
        this.#blocked = null;
        lost.abort();
        resolve(problem);
      };
      const stop = () => leave("the dashboard is stopping");
      model.on("error", (error) => leave(failureText(error)));
      model.on("close", (error) => leave(error === undefined ? "closed by the broker" : failureText(error)));
      model.on("blocked", (reason) => this.#blocked = `it takes no messages now: ${reason}`);
      model.on("unblocked", () => this.#blocked = null);
      if (stopping.aborted) return stop();
      stopping.addEventListener("abort", stop);
      this.#options.opened({ model, lost: lost.signal, leave }).then(() => {
        if (!lost.signal.aborted) this.#problem = null;
        ready();
      }, (error) => leave(failureText(error)));
    });
  }

  async #close(model: ChannelModel): Promise<void> {
    const { clock } = this.#options;
    const deadline = new AbortController();
    await Promise.race([
      model.close().catch(() => {}), // it was lost: closed all the same
      sleepUntil(clock, clock.nowMs() + CLOSE_DEADLINE_MS, deadline.signal),
    ]);
    deadline.abort();
  }
}
