/**
 * The port to where the state cache is kept.
 *
 * @module
 */
import type { Entity } from "./entity.ts";

/** Channels, by their ids. */
export type ChannelSelection = "all" | readonly string[];

/**
 * One change. Where `wantsOld`, what was kept before is told; `ttlMs` 0 is for ever.
 *
 * `set` keeps a text. `merge` changes members of a text that is kept, and does nothing where none is: `members` are names
 * and values in turn, each as it stands in JSON. `delete` forgets. `clear` forgets what a set names, at most so much of it;
 * before a channel its messages, but for those of `keepsMessagesOf`, which stay. `clear_emojis` forgets all emojis of a
 * guild. `mark` says of a guild whether what is kept of it is behind: not all of it, or not the newest.
 */
export type StateStep =
  | {
    readonly step: "set";
    readonly entity: Entity;
    readonly value: Uint8Array;
    readonly ttlMs: number;
    readonly wantsOld: boolean;
  }
  | {
    readonly step: "merge";
    readonly entity: Entity;
    readonly members: readonly Uint8Array[];
    readonly ttlMs: number;
    readonly wantsOld: boolean;
  }
  | { readonly step: "delete"; readonly entity: Entity; readonly wantsOld: boolean }
  | {
    readonly step: "clear";
    readonly group: string;
    readonly keepsMessagesOf: ChannelSelection;
    readonly atMost: number;
  }
  | { readonly step: "clear_emojis"; readonly guild: string; readonly wantsOld: boolean }
  | { readonly step: "mark"; readonly guild: string; readonly isBehind: boolean };

/** How far the sessions of a shard are in the cache: every event up to there that it heeds. The newest session is last. */
export interface WrittenShard {
  readonly shard: number;
  readonly sessions: readonly { readonly id: string; readonly sequence: number }[];
}

export interface StateOutcome {
  /** What each step that wanted it found, in order; null where there was nothing. */
  readonly olds: readonly (Uint8Array | null)[];
  /** What the last `clear` has left. */
  readonly left: number;
}

/** Some of the guilds, so few that whoever takes them holds nobody up. */
export interface GuildPage {
  readonly ids: readonly string[];
  /** By what the next page is asked for; null: this is the last. */
  readonly next: string | null;
}

/** What a store says of what it keeps. */
export interface KeptAlready {
  /** The bot whose user it keeps; null where it keeps none. */
  readonly botId: string | null;
  /** As it was last told, by whatever process. */
  readonly written: readonly WrittenShard[];
}

/** What a store tells its user. */
export interface StateStoreEvents {
  /** It takes steps now. */
  opened(kept: KeptAlready): void;
  /** It takes none until the next `opened`, and answers nothing of what it was asked before. */
  closed(): void;
}

export interface StateStore {
  /** Connects, and reconnects until {@link close}. Safe to call once. */
  start(events: StateStoreEvents): void;
  /**
   * Carries the steps out in one piece, nobody's in between; only between `opened` and `closed`. What is asked first is
   * done first. Never settles where the store is closed meanwhile. Rejects where something else stands under one of the
   * keys; what was done before it stays.
   *
   * @param shard Of whose event they are. Where another process holds its lease they are not carried out: the store closes.
   * @param written What is so once the steps are carried out, for whatever process opens the store next.
   */
  apply(
    steps: readonly StateStep[],
    shard?: number,
    written?: WrittenShard["sessions"],
  ): Promise<StateOutcome>;
  /** How far these shards are in the cache, whoever wrote it; of which nothing is known are absent. Never settles where the store is closed meanwhile. */
  written(shards: readonly number[]): Promise<readonly WrittenShard[]>;
  /**
   * Ids of guilds that are kept, or marked as behind, a page of them: all have been in one once there is no next. What is kept anew or
   * forgotten meanwhile may be in one or not, and a guild in several. Never settles where the store is closed meanwhile.
   *
   * @param page The `next` of the page before; null for the first.
   */
  guilds(page: string | null): Promise<GuildPage>;
  /** Ends the connection. Safe twice, and before `start`. */
  close(): Promise<void>;
}
