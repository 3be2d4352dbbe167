import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ServerOptions, type WebSocket as ServerSocket, WebSocketServer } from "ws";
import type { Inflated, Inflater } from "../../../gateway/adapters/inflate.ts";
import { nextTurn } from "../../../gateway/adapters/turns.ts";
import { WebSocketTransport, type WebSocketTransportOptions } from "../../../gateway/adapters/websocket.ts";
import type { FrameHead } from "../../../gateway/protocol/frame_head.ts";
import type { Connection, ConnectionEnd, ConnectionEvents } from "../../../gateway/shard/transport.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { StreamCompressor } from "./stream_compressor.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** One connection of the transport and everything it tells, in order. */
class Client implements ConnectionEvents {
  readonly connection: Connection;
  readonly told: string[] = [];
  readonly payloads: Uint8Array[] = [];
  readonly heads: (FrameHead | null | undefined)[] = [];
  readonly open = Promise.withResolvers<void>();
  readonly end = Promise.withResolvers<ConnectionEnd>();
  /** Called with each payload's text. */
  onPayload: (text: string) => void = () => {};

  constructor(url: string, options: WebSocketTransportOptions) {
    this.connection = new WebSocketTransport(options).connect(url, this);
  }

  opened(): void {
    this.told.push("opened");
    this.open.resolve();
  }

  payload(bytes: Uint8Array, head?: FrameHead | null): void {
    this.payloads.push(bytes);
    this.heads.push(head);
    const text = decoder.decode(bytes);
    this.told.push(text);
    this.onPayload(text);
  }

  ended(end: ConnectionEnd): void {
    this.told.push(`ended: ${end.cause}`);
    this.end.resolve(end);
  }
}

interface Stage {
  readonly client: Client;
  /** The server's end of the client's connection. */
  readonly server: ServerSocket;
  readonly clock: ManualClock;
}

/** Plays a body with both ends of an open connection; the client leaves at the end if it still has to. */
async function withConnection(
  options: Omit<WebSocketTransportOptions, "clock">,
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  await withServer({}, async (webSockets, url) => {
    const clock = new ManualClock();
    const connected = once(webSockets, "connection");
    const client = new Client(url, { ...options, clock });
    const [server]: ServerSocket[] = await connected;
    await client.open.promise;
    await body({ client, server: server!, clock });
    await client.connection.leave(4000, "the test is over");
    clock.assertIdle();
  });
}

async function withServer(
  options: ServerOptions,
  body: (webSockets: WebSocketServer, url: string) => Promise<void>,
): Promise<void> {
  const webSockets = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  await once(webSockets, "listening");
  try {
    await body(webSockets, `ws://127.0.0.1:${(webSockets.address() as AddressInfo).port}/?v=10&token=s3cr3t`);
  } finally {
    for (const socket of webSockets.clients) socket.terminate();
    await new Promise((resolve) => webSockets.close(resolve));
  }
}

async function withCompressor(
  compression: "zlib-stream" | "zstd-stream",
  body: (compressor: StreamCompressor, stage: Stage) => Promise<void>,
): Promise<void> {
  const compressor = new StreamCompressor(compression);
  try {
    await withConnection({ compression }, (stage) => body(compressor, stage));
  } finally {
    compressor.close();
  }
}

Deno.test("WebSocketTransport delivers texts as UTF-8 and tells the end with its code and words", () =>
  withConnection({ compression: "none" }, async ({ client, server }) => {
    const texts = ['{"op":10}', "\u00e9\u4e16\u{1f600}", "\ufeff", ""];
    for (const text of texts) server.send(text);
    server.close(4007, "Invalid seq.");
    assert.deepEqual(await client.end.promise, { code: 4007, reason: "Invalid seq.", cause: "peer" });
    assert.deepEqual(
      client.payloads.map((bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)),
      texts,
    );
    assert.deepEqual([client.told[0], client.told.at(-1)], ["opened", "ended: peer"]);
  }));

Deno.test("WebSocketTransport delivers binary messages of an uncompressed connection as they are", () =>
  withConnection({ compression: "none" }, async ({ client, server }) => {
    const delivered = new Promise((resolve) => client.onPayload = resolve);
    server.send(Uint8Array.of(0x7b, 0x7d));
    await delivered;
    assert.deepEqual(client.payloads, [Uint8Array.of(0x7b, 0x7d)]);
  }));

