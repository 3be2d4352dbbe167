import assert from "node:assert/strict";
import type { HistorySeries } from "../../islands/fleet_message.ts";
import { joined } from "../../islands/history.ts";

/** Each line holds the same. */
function series(firstSecond: number, ...values: readonly (number | null)[]): HistorySeries {
  return {
    firstSecond,
    events: values,
    delayP50Ms: values,
    delayP99Ms: values,
    unconfirmed: values,
    spooled: values,
    returned: values,
  };
}

Deno.test("joined() puts the seconds of the newer one in their places, in every line", () => {
  assert.deepEqual(joined(series(10, 1, 2, 3), series(12, 30, null, 5)), series(10, 1, 2, 30, null, 5));
});
