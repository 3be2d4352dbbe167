/**
 * Checks of a command before it is sent: what the gateway would refuse (the wire contract, Commands), and what Discord
 * would close the connection over. The gateway checks again; here whoever typed it hears of everything at once.
 *
 * @module
 */
import { MemberScan, skipWhitespace } from "../../gateway/protocol/json_scan.ts";
import { CLIENT_FRAME_MAX_BYTES, COMMAND_OPCODES, Opcode } from "../../gateway/protocol/opcodes.ts";
import { isShardCount, SHARDS_MOST } from "../../gateway/protocol/shard_count.ts";
import { readSnowflake } from "../guild_shard.ts";
import { isCount, isObject, parsed } from "../json_checks.ts";
import { readShardList, shardListText } from "../shard_list.ts";

/** What is wrong with a field of a form. */
export interface Problem {
  readonly field: string;
  /** A sentence without a full stop: what to write instead. */
  readonly text: string;
}

/** Field of a problem with a command that is typed as one text. */
export const WHOLE_TEXT = "text";

export type CheckedCommand =
  | {
    readonly ok: true;
    /** The command's very text. */
    readonly text: string;
    /** What it is, in a few words. */
    readonly action: string;
    /** `all`, or `0-3, 7`. */
    readonly shards: string;
  }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What the audit has in place of shards where a command names none. */
export const NO_SHARDS = "none";

export type CommandShards = readonly number[] | "all";

/** A command is at most this large (the wire contract, Commands). */
const COMMAND_MAX_BYTES = 1024 * 1024;
/** What the `op` of a payload looks like: other spellings of the number may mean something else to Discord. */
const PLAIN_INTEGER = /^(?:0|[1-9]\d*)$/;

/** What a presence may say of a person (gateway docs, Status Types). */
export const STATUSES = ["online", "idle", "dnd", "invisible", "offline"] as const;
/** Ids that one request for members may name (gateway docs, Request Guild Members). */
export const USER_IDS_MOST = 100;
/** Bytes of a nonce; a longer one is not echoed (gateway docs, Request Guild Members). */
export const NONCE_MAX_BYTES = 32;

/** What a payload is called, by its `op`. */
const PAYLOAD_NAMES: Readonly<Record<number, string>> = {
  [Opcode.PresenceUpdate]: "Presence",
  [Opcode.VoiceStateUpdate]: "Voice state",
  [Opcode.RequestGuildMembers]: "Member request",
  [Opcode.RequestSoundboardSounds]: "Soundboard request",
  [Opcode.RequestChannelInfo]: "Channel info request",
};

/**
 * Checks the text of a whole command.
 *
 * @param total How many shards there are; null where that is not known, and then not checked.
 */
export function checkCommandText(text: string, total: number | null): CheckedCommand {
  const problems: string[] = [];
  const command = parsed(text);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > COMMAND_MAX_BYTES) problems.push(`Send at most ${COMMAND_MAX_BYTES} bytes in all`);
  if (command === undefined) problems.push(`This is not JSON: ${faultOf(text)}`);
  else if (!isObject(command)) problems.push('Send an object: {"op", "shard", "data"}');
  if (problems.length > 0 || !isObject(command)) return refused(problems);
  const { op, shard, data } = command;
  const ofGateway = gatewayProblems(command);
  if (ofGateway !== null) {
    return ofGateway.length > 0
      ? refused(ofGateway)
      : { ok: true, text, action: actionOf(command), shards: NO_SHARDS };
  }
  const shards = commandShards(shard);
  if (shards === null) problems.push('"shard" is an integer from 0 on, a list of them, or "all"');
  else problems.push(...shardProblems(shards, total));
  if (op === 0) problems.push(...payloadProblems(bytes));
  else if (op === 1) problems.push(...modeProblems(data));
  else {
    problems.push(
      '"op" is 0 for a gateway payload, 1 to reconnect, 2 to change the number of shards, 3 to drain a replica',
    );
  }
  if (problems.length > 0 || shards === null) return refused(problems);
  return { ok: true, text, action: actionOf(command), shards: shardsText(shards) };
}

/** What is wrong with a command that is for no shards; null where it is for some. */
function gatewayProblems({ op, replica, data }: Readonly<Record<string, unknown>>): readonly string[] | null {
  const { drain, total, abandon } = isObject(data) ? data : {};
  switch (op) {
    case 2:
      return failing([[
        abandon === undefined ? isShardCount(total) : abandon === true && total === undefined,
        `"data" is {"total": …} with a number from 1 to ${SHARDS_MOST}, or {"abandon": true}`,
      ]]);
    case 3:
      return failing([
        [typeof replica === "string" && replica !== "", '"replica" is the name of a replica'],
        [typeof drain === "boolean", '"data" is {"drain": true} or {"drain": false}'],
      ]);
    default:
      return null;
  }
}

