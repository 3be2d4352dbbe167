/**
 * Whose page sent a form, where no sign-in has a CSRF token yet.
 *
 * @module
 */
import type { PageContext } from "./_route.ts";

/** Where the browser is, as it would write it: `https://shards.example.com`. */
export function originOf(context: PageContext): string {
  const { publicUrl } = context.get("services").settings;
  if (publicUrl !== null) return publicUrl;
  const scheme = context.get("visitor").isByTls ? "https" : "http";
  return `${scheme}://${new URL(context.req.url).host}`;
}

/**
 * Whether a form was sent by a page of this dashboard, so that nobody can sign others in as somebody else. Browsers say
 * it themselves, and no page can make them say otherwise: `Sec-Fetch-Site` where they came by TLS or from the same
 * machine, whatever a proxy makes of host and scheme; elsewhere `Origin`. A token in a cookie would show no more, and
 * would need a cookie for everybody who only looks at the door.
 */
export function isFromHere(context: PageContext): boolean {
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = context.req.header("origin");
  return origin === originOf(context) || origin === new URL(context.req.url).origin;
}
