/**
 * The REST routes that a gateway client needs, and those of OAuth2, with Discord's limits, refusals and error
 * bodies.
 *
 * @module
 */
import type { Account } from "./account.ts";
import { AUTHORIZE_PATH } from "./authorize_page.ts";
import type { Discord } from "./discord.ts";
import { type HttpAnswer, type HttpRequest, jsonAnswer } from "./http_server.ts";
import { checkMessageForm, isEmptyMessage, isObject } from "./message_form.ts";
import type { OAuth } from "./oauth.ts";
import { shownTo } from "./people.ts";
import { type RateLimit, type RateVerdict, RestLimits } from "./rest_limits.ts";
import { count } from "./statistics.ts";
import { issueToken, revokeToken } from "./token_routes.ts";
import { INTENT } from "./world/intents.ts";
import { IDS_PER_MILLISECOND, snowflake } from "./world/snowflake.ts";

/** An injected fault: what some requests get in place of an answer. */
export interface RestFault {
  /** The status, 400 to 599. */
  readonly status: number;
  /** How many requests get it. */
  readonly count: number;
  /** Only requests whose path contains this; all, where it is left out. */
  readonly path?: string;
  /** For 429. */
  readonly retryAfterMs?: number;
  readonly scope?: "user" | "global" | "shared";
  /** A page of HTML without rate-limit headers, as from whatever stands before Discord. */
  readonly html?: boolean;
}

/** Why a channel refuses messages: cannot see it, may not write, cannot write to this user (Discord docs, JSON Error Codes). */
export type ChannelRefusal = 50001 | 50013 | 50007;

const REFUSALS: Readonly<Record<ChannelRefusal, string>> = {
  50001: "Missing Access",
  50013: "Missing Permissions",
  50007: "Cannot send messages to this user",
};

/** The limit of routes of which none is published. */
const ROUTE_LIMIT: RateLimit = { requests: 1_000, windowMs: 1_000 };
const GLOBAL_WINDOW_MS = 1_000;
/** Versions that REST still serves; 3 to 5 are discontinued (Discord docs, API Versioning). */
const VERSIONS: ReadonlySet<string> = new Set(["6", "7", "8", "9", "10"]);

/** Kinds of answers to an interaction (Discord docs, Interaction Callback Type); the other numbers are none. */
const CALLBACK_TYPES: ReadonlySet<unknown> = new Set([1, 4, 5, 6, 7, 8, 9, 10, 12]);
/** The one that is a message. */
const MESSAGE_CALLBACK = 4;

/** What an edit gets that is too early, too late, or of what has no message: as people have met and reported it. */
const EDIT_REFUSALS = {
  "unknown": { status: 404, message: "Unknown Webhook", code: 10015 },
  "expired": { status: 401, message: "Invalid Webhook Token", code: 50027 },
  "without-message": { status: 404, message: "Unknown Message", code: 10008 },
};

/** How many nonces are remembered, the newest; Discord forgets them after a few minutes. */
const NONCES_MAX = 1_000;

interface Call {
  readonly request: HttpRequest;
  /** Path below the version, with its ids. */
  readonly path: string;
}

type Headers = Record<string, string>;

/**
 * The REST routes there are (Discord docs, Get Gateway, Get Gateway Bot, Get Current User, Get Current Application, Create
 * Message, Create and Edit Original Interaction Response, OAuth2).
 */
export class Rest {
  readonly #discord: Discord;
  readonly #oauth: OAuth;
  readonly #gatewayUrl: () => string;
  readonly #limits: RestLimits;
  #messageCount = 0;
  /** Guild by channel id, worked out when first needed. */
  #channels: ReadonlyMap<string, bigint> | undefined;
  readonly #messagesByNonce = new Map<string, Record<string, unknown>>();
  readonly #refusals = new Map<string, ChannelRefusal>();
  readonly #faults: (RestFault & { left: number })[] = [];

  constructor(discord: Discord, oauth: OAuth, gatewayUrl: () => string) {
    this.#discord = discord;
    this.#oauth = oauth;
    this.#gatewayUrl = gatewayUrl;
    this.#limits = new RestLimits(discord.clock);
  }

  /** The next requests get a fault. */
  inject(fault: RestFault): void {
    if (fault.count > 0) this.#faults.push({ ...fault, left: fault.count });
  }

