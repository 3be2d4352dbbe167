/**
 * No two processes publish events of one shard at a time: none does that never held its lease, nor after another was
 * granted it, nor in turns with another. And none publishes anything that has not renewed itself for so long that
 * others may have taken over.
 *
 * What a process has in its own spool is nobody else's, and is published late, whoever runs the shard by then.
 *
 * @module
 */
import { TAKEN_AFTER_MS } from "../../../gateway/fleet/tenure.ts";
import type { Report } from "../report.ts";

/** One taking of a shard's lease, as the store carried it out. */
export interface Grant {
  readonly shard: number;
  readonly token: number;
  /** Number of the process that took it, and the member that it is. */
  readonly process: number;
  readonly member: string;
  readonly atMs: number;
  /** The store that carried it out has lost it: another had its place already. */
  readonly isForgotten: boolean;
}

export interface PublishCall {
  readonly shard: number;
  readonly process: number;
  readonly atMs: number;
  /** The process has the event in its spool. */
  readonly isSpooled: boolean;
}

export class LeaseChecker {
  readonly #report: Report;
  readonly #ttlMs: number;
  /** Shard → its grants, the oldest first. */
  readonly #grants = new Map<number, Grant[]>();
  /** Shard → who published of it last. */
  readonly #lastCalls = new Map<number, PublishCall>();
  /** Process → when the last of its renewals that was answered was sent. */
  readonly #renewedAtMs = new Map<number, number>();
  grantCount = 0;

  constructor(report: Report, options: { ttlMs: number }) {
    this.#report = report;
    this.#ttlMs = options.ttlMs;
  }

  granted(grant: Grant): void {
    this.grantCount += 1;
    const grants = this.#grants.get(grant.shard);
    if (grants === undefined) this.#grants.set(grant.shard, [grant]);
    else grants.push(grant);
  }

  /** A renewal of the process that was sent then has been answered. */
  renewed(process: number, sentAtMs: number): void {
    this.#renewedAtMs.set(process, sentAtMs);
  }

  /** The process that took a lease under this token; null: nobody did. */
  takerOf(shard: number, token: number): number | null {
    return this.#grants.get(shard)?.findLast((grant) => grant.token === token)?.process ?? null;
  }

  /** Since when the process has held the shard without another's being granted it; null: it does not. */
  heldSinceMs(shard: number, process: number): number | null {
    let sinceMs: number | null = null;
    for (const grant of this.#grants.get(shard) ?? []) {
      if (grant.process !== process) sinceMs = null;
      else sinceMs ??= grant.atMs;
    }
    return sinceMs;
  }

  /** Whether no other member was granted the shard before the process, since that member was the last time. */
  isContinued(shard: number, process: number): boolean {
    const grants = this.#grants.get(shard) ?? [];
    const first = grants.findIndex((grant) => grant.process === process);
    return grants[first - 1]?.member === grants[first]?.member;
  }

  /** Whether any other member was granted the shard since this one was before that time; or since that time. */
  hasPassedOn(shard: number, member: string, sinceMs: number): boolean {
    const grants = this.#grants.get(shard) ?? [];
    const own = grants.findLast((grant) => grant.member === member && grant.atMs <= sinceMs);
    return grants.some((grant) => grant.member !== member && grant.atMs >= (own?.atMs ?? sinceMs));
  }

  /** The process hands an event to its connection. */
  called(call: PublishCall): void {
    const { shard, process, atMs, isSpooled } = call;
    const name = `shard ${shard}: process ${process} published`;
    const silentMs = atMs - (this.#renewedAtMs.get(process) ?? -Infinity);
    if (silentMs >= this.#ttlMs + TAKEN_AFTER_MS) {
      this.#report(`${name} ${silentMs} ms after its last renewal`);
    }
    if (isSpooled) return;
    const grants = this.#grants.get(shard) ?? [];
    const own = grants.findLast((grant) => grant.process === process);
    if (own === undefined) return this.#report(`${name} without ever having held its lease`);
    const newest = grants.findLast(({ isForgotten }) => !isForgotten);
    if (newest !== undefined && newest.process !== process && newest.atMs > own.atMs) {
      this.#report(`${name} ${atMs - newest.atMs} ms after process ${newest.process} had taken its lease`);
    }
    const last = this.#lastCalls.get(shard);
    this.#lastCalls.set(shard, call);
    if (last === undefined || last.process === process || own.atMs >= last.atMs) return;
    this.#report(
      `${name} ${atMs - last.atMs} ms after process ${last.process}, and had taken its lease before that`,
    );
  }
}
