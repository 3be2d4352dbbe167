/**
 * `/sign_in`: the ways in, and the password among them.
 *
 * @module
 */
import { type DashboardSettings, hasNoSignIn } from "../dashboard/settings.ts";
import { localPath } from "../dashboard/sign_in/local_path.ts";
import { isSameSecret } from "../dashboard/sign_in/same_secret.ts";
import { ActionForm } from "./_form.tsx";
import type { PageContext, Route } from "./_route.ts";
import { doorPage, LinkAdvice, recordSignIn, signIn, signInPath, tooManyPage } from "./_sign_in.tsx";

export const signInRoute: Route = {
  isOpen: true,
  GET(context) {
    const next = localPath(context.req.query("next"));
    return context.get("person") === null ? waysIn(context, next) : context.redirect(next, 303);
  },
  async POST(context) {
    const { settings, attempts } = context.get("services");
    if (settings.password === null) return context.notFound();
    const fields = await context.req.parseBody();
    const next = localPath(text(fields.next));
    const isRight = isSameSecret(text(fields.password) ?? "", settings.password);
    const judgement = await attempts.judge("password", context.get("visitor").address, isRight);
    switch (judgement.kind) {
      case "right":
        return await signIn(context, { name: "operator", role: "operator", by: "password" }, next);
      case "wrong":
        await recordSignIn(context, "password", { who: "unknown", outcome: "Refused: wrong password" });
        return await waysIn(context, next, { isWrong: true });
      case "refused":
        return await tooManyPage(context, "passwords", judgement.forMs);
    }
  },
};

/** A form that is not ours may have anything under a name. */
function text(field: unknown): string | undefined {
  return typeof field === "string" ? field : undefined;
}

function waysIn(
  context: PageContext,
  next: string,
  { isWrong = false }: { readonly isWrong?: boolean } = {},
): Response | Promise<Response> {
  const { settings } = context.get("services");
  return doorPage(
    context,
    { title: "Sign in", status: isWrong ? 401 : 200 },
    <>
      {settings.password !== null && (
        <PasswordForm next={next} isWrong={isWrong} csrfToken={context.get("csrfToken")} />
      )}
      {settings.oauth !== null && <DiscordLink settings={settings} next={next} />}
      {hasNoSignIn(settings) && <p>This dashboard has neither a password nor a sign-in by Discord.</p>}
      <LinkAdvice isOther={!hasNoSignIn(settings)} />
    </>,
  );
}

function PasswordForm(
  { next, isWrong, csrfToken }: {
    readonly next: string;
    readonly isWrong: boolean;
    readonly csrfToken: string;
  },
) {
  return (
    <ActionForm action="/sign_in" csrfToken={csrfToken} class="stack">
      <input type="hidden" name="next" value={next} />
      <div>
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-invalid={isWrong}
          aria-describedby={isWrong ? "password-wrong" : undefined}
        />
        {isWrong && <p id="password-wrong" class="door-wrong" role="alert">✕ This is not the password.</p>}
      </div>
      <button type="submit">Sign in</button>
    </ActionForm>
  );
}

/** A link, because a form may not lead to another site here. */
function DiscordLink(
  { settings, next }: { readonly settings: DashboardSettings; readonly next: string },
) {
  const isOnlyWay = settings.password === null;
  return (
    <>
      {!isOnlyWay && <p class="door-or">or</p>}
      <a class={isOnlyWay ? "button" : "button quiet"} href={signInPath(next, "/discord")}>
        Sign in with Discord
      </a>
    </>
  );
}
