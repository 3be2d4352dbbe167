/**
 * What must not be seen: a token, a password, whatever holds one.
 *
 * @module
 */

const REDACTED = "<redacted>";

/** Prints as `<redacted>` in whatever way it is printed; only {@link reveal} gives the value: a text, mostly. */
export class Secret<Value = string> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  /** The value itself, for the one place that must hand it on. */
  reveal(): Value {
    return this.#value;
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
