/**
 * What an end-to-end test plays on: one simulated Discord, clean servers, and the gateways that run between them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import type { BrokerNames, ServerAddresses } from "../../harness/test_servers.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../simulator/simulator.ts";
import { QueueReader } from "../fakes/queue_reader.ts";
import { beforeDeadline } from "../deadline.ts";
import { testServers } from "../servers.ts";
import { BoardReader } from "./board_reader.ts";
import { EventConsumer } from "./event_consumer.ts";
import { GatewayProcess, type StartOptions } from "./gateway_process.ts";

/** The bot's token; no gateway may ever write it anywhere. */
export const TOKEN = "MTE4OTk1NTA.end-to-end.token-that-nobody-may-see";

export interface StageOptions {
  /** One small guild, and IDENTIFY at any time, where nothing else is said. */
  readonly simulator?: SimulatorOptions;
  /** Where to run, in place of the servers that all tests share. */
  readonly servers?: ServerAddresses;
  /** Names that the test declares in the shared RabbitMQ besides the service's. */
  readonly own?: Partial<BrokerNames>;
  /** For a play that takes long by itself. */
  readonly deadlineMs?: number;
}

/** What a test that waited in vain shows: the end of the log of each of its newest gateways. */
const GATEWAYS_SHOWN = 3;
const LINES_SHOWN = 60;
/** Lines that come as long as it runs. */
const KINDS_HIDDEN: ReadonlySet<unknown> = new Set(["shard.acknowledged", "points.written"]);
/** And of the events that a bot waits for so many, by their `message_id`. */
const MISSING_SHOWN = 10;

/** A test on a stage of its own. One that waits in vain fails instead of hanging. */
export function onStage(options: StageOptions, play: (stage: Stage) => Promise<void>): () => Promise<void> {
  return async () => {
    await using stage = await Stage.open(options);
    await beforeDeadline(play(stage), () => stage.report, options.deadlineMs);
  };
}

export class Stage implements AsyncDisposable {
  readonly simulator: Simulator;
  readonly rabbitUrl: string;
  readonly redisUrl: string;
  /** Where the gateways of this stage spool. */
  readonly spoolPath: string;
  readonly #gateways: GatewayProcess[] = [];
  readonly #consumers: EventConsumer[] = [];
  readonly #openedLater = new AsyncDisposableStack();

  static async open({ simulator = {}, servers, own = {} }: StageOptions): Promise<Stage> {
    const addresses = servers ?? await testServers(own);
    return new Stage(
      addresses,
      await startSimulator({
        tokens: [TOKEN],
        guilds: 1,
        largeGuildBytes: 0,
        identifyWindowMs: 0,
        ...simulator,
      }),
    );
  }

  private constructor({ rabbitUrl, redisUrl }: ServerAddresses, simulator: Simulator) {
    this.rabbitUrl = rabbitUrl;
    this.redisUrl = redisUrl;
    this.simulator = simulator;
    this.spoolPath = Deno.makeTempDirSync({ dir: "/tmp", prefix: "shardline-spool-" });
  }

  /** Starts a gateway on this stage; it is killed when the stage is left. */
  start(settings: Readonly<Record<string, string>> = {}, options: StartOptions = {}): GatewayProcess {
    return this.startWith({
      RABBIT_URL: this.rabbitUrl,
      REDIS_URL: this.redisUrl,
      SHARDS_WAIT: "0",
      ...settings,
    }, options);
  }

  /** Starts a gateway that knows its token and Discord, and for the rest only these settings. */
  startWith(settings: Readonly<Record<string, string>>, options: StartOptions = {}): GatewayProcess {
    const environment = {
      BOT_TOKEN: TOKEN,
      API_URL: this.simulator.restUrl,
      SPOOL_PATH: this.spoolPath,
      ...settings,
    };
    const gateway = GatewayProcess.start(environment, options);
    this.#gateways.push(gateway);
    return gateway;
  }

  /** Starts a gateway and waits until that many shards are connected. */
  async startConnected(
    shards: number,
    settings: Readonly<Record<string, string>> = {},
    options: StartOptions = {},
  ): Promise<GatewayProcess> {
    const gateway = this.start(settings, options);
    await gateway.connected(shards);
    return gateway;
  }

  /** What bots still wait for, what has happened at Discord, and the end of the log of each of the newest gateways. */
  get report(): string {
    const waits = this.#consumers.filter(({ missing }) => missing.size > 0).map(({ missing }) =>
      `a bot waits for ${missing.size} events: ${[...missing].slice(0, MISSING_SHOWN).join(" ")}\n`
    );
    const logs = this.#gateways.slice(-GATEWAYS_SHOWN).map(({ lines }) =>
      lines.filter(({ kind }) => !KINDS_HIDDEN.has(kind)).slice(-LINES_SHOWN)
        .map((line) => JSON.stringify(line)).join("\n")
    );
    const happenings = JSON.stringify(this.simulator.control.state().statistics.happenings);
    return `${waits.join("")}at Discord: ${happenings}\nthe ends of the logs:\n${logs.join("\n\n")}`;
  }

  /** A bot's view of the events, whole messages kept. */
  async consumer(queue = "gateway"): Promise<EventConsumer> {
    const consumer = this.#openedLater.use(await EventConsumer.open(this.rabbitUrl, queue, true));
    this.#consumers.push(consumer);
    return consumer;
  }

  /** A connection of a program that declares and reads what it likes. */
  async broker(): Promise<QueueReader> {
    return this.#openedLater.use(await QueueReader.connect(this.rabbitUrl));
  }

  /** What others read in Redis. */
  async board(prefix = ""): Promise<BoardReader> {
    return this.#openedLater.use(await BoardReader.open(this.redisUrl, prefix));
  }

  async redis(): Promise<Redis> {
    const redis = new Redis(this.redisUrl, { lazyConnect: true });
    await redis.connect();
    this.#openedLater.defer(async () => {
      await redis.quit();
    });
    return redis;
  }

  /** Ends everything, and looks through all that was written for what must never be. */
  async [Symbol.asyncDispose](): Promise<void> {
    const outputs = await Promise.all(this.#gateways.map(async (gateway) => {
      await gateway[Symbol.asyncDispose]();
      return JSON.stringify(gateway.lines) + await gateway.errors;
    }));
    await this.#openedLater.disposeAsync();
    await this.simulator.close();
    await Deno.remove(this.spoolPath, { recursive: true });
    const secrets = [TOKEN, ...[this.rabbitUrl, this.redisUrl].map((url) => new URL(url).password)];
    for (const secret of secrets.filter((text) => text !== "" && text !== "guest")) {
      assert(!outputs.some((output) => output.includes(secret)), "a secret was written to the output");
    }
  }
}
