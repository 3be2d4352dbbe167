/**
 * Leases: which process may run which shard, and the port to where all of them agree on it.
 *
 * Each process is a member of the fleet, also one that is alone. It tells again and again that it lives; what it
 * holds is its own until it lets go of it, or until others have not heard of it for so long that it has stopped by
 * itself. When that is, each of them judges by its own clock (`tenure.ts`, `neighbours.ts`): no two clocks need to
 * agree, that of the store included.
 *
 * @module
 */

/**
 * Fences a lease: each taking gives it a greater one, and what was written under an earlier one is refused. Of the
 * store's time in microseconds where that is greater than the last, so that it grows also where the last was forgotten.
 */
export type LeaseToken = number;

export interface Lease {
  readonly token: LeaseToken;
  /** Id of the member that holds it; null: nobody, it was let go of. */
  readonly holder: string | null;
}

/** What a member tells of itself. */
export interface MemberCard {
  /** Of the replica, for people. */
  readonly replica: string;
  readonly version: string;
  /** For so long after a renewal it goes on by itself (`LEASE_TTL`). */
  readonly ttlMs: number;
  /** How many shards there are of which it runs some; null: it runs none yet. */
  readonly total: number | null;
  /** How it comes to its shards; null: it runs alone, those of its settings and no others. */
  readonly share: MemberShare | null;
}

/** What part of the shards a member takes. */
export interface MemberShare {
  /** `SHARDS_START` and `SHARDS_END`, inclusive; null: the last there is. */
  readonly first: number;
  readonly last: number | null;
  /** `SHARDS_MAX`; null: any number. */
  readonly most: number | null;
  /** It takes no more, and hands over what it has. */
  readonly leaving: boolean;
  /** Shards that it has and that are not connected, though it is not their turn to identify that they wait for. */
  readonly away: number;
}

/** A member as others see it. */
export interface SeenMember extends MemberCard {
  /** Another one with every renewal. */
  readonly beat: string;
  /** For how long it has not been renewed, by the store's clock, which may have been set meanwhile. */
  readonly ageMs: number;
}

/** All there is, at one moment. */
export interface FleetView {
  /** By id. */
  readonly members: ReadonlyMap<string, SeenMember>;
  /** By name: {@link shardLease}, or a role's. One that nobody ever took is absent. */
  readonly leases: ReadonlyMap<string, Lease>;
  /** What the fleet runs; null where nobody has said so yet. */
  readonly reign: FleetReign | null;
}

/** What the holder of {@link LEAD_LEASE} says that the fleet runs. */
export interface FleetReign {
  readonly total: number;
  /** Of the lease under which it was said: of an earlier lead's it is not known whether it still holds. */
  readonly token: LeaseToken;
}

/** What a member must have seen of a lease for taking it: where any of it has changed since, it is not taken. */
export interface SeenLease {
  /** 0: nobody ever took it. */
  readonly token: LeaseToken;
  /** Of the holder's renewal; null where it has none, or the holder is not there any more. */
  readonly holderBeat: string | null;
}

/** What a write is fenced by: as whom, and under which token of each shard's lease. */
export interface Fences {
  readonly member: string;
  /** Null: this process does not hold it, and nothing of the shard is to be written. */
  tokenOf(shard: number): LeaseToken | null;
  /** Of {@link LEAD_LEASE}; null: this process does not hold it, and begins nothing. */
  leadToken(): LeaseToken | null;
}

/** The role of the member that founds what the fleet runs, and describes it for others. */
export const LEAD_LEASE = "lead";

/** Name of the lease of a shard. */
export function shardLease(shard: number): string {
  return String(shard);
}

/** The shard whose lease has this name; null where it is a role's. */
export function shardOfLease(name: string): number | null {
  return /^(?:0|[1-9]\d*)$/.test(name) ? Number(name) : null;
}

/**
 * All calls reject where the store is away, refuses, or goes away meanwhile; it may have carried them out then. None is
 * tried again by the port.
 */
export interface Leases {
  /** Tells that this member lives, and says what there is. Never called while a call of it is under way. */
  renew(member: string, card: MemberCard): Promise<FleetView>;
  /**
   * Takes leases for a member that has been renewed before. Resolves with the tokens of those it got: all that were
   * still as they had been seen.
   */
  take(
    member: string,
    wanted: ReadonlyMap<string, SeenLease>,
  ): Promise<ReadonlyMap<string, LeaseToken>>;
  /** Lets go of those that are still held under these tokens. */
  letGo(held: ReadonlyMap<string, LeaseToken>): Promise<void>;
  /** Says what the fleet runs, as long as the lead is still held under this token. */
  proclaim(reign: FleetReign): Promise<void>;
  /** The member is no more. What it has not let go of stays in its name, until nobody has heard of it for long enough. */
  leave(member: string): Promise<void>;
}