/** The `op` that the text of any command names. */
export function opOf(text: string): unknown {
  const command = parsed(text);
  return isObject(command) ? command["op"] : undefined;
}

/** What the audit calls it. @param total How many shards there are to be; null: the change is given up. */
export function reshardWords(total: number | null): string {
  if (total === null) return "Abandon the change of the number of shards";
  return `Change to ${total === 1 ? "1 shard" : `${total} shards`}`;
}

/** What the audit calls it. */
export function drainWords(replica: string, isDrained: boolean): string {
  return isDrained ? `Drain replica ${replica}` : `Let replica ${replica} take shards`;
}

/** Whether a command names its one shard by its number alone. */
export function isForOneShard(text: string): boolean {
  const command = parsed(text);
  return isObject(command) && isCount(command["shard"]);
}

/** What the text of any command is, as far as that can be told. */
export function commandWords(text: string): { readonly action: string; readonly shards: string } {
  const command = parsed(text);
  if (!isObject(command)) return { action: "Command", shards: "unknown" };
  const shards = commandShards(command["shard"]);
  if (gatewayProblems(command) !== null) return { action: actionOf(command), shards: NO_SHARDS };
  return { action: actionOf(command), shards: shards === null ? "unknown" : shardsText(shards) };
}

/** Shards in a few words. */
function shardsText(shards: CommandShards): string {
  return shards === "all" ? "all" : shardListText([...shards].sort((one, other) => one - other));
}

/** The shards that somebody typed: `all`, nothing, which is the same, or `0-3, 7`; null where it is none of these. */
export function typedShards(text: string): CommandShards | null {
  return ["", "all"].includes(text.trim().toLowerCase()) ? "all" : readShardList(text);
}

/** What is wrong with shards where their number is known. */
export function shardProblems(shards: CommandShards, total: number | null): string[] {
  if (shards === "all" || total === null) return [];
  const unknown = shards.find((shard) => shard >= total);
  return unknown === undefined ? [] : [`There is no shard ${unknown}: they are 0 to ${total - 1}`];
}

function refused(problems: readonly string[]): CheckedCommand {
  return { ok: false, problems: problems.map((text) => ({ field: WHOLE_TEXT, text })) };
}

