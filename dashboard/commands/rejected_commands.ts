/**
 * Commands that the gateway refused, as it keeps them in Redis: a queue cannot be looked through.
 *
 * @module
 */
import { oneLine } from "../../gateway/one_line.ts";
import { REJECTED_KEY } from "../contract_keys.ts";
import { isCount } from "../json_checks.ts";
import type { DashboardRedis } from "../redis.ts";
import { isEntryId, readingBefore, StreamEntry } from "../stream_entry.ts";

/** As much of a command as somebody reads, in UTF-16 units. */
const EXCERPT_LENGTH = 2_000;

export interface RejectedCommand {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Code of the wire contract. */
  readonly reason: string;
  /** A sentence. */
  readonly message: string;
  /** Length of the command; null where that is not told. */
  readonly bytes: number | null;
  /** The command's very text; null where it was too large to be kept, or no text. */
  readonly body: string | null;
}

export interface RejectedPage {
  /** The newest first. */
  readonly commands: readonly RejectedCommand[];
  /** What to hand on as `before` for those that are older; null where there are none. */
  readonly before: string | null;
}

export class RejectedCommands {
  readonly #redis: DashboardRedis;

  constructor(redis: DashboardRedis) {
    this.#redis = redis;
  }

  /**
   * Reads the newest, or those that are older than one.
   *
   * @param options.before Id of that one; what is no id is passed over.
   * @throws RedisAwayError
   */
  async read(
    { before, count }: { readonly before?: string | undefined; readonly count: number },
  ): Promise<RejectedPage> {
    const found = await this.#redis.ask((redis) =>
      redis.xrevrange(REJECTED_KEY, readingBefore(before), "-", "COUNT", count + 1)
    );
    const commands = found.slice(0, count).map((entry) => rejectedCommand(new StreamEntry(entry)));
    return { commands, before: found.length > count ? commands.at(-1)?.id ?? null : null };
  }

  /** Null where it is not, or no longer, kept. @throws RedisAwayError */
  async find(id: string): Promise<RejectedCommand | null> {
    if (!isEntryId(id)) return null;
    const [entry] = await this.#redis.ask((redis) => redis.xrange(REJECTED_KEY, id, id));
    return entry === undefined ? null : rejectedCommand(new StreamEntry(entry));
  }
}

function rejectedCommand(entry: StreamEntry): RejectedCommand {
  const { id, atMs } = entry;
  const bytes = Number(entry.field("bytes") ?? NaN);
  return {
    id,
    atMs,
    reason: entry.field("reason") ?? "unknown",
    message: entry.field("message") ?? "",
    bytes: isCount(bytes) ? bytes : null,
    body: entry.field("body"),
  };
}

/** The beginning of a command as it can be shown: whatever hides or turns around text is taken out. */
export function excerptOf(body: string): string {
  return oneLine(body, EXCERPT_LENGTH);
}
