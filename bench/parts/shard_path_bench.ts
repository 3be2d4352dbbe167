/**
 * The whole path of an event without a socket and without a broker: from a payload, decompressed, to its confirmation,
 * through a service with its status, figures, metrics and log.
 *
 * @module
 */
import { sha256Digest } from "../../gateway/adapters/digest.ts";
import { setTimeout } from "node:timers/promises";
import { Log } from "../../gateway/adapters/log.ts";
import { Metrics } from "../../gateway/adapters/metrics.ts";
import { systemClock } from "../../gateway/clock.ts";
import { parseConfig } from "../../gateway/config.ts";
import { observeAll } from "../../gateway/observation.ts";
import { FIRST_BANK } from "../../gateway/resume/bank.ts";
import { GatewayService } from "../../gateway/service.ts";
import { ConfirmingPublisher } from "./confirming_publisher.ts";
import { BATCH, COMMON_SIZE, EVENTS, payloadsOf, type Size, SIZES, sizeText } from "./events.ts";
import { FLEET, shardsText } from "./fleet.ts";
import { MemoryDiscord } from "./memory_discord.ts";
import { grantedLeases } from "./granted_leases.ts";
import { once } from "./once.ts";

/** As in a real broker's answers. */
const CONFIRMED_TOGETHER = 50;

const FEW = 16;
const few = once(() => RunningService.start(FEW));
const fleet = once(() => RunningService.start(FLEET));

for (const bytes of SIZES) {
  bench(`${sizeText(bytes)}, ${shardsText(FEW)}`, few, bytes, bytes === COMMON_SIZE);
}
bench(`${sizeText(COMMON_SIZE)}, ${shardsText(FLEET)}`, fleet, COMMON_SIZE);

function bench(what: string, service: () => Promise<RunningService>, bytes: Size, baseline = false): void {
  Deno.bench({
    name: `shard path, ${what}, ${BATCH}`,
    group: "shard path",
    baseline,
    fn: async (bench) => {
      const running = await service();
      const payloads = running.nextPayloads(bytes);
      bench.start();
      running.receive(payloads);
      bench.end();
      // What is written now and then has its turn between two batches.
      await setTimeout(0);
    },
  });
}

class RunningService {
  readonly #discord = new MemoryDiscord();
  readonly #shards: number;
  readonly #service: GatewayService;
  readonly #metrics: Metrics;
  /** The last one that every shard has had; READY has the first. */
  #sequence = 1;
  #confirmed = 0;

  static async start(shards: number): Promise<RunningService> {
    const running = new RunningService(shards);
    await running.#connect();
    return running;
  }

  private constructor(shards: number) {
    this.#shards = shards;
    const config = configOf(shards);
    const log = new Log({
      ...config.log,
      color: false,
      secrets: config.secrets,
      wallMs: systemClock.wallMs,
      write: () => Promise.resolve(),
    });
    this.#metrics = new Metrics({
      clock: systemClock,
      status: () => this.#service.status.snapshot(),
      eventCounts: () => this.#service.eventCounts,
      unconfirmed: () => this.#service.unconfirmed,
      spool: () => this.#service.spooled,
      unheldShards: () => 0,
    });
    this.#service = new GatewayService(config, {
      clock: systemClock,
      dice: Math.random,
      transport: this.#discord,
      publisher: (fence) => fence(new ConfirmingPublisher(CONFIRMED_TOGETHER)),
      learn: () => Promise.resolve(),
      notices: { reject: () => Promise.resolve(), reply: () => {}, news: () => {} },
      commands: {
        kind: "alone",
        source: { start: () => {}, quiet: () => Promise.resolve(), close: () => Promise.resolve() },
      },
      points: {
        load: () => Promise.resolve({ total: null, bot: null, shards: new Map(), foreign: false }),
        read: () => Promise.resolve(new Map()),
        begin: () => Promise.resolve(true),
        write: () => Promise.resolve(new Set()),
        forget: () => {},
      },
      leases: grantedLeases,
      sharedTurns: () => null,
      place: () => Promise.resolve({ bank: FIRST_BANK, total: null }),
      reshard: () => Promise.resolve(null),
      drained: () => {},
      adopt: () => {},
      digest: sha256Digest,
      siblings: null,
      processId: "bench",
      spool: null,
      board: { publish: () => Promise.resolve() },
      figures: { forgetReplicas: () => Promise.resolve(), write: () => Promise.resolve() },
      version: "0.1.0",
      guildNames: null,
      tracer: null,
      readGatewayBot: () => Promise.resolve(gatewayBot(shards)),
      disconnectStore: () => Promise.resolve(),
      observe: observeAll(log.observe, this.#metrics.observe),
      confirmed: (delayMs) => {
        this.#confirmed += 1;
        this.#metrics.published(delayMs);
      },
    });
  }

  /** As many payloads as are a batch, for all shards in turn. */
  nextPayloads(bytes: Size): Uint8Array[] {
    const payloads = payloadsOf(bytes, this.#shards, this.#sequence);
    this.#sequence += Math.ceil(EVENTS / this.#shards);
    return payloads;
  }

  /** Throws an Error unless every one of them is confirmed. */
  receive(payloads: readonly Uint8Array[]): void {
    this.#confirmed = 0;
    for (const [index, payload] of payloads.entries()) this.#discord.send(index % this.#shards, payload);
    if (this.#confirmed !== payloads.length) {
      throw new Error(`Cannot confirm ${payloads.length} events: ${this.#confirmed} are`);
    }
  }

  async #connect(): Promise<void> {
    await this.#service.start();
    while (this.#service.status.snapshot().counts.Connected < this.#shards) await setTimeout(10);
  }
}

function configOf(shards: number) {
  const environment = {
    BOT_TOKEN: "token",
    SHARDS_TOTAL: String(shards),
    SHARDS_WAIT: "0",
  };
  const parsed = parseConfig(environment, {
    isTerminal: false,
    replicaName: "bench",
    readFile: () => "",
  });
  if (!parsed.ok) throw new Error(`Cannot read configuration: ${JSON.stringify(parsed.faults)}`);
  return parsed.config;
}

function gatewayBot(shards: number) {
  return {
    url: "wss://gateway.discord.gg",
    shards,
    sessionStartLimit: {
      total: shards * 10,
      remaining: shards * 10,
      resetAfterMs: 86_400_000,
      maxConcurrency: shards,
    },
  };
}