function faultOf(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

function actionOf({ op, replica, data }: Readonly<Record<string, unknown>>): string {
  if (op === 2) return reshardWords(isObject(data) && isShardCount(data["total"]) ? data["total"] : null);
  if (op === 3) return drainWords(String(replica), isObject(data) && data["drain"] === true);
  if (op === 1) return isObject(data) && data["mode"] === "identify" ? "Restart with new session" : "Restart";
  return PAYLOAD_NAMES[Number(isObject(data) ? data["op"] : 0)] ?? "Command";
}

function commandShards(value: unknown): CommandShards | null {
  if (value === "all") return "all";
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  return ids.length > 0 && ids.every(isCount) ? [...new Set(ids)] : null;
}

function modeProblems(data: unknown): string[] {
  if (data === undefined || data === null) return [];
  const mode = isObject(data) ? data["mode"] : null;
  if (mode === undefined || mode === "resume" || mode === "identify") return [];
  return ['"data" is left out, {"mode": "resume"} or {"mode": "identify"}'];
}

/** @param command Text of the whole command, which is a JSON object. */
function payloadProblems(command: Uint8Array): string[] {
  const { text } = lastMember(command, skipWhitespace(command, 0), "data");
  if (text === null || !isObject(parsed(text))) {
    return ['"data" is the gateway payload, an object: {"op", "d"}'];
  }
  const payload = new TextEncoder().encode(text);
  const op = lastMember(payload, 0, "op");
  const data = lastMember(payload, 0, "d");
  const problems: string[] = [];
  if (payload.length > CLIENT_FRAME_MAX_BYTES) {
    problems.push(
      `"data" has ${payload.length} bytes: Discord takes ${CLIENT_FRAME_MAX_BYTES} at most`,
    );
  }
  if (op.count > 1 || data.count > 1) problems.push('"data" repeats a member: send "op" and "d" once each');
  const isPlain = op.text !== null && PLAIN_INTEGER.test(op.text);
  if (!isPlain) problems.push('"data.op" is an integer, in digits alone');
  else if (!COMMAND_OPCODES.has(Number(op.text))) {
    problems.push(`"data.op" is one of ${[...COMMAND_OPCODES].join(", ")}`);
  }
  if (data.text === null) problems.push('"data.d" is missing');
  else if (isPlain) problems.push(...dataProblems(Number(op.text), parsed(data.text)));
  return problems;
}

/** How many members of the object at `start` have this name, and the last one's text. */
function lastMember(bytes: Uint8Array, start: number, name: string): { count: number; text: string | null } {
  let count = 0;
  let text: string | null = null;
  const scan = new MemberScan(bytes, start);
  while (scan.next()) {
    if (!scan.keyIs(name)) continue;
    count++;
    text = new TextDecoder().decode(bytes.subarray(scan.valueStart, scan.valueEnd));
  }
  return { count, text };
}

function dataProblems(op: number, data: unknown): string[] {
  if (!COMMAND_OPCODES.has(op)) return [];
  if (!isObject(data)) return ['"data.d" is an object'];
  switch (op) {
    case Opcode.PresenceUpdate:
      return presenceProblems(data);
    case Opcode.VoiceStateUpdate:
      return voiceProblems(data);
    case Opcode.RequestGuildMembers:
      return memberProblems(data);
    default:
      return [];
  }
}

type Data = Readonly<Record<string, unknown>>;

function presenceProblems({ status, activities, since, afk }: Data): string[] {
  return failing([
    [
      status === undefined || STATUSES.some((known) => known === status),
      `"data.d.status" is one of ${STATUSES.join(", ")}`,
    ],
    [
      activities === undefined || (Array.isArray(activities) && activities.every(isActivity)),
      '"data.d.activities" is a list of objects with a "name" and an integer "type"',
    ],
    [
      since === undefined || since === null || isCount(since),
      '"data.d.since" is milliseconds since the epoch, or null',
    ],
    [afk === undefined || typeof afk === "boolean", '"data.d.afk" is true or false'],
  ]);
}

function isActivity(value: unknown): boolean {
  return isObject(value) && typeof value["name"] === "string" && isCount(value["type"]);
}

function voiceProblems({ guild_id, channel_id, self_mute, self_deaf }: Data): string[] {
  return failing([
    [isSnowflake(guild_id), '"data.d.guild_id" is the id of a guild'],
    [
      channel_id === null || isSnowflake(channel_id),
      '"data.d.channel_id" is the id of a channel, or null to leave',
    ],
    [typeof self_mute === "boolean", '"data.d.self_mute" is true or false'],
    [typeof self_deaf === "boolean", '"data.d.self_deaf" is true or false'],
  ]);
}

function memberProblems({ guild_id, query, user_ids, limit, presences, nonce }: Data): string[] {
  const userIds: unknown[] = Array.isArray(user_ids) ? user_ids : [user_ids];
  return failing([
    [isSnowflake(guild_id), '"data.d.guild_id" is the id of one guild'],
    [
      (query === undefined) !== (user_ids === undefined),
      '"data.d" has either "query" or "user_ids": Discord closes the connection over both or none',
    ],
    [query === undefined || typeof query === "string", '"data.d.query" is text'],
    [
      user_ids === undefined || (userIds.every(isSnowflake) && userIds.length > 0),
      '"data.d.user_ids" is the id of a user, or a list of them',
    ],
    [userIds.length <= USER_IDS_MOST, `"data.d.user_ids" names at most ${USER_IDS_MOST} users`],
    [
      isCount(limit) || (limit === undefined && query === undefined),
      '"data.d.limit" is an integer from 0 on; with "query" it must be there',
    ],
    [presences === undefined || typeof presences === "boolean", '"data.d.presences" is true or false'],
    [
      nonce === undefined || (typeof nonce === "string" && isNonce(nonce)),
      `"data.d.nonce" is text of at most ${NONCE_MAX_BYTES} bytes`,
    ],
  ]);
}

/** Whether Discord would echo it. */
export function isNonce(text: string): boolean {
  return new TextEncoder().encode(text).length <= NONCE_MAX_BYTES;
}

/** Numbers beyond 2^53 have been rounded here, and are sent as they stand in the text. */
function isSnowflake(value: unknown): boolean {
  return typeof value === "string"
    ? readSnowflake(value) === value
    : Number.isInteger(value) && Number(value) > 0;
}

/** What is said of each condition that does not hold. */
function failing(conditions: readonly (readonly [holds: boolean, otherwise: string])[]): string[] {
  return conditions.filter(([holds]) => !holds).map(([, otherwise]) => otherwise);
}
