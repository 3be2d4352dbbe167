/**
 * What programs ask for in the bodies of their requests: read, and checked as far as forms do not check it already.
 *
 * @module
 */
import { isShardCount, SHARDS_MOST } from "../../gateway/protocol/shard_count.ts";
import { type CommandShards, STATUSES, typedShards } from "../commands/command_checks.ts";
import type { PresenceFields } from "../commands/command_forms.ts";
import { isCount, isObject } from "../json_checks.ts";
import { isRestartMode, RESTART_MODES, type RestartMode } from "../restarts/restart.ts";
import { readShardList } from "../shard_list.ts";

/** A body that does not say what it must. */
export interface Refusal {
  /** A sentence without a full stop: what to send instead. */
  readonly problem: string;
}

type Body = Readonly<Record<string, unknown>>;

/** By the words of the setting `ACTIVITY_TYPE` (gateway docs, Activity Types). */
export const ACTIVITY_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["playing", 0],
  ["streaming", 1],
  ["listening", 2],
  ["watching", 3],
  ["custom", 4],
  ["competing", 5],
]);

const SHARDS_WANTED =
  '"shards" is "all", a text like "0-3, 7", a number from 0 on, or a list of such numbers';

/** `"shards"`, which must be there: nobody asks for all of them by leaving something out. */
export function readShards({ shards }: Body): CommandShards | Refusal {
  const listed = typeof shards === "string" && shards.trim() !== ""
    ? typedShards(shards)
    : readShardList(numbersText(shards));
  return listed ?? { problem: SHARDS_WANTED };
}

function numbersText(shards: unknown): string {
  const numbers: unknown[] = Array.isArray(shards) ? shards : [shards];
  return numbers.every(isCount) ? numbers.join(",") : "";
}

/** `"mode"`; none means `resume`. */
export function readMode(body: Body): RestartMode | Refusal {
  const mode = body["mode"] ?? "resume";
  if (isRestartMode(mode)) return mode;
  return { problem: `"mode" is ${RESTART_MODES.map((known) => JSON.stringify(known)).join(" or ")}` };
}

/** `"drain"`; none means true. */
export function readDrain(body: Body): boolean | Refusal {
  const drain = body["drain"] ?? true;
  return typeof drain === "boolean" ? drain : { problem: '"drain" is true or false' };
}

/** `"total"`, or `"abandon"`, which is null. */
export function readReshard({ total, abandon }: Body): number | null | Refusal {
  if (abandon === true && total === undefined) return null;
  if (abandon === undefined && isShardCount(total)) return total;
  return { problem: `Send "total", an integer from 1 to ${SHARDS_MOST}, or "abandon", which is true` };
}

/** `"shards"`, `"status"` and `"activity"`, as a form for it has them. */
export function readPresence(body: Body): PresenceFields | Refusal {
  const shards = readShards(body);
  if (typeof shards === "object" && "problem" in shards) return shards;
  const { status, activity = null } = body;
  if (typeof status !== "string") return { problem: `"status" is one of ${STATUSES.join(", ")}` };
  const common = { shards: shards === "all" ? shards : shards.join(","), status };
  if (activity === null) return { ...common, type: "", name: "", state: "", url: "" };
  if (!isObject(activity)) return { problem: '"activity" is an object: {"type", "name", "state", "url"}' };
  const { type, name = "", state = "", url = "" } = activity;
  const number = ACTIVITY_NUMBERS.get(String(type));
  if (number === undefined) {
    return { problem: `"activity.type" is one of ${[...ACTIVITY_NUMBERS.keys()].join(", ")}` };
  }
  if (typeof name !== "string" || typeof state !== "string" || typeof url !== "string") {
    return { problem: '"activity.name", "activity.state" and "activity.url" are texts' };
  }
  return { ...common, type: String(number), name, state, url };
}
