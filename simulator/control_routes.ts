/**
 * The control API over HTTP: its routes, and how their requests are read.
 *
 * @module
 */
import { type Control, isEventName } from "./control.ts";
import { ControlError, FAULT_NAMES, parseFault, type Target } from "./fault.ts";
import { type HttpAnswer, type HttpHandler, type HttpRequest, jsonAnswer } from "./http_server.ts";
import { KnobError } from "./knobs.ts";
import { isObject } from "./message_form.ts";
import type { ChannelRefusal, RestFault } from "./rest.ts";

/** Its answer, or the promise of one. */
type Route = (control: Control, request: HttpRequest, id: string) => unknown;

/** Entries of a ledger page where the request does not say. */
const PAGE_ENTRIES = 1_000;

/** Every route of the control API, by method and path. */
const ROUTES: Readonly<Record<string, Route>> = {
  "GET /control": () => ({ routes: Object.keys(ROUTES), faults: FAULT_NAMES }),
  "GET /control/state": async (control, request) => {
    const after = request.query.get("after");
    if (after !== null) {
      const known = integer("after", after);
      await control.until(() => control.statistics.changes > known);
    }
    return control.state();
  },
  "GET /control/knobs": (control) => control.knobs(),
  "PATCH /control/knobs": (control, request) => {
    control.set(jsonObject(request));
    return control.knobs();
  },
  "GET /control/oauth": (control) => control.oauth(),
  "GET /control/history": (control) => control.statistics.history(),
  "GET /control/commands": (control, request) => {
    const { shard } = targetOf(request);
    return control.statistics.commands().filter((command) => (shard ?? command.shard) === command.shard);
  },
  "GET /control/messages": (control) => control.statistics.messages(),
  "GET /control/interaction-answers": (control) => control.statistics.interactionAnswers(),
  "GET /control/guilds": (control) => control.world.guildIds.map(String),
  "GET /control/guilds/:id/channels": (control, _request, id) =>
    control.world.channels(guildIdOf(control, id)),
  "POST /control/guilds/:id/available": (control, request, id) => {
    control.setGuildAvailable(guildIdOf(control, id), field(jsonObject(request), "available", "boolean"));
    return {};
  },
  "POST /control/inject": (control, request) => ({ struck: control.inject(parseFault(json(request))) }),
  "POST /control/rest-faults": (control, request) => {
    control.injectRest(parseRestFault(jsonObject(request)));
    return {};
  },
  "POST /control/channels/:id/refuse": (control, request, id) => {
    control.refuseChannel(id, parseRefusal(jsonObject(request).code));
    return {};
  },
  "POST /control/dispatch": (control, request) => {
    const t = request.query.get("t");
    if (t === null) throw new ControlError("Cannot dispatch: the query needs t, the name of the event");
    return { sessions: control.dispatch(t, request.body, targetOf(request)) };
  },
  "POST /control/happen": (control, request) => {
    const t = request.query.get("t") ?? "";
    if (!isEventName(t)) throw new ControlError(`Cannot make an event happen: "${t}" is not the name of one`);
    const guild = request.query.get("guild");
    return { sessions: control.happen(t, guild === null ? undefined : guildIdOf(control, guild)) };
  },
  "POST /control/generate": (control, request) => {
    control.generate(field(jsonObject(request), "count", "integer"));
    return {};
  },
  "POST /control/payload": (control, request) => ({
    connections: control.sendPayload(base64(request), targetOf(request)),
  }),
  "POST /control/message": (control, request) => ({
    connections: control.sendMessage(
      base64(request),
      request.query.get("binary") !== "false",
      targetOf(request),
    ),
  }),
  "POST /control/clock": (control, request) => {
    control.advance(field(jsonObject(request), "advanceMs", "integer"));
    return { nowMs: control.state().nowMs };
  },
  "POST /control/accounts/:id/reset": (control, _request, id) => {
    control.resetAccount(integer("account", id));
    return {};
  },
  "POST /control/accounts/:id/revoke": (control, _request, id) => {
    control.revokeToken(integer("account", id));
    return {};
  },
  "POST /control/accounts/:id/spend": (control, _request, id) => {
    control.spendQuota(integer("account", id));
    return {};
  },
  "GET /control/ledger": (control) => control.ledger.summary(),
  "GET /control/ledger/:id": (control, request, id) => {
    const after = integer("after", request.query.get("after") ?? "0");
    const limit = integer("limit", request.query.get("limit") ?? String(PAGE_ENTRIES));
    const entries = control.ledger.page(id, after, limit);
    return { session: id, entries, next: entries.length < limit ? null : entries.at(-1)?.s ?? null };
  },
};

