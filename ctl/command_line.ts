/**
 * What may follow `deno task ctl`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ACTIVITY_NUMBERS } from "../dashboard/api/requests.ts";
import { CELL_STATES, type CellState, isCellState } from "../dashboard/fleet/fleet_snapshot.ts";
import { readSnowflake } from "../dashboard/guild_shard.ts";
import type { RestartMode } from "../dashboard/restarts/restart.ts";
import { readShardId, readShardList, shardListText } from "../dashboard/shard_list.ts";
import { isShardCount, SHARDS_MOST } from "../gateway/protocol/shard_count.ts";
import { EXIT_STATUSES, UsageError } from "./failure.ts";

export type Command =
  | { readonly name: "shards"; readonly statuses: readonly CellState[] }
  | { readonly name: "shard"; readonly shard: number }
  | { readonly name: "guild"; readonly guildId: string }
  | {
    readonly name: "restart";
    /** `all`, or `3-7, 9`. */
    readonly shards: string;
    readonly mode: RestartMode;
    /** Not to be asked about. */
    readonly isSure: boolean;
  }
  | { readonly name: "restart status" | "restart stop" }
  | {
    readonly name: "reshard";
    readonly total: number;
    /** Not to be asked about. */
    readonly isSure: boolean;
  }
  | { readonly name: "reshard abandon" }
  | { readonly name: "drain" | "undrain"; readonly replica: string }
  /** `body`: of the request, but for what the dashboard checks. */
  | { readonly name: "presence"; readonly body: PresenceBody }
  | { readonly name: "command"; readonly text: string }
  | { readonly name: "replicas" | "queues" | "rejected" | "audit" | "watch" };

export interface PresenceBody {
  readonly shards: string;
  readonly status: string;
  readonly activity: ActivityBody | null;
}

export interface ActivityBody {
  readonly type: string;
  readonly name: string;
  readonly state: string;
  readonly url: string;
}

export interface CommandLine {
  readonly command: Command;
  /** Prints what the dashboard answered instead of a table. */
  readonly isJson: boolean;
  /** Base of the dashboard; null: as the settings say. */
  readonly url: string | null;
}

type Flags = Readonly<Record<string, { type: "string" | "boolean"; multiple?: boolean; short?: string }>>;

/** Not to be asked about. */
const YES = { type: "boolean", short: "y" } as const;

/** The flags of each command, besides those of all. */
const FLAGS = {
  shards: { status: { type: "string", multiple: true } },
  shard: {},
  guild: {},
  restart: { "new-session": { type: "boolean" }, yes: YES },
  replicas: {},
  reshard: { abandon: { type: "boolean" }, yes: YES },
  drain: {},
  undrain: {},
  presence: {
    shards: { type: "string" },
    status: { type: "string" },
    activity: { type: "string" },
    state: { type: "string" },
    "stream-url": { type: "string" },
  },
  command: {},
  queues: {},
  rejected: {},
  audit: {},
  watch: {},
} satisfies Readonly<Record<string, Flags>>;

type CommandName = keyof typeof FLAGS;

const COMMON_FLAGS: Flags = { json: { type: "boolean" }, url: { type: "string" } };

export const HELP = `Asks and tells the dashboard of a running service.

Usage: deno task ctl COMMAND [flags]

  shards [--status STATUS]...     every shard, or those of some statuses:
                                  ${CELL_STATES.slice(0, 4).join(", ")},
                                  ${CELL_STATES.slice(4).join(", ")}
  shard ID                        one shard, with its life
  guild ID                        the shard that a guild is on
  restart SHARDS|all [flags]      restart shards one after the other (3-7,9), and show how far that is
      --new-session               with new sessions: costs identifies, and events are missing in between
      --yes, -y                   do not ask
  restart status                  the restart that is under way, or was the last
  restart stop                    end it: no further shard has its turn
  replicas                        every process of the gateway, shards that nobody holds, and how far a change of
                                  the number of shards is
  reshard TOTAL [flags]           change the number of shards while events go on: costs an identify for each
      --yes, -y                   do not ask
  reshard --abandon               give that up, as long as events come from the old sessions
  drain REPLICA                   have one hand its shards over to the others, and take none
  undrain REPLICA                 let it take shards again
  presence [flags]                what the bot shows of itself
      --status STATUS             online, idle, dnd or invisible; online where there is an activity
      --activity "WORD NAME"      ${[...ACTIVITY_NUMBERS.keys()].slice(0, 4).join(", ")},
                                  competing or custom, and its name (none)
      --state TEXT                a second line
      --stream-url URL            where the stream is, for streaming
      --shards SHARDS|all         (all)
  command JSON                    send a command of the wire contract as it is
  queues                          the queues that are watched
  rejected                        commands that the gateway refused
  audit                           who did what
  watch                           how the fleet is, until Ctrl-C; a line for each status that is seen to change, once a second
  help                            this

Of every command:
  --json                          print what the dashboard answers; watch: a line for each message
  --url URL                       base of the dashboard

The dashboard is at --url, else DASHBOARD_URL, else DASHBOARD_HOST and DASHBOARD_PORT of the environment or the
.env of this folder; DASHBOARD_API_TOKEN, or the file that DASHBOARD_API_TOKEN_FILE names, opens it.

Exit status:
${EXIT_STATUSES.map(([status, when]) => `  ${String(status).padEnd(5)}${when}`).join("\n")}
`;

/**
 * Reads the arguments; `"help"` where help was asked for.
 *
 * @throws UsageError
 */
