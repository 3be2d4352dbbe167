/**
 * Reads commands, the messages of the queue `gateway.send`.
 *
 * @module
 */

import { MemberScan, readSnowflake, skipWhitespace } from "../protocol/json_scan.ts";
import { CLIENT_FRAME_MAX_BYTES, COMMAND_OPCODES, Opcode } from "../protocol/opcodes.ts";
import { isShardCount, SHARDS_MOST } from "../protocol/shard_count.ts";
import type { ReconnectMode } from "../shard/machine.ts";

/** A command that may be carried out, as far as its text tells: whether its shards exist is not known here. */
export type Command = ShardsCommand | DrainCommand | ReshardCommand;

/** For shards, wherever they run. */
export type ShardsCommand =
  /** Sends a gateway payload on each of the shards. */
  | {
    readonly kind: "send";
    readonly shards: CommandShards;
    readonly opcode: number;
    /** The very text of the payload as it stood in the command. */
    readonly payload: string;
    /** Of a presence update the very text of `d`, to be sent again in a new session; of others null. */
    readonly presence: string | null;
  }
  /** Reconnects each of the shards. */
  | { readonly kind: "reconnect"; readonly shards: CommandShards; readonly mode: ReconnectMode };

/** Has a replica of a fleet hand its shards over and take none, or take some again. */
export interface DrainCommand {
  readonly kind: "drain";
  /** `REPLICA_NAME`. */
  readonly replica: string;
  readonly isDrained: boolean;
}

/** Begins a change of the number of shards, or gives up the one that is under way. */
export interface ReshardCommand {
  readonly kind: "reshard";
  /** How many there are to be; null: give up. */
  readonly total: number | null;
}

/** Shard ids, each once and at least one; or the one that a guild is on. */
export type CommandShards = "all" | readonly number[] | { readonly guildId: bigint };

/** Why a command is refused: header `reason`, and `error` of a reply. The last four are found out elsewhere. */
export const COMMAND_ERRORS = [
  "not_json",
  "invalid",
  "unknown_op",
  "forbidden_op",
  "too_large",
  "unknown_shard",
  "unknown_replica",
  "cannot_reshard",
  "expired",
] as const;

export type CommandError = typeof COMMAND_ERRORS[number];

export function isCommandError(value: unknown): value is CommandError {
  return COMMAND_ERRORS.some((error) => error === value);
}

export interface CommandRefusal {
  readonly ok: false;
  readonly error: CommandError;
  /** One sentence for whoever sent it: what to send instead. Never quotes the command. */
  readonly message: string;
}

export type CommandReading = { readonly ok: true; readonly command: Command } | CommandRefusal;

/**
 * Above this a body is refused before it is parsed. A payload of 4096 bytes and a list of every shard that any
 * bot has fit many times over.
 */
const COMMAND_MAX_BYTES = 1024 * 1024;

/** What the `op` of a payload looks like: other spellings of the number, `3.0`, may mean something else to Discord. */
const PLAIN_INTEGER = /^(?:0|[1-9]\d*)$/;

const KNOWN_OPS =
  "0 for a gateway payload, 1 to reconnect, 2 to change the number of shards, 3 to drain a replica";

// A byte order mark is not JSON, so it is kept for JSON.parse to refuse.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads and checks one command. Never throws, whatever the bytes are. */
export function readCommand(body: Uint8Array): CommandReading {
  if (body.length > COMMAND_MAX_BYTES) {
    return refuse("too_large", `The command is too large: send at most ${COMMAND_MAX_BYTES} bytes`);
  }
  const value = parse(body);
  if (value === NOT_JSON) {
    return refuse("not_json", 'The command is not JSON: send {"op", "shard", "data"} in UTF-8');
  }
  if (!isObject(value)) {
    return refuse("invalid", 'The command is not an object: send {"op", "shard", "data"}');
  }
  const { op, shard, guild_id: guildId, data } = value;
  if (typeof op !== "number") return refuse("invalid", `The command has no op: send "op" as ${KNOWN_OPS}`);
  if (op === 2) return readReshard(data);
  if (op === 3) return readDrain(value);
  if (op !== 0 && op !== 1) return refuse("unknown_op", `The command's op is unknown: send ${KNOWN_OPS}`);
  if (shard !== undefined && guildId !== undefined) {
    return refuse("invalid", 'The command names its shards twice: send either "shard" or "guild_id"');
  }
  const shards = guildId === undefined ? readShards(shard) : readGuild(body);
  if (shards === null) {
    const problem = guildId === undefined ? "names no shards" : "has a guild_id that is no id";
    return refuse(
      "invalid",
      `The command ${problem}: send "shard" as an integer >= 0, a list of them, or "all", ` +
        'or "guild_id" as the id of a guild, in digits alone',
    );
  }
  return op === 0 ? readSend(body, shards) : readReconnect(data, shards);
}

function readDrain({ replica, data }: Readonly<Record<string, unknown>>): CommandReading {
  if (typeof replica !== "string" || replica === "") {
    return refuse("invalid", 'The command names no replica: send "replica" as its REPLICA_NAME');
  }
  if (!isObject(data) || typeof data["drain"] !== "boolean") {
    return refuse("invalid", 'The command does not say what to do: send {"drain": true} or {"drain": false}');
  }
  return { ok: true, command: { kind: "drain", replica, isDrained: data["drain"] } };
}

