/**
 * The cells of a grid that is on the page already.
 *
 * @module
 */
import { BLOCK_COLUMNS, BLOCK_SIZE, cellName } from "./cell_states.ts";

/** As far as PageUp and PageDown move. */
const PAGE = 100;

export class Grid {
  readonly #element: HTMLElement;
  readonly #shown: ReadonlySet<string>;
  readonly #point: (text: string) => void;
  /** In the order of the shards. */
  readonly #cells: HTMLAnchorElement[];
  /** The shard of each cell. */
  readonly #shards: number[];
  readonly #hasNumbers: boolean;
  readonly #leaving = new AbortController();
  /** The one cell that Tab reaches. */
  #current: HTMLAnchorElement | null = null;
  /** The one that was last pointed at. */
  #pointed: HTMLAnchorElement | null = null;

  /**
   * @param shown Codes of the states that the grid shows. A cell that turns to another goes, and comes back with it.
   * @param point Hears what is pointed at.
   */
  constructor(element: HTMLElement, shown: ReadonlySet<string>, point: (text: string) => void) {
    this.#element = element;
    this.#shown = shown;
    this.#point = point;
    this.#cells = [...element.querySelectorAll("a")];
    this.#shards = this.#cells.map(shardOf);
    this.#hasNumbers = !element.classList.contains("many");
    for (const cell of this.#cells) cell.tabIndex = -1;
    this.#reach(this.#cells[0] ?? null);
    const { signal } = this.#leaving;
    element.addEventListener("keydown", (event) => this.#move(event), { signal });
    element.addEventListener("focusin", ({ target }) => {
      const cell = cellOf(target);
      if (cell !== null) this.#reach(cell);
      this.#say(cell);
    }, { signal });
    element.addEventListener("mouseover", ({ target }) => this.#say(cellOf(target)), { signal });
  }

  get size(): number {
    return this.#cells.length;
  }

  /** Shows a shard's state, as the letter of it. */
  turn(shard: number, code: string): void {
    const index = this.#placeOf(shard);
    const cell = this.#cells[index];
    const isThere = cell !== undefined && this.#shards[index] === shard;
    if (!this.#shown.has(code)) {
      if (isThere) this.#remove(cell, index);
    } else if (!isThere) this.#insert(shard, code, index);
    else if (cell.className !== code) {
      cell.className = code;
      cell.ariaLabel = cellName(shard, code);
      if (cell === this.#pointed) this.#say(cell);
    }
  }

  /** Mutes the cells where what they show is old. */
  age(isOld: boolean): void {
    this.#element.classList.toggle("old", isOld);
  }

  /** Leaves the cells as they are. */
  leave(): void {
    this.#leaving.abort();
  }

  /** Where it is among the cells, or would be. */
  #placeOf(shard: number): number {
    // In a whole grid each is in its place.
    if (this.#shards[shard] === shard) return shard;
    let [from, to] = [0, this.#shards.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#shards[middle] ?? Infinity) < shard) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #insert(shard: number, code: string, index: number): void {
    const cell = document.createElement("a");
    cell.href = `/shards/${shard}`;
    cell.className = code;
    cell.ariaLabel = cellName(shard, code);
    cell.tabIndex = -1;
    if (this.#hasNumbers) cell.textContent = String(shard);
    this.#element.insertBefore(cell, this.#cells[index] ?? null);
    this.#cells.splice(index, 0, cell);
    this.#shards.splice(index, 0, shard);
    if (this.#current === null) this.#reach(cell);
  }

  #remove(cell: HTMLAnchorElement, index: number): void {
    const isFocused = document.activeElement === cell;
    this.#cells.splice(index, 1);
    this.#shards.splice(index, 1);
    cell.remove();
    if (cell === this.#pointed) this.#point("");
    if (cell !== this.#current) return;
    const neighbour = this.#cells[index] ?? this.#cells[index - 1] ?? null;
    this.#reach(neighbour);
    if (isFocused) neighbour?.focus();
  }

  #reach(cell: HTMLAnchorElement | null): void {
    if (this.#current !== null) this.#current.tabIndex = -1;
    this.#current = cell;
    if (cell !== null) cell.tabIndex = 0;
  }

  #say(cell: HTMLAnchorElement | null): void {
    if (cell === null) return;
    this.#pointed = cell;
    this.#point(`Shard ${cell.ariaLabel}`);
  }

  #move(event: KeyboardEvent): void {
    const cell = cellOf(event.target);
    if (cell === null || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const to = this.#targetOf(event.key, this.#placeOf(shardOf(cell)));
    if (to === null) return;
    event.preventDefault();
    this.#cells[to]?.focus();
  }

  /** Where a key leads from a cell: an index, beyond the cells where there is nothing; null: it is no such key. */
  #targetOf(key: string, index: number): number | null {
    const last = this.#cells.length - 1;
    switch (key) {
      case "ArrowRight":
        return index + 1;
      case "ArrowLeft":
        return index - 1;
      case "ArrowDown":
        return index + this.#rowStep(index, 1);
      case "ArrowUp":
        return index - this.#rowStep(index, -1);
      case "Home":
        return 0;
      case "End":
        return last;
      case "PageDown":
        return Math.min(index + PAGE, last);
      case "PageUp":
        return Math.max(index - PAGE, 0);
      default:
        return null;
    }
  }

  /** How many cells on the one below (1) or above (-1) is. */
  #rowStep(index: number, direction: 1 | -1): number {
    const blocks = this.#element.querySelectorAll<HTMLElement>(".block");
    if (blocks.length === 0) return countInRow(this.#cells);
    const row = Math.floor(index % BLOCK_SIZE / BLOCK_COLUMNS);
    const edge = direction === 1 ? BLOCK_SIZE / BLOCK_COLUMNS - 1 : 0;
    if (row !== edge) return BLOCK_COLUMNS;
    return (countInRow([...blocks]) - 1) * BLOCK_SIZE + BLOCK_COLUMNS;
  }
}

function cellOf(target: EventTarget | null): HTMLAnchorElement | null {
  return target instanceof Element ? target.closest("a") : null;
}

function shardOf(cell: HTMLAnchorElement): number {
  return Number(cell.getAttribute("href")?.slice("/shards/".length));
}

/** How many of them lie beside the first. */
function countInRow(elements: readonly HTMLElement[]): number {
  const top = elements[0]?.offsetTop;
  const next = elements.findIndex(({ offsetTop }) => offsetTop !== top);
  return next === -1 ? elements.length : next;
}
