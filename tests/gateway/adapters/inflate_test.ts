import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { clearImmediate, setImmediate } from "node:timers";
import { deflateSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { createInflater, type Inflated, type Inflater } from "../../../gateway/adapters/inflate.ts";
import { StreamCompressor } from "./stream_compressor.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const streams = ["zlib-stream", "zstd-stream"] as const;

/** Runs a body with both ends of a stream and lets go of them whatever happens. */
async function withStream(
  compression: typeof streams[number],
  body: (compressor: StreamCompressor, inflater: Inflater) => Promise<void>,
  payloadMaxBytes?: number,
): Promise<void> {
  const compressor = new StreamCompressor(compression);
  const inflater = createInflater(compression, payloadMaxBytes);
  try {
    await body(compressor, inflater);
  } finally {
    compressor.close();
    inflater.close();
  }
}

function payloadOf(inflated: Inflated): Uint8Array {
  assert.ok(inflated.kind === "payload", inflated.kind === "ruined" ? inflated.error : inflated.kind);
  return inflated.bytes;
}

/** Like a deep comparison, but quick for megabytes. */
function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.ok(Buffer.from(actual.buffer, actual.byteOffset, actual.length).equals(expected));
}

/** Bytes that no compressor makes smaller, the same ones every time. */
function noise(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  let state = 1;
  for (let index = 0; index < sizeBytes; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

for (const compression of streams) {
  Deno.test(`Inflater of ${compression} keeps one context over many messages`, () =>
    withStream(compression, async (compressor, inflater) => {
      const sizes: number[] = [];
      const payloads: Uint8Array[] = [];
      for (let index = 0; index < 500; index++) {
        const message = await compressor.compress(
          `{"t":"MESSAGE_CREATE","s":${index},"op":0,"d":{"same":"text"}}`,
        );
        sizes.push(message.length);
        payloads.push(payloadOf(await inflater.inflate(message)));
      }
      assert.ok(sizes.at(-1)! < sizes[0]! / 2, "later messages lean on earlier ones");
      // Looked at only now: a buffer used twice would show.
      payloads.forEach((payload, index) =>
        assert.equal(
          decoder.decode(payload),
          `{"t":"MESSAGE_CREATE","s":${index},"op":0,"d":{"same":"text"}}`,
        )
      );
    }));

  Deno.test(`Inflater of ${compression} gives back payloads of every size, whole`, () =>
    withStream(compression, async (compressor, inflater) => {
      const source = noise(10_000_000);
      for (const size of [1, 2, 16_383, 16_384, 16_385, 65_536, 262_144, 3, 10_000_000, 0, 5]) {
        const payload = source.subarray(0, size);
        assertSameBytes(payloadOf(await inflater.inflate(await compressor.compress(payload))), payload);
        const zeros = new Uint8Array(size);
        assertSameBytes(payloadOf(await inflater.inflate(await compressor.compress(zeros))), zeros);
      }
    }));

  Deno.test(`Inflater of ${compression} answers at once where nothing is so large that others would wait`, () =>
    withStream(compression, async (compressor, inflater) => {
      const compressed = await compressor.compress(noise(1_000_000));
      assert.ok(!(inflater.inflate(compressed) instanceof Promise));
    }));

  Deno.test(`Inflater of ${compression} gives payloads whose slices are copies`, () =>
    withStream(compression, async (compressor, inflater) => {
      const payload = payloadOf(await inflater.inflate(await compressor.compress("abc")));
      payload.slice()[0] = 0;
      assert.equal(decoder.decode(payload), "abc");
    }));

  Deno.test(`Inflater of ${compression} is ruined by bytes that were never compressed, and stays so`, () =>
    withStream(compression, async (compressor, inflater) => {
      await inflater.inflate(await compressor.compress("before"));
      const broken = Uint8Array.of(...new Uint8Array(40).fill(0xff), 0, 0, 0xff, 0xff);
      const inflated = await inflater.inflate(broken);
      assert.equal(inflated.kind, "ruined");
      assert.ok(inflated.kind === "ruined" && inflated.error.length > 0);
      assert.equal((await inflater.inflate(await compressor.compress("behind"))).kind, "ruined");
    }));

  Deno.test(`Inflater of ${compression} is ruined when the stream's first message was missed`, () =>
    withStream(compression, async (compressor, inflater) => {
      await compressor.compress("missed");
      assert.equal((await inflater.inflate(await compressor.compress("second"))).kind, "ruined");
    }));

  Deno.test(`Inflater of ${compression} is ruined by a payload over its limit, and not by one at it`, () =>
    withStream(compression, async (compressor, inflater) => {
      const atLimit = new Uint8Array(1_000_000);
      assert.equal(payloadOf(await inflater.inflate(await compressor.compress(atLimit))).length, 1_000_000);
      const overLimit = await compressor.compress(new Uint8Array(1_000_001));
      assert.deepEqual(await inflater.inflate(overLimit), {
        kind: "ruined",
        error: "a payload has more than 1000000 bytes",
      });
    }, 1_000_000));

  Deno.test(`Inflater of ${compression} settles what is being inflated when it is closed`, () =>
    withStream(compression, async (compressor, inflater) => {
      const message = await compressor.compress(noise(5_000_000));
      const inflating = inflater.inflate(message);
      inflater.close();
      assert.ok(["ruined", "payload"].includes((await inflating).kind));
      assert.equal((await inflater.inflate(await compressor.compress("next"))).kind, "ruined");
      inflater.close();
    }));

  Deno.test(`Inflater of ${compression} answers arbitrary bytes with a value`, () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), (messages) =>
        withStream(compression, async (compressor, inflater) => {
          await inflater.inflate(await compressor.compress("first"));
          for (const message of messages) {
            await inflater.inflate(new Uint8Array(message));
          }
        })),
      { numRuns: 60 },
    ));
}