function readReshard(data: unknown): CommandReading {
  const { total, abandon } = isObject(data) ? data : {};
  if (abandon === true && total === undefined) return { ok: true, command: { kind: "reshard", total: null } };
  if (isShardCount(total) && abandon === undefined) return { ok: true, command: { kind: "reshard", total } };
  return refuse(
    "invalid",
    'The command does not say how many shards there are to be: send {"total": …} as an integer from 1 to ' +
      `${SHARDS_MOST}, or {"abandon": true} to give up the change that is under way`,
  );
}

function readReconnect(data: unknown, shards: CommandShards): CommandReading {
  const mode = reconnectMode(data);
  if (mode === null) {
    return refuse(
      "invalid",
      'The mode is unknown: send no "data", or {"mode": "resume"}, or {"mode": "identify"}',
    );
  }
  return { ok: true, command: { kind: "reconnect", shards, mode } };
}

/** Resume where no mode is asked for; null where an unknown one is. */
function reconnectMode(data: unknown): ReconnectMode | null {
  if (data === undefined || data === null) return "resume";
  if (!isObject(data)) return null;
  const { mode } = data;
  if (mode === undefined) return "resume";
  return mode === "resume" || mode === "identify" ? mode : null;
}

/** `body` is valid JSON of an object. */
function readSend(body: Uint8Array, shards: CommandShards): CommandReading {
  const payloadSpan = lastMember(body, skipWhitespace(body, 0), "data").span;
  if (payloadSpan === null) return refuseMissingPayload();
  const op = lastMember(body, payloadSpan.start, "op");
  const data = lastMember(body, payloadSpan.start, "d");
  if (op.span === null || data.span === null) return refuseMissingPayload();
  // Which of two members of one name counts is up to each reader: Discord must read what was checked here.
  if (op.count > 1 || data.count > 1) {
    return refuse("invalid", 'The gateway payload repeats a member: send "op" and "d" once each');
  }
  const opText = textOf(body, op.span);
  if (!PLAIN_INTEGER.test(opText)) {
    return refuse("invalid", 'The gateway payload has no plain op: send "op" as an integer, in digits alone');
  }
  const opcode = Number(opText);
  if (!COMMAND_OPCODES.has(opcode)) {
    const allowed = [...COMMAND_OPCODES].join(", ");
    return refuse("forbidden_op", `The gateway op may not be sent: send one of ${allowed}`);
  }
  if (payloadSpan.end - payloadSpan.start > CLIENT_FRAME_MAX_BYTES) {
    return refuse(
      "too_large",
      `The gateway payload is too large: send at most ${CLIENT_FRAME_MAX_BYTES} bytes, as Discord allows`,
    );
  }
  const payload = textOf(body, payloadSpan);
  const presence = opcode === Opcode.PresenceUpdate ? textOf(body, data.span) : null;
  if (presence !== null && !isPresence(JSON.parse(presence))) {
    return refuse(
      "invalid",
      'The presence is none: send "d" as an object whose "status" is text and whose "activities" are a list',
    );
  }
  return { ok: true, command: { kind: "send", shards, opcode, payload, presence } };
}

/** As far as Discord may not be sent anything else: a presence is sent again after every IDENTIFY. */
function isPresence(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { status, activities } = value;
  return (status === undefined || typeof status === "string") &&
    (activities === undefined || Array.isArray(activities));
}

function refuseMissingPayload(): CommandRefusal {
  return refuse("invalid", 'The command carries no gateway payload: send "data" as an object {"op", "d"}');
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** How many members of the object at `start` have this name, and where the last one's value is. */
function lastMember(bytes: Uint8Array, start: number, name: string): { count: number; span: Span | null } {
  let count = 0;
  let span: Span | null = null;
  const scan = new MemberScan(bytes, start);
  while (scan.next()) {
    if (!scan.keyIs(name)) continue;
    count++;
    span = { start: scan.valueStart, end: scan.valueEnd };
  }
  return { count, span };
}

function textOf(bytes: Uint8Array, span: Span): string {
  return decoder.decode(bytes.subarray(span.start, span.end));
}

/** Null for anything but "all", a shard id, and a list of at least one. */
function readShards(value: unknown): CommandShards | null {
  if (value === "all") return "all";
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  return ids.length > 0 && ids.every(isShardId) ? [...new Set(ids)] : null;
}

/** By the text, because a number beyond 2^53 has lost digits once it is parsed. `body` is valid JSON of an object. */
function readGuild(body: Uint8Array): CommandShards | null {
  const { span } = lastMember(body, skipWhitespace(body, 0), "guild_id");
  const guildId = span && readSnowflake(body, span.start, span.end);
  // Some libraries send a zero where nothing was set.
  return guildId ? { guildId } : null;
}

function isShardId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

const NOT_JSON = Symbol("not JSON");

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch {
    return NOT_JSON;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(error: CommandError, message: string): CommandRefusal {
  return { ok: false, error, message };
}
