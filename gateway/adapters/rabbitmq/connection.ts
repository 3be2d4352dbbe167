/**
 * A connection to RabbitMQ that is made anew for as long as it takes.
 *
 * @module
 */
import { type Channel, type ChannelModel, connect, credentials } from "amqplib";
import { type Clock, type Dice, sleepUntil } from "../../clock.ts";
import type { Observer } from "../../observation.ts";
import { failureText, isNetworkFailure } from "../../failure.ts";
import { BrokerHosts, type BrokerUrl } from "../../protocol/broker_url.ts";
import { CONNECT_TIMEOUT_MS, keepTrying } from "../server_retry.ts";
import { type ChannelUser, KeptChannel } from "./kept_channel.ts";

/** A healthy broker answers a close within milliseconds; a hung one must not hold back our shutdown. */
const CLOSE_DEADLINE_MS = 2_000;

const HOW_TO_GET_ONE = "start RabbitMQ there (Debian: apt-get install rabbitmq-server; " +
  "Docker: docker run -p 5672:5672 rabbitmq), or set RABBIT_HOST and RABBIT_PORT, or RABBIT_URL";

export interface RabbitConnectionOptions {
  /**
   * `amqp://` or `amqps://`, with user, password and virtual host where they are not the defaults; several, joined with
   * commas, are tried in turn.
   */
  readonly url: string;
  /** Names the connection in the broker's own lists and in observations. */
  readonly purpose: "publishing" | "consuming";
  readonly clock: Clock;
  readonly dice: Dice;
  readonly observe: Observer;
}

/** Why no connection was made to a host. */
interface Failure {
  readonly address: string;
  readonly error: unknown;
}

/** Publishing and consuming use one each: the broker blocks a whole connection when it is short of memory. */
export class RabbitConnection {
  readonly #options: RabbitConnectionOptions;
  readonly #hosts: BrokerHosts;
  readonly #channels: KeptChannel<Channel>[] = [];
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #open: { model: ChannelModel; lost: AbortSignal } | null = null;
  #isOutageReported = false;
  /** Addresses of those that were passed over, and of which it was told: one line for each of its outages. */
  readonly #passedOver = new Set<string>();

  /** Throws a TypeError for what is not a URL, and a URIError where user or password is not percent-encoded. */
  constructor(options: RabbitConnectionOptions) {
    this.#options = options;
    this.#hosts = new BrokerHosts(options.url);
  }

  /** Aborted when {@link close} is called. */
  get over(): AbortSignal {
    return this.#closing.signal;
  }

