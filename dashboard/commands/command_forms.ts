/**
 * Commands that people fill in as a form: the fields as they were typed, checked, and the command made of them.
 *
 * @module
 */
import { oneLine } from "../../gateway/one_line.ts";
import { Opcode } from "../../gateway/protocol/opcodes.ts";
import { readSnowflake, shardOfGuild } from "../guild_shard.ts";
import {
  checkCommandText,
  type CheckedCommand,
  type CommandShards,
  isNonce,
  NONCE_MAX_BYTES,
  type Problem,
  shardProblems,
  STATUSES,
  typedShards,
  USER_IDS_MOST,
} from "./command_checks.ts";

export interface VoiceStateFields {
  readonly guild: string;
  /** Empty: leaves the channel that the bot is in. */
  readonly channel: string;
  readonly mute: boolean;
  readonly deaf: boolean;
}

export interface MemberRequestFields {
  readonly guild: string;
  /** What names begin with. Empty, where there are no ids: everybody. */
  readonly query: string;
  /** Ids with spaces or commas between them. */
  readonly ids: string;
  readonly limit: string;
  readonly presences: boolean;
  readonly nonce: string;
}

export interface PresenceFields {
  readonly status: string;
  /** Number of an activity type; empty: no activity. */
  readonly type: string;
  readonly name: string;
  readonly state: string;
  readonly url: string;
  /** `all`, or `0-3, 7`. */
  readonly shards: string;
}

/** By number, in the order in which a form offers them (gateway docs, Activity Types). */
export const ACTIVITY_TYPES = [
  [0, "Playing"],
  [2, "Listening to"],
  [3, "Watching"],
  [5, "Competing in"],
  [1, "Streaming"],
  [4, "Custom status"],
] as const;

const STREAMING = 1;
const CUSTOM = 4;
/** The name of a custom status is not shown, and yet there must be one; Discord's own clients send this. */
const CUSTOM_NAME = "Custom Status";

/** Discord documents no bound; this one is what its libraries use. */
export const ACTIVITY_TEXT_LENGTH = 128;

/** The only addresses whose streams Discord shows (gateway docs, Activity Object). */
const STREAM_URL = /^https:\/\/(?:www\.)?(?:twitch\.tv|youtube\.com)\/\S+$/;

/** Longer than any that leads to a stream. */
const URL_LENGTH = 300;

/** Members that Discord sends at most for the beginning of a name (gateway docs, Request Guild Members). */
const QUERY_LIMIT_MOST = 100;

const TOTAL_UNKNOWN = "The number of shards is not known yet, so neither is the shard of this guild";
const GUILD_ID = "Write the id of a guild, in digits";

/** @param total How many shards there are; null where that is not known. */
export function checkVoiceState(fields: VoiceStateFields, total: number | null): CheckedCommand {
  const problems: Problem[] = [];
  const guild = readGuild(fields.guild, total, problems);
  const channel = fields.channel.trim() === "" ? null : readSnowflake(fields.channel);
  if (channel === null && fields.channel.trim() !== "") {
    problems.push({
      field: "channel",
      text: "Write the id of a voice channel in digits, or nothing to leave",
    });
  }
  if (problems.length > 0 || guild === null) return { ok: false, problems };
  const action = `Voice state in guild ${guild.id}: ${channel === null ? "leave" : `channel ${channel}`}`;
  return commandOf(action, guild.shard, Opcode.VoiceStateUpdate, {
    guild_id: guild.id,
    channel_id: channel,
    self_mute: fields.mute,
    self_deaf: fields.deaf,
  });
}

/** @param total How many shards there are; null where that is not known. */
export function checkMemberRequest(fields: MemberRequestFields, total: number | null): CheckedCommand {
  const problems: Problem[] = [];
  const guild = readGuild(fields.guild, total, problems);
  const ids = fields.ids.split(/[\s,]+/).filter((id) => id !== "");
  const which = ids.length > 0 ? byIds(fields, ids, problems) : byQuery(fields, problems);
  if (!isNonce(fields.nonce)) {
    problems.push({
      field: "nonce",
      text: `Write at most ${NONCE_MAX_BYTES} bytes: Discord drops a longer one`,
    });
  }
  if (problems.length > 0 || guild === null) return { ok: false, problems };
  return commandOf(`Member request in guild ${guild.id}`, guild.shard, Opcode.RequestGuildMembers, {
    guild_id: guild.id,
    ...which,
    ...(fields.presences ? { presences: true } : {}),
    ...(fields.nonce === "" ? {} : { nonce: fields.nonce }),
  });
}