Deno.test("Inflater of zlib-stream puts a payload together from messages cut anywhere, the suffix too", () =>
  withStream("zlib-stream", async (compressor, inflater) => {
    for (let cutAt = 1; cutAt < 200; cutAt++) {
      const text = `{"op":0,"cut":${cutAt}}`.repeat(3);
      const whole = await compressor.compress(text);
      const cut = cutAt % (whole.length - 1) + 1;
      assert.deepEqual(await inflater.inflate(whole.slice(0, cut)), { kind: "partial" });
      assert.equal(decoder.decode(payloadOf(await inflater.inflate(whole.slice(cut)))), text);
    }
    const whole = await compressor.compress("byte by byte");
    for (const byte of whole.subarray(0, -1)) {
      assert.deepEqual(await inflater.inflate(Uint8Array.of(byte)), { kind: "partial" });
    }
    assert.equal(decoder.decode(payloadOf(await inflater.inflate(whole.slice(-1)))), "byte by byte");
  }));

Deno.test("Inflater of zlib-stream has the whole payload with the message that brings its suffix", () =>
  withStream("zlib-stream", (compressor, inflater) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(400_000), fc.boolean(), fc.nat(6)), { maxLength: 8 }),
        async (plan) => {
          for (const [size, compressible, cuts] of plan) {
            const payload = compressible ? new Uint8Array(size) : noise(size);
            const message = await compressor.compress(payload);
            const step = Math.max(1, Math.ceil(message.length / (cuts + 1)));
            for (let from = 0; from < message.length; from += step) {
              const inflated = await inflater.inflate(message.slice(from, from + step));
              if (from + step >= message.length) assertSameBytes(payloadOf(inflated), payload);
            }
          }
        },
      ),
      { numRuns: 40 },
    )));

Deno.test("Inflater of zlib-stream takes an empty message for a part of the next payload", () =>
  withStream("zlib-stream", async (compressor, inflater) => {
    await inflater.inflate(await compressor.compress("first"));
    assert.deepEqual(await inflater.inflate(new Uint8Array()), { kind: "partial" });
    assert.equal(
      decoder.decode(payloadOf(await inflater.inflate(await compressor.compress("second")))),
      "second",
    );
  }));

Deno.test("Inflater of zstd-stream is ruined by a fault behind much output, which nobody else hears of", () =>
  withStream("zstd-stream", async (compressor, inflater) => {
    await inflater.inflate(await compressor.compress("before"));
    const block = (type: number, sizeBytes: number, content: number[]) => {
      const header = (sizeBytes << 3) | (type << 1);
      return [header & 0xff, (header >> 8) & 0xff, header >> 16, ...content];
    };
    // One byte repeated into more than a buffer of the decompressor, and then a compressed block of nonsense.
    const message = Uint8Array.of(...block(1, 100_000, [0x78]), ...block(2, 10, new Array(10).fill(0xff)));
    const inflated = await inflater.inflate(message);
    assert.ok(inflated.kind === "ruined");
    assert.match(inflated.error, /corrupt/);
  }));

