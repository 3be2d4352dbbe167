/**
 * The people who can be signed in by OAuth2, and how Discord shows them to an application.
 *
 * @module
 */

/** Somebody with an account. */
export interface Person {
  /** A snowflake. */
  readonly id: string;
  /** Unique: 2 to 32 of `a-z`, `0-9`, `_` and `.` (Discord docs, Usernames and Nicknames). */
  readonly username: string;
  /** The name that others see, or null where there is none. */
  readonly globalName: string | null;
}

/**
 * Who there is unless told otherwise. Not drawn from the world, whose ids move with the day it begins: a
 * dashboard's configuration lists people by id. One has no global name, one has letters that HTML must escape.
 */
export const DEFAULT_PEOPLE: readonly Person[] = [
  { id: "1200000000000000001", username: "ada", globalName: "Ada" },
  { id: "1200000000000000002", username: "ben.example", globalName: null },
  { id: "1200000000000000003", username: "cleo", globalName: "Cleo <3 & co" },
];

/** A snowflake since Discord opened: 17 digits or more. */
export const SNOWFLAKE = /^\d{17,20}$/;

const USERNAME = /^[a-z0-9_.]{2,32}$/;

/** Throws RangeError where somebody cannot have an account like that, or two have the same id. */
export function checkPeople(people: readonly Person[]): void {
  for (const { id, username } of people) {
    if (!SNOWFLAKE.test(id)) throw new RangeError(`Cannot make a person: "${id}" is not an id`);
    if (!USERNAME.test(username)) {
      throw new RangeError(`Cannot make a person: "${username}" is not 2 to 32 of a-z, 0-9, _ and .`);
    }
  }
  if (new Set(people.map(({ id }) => id)).size < people.length) {
    throw new RangeError("Cannot make the people: two have the same id");
  }
}

/** A person as they are shown to an application with these scopes (Discord docs, User Object). */
export function shownTo(person: Person, scopes: readonly string[]): Record<string, unknown> {
  return {
    id: person.id,
    username: person.username,
    avatar: null,
    discriminator: "0",
    public_flags: 0,
    flags: 0,
    banner: null,
    accent_color: null,
    global_name: person.globalName,
    avatar_decoration_data: null,
    collectibles: null,
    primary_guild: null,
    mfa_enabled: false,
    locale: "en-US",
    premium_type: 0,
    ...(scopes.includes("email") ? { email: `${person.username}@example.com`, verified: true } : {}),
  };
}
