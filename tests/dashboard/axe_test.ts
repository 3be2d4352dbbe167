import assert from "node:assert/strict";
import { openBrowser } from "../../harness/browser.ts";
import { assertAccessible } from "./axe.ts";

Deno.test("assertAccessible() objects to a field without a label, and to what only one theme has wrong", async () => {
  await using opened = await openBrowser();
  const context = await opened.browser.newContext();
  const page = await context.newPage();
  const shown = (style: string, label: string) =>
    page.setContent(
      `<!doctype html><html lang="en"><head><title>Form</title><style>${style}</style></head>
      <body><main><h1>Form</h1><p>In words</p><input ${label} /></main></body></html>`,
    );
  await shown("", 'aria-label="Name"');
  await assertAccessible(page);
  await shown("", "");
  await assert.rejects(assertAccessible(page), /label: .*<input>/);
  await shown("@media (prefers-color-scheme: dark) { p { color: #eee } }", 'aria-label="Name"');
  await assert.rejects(assertAccessible(page), /dark[^]*color-contrast: .*<p>In words<\/p>/);
  await context.close();
});
