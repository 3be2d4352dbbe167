/**
 * Decides, each time the fleet was looked at, which shards this process takes and which it hands over. All members decide
 * by the same rule from the same facts, so nobody has to tell another what to do.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { shardLease, shardOfLease } from "./leases.ts";
import type { Membership, SeenFleet } from "./membership.ts";
import { shareOut, type Sharer } from "./shares.ts";

export interface AssignmentOptions {
  readonly clock: Clock;
  readonly membership: Membership;
  readonly total: number;
  /** The shards of a process that is alone; null: it shares all of them with others. */
  readonly alone: ReadonlySet<number> | null;
  readonly shards: AssignedShards;
}

/** Who runs them here. */
export interface AssignedShards {
  /** Their leases are held from now on. */
  taken(shards: readonly number[]): void;
  /**
   * Another is to run it. Resolves once it is left, and its lease can be let go of; or where it has to stay, because it
   * took too long, or was busy and nothing was tried.
   */
  handOver(shard: number, to: string): Promise<"left" | "stayed" | "busy">;
}

/** Handed over at a time. */
const HANDOVERS_MOST = 16;
/**
 * On their way to one member at a time, from all that are to stay: it makes their connections one after the other, and each
 * is away until its own is made.
 */
const ARRIVALS_MOST = 24;
/** One that had to stay is tried again after so long: where something was tried it was away for a moment. */
const TRY_AGAIN_MS = { stayed: 5_000, busy: 250 };

export class Assignment {
  readonly #options: AssignmentOptions;
  /** Shard → who is to have it. */
  readonly #handingOver = new Map<number, string>();
  /** Left for others, and not taken since, whether or not the store has heard of it. */
  readonly #handedOver = new Set<number>();
  /** Shard → when it may be tried again. */
  readonly #stayingUntilMs = new Map<number, number>();
  #isMoving = false;
  /** As they were worked out last, and from what. */
  #shared: { readonly from: SeenFleet["leases"]; readonly sharers: string; readonly shares: Shares } | null =
    null;

  constructor(options: AssignmentOptions) {
    this.#options = options;
  }

  /** Whether a shard is on its way to or from this process, or is to be, as was decided last. */
  get isMoving(): boolean {
    return this.#isMoving || this.#handingOver.size > 0;
  }

