/**
 * What happened to a shard, as sentences for people.
 *
 * @module
 */
import { closeCode, END_SESSION, LEAVE_RESUMABLY } from "../../gateway/protocol/close_codes.ts";
import { oneLine } from "../../gateway/one_line.ts";
import { durationText } from "../duration.ts";

/** How much it matters: `good` ends an absence, `bad` loses events or needs somebody. */
export type LifeTone = "good" | "plain" | "warn" | "bad";

export interface LifePhrase {
  readonly text: string;
  readonly tone: LifeTone;
}

/** The fields of an event as they were read, so anything. */
type Fields = Readonly<Record<string, unknown>>;

interface Row {
  readonly tone: LifeTone;
  readonly text: (fields: Fields) => string;
}

/** Hosts, types and close reasons come from the network and have no bound of their own. */
const WORD_LENGTH_MAX = 120;
const SESSION_SHOWN = 8;

const ROWS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ["connecting", { tone: "plain", text: connectingText }],
  ["connected", {
    tone: "plain",
    text: ({ heartbeat_interval_ms: ms }) =>
      isNumber(ms) ? `Connected, a heartbeat every ${durationText(ms)}` : "Connected",
  }],
  ["identifying", { tone: "plain", text: () => "Identifying: a new session" }],
  ["ready", { tone: "good", text: readyText }],
  ["resuming", { tone: "plain", text: resumingText }],
  ["resumed", {
    tone: "good",
    text: ({ replayed }) =>
      isNumber(replayed) ? `Resumed: ${counted(replayed, "event")} repeated by Discord` : "Resumed",
  }],
  ["disconnected", { tone: "warn", text: disconnectedText }],
  ["reconnecting", { tone: "plain", text: reconnectingText }],
  ["zombie", { tone: "warn", text: () => "A heartbeat was not answered: the connection is given up" }],
  ["silent", { tone: "warn", text: silentText }],
  ["handed_over", { tone: "plain", text: handedOverText }],
  ["parked", { tone: "warn", text: () => "Parked: away until the broker has caught up" }],
  ["unparked", {
    tone: "plain",
    text: ({ parked_ms: ms }) =>
      isNumber(ms) ? `No longer parked, after ${durationText(ms)}` : "No longer parked",
  }],
  ["gap", { tone: "bad", text: gapText }],
  ["fatal", { tone: "bad", text: fatalText }],
]);

/** Why events are missing (wire contract, News). */
const GAP_WORDS: ReadonlyMap<string, string> = new Map([
  ["invalid_session", "Discord ended the session"],
  ["invalid_sequence", "Discord did not know how far the session was"],
  ["session_timed_out", "the session timed out"],
  ["intents_changed", "the intents were changed"],
  ["total_changed", "the number of shards was changed"],
  ["restart_requested", "a new session was asked for"],
  ["resume_disabled", "resuming is switched off"],
  ["not_resumable", "the session could not be resumed"],
  ["expired_while_parked", "the session ended while the shard was parked"],
  ["bot_changed", "the session was another bot's"],
  ["superseded", "a later session had begun"],
  ["event_refused", "the broker refused it for good"],
  ["spool_damaged", "events on disk could not be read"],
]);

/**
 * The sentence for one entry of a shard's life.
 *
 * @param data As it was read: whatever it lacks, or has that does not fit, is not said.
 */
export function lifePhrase(kind: string, data: unknown): LifePhrase {
  const row = ROWS.get(kind);
  if (row === undefined) {
    return { text: `Something that this page does not know: ${word(kind)}`, tone: "plain" };
  }
  return { text: row.text(fieldsOf(data)), tone: row.tone };
}

/** Enough of a session's id to tell it from others; never the whole of it, however short it is. */
export function shortSession(id: string): string {
  // What was written shortened stays as it is.
  const isShort = id.endsWith("…") && id.length <= SESSION_SHOWN + 1;
  const shown = isShort ? id.length - 1 : Math.min(SESSION_SHOWN, Math.floor(id.length / 2));
  return `${oneLine(id.slice(0, shown), SESSION_SHOWN)}…`;
}

function connectingText({ host, attempt }: Fields): string {
  const again = isNumber(attempt) && attempt > 1 ? `, try ${thousands(attempt)}` : "";
  return isWord(host) ? `Connecting to ${word(host)}${again}` : `Connecting${again}`;
}

function readyText({ session, guilds, resumable }: Fields): string {
  const name = isWord(session) ? ` ${shortSession(session)}` : "";
  const size = isNumber(guilds) ? ` with ${counted(guilds, "guild")}` : "";
  return `Ready: session${name}${size}${resumable === false ? ", which cannot be resumed" : ""}`;
}

function resumingText({ session, sequence }: Fields): string {
  const name = isWord(session) ? ` ${shortSession(session)}` : "";
  return `Resuming session${name}${isNumber(sequence) ? ` after event ${thousands(sequence)}` : ""}`;
}

function disconnectedText({ code, reason, by }: Fields): string {
  const said = isWord(reason) ? ` (“${word(reason)}”)` : "";
  if (by === "us") {
    const left = code === END_SESSION ? ", session ended" : code === LEAVE_RESUMABLY ? ", session kept" : "";
    return `Disconnected by us${isNumber(code) ? `: ${code}` : ""}${left}${said}`;
  }
  const who = by === "discord" ? " by Discord" : by === "network" ? " by the network" : "";
  return `Disconnected${who}${isNumber(code) ? `: ${code}, ${closeCode(code).meaning}` : ""}${said}`;
}

function handedOverText({ to, done }: Fields): string {
  const whom = isWord(to) ? ` to ${word(to)}` : "";
  return done === false
    ? `Not handed over${whom}: its events were not confirmed in time`
    : `Handed over${whom}`;
}

function reconnectingText({ delay_ms: ms, resume }: Fields): string {
  const when = isNumber(ms) && ms >= 1 ? `in ${durationText(ms)}` : "at once";
  const how = resume === true ? ", to resume" : resume === false ? ", for a new session" : "";
  return `Connecting again ${when}${how}`;
}

function silentText({ silent_ms: silent, usual_ms: usual }: Fields): string {
  if (!isNumber(silent)) return "Silent for longer than usual: the connection is given up";
  const known = isNumber(usual) ? `, where ${durationText(usual)} was the longest so far` : "";
  return `Silent for ${durationText(silent)}${known}: the connection is given up`;
}

function gapText(fields: Fields): string {
  const { reason, old_session: session, last_sequence: last, type, sequence } = fields;
  const why = isWord(reason) ? `: ${GAP_WORDS.get(reason) ?? word(reason)}` : "";
  if (isNumber(sequence)) {
    return `Event ${thousands(sequence)}${isWord(type) ? ` (${word(type)})` : ""} is missing${why}`;
  }
  const name = isWord(session) ? ` of session ${shortSession(session)}` : "";
  return `Events are missing${isNumber(last) ? ` after ${thousands(last)}` : ""}${name}${why}`;
}

function fatalText({ code, meaning }: Fields): string {
  if (!isNumber(code)) return "Discord refuses for good";
  return `Discord refuses for good: ${code}, ${isWord(meaning) ? word(meaning) : closeCode(code).meaning}`;
}

function fieldsOf(data: unknown): Fields {
  return typeof data === "object" && data !== null ? { ...data } : {};
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isWord(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function word(text: string): string {
  return oneLine(text, WORD_LENGTH_MAX);
}

function thousands(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function counted(count: number, noun: string): string {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}
