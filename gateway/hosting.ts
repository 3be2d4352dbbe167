/**
 * The shards that run in this process: they come with what is stored of them, and leave resumably.
 *
 * @module
 */
import { type Clock, type Dice, sleepUntil } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Outbox } from "./delivery/outbox.ts";
import {
  leftOfShards,
  type LeftOnDisk,
  legacyOf,
  startOf,
  withoutPublished,
  withPointsOf,
} from "./legacy.ts";
import { HostedShard, type ShardLegacy, type ShardServices } from "./hosted_shard.ts";
import type { Observer } from "./observation.ts";
import { heartbeatFrame, identifyFrame, presenceFrame, resumeFrame } from "./protocol/client_frames.ts";
import type { FoundShard } from "./resume/found_shard.ts";
import type { PointKeeper } from "./resume/keeper.ts";
import type { ResumePoint, ResumePoints } from "./resume/points.ts";
import type { ShardStart } from "./shard/machine.ts";

export interface HostingOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly observe: Observer;
  readonly points: ResumePoints;
  readonly outbox: Outbox;
  readonly keeper: PointKeeper;
  /** Resolves when it is known what other processes have done of these shards. */
  readonly learn: (shards: readonly number[]) => Promise<void>;
  readonly services: Omit<ShardServices, "clock" | "observe" | "keeper">;
  readonly leases: {
    isHeld(shard: number): boolean;
    /** Whether it is certain that nobody else holds one too. */
    isProven(shard: number): boolean;
    /** Whether nobody else can have come further with it, if another holds one too. */
    mayConnect(shard: number): boolean;
    /** Whether nobody else has held it since an earlier process of this folder did. */
    isContinued(shard: number): boolean;
  };
  /** These run here now. */
  readonly assigned: (shards: Iterable<number>) => void;
  /** This one does not run here any more: it sends nothing from here. */
  readonly left: (shard: number) => void;
  /** Aborted when the process is to end: no shard begins to run any more. */
  readonly stopping: AbortSignal;
}

/** What all shards here are started under. */
export interface HostingTerms {
  readonly total: number;
  readonly disk: LeftOnDisk;
  /** Shards that what was on disk, and could not be read, may have been of. */
  readonly damaged: readonly number[];
}

/** `busy`: nothing was tried, for what it brings does not go to the broker directly just now. */
export type HandoverOutcome = "left" | "stayed" | "busy";

/** Between two resumes: a thousand handshakes at one moment would only get in each other's way. */
const RESUME_SPACING_MS = 5;
/** A shard that is handed over is away meanwhile: where its events are not confirmed by then it stays. */
const HANDOVER_MAX_MS = 2_000;
const GOODBYE_MAX_MS = 250;

export class Hosting {
  readonly #options: HostingOptions;
  readonly #shards = new Map<number, HostedShard>();
  readonly #startedAtMs: number;
  #terms: HostingTerms | null = null;
  /** See {@link HostingTerms.damaged}; those that have been begun are not among them any more. */
  #damaged = new Set<number>();
  /** Those that have run here: what an earlier process left of them is out of date. */
  readonly #haveRun = new Set<number>();
  /** They do not come back before it is known whether they are left. */
  readonly #handingOver = new Set<number>();
  /** None of them may run for now. */
  #isWithdrawn = false;

  constructor(options: HostingOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.wallMs();
  }

  get shards(): ReadonlyMap<number, HostedShard> {
    return this.#shards;
  }

  /** Before any shard is begun. */
  agree(terms: HostingTerms): void {
    this.#terms = terms;
    this.#damaged = new Set(terms.damaged);
  }

