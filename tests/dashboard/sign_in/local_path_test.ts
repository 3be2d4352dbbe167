import assert from "node:assert/strict";
import { localPath } from "../../../dashboard/sign_in/local_path.ts";

Deno.test("localPath() lets paths of this site through", () => {
  for (const path of ["/", "/shards/3?tab=life", "/audit?before=1-0#top", "/a//b", "/%2F%2Fevil.example"]) {
    assert.equal(localPath(path), path);
  }
});

Deno.test("localPath() leads to the first page wherever a browser could read another site", () => {
  const others = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/a\\..\\..\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "",
    " /",
    " //evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "/\r\nlocation: https://evil.example",
    "/\u0000",
    "/ü",
    `/${"a".repeat(2_000)}`,
    undefined,
  ];
  for (const other of others) assert.equal(localPath(other), "/", JSON.stringify(other));
});

Deno.test("localPath() never lets a path through that leads away from a site", () => {
  const letters = ["/", "\\", "\t", "\n", " ", ".", ":", "a", "@", "?", "#", "%"];
  const texts = letters.flatMap((a) =>
    letters.flatMap((b) => letters.flatMap((c) => letters.map((d) => `/${a}${b}${c}${d}evil.example`)))
  );
  for (const text of texts) {
    const { origin } = new URL(localPath(text), "https://shards.example");
    assert.equal(origin, "https://shards.example", JSON.stringify(text));
  }
});
