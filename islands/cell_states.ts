/**
 * What a shard can be doing, as the grid shows it: by a word, a shape and a colour.
 *
 * @module
 */

export interface CellState {
  /** As filters name it. */
  readonly state: string;
  /** What stands for it in the grid's class names, and in what the server tells. */
  readonly code: string;
  readonly word: string;
  readonly glyph: string;
}

/** In the order in which they are counted. Their shapes are in `static/fleet.css` too, for the grid. */
export const CELL_STATES: readonly CellState[] = [
  { state: "connected", code: "c", word: "Connected", glyph: "●" },
  { state: "resuming", code: "r", word: "Resuming", glyph: "◐" },
  { state: "identifying", code: "i", word: "Identifying", glyph: "◆" },
  { state: "handshaking", code: "h", word: "Handshaking", glyph: "◇" },
  { state: "waiting", code: "w", word: "Waiting for its turn", glyph: "○" },
  { state: "parked", code: "p", word: "Parked", glyph: "■" },
  { state: "disconnected", code: "d", word: "Disconnected", glyph: "✕" },
  { state: "unknown", code: "u", word: "Unknown", glyph: "?" },
];

const WORDS: ReadonlyMap<string, string> = new Map(CELL_STATES.map(({ code, word }) => [code, word]));

/** What a cell of the grid is called. */
export function cellName(shard: number, code: string): string {
  return `${shard} ${WORDS.get(code) ?? "Unknown"}`;
}

/** Cells of a whole grid are in blocks of a hundred, ten by ten, so that a shard is found by its number. */
export const BLOCK_SIZE = 100;
export const BLOCK_COLUMNS = 10;
