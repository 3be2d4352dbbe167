/**
 * The licences under which a package may be used here: the one place that says so.
 *
 * @module
 */

/** By SPDX identifier. Each asks for its text to be kept and for nothing else, and goes with this project's ISC. */
const ALLOWED: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
]);

/** Packages that may have another one, and no other package with them. */
const ALLOWED_FOR_ONE: ReadonlyMap<string, string> = new Map([
  // It asks for changes of its own files to be published. Tests alone use it, unchanged, and nothing is built from it.
  ["axe-core", "MPL-2.0"],
  // Both ask for less than those above. What lints deploy/compose.yaml brings the one, what checks deploy/kubernetes the
  // other; nothing is built from either.
  ["argparse", "Python-2.0"],
  ["railroad-diagrams", "CC0-1.0"],
]);

/** Whether this package may be used under this licence. */
export function isAllowed(packageName: string, licence: string): boolean {
  return ALLOWED.has(licence) || ALLOWED_FOR_ONE.get(packageName) === licence;
}
