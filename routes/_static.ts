/**
 * The files in `static/`, served as they are.
 *
 * @module
 */
import type { PageContext } from "./_route.ts";

const FOLDER = new URL("../static/", import.meta.url);

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Asked for anew by every page, and then mostly not sent: a new version is there at once. */
export async function staticFile(context: PageContext): Promise<Response> {
  const name = context.req.param("name") ?? "";
  const type = TYPES[/^[a-z_]+\.([a-z]+)$/.exec(name)?.[1] ?? ""];
  if (type === undefined) return context.notFound();
  try {
    const bytes = await Deno.readFile(new URL(name, FOLDER));
    return context.body(bytes, 200, { "content-type": type, "cache-control": "no-cache" });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return context.notFound();
    throw error;
  }
}
