/**
 * The page on which a person lets an application know who they are. It stands where Discord has it, beside `/api`;
 * as nobody has to sign in here first, it asks who is there.
 *
 * @module
 */
import { formBody, type HttpAnswer, type HttpHandler, type HttpRequest } from "./http_server.ts";
import type { OAuth } from "./oauth.ts";
import type { Person } from "./people.ts";

export const AUTHORIZE_PATH = "/oauth2/authorize";

/**
 * The scopes for which any application may ask a person (Discord docs, OAuth2 Scopes): not those that need
 * Discord's approval, nor those that install something, for which Discord has other pages.
 */
const SCOPES: ReadonlySet<string> = new Set([
  "applications.builds.read",
  "applications.commands.permissions.update",
  "applications.entitlements",
  "applications.store.update",
  "connections",
  "email",
  "gdm.join",
  "guilds",
  "guilds.join",
  "guilds.members.read",
  "identify",
  "messages.read",
  "role_connections.write",
]);

/** Remembers in the browser who pressed last, as Discord remembers who is signed in. */
const PERSON_COOKIE = "simulated_discord_person";

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
};

/** What an application asks a person for. */
interface Asked {
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly state: string | null;
}

/** GET shows the page; POST, with the same query, is a person's answer: `person=<id>`, or `cancel`. */
export function createAuthorizePage(oauth: OAuth): HttpHandler {
  return (request): HttpAnswer => {
    if (request.method !== "GET" && request.method !== "POST") {
      return errorPage(405, "Method Not Allowed", { allow: "GET, POST" });
    }
    const asked = readQuery(oauth, request.query);
    if ("status" in asked) return asked;
    return request.method === "GET" ? show(oauth, asked, request) : decide(oauth, asked, request);
  };
}

/** What the query asks for, or the answer to one that cannot be granted. */
function readQuery(oauth: OAuth, query: URLSearchParams): Asked | HttpAnswer {
  // Without a trusted place to go back to, the person stays here and is told (RFC 6749, 4.1.2.1).
  if (query.get("client_id") !== oauth.clientId) return errorPage(400, "Unknown Application");
  const redirectUri = oauth.redirectUri(query.get("redirect_uri"));
  if (redirectUri === undefined) return errorPage(400, "Invalid OAuth2 redirect_uri");
  const scopes = [...new Set((query.get("scope") ?? "").split(" ").filter((scope) => scope !== ""))];
  const asked = { scopes, redirectUri, state: query.get("state") };
  const type = query.get("response_type");
  if (type === null) return refuse(asked, "invalid_request", 'Missing "response_type" in request.');
  if (type !== "code") {
    return refuse(asked, "unsupported_response_type", "Only the authorization code grant is played.");
  }
  if (scopes.length === 0 || scopes.some((scope) => !SCOPES.has(scope))) {
    return refuse(asked, "invalid_scope", "The requested scope is invalid, unknown, or malformed.");
  }
  return asked;
}

function show(oauth: OAuth, asked: Asked, request: HttpRequest): HttpAnswer {
  const person = oauth.person(personCookie(request));
  if (request.query.get("prompt") === "none" && person !== undefined) {
    if (oauth.hasApproved(person, asked.scopes)) return approve(oauth, asked, person);
  }
  return { status: 200, headers: PAGE_HEADERS, body: authorizePage(oauth, asked, request.query) };
}

function decide(oauth: OAuth, asked: Asked, request: HttpRequest): HttpAnswer {
  const form = formBody(request);
  if (form.has("cancel")) {
    const description = "The resource owner or authorization server denied the request.";
    return refuse(asked, "access_denied", description);
  }
  const person = oauth.person(form.get("person") ?? "");
  return person === undefined ? errorPage(400, "Unknown User") : approve(oauth, asked, person);
}

function approve(oauth: OAuth, asked: Asked, person: Person): HttpAnswer {
  const code = oauth.approve(person, asked.scopes, asked.redirectUri);
  const { headers, ...answer } = sendBack(asked, { code });
  const cookie = `${PERSON_COOKIE}=${person.id}; Path=${AUTHORIZE_PATH}; HttpOnly; SameSite=Lax`;
  return { ...answer, headers: { ...headers, "set-cookie": cookie } };
}

function refuse(asked: Asked, error: string, description: string): HttpAnswer {
  return sendBack(asked, { error, error_description: description });
}

/** Back to the application, with the state that it sent. */
function sendBack({ redirectUri, state }: Asked, fields: Readonly<Record<string, string>>): HttpAnswer {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(fields)) url.searchParams.append(name, value);
  if (state !== null) url.searchParams.append("state", state);
  return { status: 302, headers: { location: url.href, "cache-control": "no-store" }, body: "" };
}

function personCookie(request: HttpRequest): string {
  const cookies = (request.header("cookie") ?? "").split(/; */).map((cookie) => cookie.split("="));
  return cookies.find(([name]) => name === PERSON_COOKIE)?.[1] ?? "";
}

function authorizePage(oauth: OAuth, asked: Asked, query: URLSearchParams): string {
  const buttons = oauth.people.map(({ id, username, globalName }) => {
    const name = globalName === null ? username : `${globalName} (${username})`;
    return `      <p><button name="person" value="${id}">Authorize as ${escapeHtml(name)}</button> ${id}</p>`;
  });
  return page(
    "Authorize",
    `    <p>The application ${oauth.clientId} asks for:</p>
    <ul>
${asked.scopes.map((scope) => `      <li>${escapeHtml(scope)}</li>`).join("\n")}
    </ul>
    <p>Who are you? You will be sent back to ${escapeHtml(asked.redirectUri)}</p>
    <form method="post" action="${escapeHtml(`${AUTHORIZE_PATH}?${query}`)}">
${buttons.join("\n")}
      <p><button name="cancel" value="true">Cancel</button></p>
    </form>`,
  );
}

function errorPage(status: number, message: string, headers: Record<string, string> = {}): HttpAnswer {
  return {
    status,
    headers: { ...PAGE_HEADERS, ...headers },
    body: page("Error", `    <p>${escapeHtml(message)}</p>`),
  };
}

function page(title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} - simulated Discord</title>
  </head>
  <body>
    <main>
    <h1>Simulated Discord: ${title}</h1>
${content}
    </main>
  </body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}
