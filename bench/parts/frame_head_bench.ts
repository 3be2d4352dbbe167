/**
 * Reading a frame's head, and what reading all of it would cost.
 *
 * @module
 */
import { readFrameHead } from "../../gateway/protocol/frame_head.ts";
import { dispatchPayload, KeyShuffler } from "../../simulator/payload.ts";
import { BATCH, COMMON_SIZE, drawnEvents, payloadsOf, SIZES, sizeText } from "./events.ts";
import { once } from "./once.ts";

for (const bytes of SIZES) {
  const payloads = once(() => payloadsOf(bytes));
  Deno.bench({
    name: `frame head, ${sizeText(bytes)}, ${BATCH}`,
    group: "frame head",
    baseline: bytes === COMMON_SIZE,
    fn: () => readHeads(payloads()),
  });
}

const shuffled = once(() => {
  const shuffler = new KeyShuffler(1);
  return drawnEvents(COMMON_SIZE).map(({ type, data }, index) =>
    new Uint8Array(dispatchPayload(type, index + 1, data, shuffler.next()))
  );
});

Deno.bench({
  name: `frame head, ${sizeText(COMMON_SIZE)}, members in any order, ${BATCH}`,
  group: "frame head",
  fn: () => readHeads(shuffled()),
});

function readHeads(payloads: readonly Uint8Array[]): void {
  for (const payload of payloads) {
    if (readFrameHead(payload) === null) throw new Error("Cannot read the head of a frame");
  }
}
