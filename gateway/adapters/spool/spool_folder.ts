/**
 * The folder of one replica's spool, in the hands of one process.
 *
 * @module
 */
import { failureText } from "../../failure.ts";
import type { UnfitSpoolError } from "./spool_database.ts";

/** What SQLite puts beside a database: the log of what has not been copied into it yet (SQLite docs, WAL). */
const LOG_SUFFIX = "-wal";

/** A UUID. */
const HOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HOLDER_LENGTH = 36;

/** The folder cannot be used. The message says why, and what to do. */
export class FolderUnusableError extends Error {
  override readonly name = "FolderUnusableError";
  /** Another process has it in hand. */
  readonly isInUse: boolean;

  constructor(message: string, { isInUse }: { readonly isInUse: boolean }) {
    super(message);
    this.isInUse = isInUse;
  }
}

export class SpoolFolder {
  readonly path: string;
  readonly databasePath: string;
  /** Names whoever has the folder in hand, one process after the other. Its lock holds it. */
  readonly holder: string;
  /** Locked for as long as it is open: the system unlocks it whatever way this process ends. */
  readonly #lock: Deno.FsFile;

  private constructor(path: string, lock: Deno.FsFile, holder: string) {
    this.path = path;
    this.databasePath = `${path}/spool.db`;
    this.holder = holder;
    this.#lock = lock;
  }

  /**
   * Makes the folder where there is none, for this user alone: events are private.
   *
   * @throws FolderUnusableError
   */
  static async take(path: string): Promise<SpoolFolder> {
    let lock: Deno.FsFile;
    try {
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
      lock = await Deno.open(`${path}/lock`, { create: true, read: true, write: true });
    } catch (error) {
      throw new FolderUnusableError(
        `Cannot write to the spool's folder ${path}: ${failureText(error)}. ` +
          "Let this process write there, or set SPOOL_PATH to a folder where it may",
        { isInUse: false },
      );
    }
    if (await lock.tryLock(true)) return new SpoolFolder(path, lock, await holderIn(lock));
    lock.close();
    throw new FolderUnusableError(
      `Cannot use the spool's folder ${path}: another process uses it. ` +
        "Give this one a SPOOL_PATH or a REPLICA_NAME of its own",
      { isInUse: true },
    );
  }

  async hasDatabase(): Promise<boolean> {
    try {
      await Deno.stat(this.databasePath);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Where {@link moveAside} moves the database. */
  asidePath(label: UnfitSpoolError["label"], wallMs: number): string {
    return `${this.databasePath}.${label}-${new Date(wallMs).toISOString().replaceAll(":", "-")}`;
  }

  /**
   * Moves the database aside, which nobody may have open, and makes room for a new one.
   *
   * @returns The path where it is now.
   */
  async moveAside(label: UnfitSpoolError["label"], wallMs: number): Promise<string> {
    const to = this.asidePath(label, wallMs);
    await Deno.rename(this.databasePath, to);
    // SQLite looks for the log under the database's own name.
    await Deno.rename(this.databasePath + LOG_SUFFIX, to + LOG_SUFFIX).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    return to;
  }

  release(): void {
    this.#lock.close();
  }
}

/** What the lock says, or what is written there for those who follow. */
async function holderIn(lock: Deno.FsFile): Promise<string> {
  const read = new Uint8Array(HOLDER_LENGTH);
  const length = await lock.read(read);
  const found = new TextDecoder().decode(read.subarray(0, length ?? 0));
  if (HOLDER.test(found)) return found;
  const holder = crypto.randomUUID();
  await lock.seek(0, Deno.SeekMode.Start);
  // A disk that takes none of it leaves the next process to make one of its own.
  await lock.write(new TextEncoder().encode(holder)).catch(() => {});
  return holder;
}
