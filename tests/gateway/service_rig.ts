/**
 * A whole service in a test's hands, with everything outside it in memory and the clock turned by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseConfig } from "../../gateway/config.ts";
import type { Siblings } from "../../gateway/founding.ts";
import type { GenerationPorts } from "../../gateway/generation.ts";
import type { GatewayBot } from "../../gateway/identify/budget.ts";
import type { Observation } from "../../gateway/observation.ts";
import { FIRST_BANK } from "../../gateway/resume/bank.ts";
import type { ResumePoint, StoredShard } from "../../gateway/resume/points.ts";
import { GatewayService } from "../../gateway/service.ts";
import { configOfWorker } from "../../gateway/worker_config.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { MemoryBoard } from "../fakes/memory_board.ts";
import { MemoryCommandBroker } from "../fakes/memory_command_links.ts";
import { MemoryCommandSource } from "../fakes/memory_command_source.ts";
import { MemoryLeases } from "../fakes/memory_leases.ts";
import { MemoryFiguresStore } from "../fakes/memory_figures_store.ts";
import { MemoryNotices } from "../fakes/memory_notices.ts";
import { MemoryPublisher } from "../fakes/memory_publisher.ts";
import { MemoryResumePoints } from "../fakes/memory_resume_points.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";
import { type MemoryConnection, MemoryTransport } from "../fakes/memory_transport.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { plainDigest } from "../fakes/plain_digest.ts";

/** A stored session; `fields` are put over what an earlier process of the same settings would have left. */
export function storedPoint(
  rig: ServiceRig,
  sessionId: string,
  fields: Partial<ResumePoint> = {},
): ResumePoint {
  return {
    sessionId,
    sequence: 40,
    resumeGatewayUrl: `wss://resume.example/${sessionId}`,
    intents: rig.intents,
    configuredPresence: rig.configuredPresence,
    startedAtMs: null,
    lastEventAtMs: null,
    ...fields,
  };
}

/** What a process shares with the ones before and after it. */
export interface RigSurroundings {
  readonly clock?: ManualClock;
  readonly points?: MemoryResumePoints;
  readonly leases?: MemoryLeases;
  readonly transport?: MemoryTransport;
  readonly board?: MemoryBoard;
  readonly commandBroker?: MemoryCommandBroker;
  /** Without one the spool is switched off. */
  readonly spool?: MemorySpool;
  /** Where there is more than one service of its process; otherwise it is alone in the first bank. */
  readonly generation?: GenerationPorts;
  /** Which worker of a process it is; otherwise it is a process without any. */
  readonly worker?: { readonly number: number; readonly siblings: Siblings };
}

const ALONE: Pick<GenerationPorts, "place" | "reshard" | "drained"> = {
  place: () => Promise.resolve({ bank: FIRST_BANK, total: null }),
  reshard: () => Promise.resolve(null),
  drained: () => {},
};

export class ServiceRig {
  readonly clock: ManualClock;
  readonly transport: MemoryTransport;
  readonly publisher = new MemoryPublisher();
  readonly notices = new MemoryNotices();
  readonly commands = new MemoryCommandSource();
  /** Used in a fleet. */
  readonly commandBroker: MemoryCommandBroker;
  readonly points: MemoryResumePoints;
  readonly leases: MemoryLeases;
  readonly spool: MemorySpool | null;
  readonly board: MemoryBoard;
  readonly figures = new MemoryFiguresStore();
  readonly observed: Observation[] = [];
  readonly service: GatewayService;
  readonly intents: number;
  readonly configuredPresence: string;
  /** What Discord answers to `GET /gateway/bot`. */
  gatewayBot: GatewayBot | "token_refused" | null = gatewayBot();
  gatewayReads = 0;
  isStoreDisconnected = false;

  constructor(environment: Record<string, string> = {}, surroundings: RigSurroundings = {}) {
    this.clock = surroundings.clock ?? new ManualClock();
    this.points = surroundings.points ?? new MemoryResumePoints();
    this.leases = surroundings.leases ?? new MemoryLeases(() => this.clock.wallMs());
    this.spool = surroundings.spool ?? null;
    this.transport = surroundings.transport ?? new MemoryTransport({ answering: true });
    this.commandBroker = surroundings.commandBroker ?? new MemoryCommandBroker();
    this.board = surroundings.board ?? new MemoryBoard();
    const parsed = parseConfig({ BOT_TOKEN: "token", SHARDS_WAIT: "0", ...environment }, {
      isTerminal: false,
      replicaName: "test",
      readFile: () => assert.fail("no file is named"),
    });
    assert(parsed.ok, JSON.stringify(parsed));
    const { worker } = surroundings;
    const config = worker === undefined ? parsed.config : configOfWorker(parsed.config, worker.number);
    this.intents = config.discord.intents;
    this.configuredPresence = JSON.stringify(config.discord.presence);
    const { clock, transport, publisher, notices, commands, points, leases, spool, board, figures } = this;
    this.service = new GatewayService(config, {
      clock,
      dice: () => 0.5,
      transport,
      publisher: (fence) => fence(publisher),
      learn: () => Promise.resolve(),
      notices,
      commands: config.fleet.enabled || config.worker !== null
        ? {
          kind: "fleet",
          links: (member) => ({
            router: this.commandBroker.router(),
            member: this.commandBroker.member(member),
          }),
        }
        : { kind: "alone", source: commands },
      points,
      leases,
      spool,
      board,
      figures,
      sharedTurns: () => surroundings.generation?.turns() ?? null,
      ...surroundings.generation ?? ALONE,
      adopt: () => {},
      digest: plainDigest,
      siblings: worker?.siblings ?? null,
      processId: crypto.randomUUID(),
      version: "1.2.3",
      guildNames: null,
      tracer: null,
      readGatewayBot: () => {
        this.gatewayReads += 1;
        return Promise.resolve(this.gatewayBot);
      },
      disconnectStore: () => {
        this.isStoreDisconnected = true;
        return Promise.resolve();
      },
      observe: (observation) => this.observed.push(observation),
      confirmed: () => {},
    });
  }

