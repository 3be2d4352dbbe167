/**
 * Everything around a gateway that is measured, each a process of its own: the simulated Discord, the two servers, and
 * the bot that takes what comes.
 *
 * @module
 */
import { denoProgram } from "../../harness/deno_program.ts";
import { type ServerPair, startServerPair } from "../../harness/pair.ts";
import { Server } from "../../harness/server.ts";
import { answersOk } from "../../harness/simulated_discord.ts";
import { makeEmpty, SERVICE_NAMES } from "../../harness/test_servers.ts";
import type { Happening } from "../../simulator/statistics.ts";
import type { IdCounts, IdKind } from "./ids.ts";
import type { GuildSize, GuildsSending, LargeSending, Sending } from "./discord.ts";
import type { Work } from "./work.ts";

/** How long events were on their way. */
export interface Delays {
  readonly events: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** For all shards of any gateway; by then something is wrong. */
const CONNECTING_MOST_MS = 120_000;

/** The two servers, for as long as anything is measured. */
export class Stage implements AsyncDisposable {
  readonly servers: ServerPair;

  private constructor(servers: ServerPair) {
    this.servers = servers;
  }

  static async start(): Promise<Stage> {
    return new Stage(await startServerPair());
  }

  /** Empties the servers, and starts a Discord and a bot for this work; it counts repeats where ids are to be kept. */
  async set(work: Work, { keptIds = null }: { keptIds?: IdKind | null } = {}): Promise<Scene> {
    const { rabbit, redis } = this.servers;
    await makeEmpty({ rabbitUrl: rabbit.url, redisUrl: redis.url }, SERVICE_NAMES);
    await using opening = new AsyncDisposableStack();
    const discord = await startDiscord(work);
    opening.defer(() => discord.stop());
    const consumer = await startConsumer(rabbit.url, keptIds);
    opening.defer(() => consumer.stop());
    return new Scene(discord, consumer, rabbit.url, opening.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.servers[Symbol.asyncDispose]();
  }
}

/** One Discord and one bot; a gateway is to be put between them. */
export class Scene implements AsyncDisposable {
  readonly discord: Server;
  readonly #consumer: Server;
  readonly #rabbitUrl: string;
  readonly #opened: AsyncDisposableStack;
  #sent = 0;

  constructor(discord: Server, consumer: Server, rabbitUrl: string, opened: AsyncDisposableStack) {
    this.discord = discord;
    this.#consumer = consumer;
    this.#rabbitUrl = rabbitUrl;
    this.#opened = opened;
  }

  /** Base of Discord's REST API. */
  get restUrl(): string {
    return `http://127.0.0.1:${this.discord.ports[0]}/api`;
  }

  /** Of the simulator, see `simulator/README.md`. */
  get simulatorControlUrl(): string {
    return `http://127.0.0.1:${this.discord.ports[0]}/control`;
  }

  /** Resolves once every shard has a session on a connection. */
  async connected(): Promise<void> {
    await ask(`${this.#controlUrl}/connected`, { signal: AbortSignal.timeout(CONNECTING_MOST_MS) });
  }

  /** Sends so many events by the gateway; resolves with the seconds until the bot has taken the last of them. */
  async send(events: number, perSecond: number): Promise<number> {
    return await this.#send({ events, perSecond, consumerUrl: this.#consumerUrl });
  }

  /** The same past any gateway, straight to the broker. */
  async sendStraight(events: number, perSecond: number): Promise<number> {
    return await this.#send({
      events,
      perSecond,
      consumerUrl: this.#consumerUrl,
      rabbitUrl: this.#rabbitUrl,
    });
  }

  /** Sends a guild of that size on a shard, also while other events are sent evenly; resolves when it is sent. */
  async sendLarge(size: GuildSize, shard: number): Promise<void> {
    await this.#sendLarge({ size, shard });
  }

  /** The same past any gateway, straight to the broker. */
  async sendLargeStraight(size: GuildSize, shard: number): Promise<void> {
    await this.#sendLarge({ size, shard, rabbitUrl: this.#rabbitUrl });
  }