Deno.test("Inflater of zstd-stream is ruined by what follows a message that broke off inside a block", () =>
  withStream("zstd-stream", async (compressor, inflater) => {
    const message = await compressor.compress("a payload");
    // A WebSocket message comes whole or not at all: this is a peer that compresses wrongly. zstd has no mark at the
    // end of a flushed message, so it shows with the next one.
    assert.notEqual(decoder.decode(payloadOf(await inflater.inflate(message.slice(0, -1)))), "a payload");
    assert.equal((await inflater.inflate(await compressor.compress("next"))).kind, "ruined");
  }));

Deno.test("Inflater leaves alone what others have inflated, and what nobody has taken up yet", async () => {
  const source = noise(1_500_000);
  const size = fc.oneof(
    fc.nat(2_000),
    fc.constantFrom(...[4, 28, 32, 36, 64].flatMap((kib) => [kib * 1024 - 1, kib * 1024, kib * 1024 + 1])),
    fc.constant(source.length),
  );
  const message = fc.record({ connection: fc.nat(3), size, from: fc.nat(1_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 30 }), async (messages) => {
      const ends = [0, 1, 2, 3].map((index) => {
        const compression = streams[index % 2]!;
        return { compressor: new StreamCompressor(compression), inflater: createInflater(compression) };
      });
      try {
        // Not waited for one after the other: what is large takes turns, in which others inflate.
        const inflating = new Map<number, Promise<unknown>>();
        const inflated: { payload: Uint8Array; expected: Uint8Array }[] = [];
        for (const { connection, size, from } of messages) {
          const { compressor, inflater } = ends[connection]!;
          const expected = source.subarray(from, Math.min(from + size, source.length));
          const compressed = await compressor.compress(expected);
          await inflating.get(connection);
          const taking = Promise.resolve(inflater.inflate(compressed)).then((answer) => {
            inflated.push({ payload: payloadOf(answer), expected });
          });
          inflating.set(connection, taking);
        }
        await Promise.all(inflating.values());
        for (const { payload, expected } of inflated) assertSameBytes(payload, expected);
      } finally {
        for (const { compressor, inflater } of ends) {
          compressor.close();
          inflater.close();
        }
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("Inflater lets others have a turn while it inflates what is large", () =>
  withStream("zlib-stream", async (compressor, inflater) => {
    const message = await compressor.compress(noise(5_000_000));
    const inflating = inflater.inflate(message);
    let turns = 0;
    const count = () => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    assertSameBytes(payloadOf(await inflating), Buffer.from(noise(5_000_000)));
    clearImmediate(next);
    assert.ok(turns >= 3, `${turns} turns of others`);
  }));

Deno.test("Inflater comes to an answer when the peer ends the stream and goes on", async () => {
  for (
    const [compression, ended] of [
      ["zlib-stream", deflateSync("whole")],
      ["zstd-stream", zstdCompressSync("whole")],
    ] as const
  ) {
    const inflater = createInflater(compression);
    await inflater.inflate(new Uint8Array(ended));
    await inflater.inflate(new Uint8Array(ended));
    const broken = Uint8Array.of(1, 2, 3, 4, 0, 0, 0xff, 0xff);
    assert.equal((await inflater.inflate(broken)).kind, "ruined");
    inflater.close();
  }
});

Deno.test("Inflater without compression hands on what comes", async () => {
  const inflater = createInflater("none");
  const message = encoder.encode('{"op":11}');
  assert.equal(payloadOf(await inflater.inflate(message)), message);
  inflater.close();
});

Deno.test("Inflater without compression lets others have a turn before it hands on what is large", async () => {
  const inflater = createInflater("none");
  const message = new Uint8Array(2_000_000);
  const inflating = inflater.inflate(message);
  assert.ok(inflating instanceof Promise, "handed on in the turn in which it came");
  assert.equal(payloadOf(await inflating), message);
  inflater.close();
});
