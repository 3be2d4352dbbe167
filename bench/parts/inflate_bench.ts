/**
 * Decompressing what one connection receives, compressed as Discord does it. Each batch has a connection of its own,
 * made beforehand, because its context goes with its stream.
 *
 * @module
 */
import { createInflater } from "../../gateway/adapters/inflate.ts";
import { type Compression, createEncoder } from "../../simulator/encoder.ts";
import { createKnobs } from "../../simulator/knobs.ts";
import { BATCH, payloadsOf, type Size, SIZES, sizeText } from "./events.ts";
import { Buffer } from "node:buffer";
import { once } from "./once.ts";

const COMPRESSIONS: readonly Compression[] = ["zlib-stream", "zstd-stream", "none"];

for (const bytes of SIZES) {
  for (const compression of COMPRESSIONS) {
    const messages = once(() => wireMessages(compression, bytes));
    Deno.bench({
      name: `inflate, ${compression}, ${sizeText(bytes)}, ${BATCH}`,
      group: `inflate, ${sizeText(bytes)}`,
      baseline: compression === "zlib-stream",
      fn: async (bench) => {
        const received = await messages();
        const inflater = createInflater(compression);
        bench.start();
        for (const message of received) {
          const inflated = inflater.inflate(message);
          if (inflated instanceof Promise || inflated.kind !== "payload") {
            throw new Error("An event's message is to be inflated at once");
          }
        }
        bench.end();
        inflater.close();
      },
    });
  }
}

async function wireMessages(compression: Compression, bytes: Size): Promise<Uint8Array<ArrayBuffer>[]> {
  const encoder = createEncoder(compression, { level: createKnobs().zlibLevel, messageCount: () => 1 });
  const messages: Uint8Array<ArrayBuffer>[] = [];
  for (const payload of payloadsOf(bytes)) {
    encoder.encode(Buffer.from(payload.buffer), (encoded) => {
      for (const { bytes } of encoded) messages.push(new Uint8Array(bytes));
    });
  }
  await new Promise<void>((resolve) => encoder.settled(resolve));
  encoder.close();
  return messages;
}
