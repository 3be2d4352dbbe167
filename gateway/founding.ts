/**
 * How a process that starts comes to run shards: alone it waits until nobody else runs its own; in a fleet it joins what is
 * there, or founds it.
 *
 * Only one process founds at a time, under the lease of the lead: what earlier processes left is read, what of it is lost
 * is written down, and the store is told who runs now.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { type Exit, EXIT_CONFIGURATION } from "./exit.ts";
import { LEAD_LEASE, shardLease, shardOfLease } from "./fleet/leases.ts";
import type { Membership, SeenFleet } from "./fleet/membership.ts";
import { type Left, leftOf, type LeftOnDisk, legacyOf, lossOfAll, withPointsOf } from "./legacy.ts";
import type { Observer } from "./observation.ts";
import type { LostSession, ResumePoints } from "./resume/points.ts";
import { sliceOf } from "./worker_config.ts";

/** The workers of one process that is alone, which found it one after the other. */
export interface Siblings {
  /** How many shards the first of them has begun to run, whatever Discord recommends by now; null: none has begun. */
  begun(): Promise<{ readonly total: number | null }>;
  /** This one has, as the first. */
  hasBegun(total: number): void;
}

export interface FoundingOptions {
  readonly config: Config;
  /** How many shards there are to be; null: as many as are stored, or as Discord recommends. */
  readonly total: number | null;
  readonly clock: Clock;
  readonly observe: Observer;
  readonly points: ResumePoints;
  readonly membership: Membership;
  /** Null where the process has no workers. */
  readonly siblings: Siblings | null;
  /** Id of the bot; null where the token does not tell. */
  readonly bot: string | null;
  /** What this process's folder holds; tries again to take it where another process had it. */
  readonly disk: () => Promise<LeftOnDisk>;
  /** How many shards Discord recommends; null: the process is to end. */
  readonly recommended: () => Promise<number | null>;
  /** The fleet as it is looked at next; null: the process is to end. */
  readonly nextLook: () => Promise<SeenFleet | null>;
  /** Null: the process is to end. */
  readonly unlessStopping: <Value>(work: Promise<Value>) => Promise<Value | null>;
  readonly exit: (exit: Exit) => void;
}

/** What is run, and what of the past counts for it. */
export interface Foundation {
  readonly total: number;
  readonly disk: LeftOnDisk;
  /** Shards that what was on disk, and could not be read, may have been of, and of which that is not in the store yet. */
  readonly damaged: readonly number[];
  /** Shards of a process that is alone, whose leases it holds by now; null: it shares all shards with others. */
  readonly alone: readonly number[] | null;
  /** Shards of an earlier process that are resumed. */
  readonly hasSessions: boolean;
  /** Whether the points on disk still hold. */
  readonly keepPoints: boolean;
  /** What is lost of shards that this process does not run. */
  readonly elsewhere: ReadonlyMap<number, readonly LostSession[]>;
  /** Shards of which events are on disk though others have run them since. */
  readonly late: readonly number[];
}

export class Founding {
  readonly #options: FoundingOptions;
  #waitingSaid = "";

  constructor(options: FoundingOptions) {
    this.#options = options;
  }

  /** Takes the shards of the settings, once nobody else runs any of them. Null: the process is to end. */
  async alone(): Promise<Foundation | null> {
    const { membership, nextLook } = this.#options;
    let awaited: readonly string[] = [];
    for (let fleet; (fleet = await nextLook()) !== null;) {
      const blocked = this.#taken(fleet, [LEAD_LEASE, ...awaited]);
      if (blocked.length > 0) {
        this.#sayWaiting(fleet, blocked);
        continue;
      }
      if ((await membership.take([LEAD_LEASE])).length === 0) continue;
      const founded = await this.#foundAlone(fleet);
      membership.letGo([LEAD_LEASE]);
      if (founded === null || "total" in founded) return founded;
      awaited = founded.awaited;
    }
    return null;
  }

  /** Joins the fleet that runs, or founds it. Null: the process is to end. */
  async join(): Promise<Foundation | null> {
    const { membership, nextLook, observe } = this.#options;
    for (let fleet; (fleet = await nextLook()) !== null;) {
      if (fleet.isFree(LEAD_LEASE) && membership.tokenOf(LEAD_LEASE) === null) {
        await membership.take([LEAD_LEASE]);
      }
      const token = membership.tokenOf(LEAD_LEASE);
      const { reign } = fleet;
      // Two must not found at once, not even where a store that fails over lets two of them lead for a moment.
      if (token !== null && !membership.isProven(LEAD_LEASE)) continue;
      if (token === null) {
        const lead = fleet.leases.get(LEAD_LEASE);
        if (reign !== null && lead?.token === reign.token && !fleet.isFree(LEAD_LEASE)) {
          return await this.#joined(fleet, reign.total);
        }
        continue;
      }
      observe({ kind: "fleet.led", member: membership.member });
      const run = this.#isRunByOthers(fleet) ? reign?.total ?? await this.#totalRun(fleet) : null;
      const founded = run === null ? await this.#foundFleet(fleet) : await this.#joined(fleet, run);
      if (founded === null) return null;
      if (founded === "overtaken") continue;
      await membership.proclaim({ total: founded.total, token });
      return founded;
    }
    return null;
  }

