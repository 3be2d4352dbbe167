/**
 * The grid of shards, a cell each. At ten thousand it is most of the page, so it is one text: made of numbers and fixed
 * words alone, nothing in it needs escaping.
 *
 * @module
 */
import { cellCode, type FleetShard } from "../dashboard/fleet/fleet_snapshot.ts";
import { BLOCK_SIZE, cellName } from "../islands/cell_states.ts";
import { amount } from "../islands/amounts.ts";

/** Up to so many there is room for everything; for numbers; for shapes alone. */
const FEW = 64;
const SOME = 500;

export type GridSize = "few" | "some" | "many";

export function gridSize(count: number): GridSize {
  if (count <= FEW) return "few";
  return count <= SOME ? "some" : "many";
}

/** @param isWhole All shards there are: in blocks where there are many, so that one is found by its number. */
export function cellsHtml(shards: readonly FleetShard[], isWhole: boolean): string {
  const size = gridSize(shards.length);
  const cells = shards.map((shard) => cellHtml(shard, size !== "many"));
  if (size !== "many" || !isWhole) return cells.join("");
  let html = "";
  for (let first = 0; first < cells.length; first += BLOCK_SIZE) {
    html += `<div class=block><b>${amount(first)}</b>${
      cells.slice(first, first + BLOCK_SIZE).join("")
    }</div>`;
  }
  return html;
}

function cellHtml({ shard, state }: FleetShard, hasNumber: boolean): string {
  const code = cellCode(state);
  return `<a href=/shards/${shard} class=${code} aria-label="${cellName(shard, code)}">${
    hasNumber ? shard : ""
  }</a>`;
}
