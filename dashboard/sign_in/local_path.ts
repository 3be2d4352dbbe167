/**
 * Where somebody goes after signing in. The path comes in a URL that anybody may have written.
 *
 * @module
 */

const LENGTH_MAX = 2_000;

/**
 * Printable ASCII without the backslash, from one slash on: browsers read `//host` and `/\host` as another host, and
 * drop tabs and line breaks before they look.
 */
const LOCAL_PATH = /^\/(?!\/)[!-[\]-~]*$/;

/** The path, where it stays on this site; else the first page's. */
export function localPath(text: string | undefined): string {
  return text !== undefined && text.length <= LENGTH_MAX && LOCAL_PATH.test(text) ? text : "/";
}
