/**
 * Which events are published, chosen by their names alone.
 *
 * @module
 */

/** Far more than the event names there are; a server that invents ever more of them is not to fill our memory. */
const NAMES_KEPT = 1_000;

export class EventChoice {
  /** Names, a `*` at the end standing for any rest. What none of them matches is not wanted. */
  readonly allow: readonly string[];
  /** The same; what one of them matches is not wanted, whatever {@link allow} says. */
  readonly deny: readonly string[];
  readonly #known = new Map<string, boolean>();

  constructor(allow: readonly string[], deny: readonly string[]) {
    this.allow = allow;
    this.deny = deny;
  }

  isWanted(type: string): boolean {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const isMatched = (pattern: string) => matches(pattern, type);
    const isWanted = this.allow.some(isMatched) && !this.deny.some(isMatched);
    if (this.#known.size === NAMES_KEPT) this.#known.clear();
    this.#known.set(type, isWanted);
    return isWanted;
  }
}

function matches(pattern: string, type: string): boolean {
  return pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}
