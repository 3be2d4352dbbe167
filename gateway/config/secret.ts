/**
 * A text that must not be seen: a token, a password, a URL that holds one.
 *
 * @module
 */

const REDACTED = "<redacted>";

/** Prints as `<redacted>` in whatever way it is printed; only {@link reveal} gives the text. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one place that must hand it on. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  /** Deno.inspect and console ask for this one too. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return REDACTED;
  }
}
