/**
 * The dashboard's web application: every path there is, and what must hold before one is answered.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Hono, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { deleteCookie, getSignedCookie } from "hono/cookie";
import { etag } from "hono/etag";
import { secureHeaders } from "hono/secure-headers";
import { RedisAwayError, WrongTypeError } from "../dashboard/redis.ts";
import type { DashboardServices } from "../dashboard/services.ts";
import { hasNoSignIn, isLoopback } from "../dashboard/settings.ts";
import { apiError, isApi, knowProgram } from "./_api.ts";
import { SIGN_IN_COOKIE } from "./_cookies.ts";
import { CSRF_FIELD } from "./_form.tsx";
import { messagePage } from "./_layout.tsx";
import { isFromHere } from "./_origin.ts";
import { type Notice, NOTICE_COOKIE, type PageContext, type Route, type RouteEnvironment } from "./_route.ts";
import { staticFile } from "./_static.ts";
import { ROUTES } from "./_table.ts";

/** A command is at most 4 KiB of gateway payload; a form around it needs little more. */
const BODY_MAX_BYTES = 64 * 1024;
/** Of somebody who has yet to say who they are: a password, and where they were going. */
const STRANGERS_BODY_MAX_BYTES = 4 * 1024;
/** Each holds memory until it is answered; whoever needs more than that is not looking at pages. */
const REQUESTS_MOST = 500;

/** What a browser with an open page waits for before it asks again, in seconds. */
const AWAY_REFRESH_SECONDS = 5;

/** As browsers send every form here. */
const FORM_TYPE = "application/x-www-form-urlencoded";

type App = Hono<RouteEnvironment>;
type Middleware = MiddlewareHandler<RouteEnvironment>;

export function createApp(services: DashboardServices, tellFault: (error: unknown) => void): App {
  const app: App = new Hono();
  app.use(fit());
  app.use(bound(services));
  app.use(compress());
  app.use(secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      baseUri: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: "same-origin",
    // For how long a host is to be reached by TLS alone is for whoever gives it its certificate to say.
    strictTransportSecurity: false,
  }));
  app.get("/livez", (context) => context.json({ status: "OK" }));
  app.get("/readyz", async (context) => {
    const missing = await services.missing();
    return context.json(missing, missing.length === 0 ? 200 : 503);
  });
  app.get("/static/:name", etag(), staticFile);
  app.use(unkept());
  app.use(signInPossible(services));
  app.use(known());
  app.use(bodied());
  for (const [path, route] of ROUTES) mount(app, path, route);
  app.notFound((context) =>
    isApi(context)
      ? apiError(context, "not_found", "There is no such endpoint")
      : messagePage(context, { title: "Not found", lines: ["There is no such page."], status: 404 })
  );
  app.onError((error, context) => answerFault(error, context, tellFault));
  return app;
}

/** Turns away what no browser sends, and what would be one too many at once. */
function fit(): Middleware {
  let underWay = 0;
  return async (context, next) => {
    // Its host is whatever its sender wrote.
    if (!URL.canParse(context.req.url)) return context.text("This request names no host\n", 400);
    if (underWay >= REQUESTS_MOST) return context.text("Too many requests at once\n", 503);
    underWay += 1;
    try {
      await next();
    } finally {
      underWay -= 1;
    }
  };
}

/** Has the whole body of a request before anything is done for it, and no more of it than is allowed. */
function bodied(): Middleware {
  return async (context, next) => {
    if (context.req.raw.body === null) return await next();
    const mostBytes = context.get("person") === null ? STRANGERS_BODY_MAX_BYTES : BODY_MAX_BYTES;
    const body = await readBody(context.req.raw.body, mostBytes);
    if (body === "broken off") return unreadable(context, "The request broke off");
    if (body === "too long") {
      const words = `A request may have ${mostBytes / 1024} KiB at most`;
      return isApi(context) ? apiError(context, "too_large", words) : unreadable(context, words);
    }
    context.req.raw = new Request(context.req.raw, { body });
    await next();
  };
}

async function readBody(
  stream: ReadableStream<Uint8Array>,
  mostBytes: number,
): Promise<Uint8Array<ArrayBuffer> | "too long" | "broken off"> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    // Leaving the loop cancels what has not been read.
    for await (const part of stream) {
      length += part.length;
      if (length > mostBytes) return "too long";
      parts.push(part);
    }
  } catch {
    return "broken off";
  }
  return new Uint8Array(Buffer.concat(parts));
}

function bound(services: DashboardServices): Middleware {
  return async (context, next) => {
    context.set("services", services);
    context.set(
      "visitor",
      services.visitors.visitor({
        // Nobody serves a request that a test makes up.
        remoteAddress: context.env?.remoteAddress,
        forwardedFor: context.req.header("x-forwarded-for"),
        forwardedProto: context.req.header("x-forwarded-proto"),
      }),
    );
    context.set("person", null);
    context.set("csrfToken", "");
    context.set("notice", null);
    await next();
  };
}

/** What is shown to one person is kept by no cache, that of their own browser included. */
function unkept(): Middleware {
  return async (context, next) => {
    await next();
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  };
}

