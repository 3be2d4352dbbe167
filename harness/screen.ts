/**
 * Where a program for people writes: a terminal, with a line that is rewritten in place, or a file, with plain lines.
 *
 * @module
 */

/** Terminal control sequences (ECMA-48). */
const ERASE_LINE = "\r\x1b[2K";
const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const NORMAL = "\x1b[0m";

/** What a screen is made on: standard output, or a test's. */
export interface ScreenTarget {
  readonly isTerminal: boolean;
  readonly colors: boolean;
  /** Width in characters. */
  columns(): number;
  write(text: string): void;
}

export class Screen {
  readonly #target: ScreenTarget;
  #liveShown = false;

  constructor(target: ScreenTarget) {
    this.#target = target;
  }

  /** Whether the live line is rewritten in place. */
  get isTerminal(): boolean {
    return this.#target.isTerminal;
  }

  /** A line that stays. */
  say(line = ""): void {
    this.#target.write(`${this.#liveShown ? ERASE_LINE : ""}${line}\n`);
    this.#liveShown = false;
  }

  /** The one line that tells how things are: in place of the one before on a terminal, below it elsewhere. */
  live(line: string): void {
    if (this.#target.isTerminal) {
      this.#target.write(`${ERASE_LINE}${line.slice(0, this.#target.columns() - 1)}`);
      this.#liveShown = true;
    } else this.say(line);
  }

  bold(text: string): string {
    return this.#target.colors ? `${BOLD}${text}${NORMAL}` : text;
  }

  dim(text: string): string {
    return this.#target.colors ? `${DIM}${text}${NORMAL}` : text;
  }

  /** Rows of a name and what belongs to it, aligned. */
  rows(rows: readonly (readonly [name: string, ...cells: string[]])[]): void {
    const widths = rows.reduce<number[]>(
      (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
      [],
    );
    for (const row of rows) {
      const cells = row.map((cell, column) =>
        column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)
      );
      const [name = "", ...rest] = cells;
      this.say(`  ${this.dim(name)}   ${rest.join("   ")}`);
    }
  }
}

/** Standard output. */
export function standardOutput(): ScreenTarget {
  const isTerminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  return {
    isTerminal,
    colors: isTerminal && !Deno.noColor,
    columns: () => isTerminal ? Deno.consoleSize().columns : Infinity,
    write: (text) => {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
    },
  };
}
