/**
 * The cookie that says who is signed in.
 *
 * @module
 */
import { deleteCookie, setSignedCookie } from "hono/cookie";
import { SIGN_IN_SECONDS } from "../dashboard/sign_in/sign_ins.ts";
import type { PageContext } from "./_route.ts";

export const SIGN_IN_COOKIE = "shardline_sign_in";

/** @param isSecure Whether the browser reached us by TLS. */
export async function setSignInCookie(context: PageContext, id: string, isSecure: boolean): Promise<void> {
  const key = await context.get("services").signIns.cookieKey(SIGN_IN_COOKIE);
  await setSignedCookie(context, SIGN_IN_COOKIE, id, key, {
    path: "/",
    httpOnly: true,
    secure: isSecure,
    sameSite: "Lax",
    maxAge: SIGN_IN_SECONDS,
  });
}

export function deleteSignInCookie(context: PageContext): void {
  deleteCookie(context, SIGN_IN_COOKIE, { path: "/" });
}
