import assert from "node:assert/strict";
import { LabelValues, OTHER } from "../../../gateway/figures/label_values.ts";

Deno.test("LabelValues lets two hundred values have a series, and those for ever", () => {
  const values = new LabelValues();
  for (let number = 0; number < 200; number++) {
    assert.equal(values.bounded(`EVENT_${number}`), `EVENT_${number}`);
  }
  assert.equal(values.bounded("EVENT_200"), OTHER);
  assert.equal(values.bounded("EVENT_199"), "EVENT_199");
});

Deno.test("LabelValues gives no series to a value of more than 64 characters", () => {
  const values = new LabelValues();
  assert.equal(values.bounded("X".repeat(64)), "X".repeat(64));
  assert.equal(values.bounded("X".repeat(65)), OTHER);
});
