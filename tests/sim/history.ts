/**
 * What happened, in short lines: the last of them for people, the digest of all of them to tell whether two
 * histories are the same.
 *
 * @module
 */

/** `state` is a change of somebody's state, few; `detail` is everything else, among it every event on its way. */
export type Weight = "state" | "detail";

interface Line {
  readonly atMs: number;
  readonly actor: string;
  readonly what: string;
}

/** FNV-1a, 32 bits. */
const DIGEST_START = 0x811c9dc5;
const DIGEST_PRIME = 0x01000193;

export class History {
  readonly #nowMs: () => number;
  readonly #kept: Record<Weight, Line[]> = { state: [], detail: [] };
  readonly #keep: number;
  #digest = DIGEST_START;
  #lines = 0;

  /** Keeps at least the last `keep` lines of each weight. */
  constructor(options: { nowMs: () => number; keep: number }) {
    this.#nowMs = options.nowMs;
    this.#keep = options.keep;
  }

  note(weight: Weight, actor: string, what: string): void {
    const line = { atMs: this.#nowMs(), actor, what };
    this.#lines += 1;
    this.#mix(`${line.atMs} ${actor} ${what}`);
    this.#append("detail", line);
    if (weight === "state") this.#append("state", line);
  }

  /** Number of lines and digest: the same seed gives the same. */
  get digest(): string {
    return `${this.#lines}-${this.#digest.toString(16).padStart(8, "0")}`;
  }

  /** The last lines, the oldest first: changes of state alone, or everything. */
  last(weight: Weight): string[] {
    return this.#kept[weight].slice(-this.#keep).map(({ atMs, actor, what }) =>
      `${(atMs / 1_000).toFixed(3).padStart(9)} s  ${actor.padEnd(9)} ${what}`
    );
  }

  #append(weight: Weight, line: Line): void {
    const lines = this.#kept[weight];
    lines.push(line);
    // Cut in bulk, because cutting is as long as what is kept.
    if (lines.length >= 2 * this.#keep) lines.splice(0, this.#keep);
  }

  #mix(text: string): void {
    let digest = this.#digest;
    for (let at = 0; at < text.length; at++) {
      digest = Math.imul(digest ^ text.charCodeAt(at), DIGEST_PRIME);
    }
    this.#digest = digest >>> 0;
  }
}
