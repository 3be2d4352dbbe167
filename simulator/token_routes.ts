/**
 * The two routes of OAuth2 that an application calls itself: codes and refresh tokens in, tokens out, and their
 * revocation. Both take nothing but forms (Discord docs, OAuth2 URLs).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { formBody, type HttpAnswer, type HttpRequest, jsonAnswer } from "./http_server.ts";
import type { Grant, OAuth } from "./oauth.ts";

/** RFC 6749, 5.1: nothing on the way may keep a token. */
const NOT_STORED = { "cache-control": "no-store", pragma: "no-cache" };

/**
 * POST /oauth2/token. Checks grant type, credentials and grant in this order, as Discord does; the words of the
 * refusals are those that people have reported.
 */
export function issueToken(oauth: OAuth, request: HttpRequest): HttpAnswer {
  const form = formBody(request);
  const grantType = form.get("grant_type");
  if (grantType !== "authorization_code" && grantType !== "refresh_token") {
    return refused("unsupported_grant_type", `Grant type ${grantType ?? "None"} is not supported`);
  }
  if (!isClient(oauth, request, form)) return invalidClient();
  return grantType === "authorization_code" ? exchange(oauth, form) : refresh(oauth, form);
}

/** POST /oauth2/token/revoke. A token that is not known is no error (RFC 7009, 2.2). */
export function revokeToken(oauth: OAuth, request: HttpRequest): HttpAnswer {
  const form = formBody(request);
  if (!isClient(oauth, request, form)) return invalidClient();
  const token = form.get("token");
  if (token === null) return refused("invalid_request", 'Missing "token" in request.');
  oauth.revoke(token);
  return jsonAnswer(200, {});
}

function exchange(oauth: OAuth, form: URLSearchParams): HttpAnswer {
  const code = form.get("code");
  if (code === null) return refused("invalid_request", 'Missing "code" in request.');
  const grant = oauth.exchange(code, form.get("redirect_uri"));
  return typeof grant === "string"
    ? refused("invalid_grant", `Invalid "${grant}" in request.`)
    : issued(oauth, grant);
}

function refresh(oauth: OAuth, form: URLSearchParams): HttpAnswer {
  const refreshToken = form.get("refresh_token");
  if (refreshToken === null) return refused("invalid_request", 'Missing "refresh_token" in request.');
  const grant = oauth.refresh(refreshToken);
  return grant === undefined ? refused("invalid_grant") : issued(oauth, grant);
}

/** The credentials come in HTTP Basic or in the form (Discord docs, Authorization Code Grant). */
function isClient(oauth: OAuth, request: HttpRequest, form: URLSearchParams): boolean {
  const basic = /^Basic +(\S+)$/i.exec(request.header("authorization") ?? "")?.[1];
  if (basic === undefined) {
    return oauth.isClient(form.get("client_id") ?? "", form.get("client_secret") ?? "");
  }
  const [id = "", ...secret] = Buffer.from(basic, "base64").toString().split(":");
  return oauth.isClient(id, secret.join(":"));
}

function issued(oauth: OAuth, grant: Grant): HttpAnswer {
  return jsonAnswer(200, {
    token_type: "Bearer",
    access_token: grant.accessToken,
    expires_in: oauth.secondsLeft(grant),
    refresh_token: grant.refreshToken,
    scope: grant.scopes.join(" "),
  }, NOT_STORED);
}

function refused(error: string, description?: string): HttpAnswer {
  const body = description === undefined ? { error } : { error, error_description: description };
  return jsonAnswer(400, body, NOT_STORED);
}

function invalidClient(): HttpAnswer {
  return jsonAnswer(401, { error: "invalid_client" }, { ...NOT_STORED, "www-authenticate": "Basic" });
}
