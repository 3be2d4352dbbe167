/**
 * `/sign_in/discord`: out to Discord, and `/sign_in/discord/callback`: back from it.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import type { ComponentChildren } from "preact";
import { oneLine } from "../../gateway/one_line.ts";
import type { DiscordSignIn } from "../../dashboard/sign_in/discord.ts";
import { localPath } from "../../dashboard/sign_in/local_path.ts";
import { isSameSecret } from "../../dashboard/sign_in/same_secret.ts";
import { roleOf } from "../../dashboard/sign_in/sign_ins.ts";
import { originOf } from "../_origin.ts";
import type { PageContext, Route } from "../_route.ts";
import { Back, doorPage, recordSignIn, signIn, signInPath, tooManyPage } from "../_sign_in.tsx";

const PATH = "/sign_in/discord";

/** What a browser is to bring back, so that nobody can sign it in as somebody else: the state, then where to go on. */
const STATE_COOKIE = "shardline_discord";
/** For a person to read Discord's page, and to find their password. */
const STATE_SECONDS = 15 * 60;
const STATE_BYTES = 32;

/** Discord's error codes are words. */
const ERROR_MAX_LENGTH = 60;

export const toDiscord: Route = {
  isOpen: true,
  async GET(context) {
    const { discord, signIns } = context.get("services");
    if (discord === null) return context.notFound();
    const state = randomBytes(STATE_BYTES).toString("base64url");
    const next = localPath(context.req.query("next"));
    await setSignedCookie(context, STATE_COOKIE, `${state} ${next}`, await signIns.cookieKey(STATE_COOKIE), {
      path: PATH,
      httpOnly: true,
      secure: context.get("visitor").isByTls,
      // Strict would leave it at home on the way back.
      sameSite: "Lax",
      maxAge: STATE_SECONDS,
    });
    return context.redirect(discord.authorizeUrl({ redirectUri: redirectUriOf(context), state }), 303);
  },
};

export const fromDiscord: Route = {
  isOpen: true,
  async GET(context) {
    const { discord, signIns } = context.get("services");
    if (discord === null) return context.notFound();
    const kept = await getSignedCookie(context, await signIns.cookieKey(STATE_COOKIE), STATE_COOKIE);
    deleteCookie(context, STATE_COOKIE, { path: PATH });
    const [state = "", next] = typeof kept === "string" ? kept.split(" ") : [];
    if (state === "" || !isSameSecret(context.req.query("state") ?? "", state)) {
      return await refusalPage(context, {
        title: "Begin again",
        status: 403,
        next: "/",
        children: <p>This sign-in was not begun in this browser, or too long ago.</p>,
      });
    }
    return await answer(context, discord, localPath(next));
  },
};

function redirectUriOf(context: PageContext): string {
  return `${originOf(context)}${PATH}/callback`;
}

/** Answers a browser that comes back from where we have sent it. */
async function answer(context: PageContext, discord: DiscordSignIn, next: string): Promise<Response> {
  const { attempts } = context.get("services");
  const { address } = context.get("visitor");
  const error = context.req.query("error");
  if (error !== undefined) return await discordRefusedPage(context, error, next);
  const refusedForMs = await attempts.refusedForMs("discord_code", address);
  if (refusedForMs !== null) return await tooManyPage(context, "sign-ins by Discord", refusedForMs);
  const found = await discord.whoseCode(context.req.query("code") ?? "", redirectUriOf(context));
  switch (found.kind) {
    case "person":
      return await admit(context, found, next);
    case "code_refused":
      await attempts.judge("discord_code", address, false);
      return await refusalPage(context, {
        title: "Discord did not confirm it",
        status: 403,
        next,
        children: <p>Discord does not know this sign-in, or no longer. Begin again.</p>,
      });
    case "client_refused":
      return await refusalPage(context, {
        title: "Discord does not know this dashboard",
        status: 503,
        next,
        children: (
          <p>
            Discord refuses <code>DASHBOARD_OAUTH_CLIENT_ID</code> with{" "}
            <code>DASHBOARD_OAUTH_CLIENT_SECRET</code>. Copy both anew from the Developer Portal, your
            application, OAuth2.
          </p>
        ),
      });
    case "away":
      return await refusalPage(context, {
        title: "Discord does not answer",
        status: 503,
        next,
        children: <p>It could not be asked who you are. Try again in a minute.</p>,
      });
  }
}

/** Signs in who is on a list. Others count like wrong tries: anybody at Discord could come again and again. */
async function admit(
  context: PageContext,
  { id, name }: { readonly id: string; readonly name: string },
  next: string,
): Promise<Response> {
  const { settings, attempts } = context.get("services");
  const role = roleOf(id, settings);
  await attempts.judge("discord_code", context.get("visitor").address, role !== null);
  if (role !== null) return await signIn(context, { name, role, by: "discord", discordId: id }, next);
  await recordSignIn(context, "discord", { who: `${name} (${id})`, outcome: "Refused: not on the list" });
  return await refusalPage(context, {
    title: "Not on the list",
    status: 403,
    next,
    children: (
      <>
        <p>
          You are <b>{name}</b>{" "}
          at Discord, and may not use this dashboard yet. Whoever runs it can let you in: give them your id.
        </p>
        <dl class="pairs">
          <dt>Your Discord id</dt>
          <dd>
            <code>{id}</code>
          </dd>
        </dl>
        <p class="muted">
          It belongs into <code>DASHBOARD_VIEWERS</code>, to look, or into{" "}
          <code>DASHBOARD_OPERATORS</code>, to act.
        </p>
      </>
    ),
  });
}

function discordRefusedPage(
  context: PageContext,
  error: string,
  next: string,
): Response | Promise<Response> {
  const isDenied = error === "access_denied";
  return refusalPage(context, {
    title: isDenied ? "Not signed in" : "Discord refused",
    status: 403,
    next,
    children: isDenied ? <p>You told Discord not to say who you are.</p> : (
      <p>
        Discord says <code>{oneLine(error, ERROR_MAX_LENGTH)}</code>.
      </p>
    ),
  });
}

interface Refusal {
  readonly title: string;
  readonly status: 403 | 503;
  /** Where they wanted to go. */
  readonly next: string;
  readonly children: ComponentChildren;
}

function refusalPage(
  context: PageContext,
  { title, status, next, children }: Refusal,
): Response | Promise<Response> {
  return doorPage(
    context,
    { title, status },
    <>
      <div role="alert">{children}</div>
      <a class="button" href={signInPath(next, "/discord")}>Try again</a>
      <Back next={next} />
    </>,
  );
}
