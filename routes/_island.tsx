/**
 * Places an island on a page: rendered here, brought to life in the browser by `islands/main.ts`.
 *
 * @module
 */
import { type IslandName, islandOf, type IslandProps } from "../islands/table.ts";

/** Props are plain data: they travel in the page. */
export function Island<Name extends IslandName>(
  { name, props }: { readonly name: Name; readonly props: IslandProps<Name> },
) {
  return <div data-island={name} data-props={JSON.stringify(props)}>{islandOf(name, props)}</div>;
}
