/**
 * One gateway with its lines to everybody.
 *
 * @module
 */
import type { Line } from "./line.ts";
import type { WatchedGateway } from "./watched_gateway.ts";

export interface Replica {
  readonly name: string;
  readonly gateway: WatchedGateway;
  readonly lines: Lines;
}

export interface Lines {
  readonly rabbit: Line;
  readonly redis: Line;
  readonly discord: Line;
}
