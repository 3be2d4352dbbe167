/**
 * Failures in words.
 *
 * @module
 */

/** What went wrong, as one line for a log. */
export function failureText(error: unknown): string {
  // A host with several addresses fails with one error for each, under a name of its own without words.
  if (error instanceof AggregateError && error.errors.length > 0) return failureText(error.errors[0]);
  // fetch() says no more than that it failed; why is in the cause.
  if (error instanceof TypeError && error.cause instanceof Error) return failureText(error.cause);
  return error instanceof Error ? error.message : String(error);
}

/** True where nobody answered at all, as opposed to a server that refused us. */
export function isNetworkFailure(error: unknown): boolean {
  // The system's errors have names for codes (ECONNREFUSED); those of a server have numbers, or none.
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
