/**
 * Whoever is signed in.
 *
 * @module
 */

/** A viewer sees, an operator acts. */
export type Role = "operator" | "viewer";

export interface Person {
  /** As the audit names them: "operator", or their Discord user name. */
  readonly name: string;
  readonly role: Role;
  readonly by: "password" | "link" | "discord" | "api token";
  /** Of whoever signed in by Discord. */
  readonly discordId?: string;
  /** What their CSRF token is made from; never shown. */
  readonly signInId: string;
}
