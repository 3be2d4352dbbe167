/**
 * The flags of `deno task simulate`: read into options, and explained by `--help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { flagOf, KNOB_NAMES, KNOB_RULES, type Knobs, parseKnobs } from "./knobs.ts";
import type { Person } from "./people.ts";
import {
  DEFAULT_CLIENT_ID,
  DEFAULT_CLIENT_SECRET,
  DEFAULT_GUILDS,
  DEFAULT_HOSTNAME,
  DEFAULT_LEDGER_ENTRIES,
  DEFAULT_SEED,
  DEFAULT_TOKEN,
  type SimulatorOptions,
} from "./simulator.ts";

/** A command line that makes no sense. */
export class CommandLineError extends Error {
  override name = "CommandLineError";
}

interface Flag {
  readonly flag: string;
  /** What stands after it in the help; empty for a switch. */
  readonly value: string;
  readonly default: string;
  readonly help: string;
  /** True where it may be given more than once. */
  readonly repeated?: boolean;
}

const DEFAULT_PORT = 8_080;
const DEFAULT_RESUME_PORT = 8_081;
/** On the command line something happens by itself, unlike in tests. */
const DEFAULT_RATE = 10;

const OPTION_FLAGS: readonly Flag[] = [
  { flag: "host", value: "ADDRESS", default: DEFAULT_HOSTNAME, help: "address to listen on" },
  {
    flag: "port",
    value: "N",
    default: String(DEFAULT_PORT),
    help: "port of REST, gateway and control API; 0 = any",
  },
  {
    flag: "resume-port",
    value: "N",
    default: String(DEFAULT_RESUME_PORT),
    help: "port of resume_gateway_url; 0 = any",
  },
  {
    flag: "resume-url",
    value: "URL",
    default: "that port's",
    help: "resume_gateway_url, where clients come by a proxy",
  },
  {
    flag: "token",
    value: "TOKEN",
    default: DEFAULT_TOKEN,
    help: "token of a bot that may connect; may be repeated",
    repeated: true,
  },
  { flag: "client-id", value: "ID", default: DEFAULT_CLIENT_ID, help: "client id of the OAuth2 application" },
  { flag: "client-secret", value: "SECRET", default: DEFAULT_CLIENT_SECRET, help: "its client secret" },
  {
    flag: "redirect-uri",
    value: "URI",
    default: "any on loopback",
    help: "where people may be sent back to; may be repeated",
    repeated: true,
  },
  {
    flag: "person",
    value: "ID=USERNAME",
    default: "three people",
    help: "somebody who can sign in; may be repeated",
    repeated: true,
  },
  { flag: "guilds", value: "N", default: String(DEFAULT_GUILDS), help: "number of guilds" },
  { flag: "seed", value: "N", default: String(DEFAULT_SEED), help: "same seed, same guilds, same events" },
  { flag: "mix", value: "NAME=N,...", default: "realistic", help: "weights of the events to generate" },
  {
    flag: "large-guild-bytes",
    value: "N",
    default: "2097152",
    help: "size of a large guild's GUILD_CREATE; 0 = none",
  },
  {
    flag: "ledger-entries",
    value: "N",
    default: String(DEFAULT_LEDGER_ENTRIES),
    help: "dispatches that the ledger lists one by one; 0 = no ledger",
  },
];

function knobDefault(name: keyof Knobs): string {
  if (name === "eventsPerSecond") return String(DEFAULT_RATE);
  const { default: value } = KNOB_RULES[name];
  if (typeof value === "object") return "none";
  return value === false ? "off" : String(value);
}

function knobFlag(name: keyof Knobs): Flag {
  const { default: value, help } = KNOB_RULES[name];
  // A switch is written the way that changes something.
  if (value === true) {
    return { flag: `no-${flagOf(name)}`, value: "", default: "off", help: `do not ${help}` };
  }
  const shape = value === false ? "" : typeof value === "object" ? "CODE,..." : "N";
  return { flag: flagOf(name), value: shape, default: knobDefault(name), help };
}

/** All flags, in the order of the help. */
export function flags(): { readonly options: readonly Flag[]; readonly knobs: readonly Flag[] } {
  return { options: OPTION_FLAGS, knobs: KNOB_NAMES.map(knobFlag) };
}

function table(rows: readonly Flag[]): string {
  const heads = rows.map(({ flag, value }) => `  --${flag}${value === "" ? "" : ` ${value}`}`);
  const width = Math.max(...heads.map((head) => head.length));
  return rows.map((row, index) => `${heads[index]?.padEnd(width)}  ${row.help} (${row.default})`).join("\n");
}

