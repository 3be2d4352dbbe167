/**
 * Who somebody is at Discord: OAuth2's authorization code grant (Discord docs, OAuth2), with the scope `identify` alone.
 * The access token is used once, to ask who its owner is, and forgotten.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../../gateway/clock.ts";
import { oneLine } from "../../gateway/one_line.ts";
import { isObject, parsed } from "../json_checks.ts";
import type { OAuthSettings } from "../settings.ts";

/** What became of a code. */
export type DiscordAnswer =
  | { readonly kind: "person"; readonly id: string; readonly name: string }
  /** Discord does not, or no longer, know the code; or it was made for another address. */
  | { readonly kind: "code_refused" }
  /** Discord does not know our client id with our client secret. */
  | { readonly kind: "client_refused" }
  /** No answer, or none that can be read. */
  | { readonly kind: "away" };

export interface DiscordSurroundings {
  readonly clock: Clock;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** `DiscordBot (<url>, <version>)`: Cloudflare may block others (Discord docs, Reference, User Agent). */
  readonly userAgent: string;
}

/** Both requests together; a person waits for them. */
const TIMEOUT_MS = 8_000;

/** Far more than either answer has. */
const ANSWER_MAX_BYTES = 65_536;

/** At a time. More than so many people do not sign in at once; somebody who wants to keep us busy might. */
const UNDER_WAY_MAX = 8;

/** What Discord's codes and tokens are made of, and much longer than they are. */
const OPAQUE = /^[!-~]{1,512}$/;
const SNOWFLAKE = /^\d{17,20}$/;
/** Discord docs, Usernames and Nicknames. */
const USERNAME_MAX_LENGTH = 32;

interface Answer {
  readonly status: number;
  /** Empty where the answer is no JSON object. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export class DiscordSignIn {
  readonly #oauth: OAuthSettings;
  readonly #surroundings: DiscordSurroundings;
  #underWay = 0;

  constructor(oauth: OAuthSettings, surroundings: DiscordSurroundings) {
    this.#oauth = oauth;
    this.#surroundings = surroundings;
  }

  /** Where a browser is sent, to come back to `redirectUri` with `code` or `error`, and with the same `state`. */
  authorizeUrl({ redirectUri, state }: { readonly redirectUri: string; readonly state: string }): string {
    const url = new URL(this.#oauth.authorizeUrl);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id: this.#oauth.clientId,
      scope: "identify",
      state,
      redirect_uri: redirectUri,
    }).toString();
    return url.href;
  }

  /** Whose code this is. Never rejects for what Discord does. */
  async whoseCode(code: string, redirectUri: string): Promise<DiscordAnswer> {
    if (!OPAQUE.test(code)) return { kind: "code_refused" };
    if (this.#underWay >= UNDER_WAY_MAX) return { kind: "away" };
    const { clock } = this.#surroundings;
    const timeout = new AbortController();
    const cancelTimeout = clock.schedule(clock.nowMs() + TIMEOUT_MS, () => timeout.abort());
    this.#underWay++;
    try {
      const token = await this.#exchange(code, redirectUri, timeout.signal);
      return typeof token === "string" ? await this.#owner(token, timeout.signal) : token;
    } finally {
      this.#underWay--;
      cancelTimeout();
    }
  }

  /** The access token that the code yields. */
  async #exchange(code: string, redirectUri: string, signal: AbortSignal): Promise<string | DiscordAnswer> {
    const { clientId, clientSecret } = this.#oauth;
    const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString("base64");
    const answer = await this.#ask("/oauth2/token", {
      method: "POST",
      headers: { authorization: `Basic ${credentials}` },
      body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: redirectUri }),
      signal,
    });
    if (answer === null) return { kind: "away" };
    const { error, access_token: token } = answer.fields;
    if (answer.status === 401 || error === "invalid_client") return { kind: "client_refused" };
    if (answer.status === 400) return { kind: "code_refused" };
    return answer.status === 200 && typeof token === "string" && OPAQUE.test(token)
      ? token
      : { kind: "away" };
  }

  async #owner(token: string, signal: AbortSignal): Promise<DiscordAnswer> {
    const answer = await this.#ask("/users/@me", { headers: { authorization: `Bearer ${token}` }, signal });
    const { id, username } = answer?.fields ?? {};
    if (answer?.status !== 200 || typeof id !== "string" || !SNOWFLAKE.test(id)) return { kind: "away" };
    // The name is only shown; whoever has none that can be is known by their id.
    const name = typeof username === "string" ? oneLine(username, USERNAME_MAX_LENGTH) : "";
    return { kind: "person", id, name: name === "" ? id : name };
  }

  /** One request and its whole answer; null where there is none. */
  async #ask(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Answer | null> {
    const { fetch, userAgent } = this.#surroundings;
    try {
      const response = await fetch(`${this.#oauth.apiUrl}${path}`, {
        ...init,
        headers: { ...init.headers, "user-agent": userAgent },
        // Secret and token are for this address and no other.
        redirect: "manual",
      });
      return { status: response.status, fields: fieldsOf(await readText(response)) };
    } catch {
      return null;
    }
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) throw new Error(`Cannot read an answer of over ${ANSWER_MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  const value = parsed(text);
  // Anything else is HTML of a proxy, most likely.
  return isObject(value) ? value : {};
}
