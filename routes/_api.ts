/**
 * Endpoints for programs: JSON in and out, a bearer token, and no cookies, so that no page of others can use them.
 *
 * @module
 */
import { isSameSecret } from "../dashboard/sign_in/same_secret.ts";
import type { PageContext } from "./_route.ts";

export function isApi(context: PageContext): boolean {
  return context.req.path === "/api" || context.req.path.startsWith("/api/");
}

/** What goes wrong, and its status. What the gateway refuses has its own code, and status 422. */
export const API_ERRORS = {
  invalid: 400,
  unauthorized: 401,
  not_found: 404,
  budget_too_small: 409,
  foreign_service: 409,
  no_shards: 409,
  none_under_way: 409,
  not_in_fleet: 409,
  under_way: 409,
  too_large: 413,
  not_json: 415,
  too_many_tries: 429,
  fault: 500,
  away: 503,
  not_sent: 503,
  wrong_type: 503,
  too_many_listeners: 503,
  no_answer: 504,
  not_confirmed: 504,
} as const;

export type ApiError = keyof typeof API_ERRORS;

/**
 * What every endpoint answers where it does not do as asked.
 *
 * @param message A sentence without a full stop.
 */
export function apiError(context: PageContext, error: ApiError, message: string): Response {
  return context.json({ error, message }, API_ERRORS[error]);
}

/** Makes whoever sends the token known; resolves with the answer for whoever does not, else with null. */
export async function knowProgram(context: PageContext): Promise<Response | null> {
  const { settings: { apiToken }, attempts, audit } = context.get("services");
  const { address } = context.get("visitor");
  if (apiToken === null) return unauthorized(context, "There is no way in: DASHBOARD_API_TOKEN is not set");
  const [, token] = /^Bearer +(\S+) *$/i.exec(context.req.header("authorization") ?? "") ?? [];
  if (token === undefined) return unauthorized(context, "Send DASHBOARD_API_TOKEN as a bearer token");
  const judgement = await attempts.judge("api_token", address, isSameSecret(token, apiToken));
  switch (judgement.kind) {
    case "right":
      context.set("person", { name: "api token", role: "operator", by: "api token", signInId: "" });
      return null;
    case "wrong":
      await audit.record({
        who: "unknown",
        address,
        action: "Sign-in by API token",
        shards: "none",
        outcome: "Refused: wrong token",
      });
      return unauthorized(context, "This is not DASHBOARD_API_TOKEN");
    case "refused": {
      const seconds = Math.ceil(judgement.forMs / 1_000);
      context.header("retry-after", String(seconds));
      return apiError(context, "too_many_tries", `Too many wrong tokens: none is taken for ${seconds} s`);
    }
  }
}

function unauthorized(context: PageContext, message: string): Response {
  context.header("www-authenticate", "Bearer");
  return apiError(context, "unauthorized", message);
}
