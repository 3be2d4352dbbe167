/**
 * What benches share is made when the first of them runs: `--filter` then pays for nothing that it leaves out.
 *
 * @module
 */

/** Makes the value at the first call, and answers with the same one ever after. */
export function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | null = null;
  return () => (made ??= { value: make() }).value;
}
