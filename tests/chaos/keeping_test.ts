import assert from "node:assert/strict";
import { keep } from "../../chaos/keeping.ts";

Deno.test("keep() leaves the gateway's log and the lines in a folder that it makes", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    await Deno.writeTextFile(`${folder}/output.log`, "what it said\n");
    await keep(`${folder}/kept/here`, `${folder}/output.log`, ["struck", "mended"]);
    assert.equal(await Deno.readTextFile(`${folder}/kept/here/gateway.log`), "what it said\n");
    assert.equal(await Deno.readTextFile(`${folder}/kept/here/course.log`), "struck\nmended\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
