/**
 * `/sign_out`: ends a sign-in, for viewers too.
 *
 * @module
 */
import { deleteSignInCookie } from "./_cookies.ts";
import { redirectWithNotice, type Route } from "./_route.ts";

export const signOut: Route = {
  isOpen: true,
  async POST(context) {
    const person = context.get("person");
    if (person !== null) await context.get("services").signIns.end(person.signInId);
    deleteSignInCookie(context);
    return await redirectWithNotice(context, "/sign_in", { kind: "done", text: "You are signed out." });
  },
};
