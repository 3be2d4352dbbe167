/**
 * Accessibility faults of a page, found by axe-core in the browser that shows it.
 *
 * @module
 */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";

/** Fails where axe finds anything, in the light theme or in the dark one. */
export async function assertAccessible(page: Page): Promise<void> {
  // Evaluated by the debugger, which a page's content security policy does not concern.
  await page.evaluate(axe.source);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
      return violations.map(({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`
      );
    });
    assert.deepEqual(found, [], `${page.url()}, ${colorScheme}`);
  }
}
