/**
 * What a bench does where something goes wrong.
 *
 * @module
 */
import type { Observer } from "../../gateway/observation.ts";

const FAILURE = /\.(refused|refusing|lost|unreachable|channel_lost|returned|blocked|garbage)$/;

/** Ends the run where something goes wrong: what is measured would be something else. */
export const failLoudly: Observer = (observation) => {
  if (FAILURE.test(observation.kind)) {
    throw new Error(`Cannot measure any further: ${JSON.stringify(observation)}`);
  }
};
