/**
 * How a program for people hears that it is to end.
 *
 * @module
 */

/** A terminal and the task runner both pass a Ctrl-C on; what comes later is a second one. */
const SECOND_SIGNAL_AFTER_MS = 1_000;
/** As a shell reports a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

/** The first Ctrl-C, or SIGTERM, aborts; one more, later, ends the process: what it started ends with it. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstAtMs = 0;
  const hear = () => {
    if (!controller.signal.aborted) {
      firstAtMs = performance.now();
      controller.abort();
    } else if (performance.now() - firstAtMs > SECOND_SIGNAL_AFTER_MS) Deno.exit(EXIT_INTERRUPTED);
  };
  Deno.addSignalListener("SIGINT", hear);
  Deno.addSignalListener("SIGTERM", hear);
  return controller.signal;
}