/** {@link ROUTES}, ready to be compared with requests. */
const MATCHERS = Object.entries(ROUTES).map(([name, route]) => {
  const [method, pattern = ""] = name.split(" ");
  return { method, path: new RegExp(`^${pattern.replace(":id", "([^/]+)")}$`), route };
});

/** The control API over HTTP: JSON in, JSON out, 400 with a `message` for what cannot be done. */
export function createControlHandler(control: Control): HttpHandler {
  return async (request): Promise<HttpAnswer> => {
    const path = request.path.replace(/\/$/, "");
    for (const { method, path: pattern, route } of MATCHERS) {
      const match = pattern.exec(path);
      if (method !== request.method || match === null) continue;
      try {
        return jsonAnswer(200, await route(control, request, match[1] ?? ""));
      } catch (error) {
        if (error instanceof ControlError || error instanceof KnobError || error instanceof RangeError) {
          return jsonAnswer(400, { message: error.message });
        }
        throw error;
      }
    }
    return jsonAnswer(404, {
      message: `No such control: ${request.method} ${request.path}; GET /control lists all`,
    });
  };
}

function json(request: HttpRequest): unknown {
  try {
    return JSON.parse(request.body.toString());
  } catch {
    throw new ControlError("Cannot read the request: its body is not JSON");
  }
}

function jsonObject(request: HttpRequest): Readonly<Record<string, unknown>> {
  const value = json(request);
  if (!isObject(value)) throw new ControlError("Cannot read the request: its body is not a JSON object");
  return value;
}

interface FieldKinds {
  boolean: boolean;
  integer: number;
}

function field<Kind extends keyof FieldKinds>(
  body: Readonly<Record<string, unknown>>,
  name: string,
  kind: Kind,
): FieldKinds[Kind] {
  const value = body[name];
  const fits = kind === "boolean"
    ? typeof value === "boolean"
    : Number.isSafeInteger(value) && (value as number) >= 0;
  if (!fits) throw new ControlError(`Cannot read the request: "${name}" must be: ${kind}`);
  return value as FieldKinds[Kind];
}

function integer(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new ControlError(`Cannot read ${name}: "${text}" is not a whole number`);
  }
  return Number(text);
}

function guildIdOf(control: Control, text: string): bigint {
  const guildId = /^\d{1,20}$/.test(text) ? BigInt(text) : null;
  if (guildId === null || !control.world.guildIds.includes(guildId)) {
    throw new ControlError(`Cannot find guild ${text}: GET /control/guilds lists them`);
  }
  return guildId;
}

function targetOf(request: HttpRequest): Target {
  const { query } = request;
  const shard = query.get("shard");
  const session = query.get("session");
  const connection = query.get("connection");
  return {
    ...(shard === null ? {} : { shard: integer("shard", shard) }),
    ...(session === null ? {} : { session }),
    ...(connection === null ? {} : { connection: integer("connection", connection) }),
  };
}

function base64(request: HttpRequest): Uint8Array {
  const { base64: text } = jsonObject(request);
  try {
    if (typeof text === "string") return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    // falls through to the same answer
  }
  throw new ControlError('Cannot read the request: "base64" must be the bytes in base64');
}

function parseRefusal(code: unknown): ChannelRefusal | null {
  if (code === null || code === 50001 || code === 50007 || code === 50013) return code;
  throw new ControlError('Cannot refuse a channel: "code" must be 50001, 50007, 50013 or null');
}

function parseRestFault(body: Readonly<Record<string, unknown>>): RestFault {
  const status = field(body, "status", "integer");
  if (status < 400 || status > 599) throw new ControlError('Cannot inject: "status" must be from 400 to 599');
  const { path, scope, html } = body;
  if (path !== undefined && typeof path !== "string") {
    throw new ControlError('Cannot inject: "path" must be a string');
  }
  if (scope !== undefined && scope !== "user" && scope !== "global" && scope !== "shared") {
    throw new ControlError('Cannot inject: "scope" must be user, global or shared');
  }
  return {
    status,
    count: field(body, "count", "integer"),
    ...(path === undefined ? {} : { path }),
    ...(body.retryAfterMs === undefined ? {} : { retryAfterMs: field(body, "retryAfterMs", "integer") }),
    ...(scope === undefined ? {} : { scope }),
    ...(html === undefined ? {} : { html: html === true }),
  };
}
