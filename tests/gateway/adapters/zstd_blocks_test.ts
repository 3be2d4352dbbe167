import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { ZstdBlocks } from "../../../gateway/adapters/zstd_blocks.ts";
import { StreamCompressor } from "./stream_compressor.ts";

const BLOCK_MAX_BYTES = 128 * 1024;

function frame(content: Uint8Array, params: Record<number, number> = {}): Uint8Array<ArrayBuffer> {
  return new Uint8Array(zstdCompressSync(content, { params }));
}

/** Content that makes blocks of all three types. */
function mixed(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => {
    const third = Math.floor(index / BLOCK_MAX_BYTES) % 3;
    return third === 0 ? 0 : third === 1 ? (index * index) >>> 7 : "some text"[index % 9]!.charCodeAt(0);
  });
}

Deno.test("ZstdBlocks cuts whole frames of every form into pieces that make the message again", () => {
  const params = fc.record({
    [constants.ZSTD_c_checksumFlag]: fc.nat(1),
    [constants.ZSTD_c_contentSizeFlag]: fc.nat(1),
    [constants.ZSTD_c_windowLog]: fc.integer({ min: 10, max: 20 }),
  });
  const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 255, 256, 70_000, 400_000), params), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(frames, (plan) => {
      const message = Buffer.concat(plan.map(([sizeBytes, how]) => frame(mixed(sizeBytes), how)));
      const pieces = new ZstdBlocks().cut(new Uint8Array(message));
      assert.ok(pieces);
      assert.ok(Buffer.concat(pieces).equals(message));
      const blocks = plan.reduce((sum, [sizeBytes]) => sum + Math.ceil(sizeBytes / BLOCK_MAX_BYTES), 0);
      assert.ok(pieces.length >= blocks);
    }),
    { numRuns: 30 },
  );
});

Deno.test("ZstdBlocks goes on with the frame in the next message of a connection", async () => {
  const compressor = new StreamCompressor("zstd-stream");
  const blocks = new ZstdBlocks();
  for (const sizeBytes of [5, 300_000, 1, 0]) {
    const message = await compressor.compress(mixed(sizeBytes));
    const pieces = blocks.cut(message);
    assert.ok(pieces);
    assert.equal(pieces.length, Math.ceil(sizeBytes / BLOCK_MAX_BYTES));
    assert.deepEqual(Buffer.concat(pieces), Buffer.from(message));
  }
  compressor.close();
});

Deno.test("ZstdBlocks gives a checksum a piece of its own", () => {
  const message = frame(mixed(100), { [constants.ZSTD_c_checksumFlag]: 1 });
  const pieces = new ZstdBlocks().cut(message);
  assert.deepEqual(pieces?.map((piece) => piece.length), [message.length - 4, 4]);
});

Deno.test("ZstdBlocks refuses a message that breaks off anywhere", () => {
  const message = frame(mixed(300), { [constants.ZSTD_c_checksumFlag]: 1 });
  for (let length = 1; length < message.length; length++) {
    assert.equal(new ZstdBlocks().cut(message.slice(0, length)), null, String(length));
  }
});

Deno.test("ZstdBlocks refuses what is no frame, and a block of the reserved type", () => {
  assert.equal(new ZstdBlocks().cut(Uint8Array.of(0x78, 0x9c, 0, 0, 0xff, 0xff)), null);
  const message = frame(mixed(10));
  const blockHeaderAt = message.length - 10 - 3;
  assert.ok(new ZstdBlocks().cut(message));
  message[blockHeaderAt]! |= 0b110;
  assert.equal(new ZstdBlocks().cut(message), null);
});

Deno.test("ZstdBlocks cuts arbitrary bytes into pieces of them or refuses", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const message = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...bytes);
    const pieces = new ZstdBlocks().cut(message);
    if (pieces !== null) assert.deepEqual(Buffer.concat(pieces), Buffer.from(message));
  }));
});
