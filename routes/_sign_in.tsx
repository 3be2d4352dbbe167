/**
 * What the pages of the sign-in have in common.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import type { Person } from "../dashboard/person.ts";
import { LINK_MINUTES } from "../dashboard/sign_in/links.ts";
import { setSignInCookie } from "./_cookies.ts";
import { page, type PageOptions } from "./_layout.tsx";
import type { PageContext } from "./_route.ts";

/** The action as the audit has it. */
const ACTIONS = {
  password: "Sign-in by password",
  link: "Sign-in by one-time link",
  discord: "Sign-in by Discord",
} as const;

export type SignInWay = keyof typeof ACTIONS;

/** Signs a person in, and takes their browser to where it was going. */
export async function signIn(
  context: PageContext,
  person: Omit<Person, "signInId"> & { readonly by: SignInWay },
  next: string,
): Promise<Response> {
  const { signIns } = context.get("services");
  const earlier = context.get("person");
  if (earlier !== null) await signIns.end(earlier.signInId);
  const id = await signIns.begin(person);
  await setSignInCookie(context, id, context.get("visitor").isByTls);
  await recordSignIn(context, person.by, { who: person.name, role: person.role, outcome: "Signed in" });
  return context.redirect(next, 303);
}

/** Only what the limits have let through: whoever tries without end must not push all else out of the audit. */
export async function recordSignIn(
  context: PageContext,
  by: SignInWay,
  entry: { readonly who: string; readonly role?: string; readonly outcome: string },
): Promise<void> {
  const { address } = context.get("visitor");
  await context.get("services").audit.record({ address, action: ACTIONS[by], shards: "none", ...entry });
}

/** Where somebody signs in who wants to go on to a path. */
export function signInPath(next: string, way: "" | "/discord" = ""): string {
  return next === "/" ? `/sign_in${way}` : `/sign_in${way}?next=${encodeURIComponent(next)}`;
}

/** Answers with a small page before the sign-in. */
export function doorPage(
  context: PageContext,
  options: Omit<PageOptions, "styles">,
  children: ComponentChildren,
): Response | Promise<Response> {
  return page(
    context,
    { ...options, styles: ["/static/sign_in.css"] },
    <section class="panel door">
      <p class="door-brand" translate={false}>Shardline</p>
      <h1>{options.title}</h1>
      {children}
    </section>,
  );
}

/** Answers whoever has tried too often, or comes from where somebody has. */
export function tooManyPage(
  context: PageContext,
  what: string,
  forMs: number,
): Response | Promise<Response> {
  const until = new Date(context.get("services").clock.wallMs() + forMs);
  const minutes = Math.ceil(forMs / 60_000);
  context.header("retry-after", String(Math.ceil(forMs / 1_000)));
  return doorPage(
    context,
    { title: "Too many tries", status: 429 },
    <>
      <p role="alert">
        Too many wrong {what} were tried. For{" "}
        {minutes === 1 ? "one more minute" : `${minutes} more minutes`}, until{" "}
        <time dateTime={until.toISOString()}>{until.toISOString().slice(11, 16)} UTC</time>, none is taken
        from your address, not even the right one.
      </p>
      <LinkAdvice />
      <Back />
    </>,
  );
}

/**
 * How to get in where nothing else is at hand.
 *
 * @param props.isOther Whether another way stands above it.
 */
export function LinkAdvice({ isOther = false }: { readonly isOther?: boolean }) {
  return (
    <p class="muted">
      {isOther ? "Or run" : "Run"} <code>deno task signin</code>{" "}
      with the dashboard's settings: it prints a link that signs you in once, within {LINK_MINUTES} minutes.
    </p>
  );
}

export function Back({ next = "/" }: { readonly next?: string }) {
  return (
    <p>
      <a href={signInPath(next)}>Back to the sign-in</a>
    </p>
  );
}
