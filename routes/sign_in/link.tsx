/**
 * `/sign_in/link/:token`: a one-time link. Opening it takes nothing, because chat programs open links too; pressing the
 * button does.
 *
 * @module
 */
import { ActionForm } from "../_form.tsx";
import type { PageContext, Route } from "../_route.ts";
import { Back, doorPage, LinkAdvice, signIn } from "../_sign_in.tsx";

export const link: Route = {
  isOpen: true,
  async GET(context) {
    const isGood = await context.get("services").links.isGood(tokenOf(context));
    return isGood ? await offer(context) : await overPage(context);
  },
  async POST(context) {
    if (await context.get("services").links.take(tokenOf(context))) {
      return await signIn(context, { name: "operator", role: "operator", by: "link" }, "/");
    }
    return await overPage(context);
  },
};

function tokenOf(context: PageContext): string {
  return context.req.param("token") ?? "";
}

function offer(context: PageContext): Response | Promise<Response> {
  return doorPage(
    context,
    { title: "Sign in" },
    <>
      <p>This link signs you in as an operator, once.</p>
      <ActionForm action={context.req.path} csrfToken={context.get("csrfToken")} class="stack">
        <button type="submit">Sign in</button>
      </ActionForm>
    </>,
  );
}

function overPage(context: PageContext): Response | Promise<Response> {
  return doorPage(
    context,
    { title: "This link is over", status: 403 },
    <>
      <p role="alert">It has been used, or is too old.</p>
      <LinkAdvice />
      <Back />
    </>,
  );
}
