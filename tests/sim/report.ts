/**
 * How a checker says that a promise was broken.
 *
 * @module
 */

/** Takes what was broken, in words that name the shard, session and sequence. */
export type Report = (what: string) => void;
