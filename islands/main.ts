/**
 * Brings a page's islands to life.
 *
 * @module
 */
import { hydrate } from "preact";
import { isIsland, islandOf } from "./table.ts";

for (const place of document.querySelectorAll<HTMLElement>("[data-island]")) {
  const { island = "", props = "{}" } = place.dataset;
  if (isIsland(island)) hydrate(islandOf(island, JSON.parse(props)), place);
}

// For whoever measures how long a page takes until it is alive.
performance.mark("islands");
