import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { splitMessage } from "../../../simulator/encoder.ts";
import { Bench, FREE_INTENTS, identify } from "../bench.ts";

const SUFFIX = Buffer.from([0, 0, 0xff, 0xff]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

Deno.test("§22.36 zlib-stream: every message is binary from HELLO on and ends in the flush suffix, one stream for all", async () => {
  await Bench.run({ guilds: 4 }, async (bench) => {
    const { client } = await bench.ready({ intents: FREE_INTENTS }, { compression: "zlib-stream" });
    bench.control.generate(20);
    const payloads = await client.settle();
    assert.ok(payloads.length > 10);
    const messages = client.messages.map((message) => Buffer.from(message as Uint8Array));
    assert.ok(messages.every((message) => message.subarray(-4).equals(SUFFIX)));
    assert.equal(messages[0]?.[0], 0x78); // the header of zlib, in the first message only
    assert.throws(() => inflateSync(messages[1] as Buffer));
    const size = Buffer.concat(messages).length;
    const plain = payloads.reduce((sum, { text }) => sum + text.length, 0);
    assert.ok(size < plain / 2, `${size} of ${plain} bytes`);
  });
});

Deno.test("§22.36 zlib-stream compresses as hard as it is told to", async () => {
  const sizes: number[] = [];
  for (const zlibLevel of [1, 9]) {
    await Bench.run({ guilds: 4, zlibLevel }, async (bench) => {
      const { client } = await bench.ready({ intents: FREE_INTENTS }, { compression: "zlib-stream" });
      bench.control.generate(100);
      await client.settle();
      sizes.push(Buffer.concat(client.messages.map((message) => Buffer.from(message as Uint8Array))).length);
    });
  }
  const [fast = 0, hard = 0] = sizes;
  assert.ok(hard < fast * 0.9, `${hard} of ${fast} bytes`);
});

Deno.test("§22.36 one payload can be cut over several messages, of which only the last ends in the suffix", async () => {
  await Bench.run({ guilds: 1, splitMessages: 4 }, async (bench) => {
    const { client, ready } = await bench.ready({}, { compression: "zlib-stream" });
    assert.equal(ready.d.v, 10); // the reader, which waits for the suffix, got it whole
    const ends = client.messages.map((message) =>
      Buffer.from(message as Uint8Array).subarray(-4).equals(SUFFIX)
    );
    assert.deepEqual(ends, [false, false, false, true, false, false, false, true]);
  });
});

Deno.test("§22.36 splitMessage() cuts any bytes into as many pieces, none but the last ending so that a client would stop", () => {
  const bytes = fc.array(fc.constantFrom(0x00, 0xff, 0x41), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(bytes, fc.integer({ min: 1, max: 20 }), (values, count) => {
    const whole = Buffer.from([...values, ...SUFFIX]);
    const pieces = splitMessage(whole, count);
    assert.deepEqual(Buffer.concat(pieces), whole);
    assert.ok(pieces.length <= count && pieces.every((piece) => piece.length > 0));
    let so_far = 0;
    for (const piece of pieces.slice(0, -1)) {
      so_far += piece.length;
      assert.equal(whole.subarray(0, so_far).subarray(-4).equals(SUFFIX), false);
    }
  }));
});

Deno.test("§22.37 zstd-stream: the magic number comes once, one message is one payload, and no block is the last", async () => {
  await Bench.run({ guilds: 4 }, async (bench) => {
    const { client } = await bench.ready({ intents: FREE_INTENTS }, { compression: "zstd-stream" });
    bench.control.generate(20);
    const payloads = await client.settle();
    const messages = client.messages.map((message) => Buffer.from(message as Uint8Array));
    assert.equal(messages.length, payloads.length + 3); // HELLO, READY and the acknowledgement
    assert.ok(messages[0]?.subarray(0, 4).equals(ZSTD_MAGIC));
    assert.ok(messages.slice(1).every((message) => !message.includes(ZSTD_MAGIC)));
    for (const [index, message] of messages.entries()) {
      for (const last of lastBlockFlags(index === 0 ? message.subarray(FRAME_HEADER_BYTES) : message)) {
        assert.equal(last, 0);
      }
    }
  });
});

/** Magic number, frame header descriptor, window descriptor (RFC 8878, Frame Header): there is no content size here. */
const FRAME_HEADER_BYTES = 6;

/** The last-block bit of each block in a message (RFC 8878, Blocks). */
function lastBlockFlags(blocks: Buffer): number[] {
  const flags: number[] = [];
  for (let place = 0; place < blocks.length;) {
    const header = blocks.readUIntLE(place, 3);
    flags.push(header & 1);
    const type = (header >> 1) & 3;
    place += 3 + (type === 1 ? 1 : header >> 3);
  }
  return flags;
}

Deno.test("§22.37 the frame header is that of a recorded HELLO: no content size, no checksum, a window of 256 KiB", async () => {
  await Bench.run({}, async (bench) => {
    const client = await bench.greeted(undefined, { compression: "zstd-stream" });
    const [, , , , descriptor, window] = client.messages[0] as Uint8Array;
    assert.equal(descriptor, 0);
    assert.equal(window, (18 - 10) << 3);
  });
});

Deno.test("§22.37 a decoder that starts anew between messages fails", async () => {
  const { zstdDecompressSync } = await import("node:zlib");
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready({}, { compression: "zstd-stream" });
    assert.throws(() => zstdDecompressSync(client.messages[1] as Uint8Array));
  });
});

