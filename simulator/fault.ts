/**
 * Faults that can be ordered, each with its name and fields, and how one is read from JSON.
 *
 * @module
 */
import { isCloseCode } from "./close_codes.ts";
import { isObject } from "./message_form.ts";

/** Which connections a fault strikes: those that match all that is said, every one where nothing is. */
export interface Target {
  readonly shard?: number;
  readonly session?: string;
  readonly connection?: number;
}

/** Something that goes wrong on purpose. */
export type Fault =
  /** Op 1: the server asks for a heartbeat now. */
  | (Target & { readonly fault: "heartbeat" })
  /** Op 7; the server closes with 1001 a little later if the client stays. */
  | (Target & { readonly fault: "reconnect" })
  /** Op 9. */
  | (Target & { readonly fault: "invalid-session"; readonly resumable: boolean })
  /** A close frame; the session's fate follows the code unless `keepSession` says otherwise. */
  | (Target & {
    readonly fault: "close";
    readonly code: number;
    readonly reason?: string;
    readonly keepSession?: boolean;
  })
  /** The TCP connection is reset, without a close frame. */
  | (Target & { readonly fault: "reset" })
  /** Heartbeats get no answer any more on the connections there are; dispatches go on. */
  | (Target & { readonly fault: "blackhole" })
  /** The next dispatches of the sessions are numbered, and never sent. */
  | (Target & { readonly fault: "lose"; readonly count: number })
  /** The next dispatches of the sessions are sent twice. */
  | (Target & { readonly fault: "duplicate"; readonly count: number })
  /** The next connections are greeted with op 7: before HELLO, or with no HELLO at all. */
  | { readonly fault: "greet-reconnect"; readonly count: number; readonly hello: boolean }
  /** The next connections are opened, and hear nothing. */
  | { readonly fault: "greet-silence"; readonly count: number };

/** A request that the control API cannot carry out. */
export class ControlError extends Error {
  override name = "ControlError";
}

type Kind = "integer" | "boolean" | "string";

/** The fields that each fault needs, and those that it may have besides a target. */
const FAULT_FIELDS: {
  readonly [Name in Fault["fault"]]: Readonly<Record<string, { kind: Kind; needed: boolean }>>;
} = {
  heartbeat: {},
  reconnect: {},
  "invalid-session": { resumable: { kind: "boolean", needed: true } },
  close: {
    code: { kind: "integer", needed: true },
    reason: { kind: "string", needed: false },
    keepSession: { kind: "boolean", needed: false },
  },
  reset: {},
  blackhole: {},
  lose: { count: { kind: "integer", needed: true } },
  duplicate: { count: { kind: "integer", needed: true } },
  "greet-reconnect": { count: { kind: "integer", needed: true }, hello: { kind: "boolean", needed: true } },
  "greet-silence": { count: { kind: "integer", needed: true } },
};

const TARGET_FIELDS: Readonly<Record<keyof Target, { kind: Kind; needed: boolean }>> = {
  shard: { kind: "integer", needed: false },
  session: { kind: "string", needed: false },
  connection: { kind: "integer", needed: false },
};

export const FAULT_NAMES = Object.keys(FAULT_FIELDS) as readonly Fault["fault"][];

/** Checks a fault from outside. Throws {@link ControlError} where a name or a type is wrong. */
export function parseFault(json: unknown): Fault {
  if (!isObject(json) || typeof json.fault !== "string" || !Object.hasOwn(FAULT_FIELDS, json.fault)) {
    throw new ControlError(`Cannot inject: "fault" must be one of ${FAULT_NAMES.join(", ")}`);
  }
  const name = json.fault as Fault["fault"];
  const fields = { ...FAULT_FIELDS[name], ...(name.startsWith("greet-") ? {} : TARGET_FIELDS) };
  for (const [field, { kind, needed }] of Object.entries(fields)) {
    if (json[field] === undefined && !needed) continue;
    if (!hasKind(json[field], kind)) {
      throw new ControlError(`Cannot inject ${name}: "${field}" must be: ${kind}`);
    }
  }
  for (const field of Object.keys(json)) {
    if (field !== "fault" && !Object.hasOwn(fields, field)) {
      throw new ControlError(`Cannot inject ${name}: it has no "${field}"`);
    }
  }
  if (name === "close" && !isCloseCode(json.code)) {
    throw new ControlError(`Cannot inject ${name}: ${json.code} is no code that a close frame may carry`);
  }
  return json as unknown as Fault;
}

function hasKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "integer":
      return Number.isInteger(value) && (value as number) >= 0;
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string";
  }
}