  /** From now on a channel refuses messages; null lets them in again. */
  refuseChannel(channelId: string, refusal: ChannelRefusal | null): void {
    if (refusal === null) this.#refusals.delete(channelId);
    else this.#refusals.set(channelId, refusal);
  }

  async handle(request: HttpRequest): Promise<HttpAnswer> {
    const { answer, shared } = await this.#answer(request);
    const { statistics } = this.#discord;
    count(statistics.restResponses, answer.status);
    if (answer.status === 401 || answer.status === 403 || (answer.status === 429 && !shared)) {
      statistics.invalidRestResponses++;
    }
    statistics.changed();
    return answer;
  }

  async #answer(request: HttpRequest): Promise<{ answer: HttpAnswer; shared: boolean }> {
    const fault = this.#takeFault(request.path);
    if (fault !== undefined) return { answer: this.#faultAnswer(fault), shared: fault.scope === "shared" };
    const [, version, rest = "/"] = /^\/api(?:\/v([^/]*))?(\/.*)?$/.exec(request.path) ?? [];
    if (version !== undefined && !VERSIONS.has(version)) {
      return { answer: jsonAnswer(400, { message: "Invalid API version", code: 50041 }), shared: false };
    }
    return { answer: await this.#route({ request, path: rest.replace(/\/$/, "") }), shared: false };
  }

  #route(call: Call): HttpAnswer | Promise<HttpAnswer> {
    const message = /^\/channels\/([^/]+)\/messages$/.exec(call.path);
    const interaction = /^\/interactions\/([^/]+)\/([^/]+)\/callback$/.exec(call.path);
    const original = /^\/webhooks\/([^/]+)\/([^/]+)\/messages\/@original$/.exec(call.path);
    if (call.path === "/gateway") return this.#only("GET", call, () => this.#gateway());
    if (call.path === "/gateway/bot") {
      return this.#only(
        "GET",
        call,
        () => this.#authorised(call, ROUTE_LIMIT, "", (account) => this.#gatewayBot(account)),
      );
    }
    if (call.path === "/users/@me") {
      return this.#only("GET", call, () => this.#currentUser(call));
    }
    if (call.path === "/applications/@me" || call.path === "/oauth2/applications/@me") {
      return this.#only(
        "GET",
        call,
        () => this.#authorised(call, ROUTE_LIMIT, "", () => jsonAnswer(200, this.#application())),
      );
    }
    if (call.path === "/oauth2/token") {
      return this.#only("POST", call, () => issueToken(this.#oauth, call.request));
    }
    if (call.path === "/oauth2/token/revoke") {
      return this.#only("POST", call, () => revokeToken(this.#oauth, call.request));
    }
    if (call.path === AUTHORIZE_PATH) return this.#only("GET", call, () => toAuthorizePage(call.request));
    if (message !== null) {
      return this.#only("POST", call, () => this.#createMessage(call, message[1] ?? ""));
    }
    if (interaction !== null) {
      const [, id = "", token = ""] = interaction;
      return this.#only("POST", call, () => this.#answerInteraction(call, id, percentDecoded(token)));
    }
    if (original !== null) {
      const [, applicationId = "", token = ""] = original;
      return this.#only("PATCH", call, () => this.#editAnswer(call, applicationId, percentDecoded(token)));
    }
    return jsonAnswer(404, { message: "404: Not Found", code: 0 });
  }

  #only(
    method: string,
    call: Call,
    answer: () => HttpAnswer | Promise<HttpAnswer>,
  ): HttpAnswer | Promise<HttpAnswer> {
    if (call.request.method === method) return answer();
    return jsonAnswer(405, { message: "405: Method Not Allowed", code: 0 }, { allow: method });
  }

  #gateway(): HttpAnswer {
    return jsonAnswer(200, { url: this.#gatewayUrl() });
  }

  #gatewayBot(account: Account): HttpAnswer {
    return jsonAnswer(200, {
      url: this.#gatewayUrl(),
      shards: this.#discord.knobs.recommendedShards,
      session_start_limit: account.sessionStartLimit(),
    });
  }

  /** The bot's own application (Discord docs, Application Object); the first person who can sign in owns it. */
  #application(): Record<string, unknown> {
    const { application, user } = this.#discord.world;
    const [owner] = this.#oauth.people;
    return {
      ...application,
      name: user.username,
      icon: null,
      description: "",
      rpc_origins: [],
      bot_public: false,
      bot_require_code_grant: false,
      verify_key: "0".repeat(64),
      team: null,
      ...(owner === undefined ? {} : { owner: shownTo(owner, []) }),
    };
  }

  /** A bot's token shows the bot, an access token with the scope `identify` the person who gave it. */
  #currentUser(call: Call): HttpAnswer | Promise<HttpAnswer> {
    const [, accessToken] = /^Bearer (.+)$/.exec(call.request.header("authorization") ?? "") ?? [];
    if (accessToken === undefined) {
      return this.#authorised(call, ROUTE_LIMIT, "", () => jsonAnswer(200, this.#discord.world.user));
    }
    const grant = this.#oauth.grantOf(accessToken);
    if (grant === undefined || !grant.scopes.includes("identify")) return unauthorized();
    const { person, scopes } = grant;
    return this.#limited(call, person.id, ROUTE_LIMIT, "", () => jsonAnswer(200, shownTo(person, scopes)));
  }

  /** Checks a bot's token and limits, acts where both are in order, and adds the headers of the limit. */
  async #authorised(
    call: Call,
    limit: RateLimit,
    majorId: string,
    act: (account: Account) => HttpAnswer | Promise<HttpAnswer>,
  ): Promise<HttpAnswer> {
    const authorization = call.request.header("authorization") ?? "";
    const account = authorization.startsWith("Bot ") ? this.#discord.accountOf(authorization) : undefined;
    if (account === undefined) return unauthorized();
    return await this.#limited(call, String(account.index), limit, majorId, () => act(account));
  }

  /** Counts a request of `caller` against its limits, acts where it is within them, and adds their headers. */
  async #limited(
    call: Call,
    caller: string,
    limit: RateLimit,
    majorId: string,
    act: () => HttpAnswer | Promise<HttpAnswer>,
  ): Promise<HttpAnswer> {
    const { globalRestLimit } = this.#discord.knobs;
    if (globalRestLimit > 0) {
      const limit = { requests: globalRestLimit, windowMs: GLOBAL_WINDOW_MS };
      const verdict = this.#limits.take(`global ${caller}`, limit);
      if (verdict.waitMs > 0) return tooMany(verdict.waitMs, "global", {});
    }
    const route = `${call.request.method} ${call.path.replace(majorId, "{id}")}`;
    const verdict = this.#limits.take(`${caller} ${route} ${majorId}`, limit);
    const headers = this.#limitHeaders(verdict, route);
    if (verdict.waitMs > 0) return tooMany(verdict.waitMs, "user", headers);
    const answer = await act();
    return { ...answer, headers: { ...headers, ...answer.headers } };
  }

  #limitHeaders(verdict: RateVerdict, route: string): Headers {
    return {
      "x-ratelimit-limit": String(verdict.limit),
      "x-ratelimit-remaining": String(verdict.remaining),
      "x-ratelimit-reset": (verdict.resetAtMs / 1_000).toFixed(3),
      "x-ratelimit-reset-after": ((verdict.resetAtMs - this.#discord.clock.nowMs()) / 1_000).toFixed(3),
      "x-ratelimit-bucket": bucketName(route),
    };
  }

  #createMessage(call: Call, channelId: string): Promise<HttpAnswer> {
    const { messageLimit, messageWindowMs } = this.#discord.knobs;
    const limit = { requests: messageLimit, windowMs: messageWindowMs };
    return this.#authorised(call, limit, channelId, async (account) => {
      if (call.request.oversize) return jsonAnswer(413, { message: "Request entity too large", code: 40005 });
      const guildId = this.#guildOf(channelId);
      if (guildId === undefined) return jsonAnswer(404, { message: "Unknown Channel", code: 10003 });
      const refusal = this.#refusals.get(channelId);
      if (refusal !== undefined) return jsonAnswer(403, { message: REFUSALS[refusal], code: refusal });
      const form = await readForm(call.request);
      if (form === null) return invalidForm({});
      const errors = checkMessageForm(form.fields);
      if (errors !== null) return invalidForm(errors);
      if (isEmptyMessage(form.fields, form.fileCount)) return emptyMessage();
      return jsonAnswer(200, this.#messageOnce(account, channelId, guildId, form.fields));
    });
  }

  /** The token is all that is asked for: neither the bot's, nor its global limit (Discord docs, Interaction Endpoints). */
  async #answerInteraction(call: Call, interactionId: string, token: string): Promise<HttpAnswer> {
    const { interactions, statistics, clock } = this.#discord;
    if (call.request.oversize) return jsonAnswer(413, { message: "Request entity too large", code: 40005 });
    const state = interactions.stateOf(interactionId, token);
    if (state === "unknown") return jsonAnswer(404, { message: "Unknown interaction", code: 10062 });
    if (state === "answered") {
      return jsonAnswer(400, { message: "Interaction has already been acknowledged.", code: 40060 });
    }
    const form = await readForm(call.request);
    if (form === null || !CALLBACK_TYPES.has(form.fields.type)) return invalidForm({});
    const { type, data } = form.fields;
    if (type === MESSAGE_CALLBACK) {
      const message = isObject(data) ? data : {};
      const errors = checkMessageForm(message);
      if (errors !== null) return invalidForm({ data: errors });
      if (isEmptyMessage(message, form.fileCount)) return emptyMessage();
    }
    interactions.answer(interactionId, type);
    const body = form.fields;
    statistics.noteInteractionAnswer({ atMs: clock.nowMs(), interactionId, kind: "callback", body });
    return { status: 204, headers: {}, body: "" };
  }

  /** Here too the token is all that is asked for. A deferred answer gets its message in this way. */
  async #editAnswer(call: Call, applicationId: string, token: string): Promise<HttpAnswer> {
    const { interactions, statistics, clock } = this.#discord;
    if (call.request.oversize) return jsonAnswer(413, { message: "Request entity too large", code: 40005 });
    const state = interactions.editStateOf(applicationId, token);
    if (state.kind !== "editable") {
      const { status, message, code } = EDIT_REFUSALS[state.kind];
      return jsonAnswer(status, { message, code });
    }
    const form = await readForm(call.request);
    if (form === null) return invalidForm({});
    const body = form.fields;
    const errors = checkMessageForm(body);
    if (errors !== null) return invalidForm(errors);
    if (isEmptyMessage(body, form.fileCount)) return emptyMessage();
    const { interactionId, channelId } = state;
    statistics.noteInteractionAnswer({ atMs: clock.nowMs(), interactionId, kind: "edit", body });
    return jsonAnswer(200, this.#message(channelId ?? "0", body));
  }

  /** With `enforce_nonce` a repeated nonce returns the earlier message. */
  #messageOnce(
    account: Account,
    channelId: string,
    guildId: bigint,
    form: Readonly<Record<string, unknown>>,
  ): Record<string, unknown> {
    const { statistics, clock } = this.#discord;
    const key = form.enforce_nonce === true && form.nonce !== undefined
      ? `${account.index} ${channelId} ${form.nonce}`
      : null;
    const earlier = key === null ? undefined : this.#messagesByNonce.get(key);
    if (earlier !== undefined) return earlier;
    const message = this.#message(channelId, form);
    if (key !== null) this.#remember(key, message);
    statistics.noteMessage({ atMs: clock.nowMs(), channelId, body: form });
    this.#discord.announce({
      t: "MESSAGE_CREATE",
      guildId,
      data: { ...message, guild_id: String(guildId) },
      intents: INTENT.GUILD_MESSAGES,
      fromBot: true,
    });
    return message;
  }

  #remember(key: string, message: Record<string, unknown>): void {
    this.#messagesByNonce.set(key, message);
    if (this.#messagesByNonce.size > NONCES_MAX) {
      const [oldest = ""] = this.#messagesByNonce.keys();
      this.#messagesByNonce.delete(oldest);
    }
  }

  #message(channelId: string, form: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const { world, clock } = this.#discord;
    const embeds = Array.isArray(form.embeds) ? form.embeds.filter(isObject) : [];
    return {
      // The world counts its ids of a millisecond from the upper half of the low bits: the lower half is free.
      id: String(snowflake(clock.nowMs(), this.#messageCount++ % IDS_PER_MILLISECOND)),
      type: 0,
      channel_id: channelId,
      author: world.user,
      content: typeof form.content === "string" ? form.content : "",
      timestamp: new Date(clock.nowMs()).toISOString().replace("Z", "000+00:00"),
      edited_timestamp: null,
      tts: form.tts === true,
      mention_everyone: false,
      mentions: [],
      mention_roles: [],
      attachments: [],
      embeds: embeds.map((embed) => ({ ...embed, type: "rich" })),
      components: Array.isArray(form.components) ? form.components : [],
      pinned: false,
      flags: typeof form.flags === "number" ? form.flags : 0,
      ...(form.nonce === undefined || form.nonce === null ? {} : { nonce: form.nonce }),
    };
  }

  #guildOf(channelId: string): bigint | undefined {
    const { world } = this.#discord;
    this.#channels ??= new Map(
      world.guildIds.flatMap((guildId) =>
        world.channels(guildId).map((channel) => [String(channel.id), guildId] as const)
      ),
    );
    return this.#channels.get(channelId);
  }

  #takeFault(path: string): RestFault | undefined {
    const index = this.#faults.findIndex((each) => path.includes(each.path ?? ""));
    const fault = this.#faults[index];
    if (fault === undefined) return undefined;
    fault.left--;
    if (fault.left === 0) this.#faults.splice(index, 1);
    return fault;
  }

  #faultAnswer(fault: RestFault): HttpAnswer {
    const { status, retryAfterMs = 1_000, scope = "user" } = fault;
    if (fault.html) {
      const retry = status === 429 ? { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) } : {};
      return {
        status,
        headers: { "content-type": "text/html", ...retry },
        body: `<!DOCTYPE html><title>${status}</title><h1>Error ${status}</h1>`,
      };
    }
    if (status === 429) return tooMany(retryAfterMs, scope, {});
    return jsonAnswer(status, { message: `${status}: injected fault`, code: 0 });
  }
}

