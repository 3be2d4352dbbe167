/**
 * Who is signed in. Sign-ins are kept in Redis, where they end by themselves, so that every dashboard on it knows
 * them; a browser holds no more than a random id.
 *
 * @module
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../../gateway/clock.ts";
import { DASHBOARD_KEY_KEY, signInKey } from "../contract_keys.ts";
import type { Person, Role } from "../person.ts";
import { type DashboardRedis, RedisAwayError } from "../redis.ts";
import type { DashboardSettings } from "../settings.ts";
import { isSameSecret } from "./same_secret.ts";

/** A working day, and the evening after it: whoever comes back the next morning signs in again. */
export const SIGN_IN_SECONDS = 12 * 60 * 60;

/** Then it is read again: where Redis has lost it, all dashboards soon agree on the one that is made anew. */
const KEY_KEPT_MS = 5_000;

const ID_BYTES = 32;

/** Discord user ids. */
export type Lists = Pick<DashboardSettings, "operators" | "viewers">;

export interface SignInsOptions {
  readonly redis: DashboardRedis;
  readonly clock: Clock;
  readonly settings: Lists & Pick<DashboardSettings, "password">;
}

export class SignIns {
  readonly #options: SignInsOptions;
  #key: { readonly text: string; readonly untilMs: number } | null = null;

  constructor(options: SignInsOptions) {
    this.#options = options;
  }

  /** Signs a person in; resolves with the id for their cookie. Rejects with a {@link RedisAwayError}. */
  async begin(person: Omit<Person, "signInId">): Promise<string> {
    const id = randomBytes(ID_BYTES).toString("base64url");
    const kept = person.by === "password" ? { ...person, passwordMark: this.#passwordMark(id) } : person;
    await this.#options.redis.ask((redis) =>
      redis.set(keyOf(id), JSON.stringify(kept), "EX", SIGN_IN_SECONDS)
    );
    return id;
  }

  /** The person with this id; null where they are not, or no longer, signed in. */
  async find(id: string): Promise<Person | null> {
    const text = await this.#options.redis.ask((redis) => redis.get(keyOf(id)));
    if (text === null) return null;
    const { passwordMark, ...kept } = JSON.parse(text);
    const person: Person = { ...kept, signInId: id };
    // Password and lists may have changed since.
    switch (person.by) {
      case "password": {
        const mark = this.#passwordMark(id);
        return mark !== null && mark === passwordMark ? person : null;
      }
      case "discord": {
        const role = roleOf(person.discordId, this.#options.settings);
        return role === null ? null : { ...person, role };
      }
      default:
        return person;
    }
  }

  async end(id: string): Promise<void> {
    await this.#options.redis.ask((redis) => redis.del(keyOf(id)));
  }

  /** What a form must carry to be this person's own. */
  async csrfToken({ signInId }: Person): Promise<string> {
    return await this.#derived(`csrf:${signInId}`);
  }

  async isCsrfToken(person: Person, text: string): Promise<boolean> {
    return isSameSecret(text, await this.csrfToken(person));
  }

  /** The secret that a cookie is signed with; of its own for each, so that none can be taken for another. */
  async cookieKey(name: string): Promise<string> {
    return await this.#derived(`cookie:${name}`);
  }

  async #derived(purpose: string): Promise<string> {
    return createHmac("sha256", await this.#ownKey()).update(purpose).digest("base64url");
  }

  /**
   * What a sign-in has of the password that it was made with; null where none is set. Its key is the id, which only the
   * browser has, so whoever reads Redis cannot try passwords on it.
   */
  #passwordMark(id: string): string | null {
    const { password } = this.#options.settings;
    return password === null ? null : createHmac("sha256", id).update(password).digest("base64url");
  }

  async #ownKey(): Promise<string> {
    const nowMs = this.#options.clock.nowMs();
    if (this.#key !== null && nowMs < this.#key.untilMs) return this.#key.text;
    try {
      const text = await this.#readKey();
      this.#key = { text, untilMs: nowMs + KEY_KEPT_MS };
      return text;
    } catch (error) {
      // What was done just before Redis went away is to be said all the same.
      if (this.#key === null || !(error instanceof RedisAwayError)) throw error;
      return this.#key.text;
    }
  }

  /** Made by the first dashboard that finds none. */
  async #readKey(): Promise<string> {
    const text = await this.#options.redis.ask(async (redis) => {
      await redis.set(DASHBOARD_KEY_KEY, randomBytes(ID_BYTES).toString("base64url"), "NX");
      return await redis.get(DASHBOARD_KEY_KEY);
    });
    if (text === null) throw new Error("Cannot sign a cookie: Redis has lost the key for it");
    return text;
  }
}

/** What somebody at Discord may do here; null: nothing. */
export function roleOf(discordId: string | undefined, { operators, viewers }: Lists): Role | null {
  if (discordId === undefined) return null;
  if (operators.includes(discordId)) return "operator";
  return viewers.includes(discordId) ? "viewer" : null;
}

/** Whoever reads Redis must not be able to sign in with what stands there. */
function keyOf(id: string): string {
  return signInKey(createHash("sha256").update(id).digest("base64url"));
}