  async #foundAlone(seen: SeenFleet): Promise<Foundation | { readonly awaited: readonly string[] } | null> {
    const { membership, nextLook, siblings, unlessStopping } = this.#options;
    let left = await this.#findLeft(seen);
    const begun = siblings === null ? null : await unlessStopping(siblings.begun());
    const total = this.#options.total ?? begun?.total ?? (left && await this.#determineTotal(left));
    if (left === null || total === null) return null;
    const range = this.#range(total);
    if (range === null) return null;
    const names = [...range, ...vanished(left, total)].map(shardLease);
    membership.renewNow();
    const fleet = await nextLook();
    if (fleet === null) return null;
    const blocked = this.#taken(fleet, names);
    if (blocked.length > 0) {
      this.#sayWaiting(fleet, blocked);
      return { awaited: names };
    }
    const wasLetGo = names.every((name) => (fleet.leases.get(name)?.holder ?? null) === null);
    const got = await membership.take(names);
    if (got.length < names.length) {
      membership.letGo(got);
      return { awaited: names };
    }
    // Whoever held them may have written since.
    if (!wasLetGo) left = await this.#findLeft(fleet);
    if (left === null) return null;
    const isBegun = begun !== null && begun.total !== null;
    const foundation = await this.#begin(left, total, range, isBegun);
    if (foundation === "overtaken") {
      membership.letGo(got);
      return { awaited: names };
    }
    if (foundation !== null && !isBegun) siblings?.hasBegun(total);
    return foundation;
  }

  async #foundFleet(seen: SeenFleet): Promise<Foundation | "overtaken" | null> {
    const { membership } = this.#options;
    const left = await this.#findLeft(seen);
    const total = left && await this.#determineTotal(left);
    if (left === null || total === null) return null;
    await membership.take(vanished(left, total).map(shardLease));
    return await this.#begin(left, total, null, false);
  }

  /**
   * What those run that nobody speaks for: processes that are alone, or a fleet whose founder's word Redis has forgotten
   * as it failed over. Null: nobody runs anything yet.
   */
  async #totalRun({ members, gone }: SeenFleet): Promise<number | null> {
    const { points, unlessStopping } = this.#options;
    const totals = [...members].flatMap(([id, { total }]) => total === null || gone.has(id) ? [] : [total]);
    return totals[0] ?? (await unlessStopping(points.load()))?.total ?? null;
  }

  /** Takes part in what runs. */
  async #joined(fleet: SeenFleet, total: number): Promise<Foundation | null> {
    const { total: wanted, membership, observe, disk, unlessStopping } = this.#options;
    const left = await unlessStopping(disk());
    if (left === null) return null;
    if (wanted !== null && wanted !== total) {
      observe({
        kind: "service.warning",
        message: `The fleet runs ${total} shards, so SHARDS_TOTAL, which is ${wanted}, is not heeded`,
      });
    }
    const { spooled } = left;
    const keepPoints = [null, total].includes(spooled?.total ?? null);
    const mine = (shard: number | null): shard is number =>
      shard !== null && fleet.leases.get(shardLease(shard))?.holder === membership.member;
    return {
      total,
      disk: keepPoints ? left : withoutPoints(left),
      damaged: left.isSpoolDamaged ? [...fleet.leases.keys()].map(shardOfLease).filter(mine) : [],
      alone: null,
      hasSessions: [...fleet.leases.keys()].some((name) => mine(shardOfLease(name))),
      keepPoints,
      elsewhere: new Map(),
      late: [...spooled?.lanes.keys() ?? []].filter((shard) => !mine(shard)),
    };
  }

  /**
   * Begins a reign over what was found. `range`: the shards of a process that is alone. `isBegun`: a sibling has begun it, and
   * what was not to be resumed is gone. Overtaken: another leads by now, for this process has stood still.
   */
  async #begin(
    left: Left,
    total: number,
    range: readonly number[] | null,
    isBegun: boolean,
  ): Promise<Foundation | "overtaken" | null> {
    const { config, clock, points, bot, observe, unlessStopping } = this.#options;
    const wallMs = clock.wallMs();
    const ofAll = lossOfAll(left, { total, bot, mayResume: config.shards.resume || isBegun });
    const own = range ?? Array.from({ length: total }, (_, shard) => shard);
    const loss = { ofAll, isSpoolDamaged: left.isSpoolDamaged };
    const lostOf = (shard: number) => legacyOf(left.shards.get(shard), { ...loss, wallMs }).lost;
    const lost = new Map(own.map((shard) => [shard, lostOf(shard)]));
    const isOwn = new Set(own);
    const elsewhere = new Map(
      [...left.shards.keys()].filter((shard) => !isOwn.has(shard) && (shard >= total || ofAll !== null))
        .map((shard) => [shard, lostOf(shard)]),
    );
    const begun = await unlessStopping(points.begin({
      total,
      bot,
      startedAtMs: wallMs,
      keepSessions: ofAll === null,
      lost: new Map([...lost, ...elsewhere]),
      imported: left.fleet,
    }));
    if (begun === null) return null;
    if (!begun) return "overtaken";
    const resumed = ofAll === null ? own.filter((shard) => left.shards.get(shard)?.point) : [];
    if (left.fleet.foreign && resumed.length > 0) {
      observe({
        kind: "service.notice",
        message:
          `${resumed.length} sessions were begun by another service: their intents and presence stay as ` +
          "they are until INTENTS, STATUS or the activity change, or a session ends",
      });
    }
    const { spooled } = left;
    // Another service wrote last: what the spool knows of other sessions is older. A spool of another total is left by a
    // process that died before it had forgotten its points.
    const keepPoints = ofAll === null && !left.fleet.foreign &&
      [null, total].includes(spooled?.total ?? null);
    return {
      total,
      disk: keepPoints ? left : withoutPoints(left),
      damaged: [],
      alone: range,
      hasSessions: resumed.length > 0,
      keepPoints,
      elsewhere,
      late: [...spooled?.lanes.keys() ?? []].filter((shard) => left.shards.get(shard)?.late),
    };
  }

  async #findLeft({ leases }: SeenFleet): Promise<Left | null> {
    const { points, disk, membership, unlessStopping } = this.#options;
    const found = await unlessStopping(Promise.all([points.load(), disk()]));
    if (found === null) return null;
    const [stored, onDisk] = found;
    const isOurs = (shard: number) => {
      const lease = leases.get(shardLease(shard));
      return lease === undefined || lease.holder === membership.member;
    };
    return leftOf(stored, withPointsOf(onDisk, isOurs));
  }

  /** The configured number; else that of the stored sessions while they can be resumed; else Discord's. */
  async #determineTotal(left: Left): Promise<number | null> {
    const { total, bot, recommended, config: { shards: { resume } } } = this.#options;
    if (total !== null) return total;
    const hasSession = [...left.shards.values()].some(({ point }) => point !== null);
    const isKept = left.total !== null &&
      lossOfAll(left, { total: left.total, bot, mayResume: resume }) === null;
    return hasSession && isKept ? left.total : await recommended();
  }

  #isSibling(replica: string | undefined): boolean {
    return replica !== undefined && this.#options.config.worker?.replicaNames.includes(replica) === true;
  }

  #range(total: number): readonly number[] | null {
    const { shards: { first, last }, worker } = this.#options.config;
    const end = last ?? total - 1;
    if (first < total && end < total) {
      const all = Array.from({ length: end - first + 1 }, (_, index) => first + index);
      return worker === null
        ? all
        : all.slice(...sliceOf(all.length, worker.number, worker.replicaNames.length));
    }
    this.#options.exit({
      status: EXIT_CONFIGURATION,
      message: `SHARDS_START to SHARDS_END is ${first} to ${end}: ` +
        `expected shards from 0 to ${total - 1}, because there are ${total}`,
    });
    return null;
  }

  #isRunByOthers({ leases, members, gone }: SeenFleet): boolean {
    const { member } = this.#options.membership;
    return [...leases].some(([name, { holder }]) =>
      shardOfLease(name) !== null && holder !== null && holder !== member && members.has(holder) &&
      !gone.has(holder)
    );
  }

  #taken(fleet: SeenFleet, names: readonly string[]): string[] {
    const { membership } = this.#options;
    return names.filter((name) => membership.tokenOf(name) === null && !fleet.isFree(name));
  }

  /** Once for each answer to who it is. Workers of one process wait for each other at each start, and not for long. */
  #sayWaiting({ leases, members }: SeenFleet, names: readonly string[]): void {
    const holders = new Set(names.map((name) => leases.get(name)?.holder ?? ""));
    const replicas = [...holders].map((holder) => members.get(holder)?.replica ?? "")
      .filter((name) => name !== "" && !this.#isSibling(name));
    const holder = [...new Set(replicas)].sort().join(", ");
    if (holder === this.#waitingSaid || holder === "") return;
    this.#waitingSaid = holder;
    this.#options.observe({ kind: "shards.waiting", holder });
  }
}

function withoutPoints({ spooled, ...rest }: LeftOnDisk): LeftOnDisk {
  return { ...rest, spooled: spooled && { ...spooled, points: new Map() } };
}

/** Shards that there are no more, and of which something is still to be told. */
function vanished({ shards }: Left, total: number): number[] {
  return [...shards].filter(([shard, { lost, point }]) =>
    shard >= total && (lost.length > 0 || point !== null)
  ).map(([shard]) => shard);
}