/** The whole help text. */
export function helpText(): string {
  const { options, knobs } = flags();
  return `A simulated Discord: gateway, the REST routes that a gateway client needs, and OAuth2, on this machine.

Usage: deno task simulate [flags]

What there is (defaults in brackets):
${table(options)}

How it behaves; all of these can be changed while it runs, through the control API:
${table(knobs)}

Example: 16 shards of 300 guilds, 300 events a second
  deno task simulate --shards 16 --max-concurrency 16 --guilds 300 --rate 300
`;
}

/**
 * What the arguments say; "help" where help is asked for.
 * Throws {@link CommandLineError} or KnobError where they make no sense.
 */
export function parseCommandLine(args: readonly string[]): SimulatorOptions | "help" {
  const values = readFlags(args);
  if (values.help === true) return "help";
  const knobs: Record<string, unknown> = { eventsPerSecond: DEFAULT_RATE };
  for (const name of KNOB_NAMES) {
    const value = values[flagOf(name)];
    if (value === undefined) continue;
    knobs[name] = typeof value === "string" ? knobValue(name, value) : value;
  }
  const text = (flag: string) => values[flag] as string | undefined;
  const whole = (flag: string, otherwise: number) => integer(flag, text(flag) ?? String(otherwise));
  const resumeUrl = text("resume-url");
  const mix = text("mix");
  const largeGuildBytes = text("large-guild-bytes");
  const clientId = text("client-id");
  const clientSecret = text("client-secret");
  const redirectUris = values["redirect-uri"] as string[] | undefined;
  const people = values.person as string[] | undefined;
  return {
    hostname: text("host") ?? DEFAULT_HOSTNAME,
    port: whole("port", DEFAULT_PORT),
    resumePort: whole("resume-port", DEFAULT_RESUME_PORT),
    tokens: (values.token as string[] | undefined) ?? [DEFAULT_TOKEN],
    guilds: whole("guilds", DEFAULT_GUILDS),
    seed: whole("seed", DEFAULT_SEED),
    ledgerMaxEntries: whole("ledger-entries", DEFAULT_LEDGER_ENTRIES),
    ...(resumeUrl === undefined ? {} : { resumeUrl }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(redirectUris === undefined ? {} : { redirectUris }),
    ...(people === undefined ? {} : { people: people.map(parsePerson) }),
    ...(mix === undefined ? {} : { mix: parseMix(mix) }),
    ...(largeGuildBytes === undefined
      ? {}
      : { largeGuildBytes: integer("large-guild-bytes", largeGuildBytes) }),
    ...parseKnobs(knobs),
  };
}

function readFlags(args: readonly string[]): Readonly<Record<string, unknown>> {
  const flagTypes: Record<string, { type: "string" | "boolean"; multiple?: boolean; short?: string }> = {
    help: { type: "boolean", short: "h" },
  };
  for (const { flag, repeated = false } of OPTION_FLAGS) {
    flagTypes[flag] = { type: "string", multiple: repeated };
  }
  for (const name of KNOB_NAMES) {
    flagTypes[flagOf(name)] = { type: typeof KNOB_RULES[name].default === "boolean" ? "boolean" : "string" };
  }
  try {
    return parseArgs({ args: [...args], options: flagTypes, allowNegative: true }).values;
  } catch (error) {
    throw new CommandLineError(error instanceof Error ? error.message : String(error));
  }
}

function knobValue(name: keyof Knobs, text: string): number | number[] {
  const flag = flagOf(name);
  if (typeof KNOB_RULES[name].default === "number") return number(flag, text);
  return text.split(",").map((code) => number(flag, code.trim()));
}

function number(flag: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw new CommandLineError(`Cannot read --${flag}: "${text}" is not a number`);
  }
  return Number(text);
}

function integer(flag: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new CommandLineError(`Cannot read --${flag}: "${text}" is not a whole number`);
  }
  return Number(text);
}

function parsePerson(text: string): Person {
  const [id = "", username = "", ...more] = text.split("=");
  if (username === "" || more.length > 0) {
    throw new CommandLineError(`Cannot read --person: "${text}" is not ID=USERNAME`);
  }
  return { id, username, globalName: null };
}

function parseMix(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [name = "", weight = ""] = part.split("=");
      return [name.trim(), number("mix", weight.trim())];
    }),
  );
}