  /** Connects, and reconnects until {@link close}. Safe to call again. */
  start(): void {
    if (this.#closing.signal.aborted) return;
    const { clock, dice } = this.#options;
    this.#running ??= keepTrying(() => this.#connectOnce(), { clock, dice, over: this.#closing.signal });
  }

  /** Keeps a channel open on this connection, from now or from the next connection on, until {@link close}. */
  keepChannel<Kind extends Channel>(user: ChannelUser<Kind>): KeptChannel<Kind> {
    const channel = new KeptChannel(user, this.#options);
    this.#channels.push(channel);
    if (this.#open !== null) channel.keep(this.#open.model, this.#open.lost);
    return channel;
  }

  /** Closes its channels, then itself, in good order; a broker that does not answer within 2 s is left. Safe twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** One connection to whichever host answers, from its first packet to its last. */
  async #connectOnce(): Promise<void> {
    const failures: Failure[] = [];
    for (const host of this.#hosts.round()) {
      const error = await this.#connectTo(host, () => this.#reportPassedOver(failures));
      if (error === null || this.#closing.signal.aborted) return;
      failures.push({ address: host.address, error });
    }
    this.#reportOutage(failures);
  }

  /** Resolves with what kept it from being made, or with null once it has ended. */
  async #connectTo({ address, user, password, href }: BrokerUrl, made: () => void): Promise<unknown> {
    const { purpose, observe } = this.#options;
    // amqplib only ends its socket, which a silent peer never answers; this signal lets go of it.
    const socket = new AbortController();
    const abandon = () => socket.abort();
    this.#closing.signal.addEventListener("abort", abandon);
    try {
      const socketOptions = {
        signal: socket.signal,
        // Confirmations must not wait for the other side's delayed acknowledgement.
        noDelay: true,
        timeout: CONNECT_TIMEOUT_MS,
        // amqplib itself decodes those in a URL as Latin-1.
        credentials: credentials.plain(user, password),
        clientProperties: { connection_name: `shardline ${purpose}` },
      };
      const model = await connect(href, socketOptions);
      this.#closing.signal.removeEventListener("abort", abandon);
      this.#isOutageReported = false;
      this.#passedOver.delete(address);
      made();
      observe({ kind: "broker.connected", address, purpose });
      const problem = await this.#serve(model);
      if (problem === null) await this.#closeInOrder(model);
      else observe({ kind: "broker.lost", address, purpose, error: problem });
      return null;
    } catch (error) {
      return error;
    } finally {
      this.#closing.signal.removeEventListener("abort", abandon);
      socket.abort();
    }
  }

  /** Both connections lead to the same broker: one line says that it is not there, however many attempts fail. */
  #reportOutage(failures: readonly Failure[]): void {
    const { purpose, observe } = this.#options;
    if (this.#isOutageReported || purpose !== "publishing") return;
    this.#isOutageReported = true;
    const texts = failures.map(({ address, error }) =>
      failures.length === 1 ? failureText(error) : `${address}: ${failureText(error)}`
    );
    const advice = failures.every(({ error }) => isNetworkFailure(error)) ? `; ${HOW_TO_GET_ONE}` : "";
    observe({
      kind: "broker.unreachable",
      address: this.#hosts.address,
      error: `${texts.join("; ")}${advice}`,
    });
  }

  /** Nothing waits while another host is there, but somebody should see to this one. */
  #reportPassedOver(failures: readonly Failure[]): void {
    const { purpose, observe } = this.#options;
    if (purpose !== "publishing") return;
    for (const { address, error } of failures) {
      if (this.#passedOver.has(address)) continue;
      this.#passedOver.add(address);
      observe({ kind: "broker.passed_over", address, error: failureText(error) });
    }
  }

  /** Resolves with what ended the connection, or with null when we are to close it. */
  #serve(model: ChannelModel): Promise<string | null> {
    const { observe } = this.#options;
    const lost = new AbortController();
    return new Promise((resolve) => {
      const end = (problem: string | null) => {
        this.#open = null;
        lost.abort();
        this.#closing.signal.removeEventListener("abort", close);
        resolve(problem);
      };
      const close = () => end(null);
      model.on("error", (error) => end(failureText(error)));
      model.on("close", (error) => end(error === undefined ? "closed by the broker" : failureText(error)));
      model.on("blocked", (reason) => observe({ kind: "broker.blocked", reason }));
      model.on("unblocked", () => observe({ kind: "broker.unblocked" }));
      if (this.#closing.signal.aborted) return close();
      this.#closing.signal.addEventListener("abort", close);
      this.#open = { model, lost: lost.signal };
      for (const channel of this.#channels) channel.keep(model, lost.signal);
    });
  }

  async #closeInOrder(model: ChannelModel): Promise<void> {
    const { clock } = this.#options;
    const closed = async () => {
      // First the channels: amqplib lets a connection's close overtake what its channels have not sent yet, and
      // an acknowledgement lost this way is a command carried out twice.
      await Promise.all(this.#channels.map((channel) => channel.closed));
      await model.close();
    };
    const deadline = new AbortController();
    await Promise.race([
      closed().catch(() => {}), // it was lost meanwhile: closed all the same
      sleepUntil(clock, clock.nowMs() + CLOSE_DEADLINE_MS, deadline.signal),
    ]);
    deadline.abort();
  }
}