  /**
   * Sends guilds with so many members each on all shards in turn; resolves with the seconds until the bot has taken the
   * last of them. Each number is another guild, from `first` on.
   */
  async sendGuilds(guilds: number, members: number, first: number): Promise<number> {
    const beforeMs = performance.now();
    const sending: GuildsSending = { guilds, members, first, consumerUrl: this.#consumerUrl };
    await this.#post("guilds", sending);
    this.#sent += guilds;
    await (await ask(`${this.#consumerUrl}/reached?count=${this.#sent}`)).text();
    return (performance.now() - beforeMs) / 1_000;
  }

  /** How long the events since this was last asked were on their way, those of one shard left out. */
  async delays({ exceptShard }: { exceptShard?: number } = {}): Promise<Delays> {
    const query = exceptShard === undefined ? "" : `?except=${exceptShard}`;
    return await (await ask(`${this.#consumerUrl}/delays${query}`)).json();
  }

  /** What the bot has received, by ids; only of a bot that keeps them. */
  async received(): Promise<IdCounts> {
    return await (await ask(`${this.#consumerUrl}/ids`)).json();
  }

  /**
   * Resolves once things of these kinds have happened so many times, all in all, since Discord was started; with how
   * many times they have.
   */
  async happened(kinds: readonly Happening["kind"][], count: number): Promise<number> {
    const query = new URLSearchParams([...kinds.map((kind) => ["kind", kind]), ["count", String(count)]]);
    return Number(await (await ask(`${this.#controlUrl}/happened?${query}`)).text());
  }

  /** What has happened at Discord from that time on, of the last 10,000 things. */
  async history(sinceMs: number): Promise<Happening[]> {
    const happenings: Happening[] = await (await ask(`${this.simulatorControlUrl}/history`)).json();
    return happenings.filter(({ atMs }) => atMs >= sinceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  async #send(sending: Sending): Promise<number> {
    const beforeMs = performance.now();
    await this.#post("send", sending);
    this.#sent += sending.events;
    await (await ask(`${this.#consumerUrl}/reached?count=${this.#sent}`)).text();
    return (performance.now() - beforeMs) / 1_000;
  }

  async #sendLarge(sending: LargeSending): Promise<void> {
    await this.#post("large", sending);
    this.#sent++;
  }

  async #post(path: string, sending: Sending | LargeSending | GuildsSending): Promise<void> {
    const response = await ask(`${this.#controlUrl}/${path}`, {
      method: "POST",
      body: JSON.stringify(sending),
    });
    await response.body?.cancel();
  }

  get #controlUrl(): string {
    return `http://127.0.0.1:${this.discord.ports[2]}`;
  }

  get #consumerUrl(): string {
    return `http://127.0.0.1:${this.#consumer.ports[0]}`;
  }
}

async function startDiscord({ shards, bodies }: Work): Promise<Server> {
  return await Server.start({
    title: "the simulated Discord of the benchmark",
    portCount: 3,
    launch: (_folder, [port, resumePort, controlPort]) =>
      denoProgram("bench/path/discord.ts", "simulator", {
        args: [
          ...["--port", String(port), "--resume-port", String(resumePort)],
          ...["--control-port", String(controlPort)],
          ...["--shards", String(shards), "--bodies", String(bodies)],
        ],
      }),
    answers: ([port]) => answersOk(`http://127.0.0.1:${port}/control/state`),
    portTaken: /in use/i,
  });
}

async function startConsumer(rabbitUrl: string, keptIds: IdKind | null): Promise<Server> {
  return await Server.start({
    title: "the bot of the benchmark",
    portCount: 1,
    launch: (_folder, [port]) =>
      denoProgram("bench/path/consumer.ts", "benched", {
        args: ["--port", String(port), ...(keptIds === null ? [] : ["--ids", keptIds])],
        env: { RABBIT_URL: rabbitUrl },
      }),
    answers: ([port]) => answersOk(`http://127.0.0.1:${port}/ready`),
    portTaken: /in use/i,
  });
}

/** Takes the spans that a service exports, on the one port that it has. */
export async function startCollector(): Promise<Server> {
  return await Server.start({
    title: "the collector of the benchmark",
    portCount: 1,
    launch: (_folder, [port]) =>
      denoProgram("bench/path/collector.ts", "benched", { args: ["--port", String(port)] }),
    answers: ([port]) => answersOk(`http://127.0.0.1:${port}/ready`),
    portTaken: /in use/i,
  });
}

async function ask(url: string, request: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, request);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}
