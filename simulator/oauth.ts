/**
 * OAuth2 without its HTTP: the application, the codes that a person's consent yields, and the tokens that a code
 * yields (Discord docs, OAuth2).
 *
 * @module
 */
import type { SimulatorClock } from "./clock.ts";
import type { Knobs } from "./knobs.ts";
import { checkPeople, type Person, SNOWFLAKE } from "./people.ts";

/** What OAuth2 is made of. */
export interface OAuthParts {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where people may be sent back to, each to the letter. Empty: anywhere on the machine itself. */
  readonly redirectUris: readonly string[];
  readonly people: readonly Person[];
  readonly knobs: Knobs;
  readonly clock: SimulatorClock;
}

/** What a person has agreed to, waiting to be exchanged. */
interface Consent {
  readonly person: Person;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly endsAtMs: number;
}

/** A pair of tokens, and what they open. */
export interface Grant {
  readonly person: Person;
  readonly scopes: readonly string[];
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token ends; the refresh token has no end. */
  readonly endsAtMs: number;
}

/** How many codes, and how many grants, are kept; older ones are forgotten. */
const KEPT_MAX = 10_000;

/** Hosts of the machine itself, as `URL` writes them. */
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Everything that the simulated Discord knows of who agreed to what. There is one application. */
export class OAuth {
  readonly clientId: string;
  readonly redirectUris: readonly string[];
  readonly people: readonly Person[];
  readonly #clientSecret: string;
  readonly #knobs: Knobs;
  readonly #clock: SimulatorClock;
  readonly #consents = new Map<string, Consent>();
  readonly #grantsByAccessToken = new Map<string, Grant>();
  readonly #grantsByRefreshToken = new Map<string, Grant>();
  /** Scopes to which each person has ever agreed, by their id. */
  readonly #approved = new Map<string, Set<string>>();

  /** Throws RangeError where the application or a person makes no sense. */
  constructor(parts: OAuthParts) {
    const { clientId, clientSecret, redirectUris, people } = parts;
    if (!SNOWFLAKE.test(clientId)) {
      throw new RangeError(`Cannot make the application: "${clientId}" is not a client id`);
    }
    if (clientSecret === "") throw new RangeError("Cannot make the application: its client secret is empty");
    for (const uri of redirectUris) {
      if (!isWebAddress(URL.parse(uri))) {
        throw new RangeError(`Cannot make the application: "${uri}" is not a redirect URI`);
      }
    }
    checkPeople(people);
    this.clientId = clientId;
    this.redirectUris = redirectUris;
    this.people = people;
    this.#clientSecret = clientSecret;
    this.#knobs = parts.knobs;
    this.#clock = parts.clock;
  }

  /** How many access tokens open something now. */
  get accessTokenCount(): number {
    const nowMs = this.#clock.nowMs();
    return [...this.#grantsByAccessToken.values()].filter((grant) => nowMs < grant.endsAtMs).length;
  }

  /** Whether these are the application's credentials. */
  isClient(id: string, secret: string): boolean {
    return id === this.clientId && secret === this.#clientSecret;
  }

  /** Where the person goes back to: as asked where that is registered, the first one where nothing is asked. */
  redirectUri(asked: string | null): string | undefined {
    if (asked === null) return this.redirectUris[0];
    const registered = this.redirectUris.length === 0
      ? isLoopback(URL.parse(asked))
      : this.redirectUris.includes(asked);
    return registered ? asked : undefined;
  }

  person(id: string): Person | undefined {
    return this.people.find((person) => person.id === id);
  }

  /** A person agrees. Returns the code that goes back with them. */
  approve(person: Person, scopes: readonly string[], redirectUri: string): string {
    const approved = this.#approved.get(person.id) ?? new Set();
    for (const scope of scopes) approved.add(scope);
    this.#approved.set(person.id, approved);
    const code = opaque();
    const endsAtMs = this.#clock.nowMs() + this.#knobs.oauthCodeTtlMs;
    keep(this.#consents, code, { person, scopes, redirectUri, endsAtMs });
    return code;
  }

  /** Whether a person has agreed to all of this before. */
  hasApproved(person: Person, scopes: readonly string[]): boolean {
    const approved = this.#approved.get(person.id);
    return approved !== undefined && scopes.every((scope) => approved.has(scope));
  }

  /**
   * Exchanges a code for tokens, once. What is refused is named; an exchange refused for its redirect URI leaves the
   * code as it is.
   */
  exchange(code: string, redirectUri: string | null): Grant | "code" | "redirect_uri" {
    const consent = this.#consents.get(code);
    if (consent === undefined || this.#clock.nowMs() >= consent.endsAtMs) return "code";
    if (redirectUri !== consent.redirectUri) return "redirect_uri";
    this.#consents.delete(code);
    return this.#grant(consent.person, consent.scopes);
  }

  /** Exchanges a refresh token for a new pair; the old pair is worth nothing any more. */
  refresh(refreshToken: string): Grant | undefined {
    const grant = this.#grantsByRefreshToken.get(refreshToken);
    if (grant === undefined) return undefined;
    this.#forget(grant);
    return this.#grant(grant.person, grant.scopes);
  }

  /**
   * Ends every token of the person to whom this access or refresh token belongs: the whole authorization goes,
   * whichever token is named (Discord docs, Token Revocation Example).
   */
  revoke(token: string): void {
    const named = this.#grantsByAccessToken.get(token) ?? this.#grantsByRefreshToken.get(token);
    for (const grant of [...this.#grantsByAccessToken.values()]) {
      if (grant.person === named?.person) this.#forget(grant);
    }
  }

  /** What an access token opens, until it ends. */
  grantOf(accessToken: string): Grant | undefined {
    const grant = this.#grantsByAccessToken.get(accessToken);
    return grant !== undefined && this.#clock.nowMs() < grant.endsAtMs ? grant : undefined;
  }

  /** Whole seconds until the access token ends. */
  secondsLeft(grant: Grant): number {
    return Math.max(0, Math.floor((grant.endsAtMs - this.#clock.nowMs()) / 1_000));
  }

  #grant(person: Person, scopes: readonly string[]): Grant {
    const endsAtMs = this.#clock.nowMs() + this.#knobs.oauthTokenTtlMs;
    const grant = { person, scopes, accessToken: opaque(), refreshToken: opaque(), endsAtMs };
    keep(this.#grantsByAccessToken, grant.accessToken, grant);
    keep(this.#grantsByRefreshToken, grant.refreshToken, grant);
    return grant;
  }

  #forget(grant: Grant): void {
    this.#grantsByAccessToken.delete(grant.accessToken);
    this.#grantsByRefreshToken.delete(grant.refreshToken);
  }
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size > KEPT_MAX) {
    const [oldest = ""] = map.keys();
    map.delete(oldest);
  }
}

/** A code or token that nobody can guess. */
function opaque(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** A redirect URI has no fragment (RFC 6749, 3.1.2). */
function isWebAddress(url: URL | null): url is URL {
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && !url.href.includes("#");
}

function isLoopback(url: URL | null): boolean {
  return isWebAddress(url) && LOOPBACK_HOSTS.has(url.hostname) && url.username === "" && url.password === "";
}