for (const compression of ["zlib-stream", "zstd-stream"] as const) {
  Deno.test(`WebSocketTransport inflates ${compression} in order and tells the end behind all payloads`, () =>
    withCompressor(compression, async (compressor, { client, server }) => {
      const texts = Array.from(
        { length: 300 },
        (_, index) => `{"s":${index},"text":"\u{1f600} the same again"}`,
      );
      for (const text of texts) server.send(await compressor.compress(text));
      server.close(4000, "go");
      assert.deepEqual(await client.end.promise, { code: 4000, reason: "go", cause: "peer" });
      assert.deepEqual(client.told, ["opened", ...texts, "ended: peer"]);
      // The bytes are the receiver's to keep: read again after everything has been inflated.
      assert.deepEqual(client.payloads.map((bytes) => decoder.decode(bytes)), texts);
    }));

  Deno.test(`WebSocketTransport delivers ten megabytes of ${compression} and what follows, in order`, () =>
    withCompressor(compression, async (compressor, { client, server }) => {
      const large = Array.from({ length: 500_000 }, (_, index) => (index * 7_919) % 1_000_003).join(
        "\n      ",
      );
      assert.ok(large.length > 5_000_000);
      const texts = ["before", large + large, "behind"];
      for (const text of texts) server.send(await compressor.compress(text));
      server.close(4000);
      await client.end.promise;
      assert.deepEqual(
        client.told.map((text) => text.length),
        ["opened", ...texts, "ended: peer"].map((text) => text.length),
      );
      assert.ok(client.told[2] === texts[1]);
    }));

  Deno.test(`WebSocketTransport delivers what was received of ${compression} when the connection drops`, () =>
    withCompressor(compression, async (compressor, { client, server }) => {
      const delivered = new Promise((resolve) => client.onPayload = resolve);
      server.send(await compressor.compress("received"));
      await delivered;
      server.terminate();
      const end = await client.end.promise;
      assert.equal(end.code, 1006);
      assert.equal(end.cause, "peer");
      assert.deepEqual(client.told, ["opened", "received", "ended: peer"]);
    }));

  Deno.test(`WebSocketTransport leaves a ruined ${compression} with 4000 and says so, once`, () =>
    withCompressor(compression, async (compressor, { client, server }) => {
      const closed = once(server, "close");
      server.send(await compressor.compress("whole"));
      server.send(Uint8Array.of(...new Uint8Array(40).fill(0xff), 0, 0, 0xff, 0xff));
      server.send(await compressor.compress("too late"));
      const end = await client.end.promise;
      assert.equal(end.cause, "ruined");
      assert.equal(end.code, 4000);
      assert.notEqual(end.reason, "");
      const [code] = await closed;
      assert.equal(code, 4000);
      assert.deepEqual(client.told, ["opened", "whole", "ended: ruined"]);
    }));

  Deno.test(`WebSocketTransport keeps the order of texts and ${compression}`, () =>
    withCompressor(compression, async (compressor, { client, server }) => {
      server.send(await compressor.compress("first"));
      server.send("second");
      server.send(await compressor.compress("third"));
      server.close(4000);
      await client.end.promise;
      assert.deepEqual(client.told, ["opened", "first", "second", "third", "ended: peer"]);
    }));

  Deno.test(`WebSocketTransport tells nothing of ${compression} behind a leave from within a payload`, () =>
    withCompressor(compression, async (compressor, { client, server }) => {
      const closed = once(server, "close");
      client.onPayload = () => client.connection.leave(4000, "enough");
      for (const text of ["first", "second"]) server.send(await compressor.compress(text));
      await closed;
      assert.deepEqual(client.told, ["opened", "first"]);
    }));
}

Deno.test("WebSocketTransport puts a payload together from many messages, the suffix cut as well", () =>
  withCompressor("zlib-stream", async (compressor, { client, server }) => {
    const texts = ["one payload ".repeat(50), "another", "last"];
    for (const text of texts) {
      const message = await compressor.compress(text);
      for (let from = 0; from < message.length; from += 3) server.send(message.subarray(from, from + 3));
    }
    server.close(4000);
    await client.end.promise;
    assert.deepEqual(client.told, ["opened", ...texts, "ended: peer"]);
  }));

/** Holds every message back until it is told to go on. */
class HeldInflater implements Inflater {
  #held: (() => void) | null = null;
  #arrived = Promise.withResolvers<void>();
  closes = 0;

