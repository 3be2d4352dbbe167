/**
 * The end of a test's patience: one that waits in vain fails, and says what it has seen, instead of hanging.
 *
 * @module
 */

/** Many times what the slowest wait of a test takes: what has not come by then never comes. */
const DEADLINE_MS = 60_000;

/**
 * What the work resolves with.
 *
 * @param seen Asked when the deadline has passed: what the error is to show.
 * @throws Error where the work takes longer than `deadlineMs`.
 */
export async function beforeDeadline<Result>(
  work: Promise<Result>,
  seen: () => string,
  deadlineMs = DEADLINE_MS,
): Promise<Result> {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.reject(new Error(`Cannot wait longer than ${deadlineMs / 1_000} s: ${seen()}`));
  }, deadlineMs);
  try {
    return await Promise.race([work, deadline.promise]);
  } finally {
    clearTimeout(timer);
  }
}