Deno.test("§22.38 compress:true makes payloads above the threshold self-contained zlib, the others stay text", async () => {
  await Bench.run({ guilds: 2, compressThresholdBytes: 2_000 }, async (bench) => {
    const client = await bench.greeted();
    identify(client, { compress: true, intents: FREE_INTENTS });
    await bench.control.until(() => bench.control.state().sessions[0]?.sequence === 3);
    bench.control.dispatch("TYPING_START", '"short"');
    await client.settle();
    const texts = client.messages.filter((message) => typeof message === "string");
    const inflated = client.messages.filter((message) => typeof message !== "string").map((message) =>
      inflateSync(message).toString()
    );
    assert.ok(texts.every((text) => text.length < 2_000) && texts.some((text) => text.includes('"short"')));
    assert.equal(inflated.length, 2);
    assert.ok(inflated.every((text) => text.length >= 2_000 && JSON.parse(text).t === "GUILD_CREATE"));
  });
});

Deno.test("§22.38 a payload of just the threshold stays text, one byte more is compressed", async () => {
  await Bench.run({}, async (bench) => {
    const { client } = await bench.ready({ compress: true });
    bench.control.dispatch("TYPING_START", '"short"');
    const bytes = (await client.dispatch("TYPING_START")).text.length;
    bench.control.set({ compressThresholdBytes: bytes });
    bench.control.dispatch("TYPING_START", '"equal"');
    bench.control.dispatch("TYPING_START", '"longer"');
    assert.equal((await client.dispatch("TYPING_START")).text.length, bytes);
    assert.equal((await client.dispatch("TYPING_START")).text.length, bytes + 1);
    const [equal, longer] = client.messages.slice(-2);
    assert.equal(typeof equal, "string");
    assert.equal(JSON.parse(inflateSync(longer as Uint8Array).toString()).d, "longer");
  });
});

Deno.test("§22.38 HELLO comes before the flag, and without it everything is text", async () => {
  await Bench.run({ guilds: 2, compressThresholdBytes: 0 }, async (bench) => {
    const { client } = await bench.ready({ compress: true });
    await client.settle();
    assert.deepEqual(client.messages.map((message) => typeof message), ["string", "object", "object"]);
    for (const fields of [{}, { compress: false }]) {
      const plain = await bench.ready({ ...fields, intents: FREE_INTENTS });
      assert.equal((await plain.client.settle()).length, 2);
      assert.ok(plain.client.messages.every((message) => typeof message === "string"));
    }
  });
});

Deno.test("§22.38 with transport compression the flag is ignored", async () => {
  await Bench.run({ guilds: 2, compressThresholdBytes: 0 }, async (bench) => {
    for (const compression of ["zlib-stream", "zstd-stream"] as const) {
      const { client } = await bench.ready({ compress: true, intents: 1 }, { compression });
      assert.equal((await client.settle()).length, 2);
    }
  });
});

Deno.test("§22.36 the payload is the same in every compression, bytes that are no UTF-8 and many megabytes included", async () => {
  await Bench.run({ guilds: 1 }, async (bench) => {
    const clients = [];
    for (const compression of ["zlib-stream", "zstd-stream", "none"] as const) {
      clients.push((await bench.ready({}, { compression })).client);
    }
    bench.control.dispatch("MESSAGE_CREATE", JSON.stringify({ text: "é語🛰".repeat(500_000) }));
    const texts = await Promise.all(
      clients.map(async (client) => (await client.dispatch("MESSAGE_CREATE")).text),
    );
    assert.ok((texts[0]?.length ?? 0) > 2_000_000);
    assert.equal(texts[0], texts[2]);
    assert.equal(texts[1], texts[2]);
  });
});

Deno.test("§22.36 a compression that is switched off is refused, and so is an encoding that is not JSON", async () => {
  await Bench.run({ zlibStream: false }, async (bench) => {
    assert.equal((await bench.connect(undefined, { compression: "zlib-stream" }).closed()).code, 1006);
    await bench.greeted(undefined, { compression: "zstd-stream" });
    for (const query of ["encoding=etf", "compress=brotli"]) {
      const url = `${bench.simulator.gatewayUrl.replace("ws", "http")}/?v=10&${query}`;
      const answer = await fetch(url, { headers: { upgrade: "websocket", connection: "upgrade" } });
      assert.notEqual(answer.status, 101);
      await answer.body?.cancel();
    }
  });
});
