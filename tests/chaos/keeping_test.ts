import assert from "node:assert/strict";
import { keep } from "../../chaos/keeping.ts";

Deno.test("keep() leaves the gateway's log, or each replica's, and the lines in a folder that it makes", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    await Deno.writeTextFile(`${folder}/output.log`, "what it said\n");
    const replica = (name: string) => ({ name, gateway: { logPath: `${folder}/output.log` } });
    await keep(`${folder}/kept/here`, [replica("replica-1")], ["struck", "mended"]);
    assert.equal(await Deno.readTextFile(`${folder}/kept/here/gateway.log`), "what it said\n");
    assert.equal(await Deno.readTextFile(`${folder}/kept/here/course.log`), "struck\nmended\n");
    await keep(`${folder}/fleet`, [replica("replica-1"), replica("replica-2")], []);
    for (const name of ["replica-1", "replica-2"]) {
      assert.equal(await Deno.readTextFile(`${folder}/fleet/${name}.log`), "what it said\n");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
