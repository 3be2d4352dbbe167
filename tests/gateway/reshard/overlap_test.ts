import assert from "node:assert/strict";
import { digestOf, Overlap } from "../../../gateway/reshard/overlap.ts";
import { plainDigest } from "../../fakes/plain_digest.ts";
import { seen } from "./recorded_lane.ts";

const encoder = new TextEncoder();

function named(type: string, body: string): string {
  return digestOf({ type, body: encoder.encode(body) }, plainDigest);
}

Deno.test("digestOf() is of the name and the very bytes of d, whatever the session and its sequence", () => {
  const d = '{"id":"1", "content":"\\u00e4 } ]"}';
  const one = named("MESSAGE_CREATE", `{"t":"MESSAGE_CREATE","s":7,"op":0,"d":${d}}`);
  assert.equal(one, `MESSAGE_CREATE ${d}`);
  assert.equal(named("MESSAGE_CREATE", `{"op":0,"d":${d},"s":99,"t":"MESSAGE_CREATE"}`), one);
  assert.notEqual(named("MESSAGE_UPDATE", `{"t":"MESSAGE_UPDATE","s":7,"op":0,"d":${d}}`), one);
  for (const body of ['{"t":"X","s":1,"op":0}', '{"t":"X","s":1,"op":0,"d":{"a":', "", "[]"]) {
    assert.equal(named("X", body), "X ");
  }
  assert.equal(digestOf(seen(0, "a", 1, null), plainDigest), "MESSAGE_CREATE null");
});

Deno.test("Overlap matches as often as something was added, and no more often", () => {
  const overlap = new Overlap(["a", "b", "a"]);
  overlap.add("c");
  assert.deepEqual(["a", "a", "a", "b", "d"].map((digest) => overlap.match(digest)), [
    true,
    true,
    false,
    true,
    false,
  ]);
  assert.deepEqual(["c", "c"].map((digest) => overlap.match(digest)), [true, false]);
});
