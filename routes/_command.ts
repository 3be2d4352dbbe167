/**
 * Sending a command for somebody, and telling them what came of it.
 *
 * @module
 */
import { type NamedCommand, sendAudited } from "../dashboard/commands/audited_send.ts";
import {
  ANSWER_TIMEOUT_MS,
  COMMAND_QUEUE,
  type CommandOutcome,
} from "../dashboard/commands/command_sender.ts";
import { actorOf } from "./_actor.ts";
import type { Notice, PageContext } from "./_route.ts";

export interface SentCommand {
  /** False where it cannot have left: the form is to be shown again as it was. */
  readonly isSent: boolean;
  readonly notice: Notice;
}

/** As {@link sendAudited}. */
export async function sendFor(context: PageContext, command: NamedCommand): Promise<SentCommand> {
  const { outcome, isRecorded } = await sendAudited(context.get("services"), actorOf(context), command);
  const notice = noticeOf(outcome);
  return { isSent: outcome.kind !== "not_sent", notice: isRecorded ? notice : unrecorded(notice) };
}

function noticeOf(outcome: CommandOutcome): Notice {
  switch (outcome.kind) {
    case "accepted":
      return { kind: "done", text: "The gateway has carried it out." };
    case "sent":
      return { kind: "done", text: "It is sent. The service that runs these shards answers nothing." };
    case "refused":
      return { kind: "refused", text: `${outcome.message} (${outcome.error}).` };
    case "no_answer":
      return {
        kind: "failed",
        text:
          `No answer within ${ANSWER_TIMEOUT_MS / 1_000} s. The command lies in queue ${COMMAND_QUEUE}: ` +
          "the gateway is away, or holds it until it may send it. It is carried out then, unless it has waited " +
          "longer than COMMAND_TTL. Sending it again would carry it out twice.",
      };
    case "unknown":
      return {
        kind: "failed",
        text: `It is not known whether it was sent: ${outcome.problem}. Look before you send it again.`,
      };
    case "not_sent":
      return { kind: "failed", text: `It was not sent: ${outcome.problem}.` };
  }
}

/** What was done is done, whatever becomes of the audit. */
function unrecorded({ kind, text }: Notice): Notice {
  return { kind, text: `${text} It could not be written to the audit; the log has it.` };
}
