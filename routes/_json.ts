/**
 * Parts of the endpoints: what programs send, and what they are told of what came of it.
 *
 * @module
 */
import type { Refusal } from "../dashboard/api/requests.ts";
import { type AuditedOutcome, FOREIGN_SERVICE } from "../dashboard/commands/audited_send.ts";
import { type CheckedCommand, WHOLE_TEXT } from "../dashboard/commands/command_checks.ts";
import { ANSWER_TIMEOUT_MS, COMMAND_QUEUE } from "../dashboard/commands/command_sender.ts";
import type { FleetSnapshot } from "../dashboard/fleet/fleet_snapshot.ts";
import { isObject, parsed } from "../dashboard/json_checks.ts";
import { isEntryId } from "../dashboard/stream_entry.ts";
import { type Attempt, recordRefusal } from "./_actor.ts";
import { type ApiError, apiError } from "./_api.ts";
import { restartObstacle } from "./_restart.tsx";
import type { PageContext } from "./_route.ts";

const JSON_TYPE = /^application\/json *(?:;|$)/i;

/** The text of a body that says that it is JSON, or the answer to one that does not. */
export async function jsonText(context: PageContext): Promise<string | Response> {
  if (JSON_TYPE.test(context.req.header("content-type") ?? "")) return await context.req.text();
  return apiError(context, "not_json", "Send JSON, with content-type: application/json");
}

/** The object that a body holds, an empty one where there is no body; or the answer to what is none. */
export async function jsonBody(context: PageContext): Promise<Readonly<Record<string, unknown>> | Response> {
  if (await context.req.text() === "") return {};
  const text = await jsonText(context);
  if (typeof text !== "string") return text;
  const body = parsed(text);
  return isObject(body) ? body : apiError(context, "invalid", "Send one JSON object");
}

/** Where reading backwards goes on, undefined for its beginning; or the answer to what is no such place. */
export function readCursor(context: PageContext): string | undefined | Response {
  const before = context.req.query("before");
  if (before === undefined || isEntryId(before)) return before;
  return apiError(context, "invalid", '"before" is that of an earlier answer');
}

/** Whether a request says something else than it must. */
export function isRefusal(value: unknown): value is Refusal {
  return isObject(value) && typeof value["problem"] === "string";
}

export function answerRefusal(context: PageContext, { problem }: Refusal): Response {
  return apiError(context, "invalid", problem);
}

/** What is wrong with a command, all of it, and with which field where it was made from several. */
export function answerProblems(
  context: PageContext,
  { problems }: Extract<CheckedCommand, { ok: false }>,
): Response {
  const lines = problems.map(({ field, text }) => field === WHOLE_TEXT ? text : `${field}: ${text}`);
  return apiError(context, "invalid", lines.join("; "));
}

/** What came of a command that was sent. */
export function answerOutcome(context: PageContext, { outcome, isRecorded }: AuditedOutcome): Response {
  // What was done is done, whatever becomes of the audit.
  context.header("shardline-audited", isRecorded ? "yes" : "no");
  switch (outcome.kind) {
    case "accepted":
    case "sent":
      return context.json({ ok: true });
    case "refused":
      return outcome.error === FOREIGN_SERVICE
        ? apiError(context, FOREIGN_SERVICE, outcome.message)
        : context.json({ error: outcome.error, message: outcome.message }, 422);
    case "no_answer":
      return apiError(
        context,
        "no_answer",
        `No answer within ${
          ANSWER_TIMEOUT_MS / 1_000
        } s: the command lies in queue ${COMMAND_QUEUE}, and is ` +
          "carried out when the gateway can",
      );
    case "unknown":
      return apiError(
        context,
        "not_confirmed",
        `It is not known whether it was sent: ${outcome.problem}; look before you send it again`,
      );
    case "not_sent":
      return apiError(context, "not_sent", `It was not sent: ${outcome.problem}`);
  }
}

/**
 * Answers that something cannot be done, and writes that down.
 *
 * @param refused As the audit is to have it.
 * @param why A sentence.
 */
export async function refuse(
  context: PageContext,
  error: ApiError,
  refused: Attempt,
  why: string,
): Promise<Response> {
  await recordRefusal(context, refused, why);
  return apiError(context, error, why.replace(/\.$/, ""));
}

/**
 * Why none of these shards can be restarted; null where they can.
 *
 * @param refused As the audit is to have it.
 */
export async function answerRestartObstacle(
  context: PageContext,
  { source }: FleetSnapshot,
  refused: Attempt,
): Promise<Response | null> {
  const obstacle = restartObstacle(source);
  if (obstacle === null) return null;
  return await refuse(context, source === "other" ? FOREIGN_SERVICE : "no_shards", refused, obstacle);
}