  /** Decides by what was just seen. Resolves when what is to be taken is taken, or not. */
  async consider(fleet: SeenFleet): Promise<void> {
    const { membership, shards, alone } = this.#options;
    const { member } = membership;
    const shares = this.#shares(fleet);
    const wanted: string[] = [];
    const room = this.#roomOf(fleet, shares);
    this.#isMoving = false;
    for (const [shard, id] of shares) {
      const name = shardLease(shard);
      const isHeld = membership.tokenOf(name) !== null;
      if (id === member && !isHeld) {
        if (fleet.isFree(name)) wanted.push(name);
        // Nobody hands over to one that is alone.
        else if (alone === null) this.#isMoving = true;
      }
      if (id !== member && isHeld) {
        this.#isMoving = true;
        this.#handOver(shard, id, room);
      }
    }
    const stray: string[] = [];
    for (const [name, { holder }] of fleet.leases) {
      const shard = shardOfLease(name);
      if (holder !== member || shard === null || membership.tokenOf(name) !== null) continue;
      const share = shares.get(shard);
      if (share === member) continue;
      // An earlier process of ours held it, and may have left on disk what only we can go on from: it is handed over then.
      if (share !== undefined && alone === null && !this.#handedOver.has(shard)) wanted.push(name);
      else stray.push(name);
    }
    membership.hurry(this.isMoving);
    if (wanted.length + stray.length === 0) return;
    const got = await membership.take([...wanted, ...stray]);
    const unwanted = new Set(stray);
    membership.letGo(got.filter((name) => unwanted.has(name)));
    const taken = got.filter((name) => !unwanted.has(name)).map(Number);
    for (const shard of taken) this.#handedOver.delete(shard);
    if (taken.length > 0) shards.taken(taken);
  }

  /** How many more shards each member may be given from here for now; any number where that is not said. */
  #roomOf(fleet: SeenFleet, shares: Shares): Map<string, number> {
    const room = new Map<string, number>();
    // One that ends has no time to lose.
    if (fleet.members.get(this.#options.membership.member)?.share?.leaving !== false) return room;
    const givers = new Map<string, Set<string>>();
    for (const [shard, to] of shares) {
      const lease = fleet.leases.get(shardLease(shard));
      if (lease === undefined || lease.holder === to) continue;
      // It is free for it, and not taken yet.
      if (lease.holder === null || fleet.gone.has(lease.holder)) room.set(to, (room.get(to) ?? 0) - 1);
      else givers.set(to, (givers.get(to) ?? new Set()).add(lease.holder));
    }
    for (const [to, { size }] of givers) {
      const arriving = (fleet.members.get(to)?.share?.away ?? 0) - (room.get(to) ?? 0);
      room.set(to, Math.ceil(Math.max(0, ARRIVALS_MOST - arriving) / size));
    }
    for (const to of this.#handingOver.values()) room.set(to, (room.get(to) ?? 0) - 1);
    return room;
  }

  async #handOver(shard: number, to: string, room: Map<string, number>): Promise<void> {
    const { membership, shards, clock } = this.#options;
    if (this.#handingOver.has(shard) || this.#handingOver.size >= HANDOVERS_MOST) return;
    if (clock.nowMs() < (this.#stayingUntilMs.get(shard) ?? -Infinity)) return;
    const left = room.get(to) ?? Infinity;
    if (left <= 0) return;
    room.set(to, left - 1);
    this.#handingOver.set(shard, to);
    const outcome = await shards.handOver(shard, to);
    this.#handingOver.delete(shard);
    if (outcome === "left") {
      this.#handedOver.add(shard);
      membership.letGo([shardLease(shard)]);
    } else this.#stayingUntilMs.set(shard, clock.nowMs() + TRY_AGAIN_MS[outcome]);
    // The next one need not wait for its turn.
    membership.renewNow();
  }

  #shares(fleet: SeenFleet): Shares {
    const { membership, alone } = this.#options;
    if (alone !== null) return new Map([...alone].map((shard) => [shard, membership.member]));
    const { sharers, loners } = sharersOf(fleet);
    const from = fleet.leases;
    const shared = this.#shared;
    const told = JSON.stringify([sharers, [...loners], [...fleet.gone]]);
    if (shared !== null && shared.from === from && shared.sharers === told) return shared.shares;
    const shares = this.#shareOut(fleet, sharers, loners);
    this.#shared = { from, sharers: told, shares };
    return shares;
  }

  #shareOut(fleet: SeenFleet, sharers: readonly Sharer[], loners: ReadonlySet<string>): Shares {
    const holders = new Map<number, string>();
    const reserved = new Set<number>();
    for (const [name, { holder }] of fleet.leases) {
      const shard = shardOfLease(name);
      if (shard === null || holder === null || fleet.gone.has(holder)) continue;
      holders.set(shard, holder);
      if (loners.has(holder)) reserved.add(shard);
    }
    return shareOut(this.#options.total, sharers, holders, reserved);
  }
}

/** The member for each shard. */
type Shares = ReadonlyMap<number, string>;

/** The members that live: those that share, and those that are alone. */
function sharersOf(fleet: SeenFleet): { sharers: readonly Sharer[]; loners: ReadonlySet<string> } {
  const sharers: Sharer[] = [];
  const loners = new Set<string>();
  for (const [id, { share }] of fleet.members) {
    if (fleet.gone.has(id)) continue;
    if (share === null) {
      loners.add(id);
      continue;
    }
    const { first, last, most, leaving } = share;
    sharers.push({ id, first, last: last ?? Infinity, most: most ?? Infinity, leaving });
  }
  return { sharers, loners };
}
