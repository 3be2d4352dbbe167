/**
 * What people did through the dashboard, kept in Redis for everybody who may look.
 *
 * There is one entry for an action, written once its outcome is known. An entry before it would be one more thing that
 * can fail while somebody needs to act, and could say nothing of what came of it. So whoever acts has acted, whatever
 * becomes of the entry: what Redis does not take goes to the log instead, whole, and the person is told. Only a
 * dashboard that is killed while an action waits for its answer, which takes seconds, leaves none of either.
 *
 * @module
 */
import { failureText } from "../../gateway/failure.ts";
import { oneLine } from "../../gateway/one_line.ts";
import { AUDIT_KEY } from "../contract_keys.ts";
import type { DashboardRedis } from "../redis.ts";
import { readingBefore, StreamEntry } from "../stream_entry.ts";

/** An entry takes some 300 bytes, and 2 KiB at most: a busy year of some operators, in 3 MB of Redis. */
const ENTRIES_MOST = 10_000;

/** Longest texts of an entry, in UTF-16 units. What people type goes into some of them. */
const LENGTHS = { who: 100, role: 20, address: 64, action: 300, shards: 200, outcome: 500 } as const;

export interface AuditEntry {
  /** As they are called who acted. */
  readonly who: string;
  readonly role?: string;
  /** From where, as far as that is known: an IP address, or "unknown". */
  readonly address: string;
  /** What was done, in a few words: `Restart`, `Presence idle`. */
  readonly action: string;
  /** For which shards: `all`, `0-3, 7`, `none`. */
  readonly shards: string;
  /** What came of it, in a few words. */
  readonly outcome: string;
}

export interface RecordedAction extends Required<AuditEntry> {
  readonly id: string;
  /** Milliseconds since the epoch, by the clock of Redis. */
  readonly atMs: number;
}

export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly RecordedAction[];
  /** What to hand on as `before` for those that are older; null where there are none. */
  readonly before: string | null;
}

export class AuditLog {
  readonly #redis: DashboardRedis;
  readonly #tellLost: (message: string) => void;

  /** @param tellLost Hears of each entry that may not be in Redis, whole, as one line for the log. */
  constructor(redis: DashboardRedis, tellLost: (message: string) => void) {
    this.#redis = redis;
    this.#tellLost = tellLost;
  }

  /** Writes an entry down. Never rejects; false where Redis may not have it, and the log has. */
  async record(entry: AuditEntry): Promise<boolean> {
    const bounded = {
      who: oneLine(entry.who, LENGTHS.who),
      role: oneLine(entry.role ?? "", LENGTHS.role),
      address: oneLine(entry.address, LENGTHS.address),
      action: oneLine(entry.action, LENGTHS.action),
      shards: oneLine(entry.shards, LENGTHS.shards),
      outcome: oneLine(entry.outcome, LENGTHS.outcome),
    };
    const fields = Object.entries(bounded).flat();
    try {
      await this.#redis.ask((redis) => redis.xadd(AUDIT_KEY, "MAXLEN", ENTRIES_MOST, "*", ...fields));
      return true;
    } catch (error) {
      this.#tellLost(
        `Cannot write to the audit (${failureText(error)}) what was done: ${JSON.stringify(bounded)}`,
      );
      return false;
    }
  }

  /**
   * Reads the newest, or those that are older than an entry.
   *
   * @param options.before Id of that entry; what is no id is passed over.
   * @throws RedisAwayError
   */
  async read(
    { before, count }: { readonly before?: string | undefined; readonly count: number },
  ): Promise<AuditPage> {
    // One more than asked for shows whether there are older ones.
    const found = await this.#redis.ask((redis) =>
      redis.xrevrange(AUDIT_KEY, readingBefore(before), "-", "COUNT", count + 1)
    );
    const entries = found.slice(0, count).map((entry) => recordedAction(new StreamEntry(entry)));
    return { entries, before: found.length > count ? entries.at(-1)?.id ?? null : null };
  }
}

function recordedAction(entry: StreamEntry): RecordedAction {
  const { id, atMs } = entry;
  const field = (name: string) => entry.field(name) ?? "";
  return {
    id,
    atMs,
    who: field("who"),
    role: field("role"),
    address: field("address"),
    action: field("action"),
    shards: field("shards"),
    outcome: field("outcome"),
  };
}