/** What stands there, where it is no percent-encoding. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function emptyMessage(): HttpAnswer {
  return jsonAnswer(400, { message: "Cannot send an empty message", code: 50006 });
}

function unauthorized(): HttpAnswer {
  return jsonAnswer(401, { message: "401: Unauthorized", code: 0 });
}

/** Older links ask for the page below `/api`, and are sent on to it. */
function toAuthorizePage(request: HttpRequest): HttpAnswer {
  return { status: 302, headers: { location: `${AUTHORIZE_PATH}?${request.query}` }, body: "" };
}

function tooMany(waitMs: number, scope: "user" | "global" | "shared", headers: Headers): HttpAnswer {
  const isGlobal = scope === "global";
  const body = { message: "You are being rate limited.", retry_after: waitMs / 1_000, global: isGlobal };
  return jsonAnswer(429, body, {
    ...headers,
    "retry-after": String(Math.ceil(waitMs / 1_000)),
    "x-ratelimit-scope": scope,
    ...(isGlobal ? { "x-ratelimit-global": "true" } : {}),
  });
}

/** An opaque name for a bucket, the same for every id of a route. */
function bucketName(route: string): string {
  let hash = 0;
  for (const letter of route) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0;
  return hash.toString(16).padStart(8, "0").repeat(4);
}

function invalidForm(errors: object): HttpAnswer {
  return jsonAnswer(400, { message: "Invalid Form Body", code: 50035, errors });
}

interface Form {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly fileCount: number;
}

/** The fields of a JSON body, or of the `payload_json` of a multipart one. Null where it is neither. */
async function readForm(request: HttpRequest): Promise<Form | null> {
  const type = request.header("content-type") ?? "";
  try {
    if (type.startsWith("application/json")) {
      const fields: unknown = JSON.parse(new TextDecoder().decode(request.body));
      return isObject(fields) ? { fields, fileCount: 0 } : null;
    }
    if (!type.startsWith("multipart/form-data")) return null;
    const data = await new Response(new Uint8Array(request.body), { headers: { "content-type": type } })
      .formData();
    const json = data.get("payload_json");
    const fields: unknown = typeof json === "string" ? JSON.parse(json) : { content: data.get("content") };
    const fileCount = [...data.values()].filter((value) => typeof value !== "string").length;
    return isObject(fields) ? { fields, fileCount } : null;
  } catch {
    return null;
  }
}
