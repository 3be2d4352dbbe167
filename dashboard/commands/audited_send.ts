/**
 * Sending a command for somebody, so that the audit knows.
 *
 * @module
 */
import type { AuditLog } from "../audit/audit_log.ts";
import type { FleetReader } from "../fleet/fleet_reader.ts";
import type { Actor } from "../restarts/rolling_restart.ts";
import { isForOneShard, opOf } from "./command_checks.ts";
import type { CommandOutcome, CommandSender } from "./command_sender.ts";

/** A command, and how the audit calls it. */
export interface NamedCommand {
  /** Its very text. */
  readonly text: string;
  readonly action: string;
  readonly shards: string;
}

export interface AuditedOutcome {
  readonly outcome: CommandOutcome;
  /** False where the audit may not have it. */
  readonly isRecorded: boolean;
}

/** Code of a refusal that is ours: the service that runs these shards is not ours, and would not do what is meant. */
export const FOREIGN_SERVICE = "foreign_service";

export interface AuditedSendServices {
  readonly commands: CommandSender;
  readonly audit: AuditLog;
  readonly fleet: FleetReader;
}

/**
 * Sends it, and writes to the audit what came of it. Rejects with a RedisAwayError, nothing having been sent, where it
 * cannot be known whose shards they are.
 */
export async function sendAudited(
  { commands, audit, fleet }: AuditedSendServices,
  by: Actor,
  { text, action, shards }: NamedCommand,
): Promise<AuditedOutcome> {
  const { source } = await fleet.read();
  const outcome = source === "other" ? await sendToOther(commands, text) : await commands.send({ text });
  const isRecorded = await audit.record({ ...by, action, shards, outcome: outcomeText(outcome) });
  return { outcome, isRecorded };
}

/** To a service that knows less: it shuts a shard down on op 1, takes one shard at a time, and answers nothing. */
async function sendToOther(commands: CommandSender, text: string): Promise<CommandOutcome> {
  switch (opOf(text)) {
    case 1:
      return foreign(
        "Another service runs these shards: told to restart one, it would shut it down for good",
      );
    case 2:
      return foreign("Another service runs these shards, and cannot change their number while it runs");
    case 3:
      return foreign("Another service runs these shards, and has no replicas to drain");
  }
  if (!isForOneShard(text)) {
    return foreign("Another service runs these shards, and takes one at a time: name one");
  }
  return await commands.send({ text }, { isAnswered: false });
}

function foreign(message: string): CommandOutcome {
  return { kind: "refused", error: FOREIGN_SERVICE, message };
}

function outcomeText(outcome: CommandOutcome): string {
  switch (outcome.kind) {
    case "accepted":
      return "Carried out";
    case "sent":
      return "Sent";
    case "refused":
      return `Refused, ${outcome.error}: ${outcome.message}`;
    case "no_answer":
      return "Sent, no answer in time";
    case "unknown":
      return `Not known whether it was sent: ${outcome.problem}`;
    case "not_sent":
      return `Not sent: ${outcome.problem}`;
  }
}