  inflate(bytes: Uint8Array): Promise<Inflated> {
    this.#arrived.resolve();
    return new Promise((resolve) => this.#held = () => resolve({ kind: "payload", bytes }));
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }

  /** Resolves when a message is held. */
  get holding(): Promise<void> {
    return this.#arrived.promise;
  }

  /** Waits for a message, lets it go on and what follows from it happen. */
  async goOn(): Promise<void> {
    await this.holding;
    this.#arrived = Promise.withResolvers<void>();
    this.#held?.();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("WebSocketTransport leaves what piles up beyond its bound as ruined", async () => {
  const inflater = new HeldInflater();
  const options = { compression: "zlib-stream", waitingMaxBytes: 10, inflaterFor: () => inflater } as const;
  await withConnection(options, async ({ client, server }) => {
    // The first is taken up at once; the others wait and just fill the bound.
    for (const size of [100, 6, 4]) server.send(new Uint8Array(size));
    for (let count = 0; count < 3; count++) await inflater.goOn();
    assert.deepEqual(client.payloads.map((bytes) => bytes.length), [100, 6, 4]);
    const closed = once(server, "close");
    for (const size of [100, 6, 5]) server.send(new Uint8Array(size));
    assert.deepEqual(await client.end.promise, {
      code: 4000,
      reason: "more than 10 bytes wait to be read",
      cause: "ruined",
    });
    const [code] = await closed;
    assert.equal(code, 4000);
    assert.equal(client.payloads.length, 3);
  });
});

Deno.test("WebSocketTransport counts the bytes of waiting texts, not their characters", async () => {
  const inflater = new HeldInflater();
  const options = { compression: "zlib-stream", waitingMaxBytes: 10, inflaterFor: () => inflater } as const;
  await withConnection(options, async ({ client, server }) => {
    server.send(new Uint8Array(1));
    server.send("€€€€"); // three bytes each
    assert.equal((await client.end.promise).reason, "more than 10 bytes wait to be read");
  });
});

Deno.test("WebSocketTransport tells the end only behind payloads that are still being inflated", async () => {
  const inflater = new HeldInflater();
  await withConnection(
    { compression: "zlib-stream", inflaterFor: () => inflater },
    async ({ client, server }) => {
      const closed = once(server, "close");
      server.send(new TextEncoder().encode("first"));
      server.send("second");
      server.send(new TextEncoder().encode("third"));
      server.close(4000);
      await closed;
      assert.deepEqual(client.told, ["opened"]);
      await inflater.goOn();
      assert.deepEqual(client.told, ["opened", "first", "second"]);
      assert.equal(inflater.closes, 0);
      await inflater.goOn();
      assert.deepEqual(client.told, ["opened", "first", "second", "third", "ended: peer"]);
      assert.equal(inflater.closes, 1);
    },
  );
});

function guildOf(bytes: number): string {
  const guild = { name: "x".repeat(100), roles: Array(Math.ceil(bytes / 84)).fill("y".repeat(81)), id: "7" };
  return JSON.stringify({ t: "GUILD_CREATE", s: 1, op: 0, d: guild });
}

Deno.test("WebSocketTransport reads the head of a large payload before it tells of it and of what came behind", () =>
  withConnection({ compression: "none" }, async ({ client, server }) => {
    for (const text of [guildOf(3 * 1024 * 1024), '{"op":11}', "[".repeat(2 * 1024 * 1024)]) {
      server.send(text);
    }
    server.close(4000);
    await client.end.promise;
    assert.deepEqual(client.payloads.map(({ length }) => length > 1_000), [true, false, true]);
    assert.deepEqual(client.heads.map((head) => head?.guild?.id ?? head), [7n, undefined, null]);
  }));

Deno.test("WebSocketTransport tells nothing of a large payload that is being read when it is left", async () => {
  const bytes = new TextEncoder().encode(guildOf(16 * 1024 * 1024));
  const arrived = Promise.withResolvers<void>();
  const inflater: Inflater = {
    inflate: () => {
      arrived.resolve();
      return { kind: "payload", bytes };
    },
    close: () => {},
  };
  await withConnection(
    { compression: "zlib-stream", inflaterFor: () => inflater },
    async ({ client, server }) => {
      server.send(new Uint8Array(1));
      await arrived.promise;
      // It takes sixteen turns.
      await nextTurn();
      const left = client.connection.leave(4000, "");
      for (let turn = 0; turn < 20; turn++) await nextTurn();
      await left;
      assert.deepEqual(client.told, ["opened"]);
    },
  );
});

Deno.test("WebSocketTransport tells nothing of what is being inflated when it is left", async () => {
  const inflater = new HeldInflater();
  await withConnection(
    { compression: "zlib-stream", inflaterFor: () => inflater },
    async ({ client, server }) => {
      server.send(new TextEncoder().encode("first"));
      server.send(new TextEncoder().encode("second"));
      await inflater.holding;
      await client.connection.leave(4000, "bye");
      assert.equal(inflater.closes, 1);
      await inflater.goOn();
      assert.deepEqual(client.told, ["opened"]);
    },
  );
});

Deno.test("WebSocketTransport tells 1005 for a close frame without a code", () =>
  withConnection({ compression: "none" }, async ({ client, server }) => {
    server.close();
    assert.deepEqual(await client.end.promise, { code: 1005, reason: "", cause: "peer" });
  }));

Deno.test("WebSocketTransport tells 1006 for a connection dropped without a close frame", () =>
  withConnection({ compression: "none" }, async ({ client, server }) => {
    server.terminate();
    const end = await client.end.promise;
    assert.equal(end.code, 1006);
    assert.equal(end.cause, "peer");
  }));

Deno.test("WebSocketTransport sends texts, and drops them where the connection is not open", () =>
  withServer({}, async (webSockets, url) => {
    const connected = once(webSockets, "connection");
    const client = new Client(url, { compression: "none", clock: new ManualClock() });
    client.connection.send("too early");
    const [server]: ServerSocket[] = await connected;
    const received: string[] = [];
    server!.on("message", (data, isBinary) => received.push(`${isBinary} ${data}`));
    await client.open.promise;
    client.connection.send('{"op":1,"d":null} \u{1f600}');
    const closed = once(server!, "close");
    const left = client.connection.leave(4000, "bye");
    client.connection.send("too late");
    await Promise.all([left, closed]);
    client.connection.send("far too late");
    assert.deepEqual(received, ['false {"op":1,"d":null} \u{1f600}']);
  }));

Deno.test("WebSocketTransport leaves with the code and reason given, and tells nothing more", () =>
  withConnection({ compression: "none" }, async ({ client, server, clock }) => {
    const closed = once(server, "close");
    server.send("on its way");
    await client.connection.leave(1000, "over");
    const [code, reason] = await closed;
    assert.equal(code, 1000);
    assert.equal(String(reason), "over");
    assert.deepEqual(client.told, ["opened"]);
    clock.assertIdle();
    await client.connection.leave(4000, "again");
  }));

Deno.test("WebSocketTransport gives up a peer that does not answer the close frame after two seconds", () =>
  withConnection({ compression: "none" }, async ({ client, server, clock }) => {
    server.pause();
    const left = client.connection.leave(4000, "bye");
    await clock.untilScheduled(2_000);
    clock.advance(1_999);
    assert.deepEqual(clock.deadlinesMs, [2_000]);
    clock.advance(1);
    await left;
    clock.assertIdle();
    // Woken up, the peer answers at last, which nobody hears of.
    const closed = once(server, "close");
    server.send("late");
    server.resume();
    await closed;
    assert.deepEqual(client.told, ["opened"]);
  }));

Deno.test("WebSocketTransport leaves while it is still connecting", async () => {
  const silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const clock = new ManualClock();
  const client = new Client(`ws://127.0.0.1:${silent.addr.port}/`, { compression: "zlib-stream", clock });
  const accepted = await silent.accept();
  await client.connection.leave(4000, "bye");
  assert.deepEqual(client.told, []);
  clock.assertIdle();
  accepted.close();
  silent.close();
});

async function refusal(url: string): Promise<ConnectionEnd> {
  const clock = new ManualClock();
  const client = new Client(url, { compression: "zlib-stream", clock });
  const end = await client.end.promise;
  await client.connection.leave(4000, "");
  assert.deepEqual(client.told, ["ended: refused"]);
  assert.equal(end.code, 1006);
  assert.ok(end.reason.length > 0 && end.reason.length < 200, end.reason);
  assert.ok(!end.reason.includes("s3cr3t") && !end.reason.includes("v=10"), end.reason);
  clock.assertIdle();
  return end;
}

Deno.test("WebSocketTransport tells of a port where nobody listens", async () => {
  // Port 1, tcpmux, is nobody's.
  const end = await refusal("ws://127.0.0.1:1/?v=10&token=s3cr3t");
  assert.match(end.reason, /connect/);
});

Deno.test("WebSocketTransport tells of a server that answers with an HTTP error", () =>
  withServer({ verifyClient: (_info, answer) => answer(false, 503) }, async (_webSockets, url) => {
    const end = await refusal(url);
    assert.match(end.reason, /503/);
  }));

Deno.test("WebSocketTransport tells of what is no WebSocket URL, and never repeats it", async () => {
  for (
    const url of [
      "no url?v=10&token=s3cr3t",
      "ftp://example/?v=10&token=s3cr3t",
      "ws://h/?v=10&token=s3cr3t#x",
    ]
  ) {
    assert.equal((await refusal(url)).reason, "not a WebSocket URL");
  }
});

Deno.test("WebSocketTransport tells nothing of a wrong URL behind a leave", async () => {
  const client = new Client("no url", { compression: "none", clock: new ManualClock() });
  client.connection.send("nowhere");
  await client.connection.leave(4000, "bye");
  assert.deepEqual(client.told, []);
});
