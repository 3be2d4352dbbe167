/**
 * A history of events whose every part follows from where it stands, so that it can be written by one process and
 * checked by another.
 *
 * @module
 */
import type { SpooledEvent, SpooledPoint } from "../../../../gateway/delivery/spool.ts";
import { spooled } from "../../../contracts/spool_contract.ts";

export const SHARDS = 3;

/** Positions are dealt out to the shards in turn. */
export function eventAt(position: number): SpooledEvent {
  const text = `{"t":"MESSAGE_CREATE","s":${position}}`;
  const body = new TextEncoder().encode(text.padEnd(position % 7 === 0 ? 9_000 : 800));
  return spooled(position, { shard: position % SHARDS, body });
}

/** What is written in one go behind this position; the position after it begins the next batch. */
export function batchAfter(position: number): SpooledEvent[] {
  return Array.from({ length: batchSize(position) }, (_, place) => eventAt(position + 1 + place));
}

/** Whether a batch ends at this position. */
export function isEndOfBatch(position: number): boolean {
  let end = 0;
  while (end < position) end += batchSize(end);
  return end === position;
}

/** The points that are written together with the batch that ends there. */
export function pointsAfter(position: number): Map<number, SpooledPoint> {
  return new Map(
    Array.from({ length: SHARDS }, (_, shard) => [shard, {
      sessionId: "5e55",
      sequence: position,
      resumeGatewayUrl: null,
      intents: 1,
      configuredPresence: null,
      startedAtMs: 1,
      lastEventAtMs: 1,
      lost: [],
    }]),
  );
}

/** That position for each shard. */
export function confirmedUpTo(position: number): Map<number, number> {
  return new Map(Array.from({ length: SHARDS }, (_, shard) => [shard, position]));
}

function batchSize(position: number): number {
  return 1 + position * 31 % 50;
}