/** @param total How many shards there are; null where that is not known, and then not checked. */
export function checkPresence(fields: PresenceFields, total: number | null): CheckedCommand {
  const problems: Problem[] = [];
  const shards = typedShards(fields.shards);
  if (shards === null) problems.push({ field: "shards", text: "Write all, or shards like 0-3, 7" });
  else problems.push(...shardProblems(shards, total).map((text) => ({ field: "shards", text })));
  if (!STATUSES.some((status) => status === fields.status)) {
    problems.push({ field: "status", text: `Choose one of ${STATUSES.join(", ")}` });
  }
  const activities = fields.type === "" ? [] : [readActivity(fields, problems)];
  if (problems.length > 0 || shards === null) return { ok: false, problems };
  // Other services of this contract take a command for one shard alone, by its number.
  const [only, ...others] = shards === "all" ? [] : shards;
  const shard = only === undefined || others.length > 0 ? shards : only;
  return commandOf(presenceWords(fields), shard, Opcode.PresenceUpdate, {
    since: null,
    activities,
    status: fields.status,
    afk: false,
  });
}

function presenceWords({ status, type, name, state }: PresenceFields): string {
  const words = ACTIVITY_TYPES.find(([number]) => String(number) === type)?.[1];
  if (words === undefined) return `Presence ${status}`;
  return `Presence ${status}, ${words} ${type === String(CUSTOM) ? state : name}`;
}

function readActivity({ type, name, state, url }: PresenceFields, problems: Problem[]): object {
  const number = ACTIVITY_TYPES.find(([number]) => String(number) === type)?.[0];
  if (number === undefined) problems.push({ field: "type", text: "Choose one of those offered" });
  const long = (field: string, text: string) => {
    if (text.length > ACTIVITY_TEXT_LENGTH) {
      problems.push({ field, text: `Write at most ${ACTIVITY_TEXT_LENGTH} characters` });
    }
  };
  long("state", state);
  if (number === CUSTOM) {
    if (state.trim() === "") problems.push({ field: "state", text: "Write what a custom status is to say" });
    return { name: CUSTOM_NAME, type: number, state };
  }
  if (name.trim() === "") {
    problems.push({ field: "name", text: "Write a name: Discord shows no activity without one" });
  }
  long("name", name);
  if (number === STREAMING && (!STREAM_URL.test(url.trim()) || url.length > URL_LENGTH)) {
    problems.push({
      field: "url",
      text:
        "Write an address that begins with https://twitch.tv/ or https://youtube.com/: Discord streams from no other",
    });
  }
  return {
    name,
    type: number,
    ...(state.trim() === "" ? {} : { state }),
    ...(number === STREAMING ? { url: url.trim() } : {}),
  };
}

function readGuild(
  text: string,
  total: number | null,
  problems: Problem[],
): { id: string; shard: number } | null {
  const id = readSnowflake(text);
  if (id === null) problems.push({ field: "guild", text: GUILD_ID });
  else if (total === null) problems.push({ field: "guild", text: TOTAL_UNKNOWN });
  return id === null || total === null ? null : { id, shard: shardOfGuild(id, total) };
}

function byIds({ query }: MemberRequestFields, ids: readonly string[], problems: Problem[]): object {
  if (query !== "") {
    problems.push({ field: "query", text: "Leave this or the ids empty: Discord takes one of both" });
  }
  const wrong = ids.find((id) => readSnowflake(id) === null);
  if (wrong !== undefined) {
    problems.push({ field: "ids", text: `Write ids of users, in digits: "${oneLine(wrong, 30)}" is none` });
  }
  if (ids.length > USER_IDS_MOST) {
    problems.push({ field: "ids", text: `Name at most ${USER_IDS_MOST} users: here are ${ids.length}` });
  }
  return { user_ids: ids.map(readSnowflake) };
}

function byQuery({ query, limit }: MemberRequestFields, problems: Problem[]): object {
  const digits = limit.trim() === "" ? "0" : limit.trim();
  const number = /^\d{1,9}$/.test(digits) ? Number(digits) : null;
  if (number === null) problems.push({ field: "limit", text: "Write a whole number, 0 for all" });
  else if (query !== "" && (number < 1 || number > QUERY_LIMIT_MOST)) {
    problems.push({
      field: "limit",
      text: `Write 1 to ${QUERY_LIMIT_MOST}: for a name Discord sends no more`,
    });
  }
  return { query, limit: number };
}

/** Whatever a form cannot know better, its size above all, is found as it is for a typed command. */
function commandOf(
  action: string,
  shard: number | CommandShards,
  opcode: number,
  data: object,
): CheckedCommand {
  const text = JSON.stringify({ op: 0, shard, data: { op: opcode, d: data } });
  const checked = checkCommandText(text, null);
  return checked.ok ? { ...checked, action } : checked;
}