/** Where anybody on the network could come, somebody must be able to prove who they are. */
function signInPossible({ settings }: DashboardServices): Middleware {
  return async (context, next) => {
    if (isLoopback(settings.host) || !hasNoSignIn(settings)) return await next();
    // Endpoints are opened by their token alone, and by nothing where there is none.
    if (isApi(context)) return await next();
    return messagePage(context, {
      title: "No way to sign in",
      lines: [
        `This dashboard listens on ${settings.host}, where others can reach it, and nobody can sign in.`,
        "Set DASHBOARD_PASSWORD, or DASHBOARD_OAUTH_CLIENT_ID and DASHBOARD_OAUTH_CLIENT_SECRET with " +
        "DASHBOARD_OPERATORS, and restart. Or set DASHBOARD_HOST to 127.0.0.1 and reach it through a tunnel.",
      ],
      status: 503,
    });
  };
}

/** Finds out who is there, and what the page before this one left to be said. */
function known(): Middleware {
  return async (context, next) => {
    if (isApi(context)) return await knowProgram(context) ?? await next();
    const { signIns } = context.get("services");
    const cookies = context.req.header("cookie") ?? "";
    if (cookies.includes(SIGN_IN_COOKIE)) {
      const id = await getSignedCookie(context, await signIns.cookieKey(SIGN_IN_COOKIE), SIGN_IN_COOKIE);
      const person = typeof id === "string" ? await signIns.find(id) : null;
      context.set("person", person);
      if (person !== null) context.set("csrfToken", await signIns.csrfToken(person));
    }
    if (cookies.includes(NOTICE_COOKIE) && context.req.method === "GET") {
      const text = await getSignedCookie(context, await signIns.cookieKey(NOTICE_COOKIE), NOTICE_COOKIE);
      if (typeof text === "string") context.set("notice", JSON.parse(text) as Notice);
    }
    await next();
    if (context.get("notice") !== null) deleteCookie(context, NOTICE_COOKIE, { path: "/" });
  };
}

function mount(app: App, path: string, { isOpen = false, GET, POST }: Route): void {
  if (GET !== undefined) {
    app.get(path, (context) => {
      if (isOpen || context.get("person") !== null) return GET(context);
      const { pathname, search } = new URL(context.req.url);
      return context.redirect(`/sign_in?next=${encodeURIComponent(pathname + search)}`, 303);
    });
  }
  if (POST !== undefined) {
    app.post(path, async (context) => await refusal(context, isOpen) ?? await POST(context));
  }
}

/** Why a form is not acted upon; null where it is. */
async function refusal(context: PageContext, isOpen: boolean): Promise<Response | null> {
  const person = context.get("person");
  // Nobody else's page can make a program send its token.
  if (person?.by === "api token") return null;
  // Malformed multipart makes the parser throw, which is no fault of ours.
  if (!context.req.header("content-type")?.startsWith(FORM_TYPE)) return await notAccepted(context);
  if (person === null) {
    if (!isOpen) return context.redirect("/sign_in", 303);
    return isFromHere(context) ? null : await notAccepted(context);
  }
  const fields = await context.req.parseBody();
  const token = fields[CSRF_FIELD];
  if (typeof token !== "string" || !await context.get("services").signIns.isCsrfToken(person, token)) {
    return await notAccepted(context);
  }
  if (isOpen || person.role === "operator") return null;
  return await messagePage(context, {
    title: "For operators only",
    lines: [`${person.name} may look, and not act.`],
    status: 403,
  });
}

function unreadable(context: PageContext, words: string): Response | Promise<Response> {
  return isApi(context)
    ? apiError(context, "invalid", words)
    : messagePage(context, { title: "Not readable", lines: [`${words}.`], status: 400 });
}

function notAccepted(context: PageContext): Response | Promise<Response> {
  return messagePage(context, {
    title: "Not accepted",
    lines: [
      "This form did not come from a page of this dashboard, or is of an earlier sign-in. Open it again.",
    ],
    status: 403,
  });
}

function answerFault(
  error: Error,
  context: PageContext,
  tellFault: (error: unknown) => void,
): Response | Promise<Response> {
  if (error instanceof RedisAwayError) {
    if (isApi(context)) return apiError(context, "away", "Redis is away");
    return messagePage(context, {
      title: "Redis is away",
      lines: [
        "Everything this dashboard shows is in Redis, which does not answer. The gateway runs without it.",
        "This page asks again every few seconds.",
      ],
      status: 503,
      refreshSeconds: AWAY_REFRESH_SECONDS,
    });
  }
  if (error instanceof WrongTypeError) {
    if (isApi(context)) return apiError(context, "wrong_type", error.message);
    return messagePage(context, {
      title: "Redis holds something else",
      lines: [
        `${error.message}.`,
        "Something else than the gateway and its dashboard has written there. Find out what, then delete the key: " +
        "what belongs there is written anew.",
      ],
      status: 503,
    });
  }
  tellFault(error);
  if (isApi(context)) return apiError(context, "fault", "This is a fault of the dashboard");
  return messagePage(context, {
    title: "Something went wrong",
    lines: ["This is a fault of the dashboard. The gateway is not touched by it; its log says more."],
    status: 500,
  });
}
