/**
 * The versions that a release may have: three numbers of Semantic Versioning, without what may follow them.
 *
 * @module
 */
import { Release } from "keep-a-changelog";

const THREE_NUMBERS = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/;

/** Whether the text is such a version. */
export function isVersion(text: string): boolean {
  return THREE_NUMBERS.test(text);
}

/** For sorting: negative where the first is the higher one. */
export function highestFirst(one: string, other: string): number {
  return new Release(one).compare(new Release(other));
}
