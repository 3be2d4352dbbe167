/**
 * The spool on local disk. A thread of its own waits for the disk. It runs from the beginning, though it takes some
 * 17 MB: starting it keeps the sockets waiting, and an outage would be the worst moment for that.
 *
 * @module
 */
import type { Clock } from "../../clock.ts";
import {
  NOTHING_SPOOLED,
  type Spool,
  type SpooledPage,
  SpoolLostError,
  type SpoolOpening,
  type SpoolWrite,
} from "../../delivery/spool.ts";
import type { UnfitSpoolError } from "./spool_database.ts";
import { failureText } from "../../failure.ts";
import { buffersOf, packEvents, unpackEvents } from "./packed_events.ts";
import { FolderUnusableError, SpoolFolder } from "./spool_folder.ts";
import type { SpoolRequest } from "./spool_request.ts";
import { SpoolThread, SpoolThreadError, startSpoolWorker } from "./spool_thread.ts";

export interface SqliteSpoolOptions {
  /** The first that no other process uses is this one's; made where there is none. Asked for when it is opened. */
  readonly folders: () => readonly string[];
  readonly clock: Pick<Clock, "wallMs">;
  /** Starts `spool_worker.ts`; tests hand in others. */
  readonly startWorker?: () => Worker;
}

export class SqliteSpool implements Spool {
  readonly #options: Required<SqliteSpoolOptions>;
  #opening: Promise<SpoolOpening> | null = null;
  #closing: Promise<void> | null = null;
  #folder: SpoolFolder | null = null;
  #thread: SpoolThread | null = null;
  #bot: string | null = null;
  /** As {@link begin} said; null before it. */
  #total: number | null = null;
  /** A database that cannot be gone on with, until {@link begin}. */
  #unfit: { readonly label: UnfitSpoolError["label"]; readonly foundAtMs: number } | null = null;

  constructor(options: SqliteSpoolOptions) {
    this.#options = { startWorker: startSpoolWorker, ...options };
  }

  open({ bot }: { readonly bot: string | null }): Promise<SpoolOpening> {
    this.#bot = bot;
    this.#opening = this.#open();
    return this.#opening;
  }

  async begin(
    { total, keepPoints }: { readonly total: number; readonly keepPoints: boolean },
  ): Promise<void> {
    this.#total = total;
    if (this.#unfit !== null) {
      await this.#folder?.moveAside(this.#unfit.label, this.#unfit.foundAtMs);
      this.#unfit = null;
    }
    await this.#change({ kind: "begin", total, keepPoints });
  }

  async write({ events, confirmed, points, quarantined }: SpoolWrite): Promise<void> {
    const packed = packEvents(events);
    const packedQuarantine = packEvents(quarantined.map((event) => ({ position: 0, event })));
    const atMs = this.#options.clock.wallMs();
    await this.#change(
      { kind: "write", events: packed, confirmed, points, quarantined: packedQuarantine, atMs },
      [...buffersOf(packed), ...buffersOf(packedQuarantine)],
    );
  }

  async read(shard: number, afterPosition: number, maxBytes: number): Promise<SpooledPage> {
    const thread = this.#runningThread();
    await thread.opened;
    const page = await thread.request({ kind: "read", shard, afterPosition, maxBytes });
    return { ...page, events: unpackEvents(page.events) };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<SpoolOpening> {
    try {
      this.#folder = await takeFirst(this.#options.folders());
      if (!await this.#folder.hasDatabase()) {
        const { holder } = this.#folder;
        return { kind: "ready", contents: NOTHING_SPOOLED, holder, movedAside: null };
      }
      return await this.#openDatabase(this.#folder);
    } catch (error) {
      if (error instanceof FolderUnusableError) return { kind: "unusable", problem: error.message };
      const advice = "See to it, or set SPOOL_PATH to another folder";
      const where = this.#folder?.path ?? this.#options.folders()[0];
      const problem = `Cannot use the spool in ${where}: ${failureText(error)}. ${advice}`;
      return { kind: "unusable", problem };
    }
  }

  async #openDatabase(folder: SpoolFolder): Promise<SpoolOpening> {
    const { holder } = folder;
    const thread = this.#runningThread();
    try {
      const contents = await thread.opened;
      return { kind: "ready", contents, holder, movedAside: null };
    } catch (error) {
      if (!(error instanceof SpoolThreadError) || error.unfit === null) throw error;
      this.#unfit = { label: error.unfit, foundAtMs: this.#options.clock.wallMs() };
      const to = folder.asidePath(error.unfit, this.#unfit.foundAtMs);
      const isLost = error.unfit !== "other-bot";
      const movedAside = { to, problem: error.message, isLost };
      return { kind: "ready", contents: NOTHING_SPOOLED, holder, movedAside };
    }
  }

  /** Where the database turns out to be damaged it is moved aside, so that the next change finds a new one. */
  async #change(request: SpoolRequest<"begin" | "write">, transfer: ArrayBuffer[] = []): Promise<void> {
    const thread = this.#runningThread();
    try {
      await thread.opened;
      await thread.request(request, transfer);
    } catch (error) {
      if (!(error instanceof SpoolThreadError) || error.unfit === null) throw error;
      await thread.close();
      const to = await this.#folder?.moveAside(error.unfit, this.#options.clock.wallMs());
      throw new SpoolLostError(`${error.message}; moved aside to ${to}`, { cause: error });
    }
  }

  /** The thread, started where none runs. Its database may not be open yet. */
  #runningThread(): SpoolThread {
    if (this.#folder === null || this.#closing !== null) {
      throw new Error("Cannot use the spool: it is not open");
    }
    if (this.#thread === null || this.#thread.hasEnded) {
      const path = this.#folder.databasePath;
      const worker = this.#options.startWorker();
      this.#thread = new SpoolThread(worker, { path, bot: this.#bot, total: this.#total });
    }
    return this.#thread;
  }

  async #close(): Promise<void> {
    await this.#opening;
    await this.#thread?.close();
    this.#folder?.release();
  }
}

/** @throws FolderUnusableError Where none is free, or the first that is free cannot be used. */
async function takeFirst(folders: readonly string[]): Promise<SpoolFolder> {
  let inUse: unknown;
  for (const folder of folders) {
    try {
      return await SpoolFolder.take(folder);
    } catch (error) {
      if (!(error instanceof FolderUnusableError && error.isInUse)) throw error;
      inUse ??= error;
    }
  }
  throw inUse;
}
