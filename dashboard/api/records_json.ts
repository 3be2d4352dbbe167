/**
 * What is kept for looking back, as endpoints tell of it, in the spelling of `fleet_json.ts`: refused commands, and what
 * people did.
 *
 * @module
 */
import type { AuditPage } from "../audit/audit_log.ts";
import type { RejectedPage } from "../commands/rejected_commands.ts";

/** As many as one answer has of either. */
export const RECORDS_COUNT = 100;

export interface RejectedJson {
  /** The newest first. */
  readonly commands: readonly RejectedCommandJson[];
  /** What to hand on as `before` for those that are older; null where there are none. */
  readonly before: string | null;
}

export interface RejectedCommandJson {
  readonly id: string;
  readonly at: number;
  readonly reason: string;
  readonly message: string;
  readonly bytes: number | null;
  /** Null where it was too large to be kept, or no text. */
  readonly body: string | null;
}

export interface AuditJson {
  /** The newest first. */
  readonly entries: readonly AuditEntryJson[];
  /** As in {@link RejectedJson}. */
  readonly before: string | null;
}

export interface AuditEntryJson {
  readonly id: string;
  readonly at: number;
  readonly who: string;
  readonly role: string;
  readonly address: string;
  readonly action: string;
  readonly shards: string;
  readonly outcome: string;
}

export function rejectedJson({ commands, before }: RejectedPage): RejectedJson {
  return {
    commands: commands.map(({ id, atMs, reason, message, bytes, body }) => (
      { id, at: atMs, reason, message, bytes, body }
    )),
    before,
  };
}

export function auditJson({ entries, before }: AuditPage): AuditJson {
  return {
    entries: entries.map(({ id, atMs, who, role, address, action, shards, outcome }) => (
      { id, at: atMs, who, role, address, action, shards, outcome }
    )),
    before,
  };
}
