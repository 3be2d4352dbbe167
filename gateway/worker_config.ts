/**
 * What the configuration of a process means for one of the worker threads that it spreads its shards over.
 *
 * @module
 */
import type { Config } from "./config.ts";

/** One of the worker threads of a process. */
export interface WorkerPlace {
  /** From 1. */
  readonly number: number;
  /** What all workers of the process are called where replicas have names, in the order of their numbers. */
  readonly replicaNames: readonly string[];
}

/**
 * The configuration of one worker: a part of what the process may use, and a folder of its own. Alone it runs a slice of the
 * process's shards ({@link sliceOf}), in a fleet it is a member like any other.
 *
 * @param number From 1.
 */
export function configOfWorker(config: Config, number: number): Config {
  const { events, fleet, shards: { workers } } = config;
  const replicaNames = Array.from({ length: workers }, (_, at) => `${fleet.replicaName} worker ${at + 1}`);
  const partOf = (whole: number) => {
    const [first, end] = sliceOf(whole, number, workers);
    return end - first;
  };
  return {
    ...config,
    worker: { number, replicaNames },
    events: {
      ...events,
      maxUnconfirmedBytes: Math.max(1, partOf(events.maxUnconfirmedBytes)),
      spool: events.spool && {
        folders: events.spool.folders.map((folder) => workerFolder(folder, number)),
        maxBytes: partOf(events.spool.maxBytes),
      },
    },
    fleet: {
      ...fleet,
      replicaName: replicaNames[number - 1] ?? fleet.replicaName,
      shardsMax: fleet.shardsMax === null ? null : partOf(fleet.shardsMax),
    },
  };
}

/** The folder of a worker's spool, below one that the process may have. */
export function workerFolder(folder: string, number: number): string {
  return `${folder}/worker-${number}`;
}

/** The part of so many things in a row that falls to one worker: slices differ by one at most. */
export function sliceOf(length: number, number: number, workers: number): [first: number, end: number] {
  return [Math.floor(length * (number - 1) / workers), Math.floor(length * number / workers)];
}