export function parseCommandLine(args: readonly string[]): CommandLine | "help" {
  const [name = "", ...rest] = args;
  if (["help", "--help", "-h"].includes(name) || rest.includes("--help") || rest.includes("-h")) {
    return "help";
  }
  if (name === "") throw new UsageError("Say what to do");
  if (!isCommandName(name)) throw new UsageError(`There is no command "${name}"`);
  const { values, positionals } = readFlags(name, rest);
  return {
    command: readCommand(name, positionals, values),
    isJson: values.json === true,
    url: values.url ?? null,
  };
}

function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(FLAGS, text);
}

interface Values {
  readonly json?: boolean;
  readonly url?: string;
  /** Several where the command takes several. */
  readonly status?: string | readonly string[];
  readonly "new-session"?: boolean;
  readonly yes?: boolean;
  readonly abandon?: boolean;
  readonly shards?: string;
  readonly activity?: string;
  readonly state?: string;
  readonly "stream-url"?: string;
}

function readFlags(name: CommandName, args: string[]): { values: Values; positionals: string[] } {
  const flags: Flags = FLAGS[name];
  try {
    return parseArgs({ args, options: { ...COMMON_FLAGS, ...flags }, allowPositionals: true });
  } catch (error) {
    // The library's own advice about a "--" is of no use here.
    const [said = ""] = (error instanceof Error ? error.message : String(error)).split(". ");
    throw new UsageError(`${name}: ${said}`);
  }
}

function readCommand(name: CommandName, positionals: readonly string[], values: Values): Command {
  switch (name) {
    case "shards":
      none(name, positionals);
      return { name, statuses: readStatuses(values.status) };
    case "shard": {
      const shard = readShardId(one(name, positionals, "the number of a shard"));
      if (shard === null) throw new UsageError("shard: give the number of a shard, as in shard 12");
      return { name, shard };
    }
    case "guild": {
      const guildId = readSnowflake(one(name, positionals, "the id of a guild"));
      if (guildId === null) throw new UsageError("guild: give the id of a guild, in digits");
      return { name, guildId };
    }
    case "restart":
      return readRestart(positionals, values);
    case "reshard":
      return readReshard(positionals, values);
    case "drain":
    case "undrain":
      return { name, replica: one(name, positionals, "the name of a replica") };
    case "presence":
      none(name, positionals);
      return { name, body: readPresence(values) };
    case "command":
      return { name, text: one(name, positionals, "one JSON text, in quotes") };
    default:
      none(name, positionals);
      return { name };
  }
}

function readStatuses(given: Values["status"] = []): CellState[] {
  const statuses = typeof given === "string" ? [given] : given;
  return statuses.map((status) => {
    if (isCellState(status)) return status;
    throw new UsageError(`--status must be one of ${CELL_STATES.join(", ")}: current value is "${status}"`);
  });
}

function readRestart(positionals: readonly string[], values: Values): Command {
  const what = one("restart", positionals, "shards as in 3-7,9, all, status or stop");
  if (what === "status" || what === "stop") return { name: `restart ${what}` };
  return {
    name: "restart",
    shards: readShards("restart", what),
    mode: values["new-session"] === true ? "identify" : "resume",
    isSure: values.yes === true,
  };
}

function readReshard(positionals: readonly string[], values: Values): Command {
  if (values.abandon === true) {
    none("reshard", positionals);
    return { name: "reshard abandon" };
  }
  const text = one("reshard", positionals, "how many shards there are to be, or --abandon");
  const total = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (!isShardCount(total)) {
    throw new UsageError(`reshard: give a number from 1 to ${SHARDS_MOST} instead of "${text}"`);
  }
  return { name: "reshard", total, isSure: values.yes === true };
}

function readShards(where: string, text: string): string {
  if (text === "all") return text;
  const shards = readShardList(text);
  if (shards === null) {
    throw new UsageError(`${where}: give all, or shards as in 3-7,9, instead of "${text}"`);
  }
  return shardListText(shards);
}

function readPresence({ shards = "all", status, activity, ...values }: Values): PresenceBody {
  const { state = "", "stream-url": url = "" } = values;
  // Online without an activity is a presence too; nobody is to send it by saying nothing.
  if (status === undefined && activity === undefined) {
    throw new UsageError("presence: give --status or --activity, or both");
  }
  if (activity === undefined && `${state}${url}` !== "") {
    throw new UsageError("--state and --stream-url are of an activity: give --activity too");
  }
  return {
    shards: readShards("--shards", shards),
    status: String(status ?? "online"),
    activity: activity === undefined ? null : readActivity(activity, state, url),
  };
}

/** Discord puts these between the word and the name by itself, so that whoever types it may type them or not. */
const JOINTS: ReadonlyMap<string, string> = new Map([["listening", "to "], ["competing", "in "]]);

function readActivity(text: string, state: string, url: string): ActivityBody {
  const [, word = "", rest = ""] = /^\s*(\S+)\s*(.*)$/.exec(text) ?? [];
  const type = word.toLowerCase();
  if (!ACTIVITY_NUMBERS.has(type)) {
    const words = [...ACTIVITY_NUMBERS.keys()].join(", ");
    throw new UsageError(`--activity begins with one of ${words}: current value is "${text}"`);
  }
  // A custom status has no name to show.
  if (type === "custom") return { type, name: "", state: rest === "" ? state : rest, url };
  const joint = JOINTS.get(type);
  const name = joint !== undefined && rest.startsWith(joint) ? rest.slice(joint.length) : rest;
  return { type, name, state, url };
}

function none(name: CommandName, positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`${name}: there is no use for "${positionals[0]}"`);
}

function one(name: CommandName, positionals: readonly string[], what: string): string {
  const [value, ...more] = positionals;
  if (value === undefined || more.length > 0) throw new UsageError(`${name}: give ${what}`);
  return value;
}
