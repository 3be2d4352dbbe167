/**
 * What is told of a shard's life, as whoever watches may see it.
 *
 * @module
 */
import type { Observation } from "../observation.ts";
import type { LifeEvent, LifeKind, LifeObservation } from "./store.ts";

/** One row for each kind, or this does not compile. */
const LIFE_KINDS: Readonly<Record<LifeObservation["kind"], LifeKind>> = {
  "shard.connecting": "connecting",
  "shard.connected": "connected",
  "shard.identifying": "identifying",
  "shard.ready": "ready",
  "shard.resuming": "resuming",
  "shard.resumed": "resumed",
  "shard.disconnected": "disconnected",
  "shard.reconnecting": "reconnecting",
  "shard.zombie": "zombie",
  "shard.silent": "silent",
  "shard.handed_over": "handed_over",
  "shard.parked": "parked",
  "shard.unparked": "unparked",
  "shard.gap": "gap",
  "shard.fatal": "fatal",
};

/** Fields that hold a session id. */
const SESSION_FIELDS: ReadonlySet<string> = new Set(["session", "oldSession", "newSession"]);
/** Enough to tell sessions apart, and of no use to whoever would take one over. */
const SESSION_SHOWN = 8;

export function isLife(observation: Observation): observation is LifeObservation {
  return Object.hasOwn(LIFE_KINDS, observation.kind);
}

/** `atMs`: when it was observed, milliseconds since the epoch. */
export function lifeEvent(observation: LifeObservation, atMs: number): LifeEvent {
  const { kind, shard, ...fields } = observation;
  const data = Object.entries(fields).map(([name, value]) => [
    name,
    SESSION_FIELDS.has(name) && typeof value === "string" ? shortened(value) : value,
  ]);
  return { shard, atMs, kind: LIFE_KINDS[kind], data: Object.fromEntries(data) };
}

/** Never the whole of it, however short it is. */
function shortened(sessionId: string): string {
  if (sessionId === "") return "";
  return `${sessionId.slice(0, Math.min(SESSION_SHOWN, Math.floor(sessionId.length / 2)))}…`;
}
