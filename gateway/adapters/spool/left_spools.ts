/**
 * Finds what is in spools that nobody opens any more, because a process spreads its shards over another number of workers
 * than the one before it did.
 *
 * @module
 */
import { workerFolder } from "../../worker_config.ts";
import { SpoolDatabase } from "./spool_database.ts";
import { SpoolFolder } from "./spool_folder.ts";

export interface LeftSpool {
  readonly folder: string;
  readonly events: number;
  /** With how many workers it would be opened. */
  readonly workers: number;
}

/**
 * Those with events, below the folders that the process may have. What another process has in hand is not among them, nor
 * what cannot be read: who opens it again will say so.
 *
 * @param workers So many there are now; 1: none, the process has a folder itself.
 */
export async function leftSpools(folders: readonly string[], workers: number): Promise<LeftSpool[]> {
  const left: LeftSpool[] = [];
  for (const folder of folders) {
    const others = (await workersIn(folder)).filter((number) => workers === 1 || number > workers);
    const places = others.map((number) => ({
      folder: workerFolder(folder, number),
      workers: Math.max(2, number),
    }));
    if (workers > 1) places.unshift({ folder, workers: 1 });
    for (const place of places) {
      const events = await eventsIn(place.folder);
      if (events > 0) left.push({ ...place, events });
    }
  }
  return left;
}

/** Numbers of the workers that have had a folder there. */
async function workersIn(folder: string): Promise<number[]> {
  const numbers: number[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const number = Number(/^worker-([1-9]\d*)$/.exec(name)?.[1]);
      if (number > 0) numbers.push(number);
    }
  } catch {
    // No process has had it, or this one may not look into it.
  }
  return numbers.sort((one, other) => one - other);
}

/** How many events lie there; 0 also where another process has it in hand, or it cannot be read. */
export async function eventsIn(path: string): Promise<number> {
  if (!await Deno.stat(`${path}/spool.db`).then(({ isFile }) => isFile, () => false)) return 0;
  const folder = await SpoolFolder.take(path).catch(() => null);
  try {
    if (folder === null) return 0;
    const { database, contents } = SpoolDatabase.open(folder.databasePath, null);
    database.close();
    return [...contents.lanes.values()].reduce((sum, { events }) => sum + events, 0);
  } catch {
    return 0;
  } finally {
    folder?.release();
  }
}
