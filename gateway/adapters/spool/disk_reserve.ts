/**
 * Disk space held back, so that a disk that the spool has filled can be emptied again: removing an event takes room
 * too, for SQLite's log and for copying it.
 *
 * @module
 */

/** Random bytes, which no file system keeps in less room than they take. */
const PIECE = crypto.getRandomValues(new Uint8Array(64 * 1024));

export class DiskReserve {
  readonly #path: string;
  readonly #bytes: number;
  #isHeld = false;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /**
   * Holds it, if it is not held.
   *
   * @throws Error of the system where there is no room for it.
   */
  hold(): void {
    if (this.#isHeld) return;
    try {
      using file = Deno.openSync(this.#path, { create: true, write: true });
      for (let size = file.seekSync(0, Deno.SeekMode.End); size < this.#bytes;) size += file.writeSync(PIECE);
    } catch (error) {
      this.release();
      throw error;
    }
    this.#isHeld = true;
  }

  /** Gives it to whoever needs the room now. */
  release(): void {
    this.#isHeld = false;
    try {
      Deno.removeSync(this.#path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
