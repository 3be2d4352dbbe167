/**
 * A row of the spool's database, whose file may have been damaged: nothing in it is taken for granted.
 *
 * @module
 */
import type { SQLOutputValue } from "node:sqlite";

/** A column of a row does not hold what was written there. */
export class UnreadableRowError extends Error {
  override readonly name = "UnreadableRowError";
}

export class StoredRow {
  readonly #table: string;
  readonly #columns: Readonly<Record<string, SQLOutputValue>>;

  constructor(table: string, columns: Readonly<Record<string, SQLOutputValue>>) {
    this.#table = table;
    this.#columns = columns;
  }

  /** An integer from 0 to 2^53 - 1. */
  count(name: string): number {
    const value = this.#columns[name];
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.#refuse(name, "no count");
  }

  countOrNull(name: string): number | null {
    return this.#columns[name] === null ? null : this.count(name);
  }

  text(name: string): string {
    const value = this.#columns[name];
    return typeof value === "string" ? value : this.#refuse(name, "no text");
  }

  textOrNull(name: string): string | null {
    return this.#columns[name] === null ? null : this.text(name);
  }

  json(name: string): unknown {
    try {
      return JSON.parse(this.text(name));
    } catch {
      return this.#refuse(name, "no JSON");
    }
  }

  bytes(name: string): Uint8Array {
    const value = this.#columns[name];
    return value instanceof Uint8Array ? value : this.#refuse(name, "no bytes");
  }

  #refuse(name: string, problem: string): never {
    throw new UnreadableRowError(`a row of ${this.#table} has ${problem} in ${name}`);
  }
}