  /**
   * Begins to run shards whose leases are held. Of one that somebody else may hold too nothing is published until
   * {@link prove}. Resolves when they are on their way.
   */
  async begin(taken: readonly number[]): Promise<void> {
    const terms = this.#terms;
    const { points, learn, clock, observe, outbox, leases, assigned, stopping } = this.#options;
    if (terms === null || taken.length === 0) return;
    const [stored] = await Promise.all([points.read(taken), learn(taken)]);
    // It may have lost some of them meanwhile.
    const shards = taken.filter((shard) => leases.isHeld(shard) && !this.#shards.has(shard));
    if (stopping.aborted || shards.length === 0) return;
    const { total, disk } = terms;
    const found = leftOfShards(
      total,
      new Map(shards.map((shard) => [shard, stored.get(shard) ?? NOTHING_STORED])),
      withoutPublished(
        withPointsOf(disk, (shard) => leases.isContinued(shard) && !this.#haveRun.has(shard)),
        (shard) => outbox.isEmpty(shard),
      ),
    );
    const settings = {
      intents: this.#options.config.discord.intents,
      presence: this.#presence,
      startedAtMs: this.#startedAtMs,
    };
    const begun: { readonly shard: number; readonly hosted: HostedShard; readonly start: ShardStart }[] = [];
    for (const shard of shards) {
      const left = this.#withDurable(shard, found.get(shard));
      // What was lost of all sessions is in the store, and they are not.
      const isSpoolDamaged = this.#damaged.delete(shard);
      const legacy = legacyOf(left, { ofAll: null, isSpoolDamaged, wallMs: clock.wallMs() });
      const hosted = this.#host(shard, total, legacy);
      this.#shards.set(shard, hosted);
      this.#haveRun.add(shard);
      if (legacy.point !== null) {
        outbox.replacePoint(shard, legacy.point.sessionId);
        // Whoever runs the shard next does not have this folder.
        if (isAhead(legacy.point, stored.get(shard)?.point ?? null)) hosted.keepPoint();
      }
      if (!leases.isProven(shard)) outbox.withhold(shard);
      begun.push({ shard, hosted, start: startOf(left, settings) });
    }
    assigned(this.#shards.keys());
    const resuming = begun.filter(({ start }) => start.session !== null);
    observe({ kind: "shards.begun", shards: shards.length, total, resuming: resuming.length });
    for (const { hosted, start } of begun) {
      if (start.session === null) this.#start(hosted, start);
    }
    for (const { shard, hosted, start } of resuming) {
      if (stopping.aborted) return;
      if (this.#shards.get(shard) !== hosted) continue;
      this.#start(hosted, start);
      await sleepUntil(clock, clock.nowMs() + RESUME_SPACING_MS, stopping);
    }
  }

  /**
   * What waits in this process's folder is published, whoever has run the shard since. Discord may have been told of it
   * before, and then resumes the session from nothing earlier.
   */
  #withDurable(shard: number, left: FoundShard | undefined): FoundShard | undefined {
    if (left === undefined || left.point === null) return left;
    const { outbox } = this.#options;
    const { point } = left;
    const durable = outbox.durableThrough(shard, point.sessionId);
    const published = outbox.isEmpty(shard) ? Math.max(point.sequence, durable) : point.sequence;
    return {
      ...left,
      point: { ...point, sequence: published },
      durableSequence: Math.max(left.durableSequence, durable),
    };
  }

  #start(hosted: HostedShard, start: ShardStart): void {
    hosted.start(start);
    if (this.#isWithdrawn) hosted.withdraw("lease not renewed");
  }

  /** It is certain now that nobody else holds this shard. */
  prove(shard: number): void {
    this.#options.outbox.allow(shard);
    if (!this.#isWithdrawn) this.#shards.get(shard)?.comeBack();
  }

  /** Where another may have come further with a shard that is not certain it stays away until {@link prove}. */
  checkLease(shard: number): void {
    if (!this.#options.leases.mayConnect(shard)) this.#shards.get(shard)?.withdraw("lease not certain");
  }

  /**
   * Leaves a shard resumably, with everything published and its point stored, so that another process can go on. Where that
   * takes too long it stays here.
   */
  async handOver(shard: number): Promise<HandoverOutcome> {
    const hosted = this.#shards.get(shard);
    if (hosted === undefined) return "left";
    const { outbox, keeper, clock } = this.#options;
    if (!outbox.isFlowing(shard)) return "busy";
    const done = new AbortController();
    let isReady = false;
    const ready = async () => {
      // The close frame is out; its answer is no reason to be away for longer.
      await Promise.race([
        hosted.withdraw("handed over"),
        sleepUntil(clock, clock.nowMs() + GOODBYE_MAX_MS, done.signal),
      ]);
      await outbox.emptied(shard);
      await keeper.written(shard);
      isReady = true;
    };
    this.#handingOver.add(shard);
    await Promise.race([ready(), sleepUntil(clock, clock.nowMs() + HANDOVER_MAX_MS, done.signal)]);
    done.abort();
    this.#handingOver.delete(shard);
    if (this.#shards.get(shard) !== hosted) return "left";
    if (!isReady) {
      if (!this.#isWithdrawn) hosted.comeBack();
      return "stayed";
    }
    await this.#remove([shard]);
    return "left";
  }

  /** Others run these now: they are left at once, with what is not published of them. */
  async drop(shards: readonly number[]): Promise<void> {
    const hosted = shards.filter((shard) => this.#shards.has(shard));
    for (const shard of hosted) this.#options.outbox.abandon(shard);
    await this.#remove(hosted);
  }

  /** None of them may run for now. */
  withdrawAll(reason: string): void {
    this.#isWithdrawn = true;
    for (const hosted of this.#shards.values()) hosted.withdraw(reason);
  }

  /** All of them may run again. */
  async comeBackAll(): Promise<void> {
    const { clock, stopping } = this.#options;
    this.#isWithdrawn = false;
    for (const [shard, hosted] of [...this.#shards]) {
      if (this.#isWithdrawn || stopping.aborted) return;
      if (this.#handingOver.has(shard)) continue;
      hosted.comeBack();
      await sleepUntil(clock, clock.nowMs() + RESUME_SPACING_MS, stopping);
    }
  }

  unparkAll(): void {
    for (const hosted of this.#shards.values()) hosted.unpark();
  }

  /** Leaves all of them resumably, for good. */
  async stop(): Promise<void> {
    await Promise.all([...this.#shards.values()].map((hosted) => hosted.stop()));
  }

  async #remove(shards: readonly number[]): Promise<void> {
    const stopped = shards.map((shard) => this.#shards.get(shard)?.stop());
    for (const shard of shards) {
      this.#shards.delete(shard);
      this.#options.keeper.forget(shard);
      this.#options.left(shard);
    }
    this.#options.assigned(this.#shards.keys());
    await Promise.all(stopped);
  }

  get #presence(): string {
    return JSON.stringify(this.#options.config.discord.presence);
  }

  #host(shard: number, total: number, legacy: ShardLegacy): HostedShard {
    const { config, clock, dice, observe, keeper, services } = this.#options;
    const { discord, events } = config;
    const presence = this.#presence;
    const machine = {
      shard,
      dice,
      configuredPresence: presence,
      silenceMinMs: events.silenceMinMs,
      identifyFrame: () =>
        identifyFrame({
          token: discord.token.reveal(),
          intents: discord.intents,
          largeThreshold: discord.largeThreshold,
          shard,
          shardsTotal: total,
          presence,
        }),
      resumeFrame: (sessionId: string, sequence: number) =>
        resumeFrame({ token: discord.token.reveal(), sessionId, sequence }),
      heartbeatFrame,
      presenceFrame,
    };
    return new HostedShard(machine, { ...services, clock, observe, keeper }, legacy);
  }
}

function isAhead(point: ResumePoint, stored: ResumePoint | null): boolean {
  return point.sessionId !== stored?.sessionId || point.sequence > stored.sequence;
}

const NOTHING_STORED = { point: null, lost: [], presence: null, guilds: null };