  /**
   * The process after this one, which was stopped or has died: it has the same store and the same disk, finds the same
   * sessions at Discord, and its clock goes on from here.
   */
  next(environment: Record<string, string> = {}): ServiceRig {
    const { clock, points, spool, transport } = this;
    const next = new ServiceRig(environment, {
      clock: new ManualClock(clock.wallMs()),
      points,
      ...(spool === null ? {} : { spool: new MemorySpool(spool.disk) }),
    });
    for (const [session, sequence] of transport.sessions) next.transport.sessions.set(session, sequence);
    return next;
  }

  /** Sessions that an earlier process left, one a shard. */
  left(total: number, shards: Iterable<readonly [number, Partial<StoredShard>]>): this {
    this.points.total = total;
    const nothing: StoredShard = { point: null, lost: [], presence: null, guilds: null };
    for (const [shard, stored] of shards) this.points.shards.set(shard, { ...nothing, ...stored });
    return this;
  }

  /** Sessions `old-0`, `old-1`, … of an earlier process with the same settings. */
  leftSessions(total: number, fields: Partial<ResumePoint> = {}): this {
    const shards = Array.from({ length: total }, (_, shard) => shard);
    return this.left(
      total,
      shards.map((shard) => [shard, { point: storedPoint(this, `old-${shard}`, fields) }] as const),
    );
  }

  /** Starts with the broker there and resolves when the shards are on their way. */
  async started(): Promise<this> {
    const started = this.service.start();
    this.publisher.open();
    await this.done(started);
    return this;
  }

  /** Turns the clock, as for a few milliseconds, until it is done. */
  async done(work: Promise<void>): Promise<void> {
    let isDone = false;
    work.then(() => isDone = true);
    while (!isDone) await this.pass(1);
    await this.pass(0);
  }

  /** The same until the held store is asked for something. */
  async asked(): Promise<void> {
    while (this.points.waiting === 0) await this.pass(1);
  }

  /** Starts and has the given number of shards connected. */
  async connected(shards: number): Promise<this> {
    await this.started();
    assert.equal(this.service.status.snapshot().counts.Connected, shards);
    return this;
  }

  /** Turns the clock, and lets promises run before and after. */
  async pass(ms: number): Promise<void> {
    await microtasksDone();
    this.clock.advance(ms);
    await microtasksDone();
  }

  /** Stops and turns the clock until it is done; resolves with how many milliseconds that took. */
  async stopped(): Promise<number> {
    const startedAtMs = this.clock.nowMs();
    let isStopped = false;
    this.service.stop().then(() => isStopped = true);
    await microtasksDone();
    while (!isStopped) {
      assert(this.clock.nowMs() - startedAtMs < 60_000, "the stop hangs");
      await this.pass(50);
    }
    return this.clock.nowMs() - startedAtMs;
  }

  /** Lets the broker confirm and the store acknowledge everything. */
  async settle(): Promise<void> {
    this.publisher.confirmAll();
    await this.pass(100);
  }

  of<Kind extends Observation["kind"]>(kind: Kind): Extract<Observation, { kind: Kind }>[] {
    return this.observed.filter((seen): seen is Extract<Observation, { kind: Kind }> => seen.kind === kind);
  }

  /** What each connection began with: `identify 0`, `resume old-0 40`, … in the order of the connections. */
  get greetings(): string[] {
    return this.transport.connections.flatMap(greetingOf);
  }

  /** Shards that are connected. */
  get connectedShards(): number[] {
    const { shards } = this.service.status.snapshot();
    return shards.filter(({ status }) => status === "Connected").map(({ shard }) => shard);
  }
}

export function gatewayBot(fields: Partial<GatewayBot> = {}): GatewayBot {
  const sessionStartLimit = { total: 1_000, remaining: 900, resetAfterMs: 86_400_000, maxConcurrency: 1 };
  return { url: "wss://gateway.example", shards: 2, sessionStartLimit, ...fields };
}

function greetingOf(connection: MemoryConnection): string[] {
  const frame = connection.sent.find(({ op }) => op === 2 || op === 6);
  if (frame === undefined || typeof frame.d !== "object" || frame.d === null) return [];
  const { shard, session_id, seq } = frame.d;
  if (frame.op === 6) return [`resume ${session_id} ${seq}`];
  return [`identify ${Array.isArray(shard) ? shard.join(" of ") : shard}`];
}
