/**
 * What a page or an endpoint is, and what it is handed.
 *
 * @module
 */
import type { Context } from "hono";
import { setSignedCookie } from "hono/cookie";
import type { Person } from "../dashboard/person.ts";
import type { DashboardServices } from "../dashboard/services.ts";
import type { Visitor } from "../dashboard/sign_in/visitors.ts";

/** What came of an action, shown on the page that follows. */
export interface Notice {
  readonly kind: "done" | "refused" | "failed";
  readonly text: string;
}

export interface RouteVariables {
  readonly services: DashboardServices;
  readonly visitor: Visitor;
  /** Null only on routes that are open. */
  person: Person | null;
  /** What a form on the page must carry; empty where nobody is signed in. */
  csrfToken: string;
  notice: Notice | null;
}

/** What the server hands on with a request. */
export interface RouteBindings {
  /** The other end of the connection. */
  readonly remoteAddress?: string;
}

export type RouteEnvironment = { Variables: RouteVariables; Bindings: RouteBindings };

export type PageContext = Context<RouteEnvironment>;

type Handler = (context: PageContext) => Response | Promise<Response>;

/**
 * A path's answers. Unless the route is open, GET is reached only by whoever is signed in, and POST only by an operator
 * whose form carries the CSRF token.
 */
export interface Route {
  readonly isOpen?: boolean;
  readonly GET?: Handler;
  readonly POST?: Handler;
}

/** Whoever is signed in, on a route that is not open. */
export function personOf(context: PageContext): Person {
  const person = context.get("person");
  if (person === null) throw new Error("Cannot say who is signed in: this route is open");
  return person;
}

export const NOTICE_COOKIE = "shardline_notice";
const NOTICE_SECONDS = 60;

/** Answers a form that was sent: the next page says what came of it, and is not sent again when it is reloaded. */
export async function redirectWithNotice(
  context: PageContext,
  path: string,
  notice: Notice,
): Promise<Response> {
  const key = await context.get("services").signIns.cookieKey(NOTICE_COOKIE);
  await setSignedCookie(context, NOTICE_COOKIE, JSON.stringify(notice), key, {
    path: "/",
    httpOnly: true,
    sameSite: "Lax",
    maxAge: NOTICE_SECONDS,
  });
  return context.redirect(path, 303);
}
