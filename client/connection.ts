/**
 * A connection to RabbitMQ that is made again whenever it is lost, with all that is done on it.
 *
 * @module
 */
import { type Channel, type ChannelModel, connect, credentials, type RecoveringChannelModel } from "amqplib";
import { ClientError } from "./error.ts";

/** Two missed beats end a connection, so a silent broker is noticed after 20 to 30 s (RabbitMQ docs, Heartbeats: 5 to 20). */
const HEARTBEAT_SECONDS = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
const CLOSE_TIMEOUT_MS = 2_000;

export interface KeptConnectionOptions {
  /** `amqp://` or `amqps://`, with user, password and virtual host. */
  readonly url: string;
  /** What the broker's own lists call it. */
  readonly name: string;
  /** Opens channels and consumers, on the first connection and on each one after it. A rejection is tried again. */
  readonly setUp: (model: ChannelModel) => Promise<void>;
  readonly onError: (error: ClientError) => void;
}

export class KeptConnection {
  readonly #options: KeptConnectionOptions;
  readonly #address: string;
  readonly #socket: AbortController = new AbortController();
  readonly #recovering: Promise<RecoveringChannelModel>;
  #model: ChannelModel | null = null;
  /** Why the connection that is being closed is. */
  #renewalReason: Error | null = null;
  #isClosing = false;

  /** Begins to connect. Throws a TypeError for what is not a URL of a broker. */
  constructor(options: KeptConnectionOptions) {
    this.#options = options;
    const { address, user, password, href } = readBrokerUrl(options.url);
    this.#address = address;
    const socketOptions = {
      // Whoever closes while the broker is silent lets go of the socket with it.
      signal: this.#socket.signal,
      // Acknowledgements must not wait for the other side's delayed one.
      noDelay: true,
      timeout: CONNECT_TIMEOUT_MS,
      // amqplib itself decodes those of a URL as Latin-1.
      credentials: credentials.plain(user, password),
      clientProperties: { connection_name: options.name },
      recovery: {
        initialDelay: FIRST_DELAY_MS,
        maxDelay: LONGEST_DELAY_MS,
        waitForConnect: false,
        setup: (model: ChannelModel) => this.#setUp(model),
      },
    };
    this.#recovering = connect(href, socketOptions).then((recovering) => {
      recovering.on("error", () => {}); // "disconnect" says the same
      recovering.on("disconnect", (error) => this.#tell("Lost", error));
      recovering.on("connect-failed", (error) => this.#tell("Cannot use", error));
      return recovering;
    });
  }

  /** Resolves when it is connected and set up for the first time. Rejects where {@link close} comes before. */
  async connected(): Promise<void> {
    await (await this.#recovering).waitForConnect();
  }

  /** Leaves this connection for a new one, because what was set up on it is gone. */
  renew(reason: Error): void {
    if (this.#model === null) return; // it is being left already
    this.#renewalReason = reason;
    this.#model.close().catch(() => {}); // lost meanwhile
    this.#model = null;
  }

  /**
   * Ends it, this channel of it first: a connection's close overtakes acknowledgements that are not on their way yet.
   * A broker that does not answer is left. Safe twice.
   */
  async close(channel: Channel | null): Promise<void> {
    this.#isClosing = true;
    const recovering = await this.#recovering;
    const closed = async () => {
      await channel?.close();
      await recovering.close();
    };
    await within(CLOSE_TIMEOUT_MS, closed());
    recovering.close().catch(() => {}); // also where the channel's answer never came
    this.#socket.abort();
  }

  async #setUp(model: ChannelModel): Promise<void> {
    // Until this resolves nobody else listens to the model, and what waits for an answer may wait for ever.
    let isLost = false;
    const lost = new Promise<never>((_, reject) => {
      model.once("close", (error) => {
        isLost = true;
        if (this.#model === model) this.#model = null;
        reject(error ?? new Error("closed by the broker"));
      });
    });
    lost.catch(() => {});
    model.on("error", () => {}); // "close" comes with the same
    this.#model = model;
    await Promise.race([this.#options.setUp(model), lost]);
    if (isLost) await lost;
  }

  #tell(what: string, closed: Error): void {
    const cause = this.#renewalReason ?? closed;
    this.#renewalReason = null;
    if (this.#isClosing) return;
    this.#options.onError(
      new ClientError("connection", `${what} RabbitMQ at ${this.#address}: ${cause.message}`, { cause }),
    );
  }
}

/** Resolves when the work is over, well or badly, or the time is. */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
  try {
    await Promise.race([work.catch(() => {}), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

interface BrokerUrl {
  /** `host:port`, for people: never with a password. */
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly href: string;
}

function readBrokerUrl(text: string): BrokerUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // Its own error shows the whole text, password included.
    throw new TypeError(
      "Cannot read the URL of RabbitMQ: expected amqp://user:password@host:port/vhost",
    );
  }
  if (url.protocol !== "amqp:" && url.protocol !== "amqps:") {
    throw new TypeError(
      `Cannot connect to ${url.protocol}//: expected amqp:// or amqps://`,
    );
  }
  const isAnonymous = url.username === "" && url.password === "";
  if (!url.searchParams.has("heartbeat")) {
    url.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
  }
  return {
    address: `${url.hostname}:${url.port || (url.protocol === "amqps:" ? 5671 : 5672)}`,
    user: isAnonymous ? "guest" : decodeURIComponent(url.username),
    password: isAnonymous ? "guest" : decodeURIComponent(url.password),
    href: url.href,
  };
}
