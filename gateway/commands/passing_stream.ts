/**
 * What the router has passed to one member, and has not heard of.
 *
 * @module
 */
import type { RoutedCommand } from "./routed_command.ts";

/** A command as it was passed to one member. */
export interface PassedPart {
  readonly stream: PassingStream;
  readonly number: number;
  readonly command: RoutedCommand;
  readonly shards: readonly number[];
}

interface OpenPart {
  readonly part: PassedPart;
  /** How many of its shards have not been heard of. */
  openShards: number;
}

export class PassingStream {
  readonly id: string;
  readonly member: string;
  readonly #open = new Map<number, OpenPart>();
  /** Shards that the member has said to be away. */
  readonly #away = new Set<number>();
  #next = 1;

  constructor(id: string, member: string) {
    this.id = id;
    this.member = member;
  }

  /** Whether all has been heard of. */
  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** All that has not been heard of as a whole. */
  get parts(): PassedPart[] {
    return [...this.#open.values()].map(({ part }) => part);
  }

  /** Puts a command at the end. `reopened`: those of the shards that were away. */
  add(command: RoutedCommand, shards: readonly number[]): { part: PassedPart; reopened: readonly number[] } {
    const part = { stream: this, number: this.#next++, command, shards };
    this.#open.set(part.number, { part, openShards: shards.length });
    return { part, reopened: shards.filter((shard) => this.#away.delete(shard)) };
  }

  /** The number of what ends it; nothing may be added behind that. */
  end(): number {
    return this.#next++;
  }

  /** What has this number; null where all of it has been heard of. */
  part(number: number): PassedPart | null {
    return this.#open.get(number)?.part ?? null;
  }

  wentAway(shard: number): void {
    this.#away.add(shard);
  }

  /** One shard of it has been heard of, or is not waited for any more. */
  closeShard(part: PassedPart): void {
    const open = this.#open.get(part.number);
    if (open === undefined) return;
    open.openShards -= 1;
    if (open.openShards === 0) this.#open.delete(part.number);
  }
}
