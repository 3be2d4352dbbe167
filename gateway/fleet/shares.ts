/**
 * Who is to run which shard: the same answer for everybody who has read the same, with as little moved as possible.
 *
 * @module
 */

/** A member that takes part. */
export interface Sharer {
  readonly id: string;
  /** Shards that it may run, inclusive. */
  readonly first: number;
  readonly last: number;
  /** How many of them at most; Infinity: any number. */
  readonly most: number;
  /** It takes none, and keeps only what nobody else has room for. */
  readonly leaving: boolean;
}

interface Load {
  readonly sharer: Sharer;
  /** Ascending. */
  readonly shards: number[];
}

/**
 * The member for each shard. One that nobody has room for is absent, or stays with a leaving member that holds it. Loads
 * differ by no more than one between any two members that may run the same shards and have room.
 *
 * @param holders Who holds which shard now.
 * @param reserved Shards that are not to be given to anybody: they are run by somebody who does not take part.
 */
export function shareOut(
  total: number,
  sharers: readonly Sharer[],
  holders: ReadonlyMap<number, string>,
  reserved: ReadonlySet<number> = new Set(),
): Map<number, string> {
  const loads = sharers.filter(({ leaving }) => !leaving).map((sharer): Load => ({ sharer, shards: [] }))
    .sort((one, other) => one.sharer.id < other.sharer.id ? -1 : 1);
  const byId = new Map(loads.map((load) => [load.sharer.id, load]));
  const free: number[] = [];
  for (let shard = 0; shard < total; shard++) {
    if (reserved.has(shard)) continue;
    const load = byId.get(holders.get(shard) ?? "");
    if (load !== undefined && takes(load, shard)) load.shards.push(shard);
    else free.push(shard);
  }
  const leaving = new Set(sharers.filter(({ leaving }) => leaving).map(({ id }) => id));
  const shares = new Map<number, string>();
  for (const shard of free) {
    const load = lightest(loads.filter((load) => takes(load, shard)));
    const holder = holders.get(shard);
    if (load !== undefined) add(load, shard);
    else if (holder !== undefined && leaving.has(holder)) shares.set(shard, holder);
  }
  even(loads);
  for (const { sharer, shards } of loads) {
    for (const shard of shards) shares.set(shard, sharer.id);
  }
  return shares;
}

function takes({ sharer, shards }: Load, shard: number): boolean {
  return shard >= sharer.first && shard <= sharer.last && shards.length < sharer.most;
}

function add({ shards }: Load, shard: number): void {
  shards.splice(shards.findLastIndex((other) => other < shard) + 1, 0, shard);
}

/** Moves one shard after the other from who has most to who has fewest, until nobody has two more than another. */
function even(loads: readonly Load[]): void {
  for (let move; (move = nextMove(loads)) !== null;) {
    const { from, to, shard } = move;
    from.shards.splice(from.shards.lastIndexOf(shard), 1);
    add(to, shard);
  }
}

/** The highest shard of who has most that who has fewest may run; of others, where these two cannot. */
function nextMove(loads: readonly Load[]): { from: Load; to: Load; shard: number } | null {
  const fromLightest = loads.toSorted((one, other) => one.shards.length - other.shards.length);
  for (const from of fromLightest.toReversed()) {
    for (const to of fromLightest) {
      if (from.shards.length - to.shards.length < 2) break;
      const shard = from.shards.findLast((shard) => takes(to, shard));
      if (shard !== undefined) return { from, to, shard };
    }
  }
  return null;
}

/** The first of those with the fewest. */
function lightest(loads: readonly Load[]): Load | undefined {
  let found: Load | undefined;
  for (const load of loads) {
    if (found === undefined || load.shards.length < found.shards.length) found = load;
  }
  return found;
}
