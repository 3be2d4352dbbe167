/**
 * One thing to measure: what is sent, how it is compressed, and over how many shards.
 *
 * @module
 */
import type { Compression } from "../../simulator/encoder.ts";
import type { Bodies } from "./events.ts";

export interface Work {
  readonly bodies: Bodies;
  readonly compression: Compression;
  readonly shards: number;
}

/** Every intent that Discord documents. */
export const INTENTS = 53_608_447;
export const TOKEN = "simulated-token";

/** As in `800 B, zlib-stream, 16 shards`. */
export function workTitle({ bodies, compression, shards }: Work): string {
  const size = bodies === "mix" ? "mix" : `${bodies.toLocaleString("en")} B`;
  return `${size}, ${compression}, ${shards.toLocaleString("en")} ${shards === 1 ? "shard" : "shards"}`;
}
