/**
 * The spool's thread, as seen from the sockets' thread.
 *
 * @module
 */
import type { SpoolContents } from "../../delivery/spool.ts";
import type { UnfitSpoolError } from "./spool_database.ts";
import type { SpoolAnswer, SpoolRequest, SpoolRequestKind, SpoolValue } from "./spool_request.ts";

/** A request was not carried out. */
export class SpoolThreadError extends Error {
  override readonly name = "SpoolThreadError";
  /** Under which label the file is to be moved aside; null where trying again may help. */
  readonly unfit: UnfitSpoolError["label"] | null;

  constructor(message: string, unfit: UnfitSpoolError["label"] | null) {
    super(message);
    this.unfit = unfit;
  }
}

export function startSpoolWorker(): Worker {
  return new Worker(new URL("./spool_worker.ts", import.meta.url), { type: "module", name: "spool" });
}

export class SpoolThread {
  /** What the database held. Rejects with a {@link SpoolThreadError} where it cannot be opened; then this has ended. */
  readonly opened: Promise<SpoolContents>;
  readonly #worker: Worker;
  /** Who waits for an answer, in the order of the requests. */
  readonly #waiting: ((answer: SpoolAnswer) => void)[] = [];
  /** What every request is answered with since the thread has ended; null while it runs. */
  #farewell: SpoolAnswer | null = null;

  /** @param total Number of shards, where it is known by now. */
  constructor(worker: Worker, database: { path: string; bot: string | null; total: number | null }) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<SpoolAnswer>) => this.#waiting.shift()?.(data);
    worker.onerror = (event) => {
      event.preventDefault(); // it would end the whole process
      this.#stop(`the spool's thread has died: ${event.message}`);
    };
    this.opened = this.#open(database);
  }

  /** It answers no request any more; another one is to be started. */
  get hasEnded(): boolean {
    return this.#farewell !== null;
  }

  /**
   * Requests are carried out one after the other.
   *
   * @param transfer What of the request is handed over instead of copied.
   * @throws SpoolThreadError
   */
  async request<Kind extends SpoolRequestKind>(
    request: SpoolRequest<Kind>,
    transfer: ArrayBuffer[] = [],
  ): Promise<SpoolValue<Kind>> {
    const answer = await new Promise<SpoolAnswer<Kind>>((resolve) => {
      if (this.#farewell !== null) return resolve(this.#farewell as SpoolAnswer<Kind>);
      this.#worker.postMessage(request, transfer);
      this.#waiting.push(resolve as (answer: SpoolAnswer) => void);
    });
    if (answer.kind === "done") return answer.value;
    throw new SpoolThreadError(answer.message, answer.unfit);
  }

  /** Ends it when everything it was asked by now is done and the file is closed. */
  async close(): Promise<void> {
    // What was asked while the file was being opened is asked first.
    await this.opened.catch(() => {});
    await this.#end();
  }

  async #end(): Promise<void> {
    // Where that fails the thread has died, and the system has closed the file.
    await this.request({ kind: "close" }).catch(() => {});
    this.#stop("the spool is closed");
  }

  async #open({ path, bot, total }: { path: string; bot: string | null; total: number | null }) {
    try {
      const contents = await this.request({ kind: "open", path, bot });
      if (total !== null) await this.request({ kind: "begin", total, keepPoints: true });
      return contents;
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #stop(reason: string): void {
    if (this.#farewell !== null) return;
    this.#farewell = { kind: "failed", message: reason, unfit: null };
    this.#worker.terminate();
    for (const settle of this.#waiting.splice(0)) settle(this.#farewell);
  }
}
