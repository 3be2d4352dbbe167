import assert from "node:assert/strict";
import { TcpProxy } from "../../harness/tcp_proxy.ts";

const MESSAGE = new Uint8Array(1_000);

/** A server to which one client is connected through a line. */
async function connectedThrough(proxy: TcpProxy, listener: Deno.TcpListener) {
  const { hostname, port } = new URL(proxy.through("tcp://server"));
  const [client, server] = await Promise.all([
    Deno.connect({ hostname, port: Number(port) }),
    listener.accept(),
  ]);
  return { client, server };
}

function listen(): { listener: Deno.TcpListener; url: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { listener, url: `tcp://127.0.0.1:${listener.addr.port}` };
}

Deno.test("TcpProxy.slow() lets a message through piece by piece, and fast() the rest of it at once", async () => {
  const { listener, url } = listen();
  using _listener = listener;
  await using proxy = new TcpProxy(url);
  const { client, server } = await connectedThrough(proxy, listener);
  using _client = client;
  using _server = server;
  proxy.slow(20);
  await client.write(MESSAGE);
  const buffer = new Uint8Array(MESSAGE.length);
  // At this pace the whole of it would take most of a minute.
  let received = await server.read(buffer) ?? 0;
  assert(received > 0 && received < MESSAGE.length / 2, `${received} bytes`);
  proxy.fast();
  while (received < MESSAGE.length) received += await server.read(buffer) ?? 0;
  assert.equal(received, MESSAGE.length);
});

Deno.test("TcpProxy.slow() holds up both directions, and a slow line can be cut", async () => {
  const { listener, url } = listen();
  using _listener = listener;
  await using proxy = new TcpProxy(url);
  const { client, server } = await connectedThrough(proxy, listener);
  using _client = client;
  using _server = server;
  proxy.slow(20);
  await server.write(MESSAGE);
  const received = await client.read(new Uint8Array(MESSAGE.length)) ?? 0;
  assert(received > 0 && received < MESSAGE.length / 2, `${received} bytes`);
  proxy.cut();
  let count: number | null = 1;
  while (count !== null) count = await client.read(new Uint8Array(MESSAGE.length)).catch(() => null);
});

Deno.test("TcpProxy.leadTo() says where a line leads; before, it lets nobody through", async () => {
  const { listener, url } = listen();
  using _listener = listener;
  await using proxy = new TcpProxy();
  const { hostname, port } = new URL(proxy.through("tcp://server"));
  using early = await Deno.connect({ hostname, port: Number(port) });
  assert.equal(await early.read(new Uint8Array(1)).catch(() => null), null);
  proxy.leadTo(url);
  const { client, server } = await connectedThrough(proxy, listener);
  using _client = client;
  using _server = server;
  await client.write(MESSAGE.subarray(0, 1));
  assert.equal(await server.read(new Uint8Array(1)), 1);
});

Deno.test("TcpProxy.sever() lets nothing through in either direction, and join() all that was said", async () => {
  const { listener, url } = listen();
  using _listener = listener;
  await using proxy = new TcpProxy(url);
  const { client, server } = await connectedThrough(proxy, listener);
  using _client = client;
  using _server = server;
  proxy.sever();
  let heard = 0;
  const reading = [client, server].map(async (end) => {
    await end.read(new Uint8Array(1));
    heard += 1;
  });
  await Promise.all([client.write(Uint8Array.of(1)), server.write(Uint8Array.of(1))]);
  // One more line of the same server, which is not severed, carries both ways meanwhile.
  await using open = new TcpProxy(url);
  const pair = await connectedThrough(open, listener);
  using openClient = pair.client;
  using openServer = pair.server;
  await openClient.write(Uint8Array.of(2));
  await openServer.read(new Uint8Array(1));
  assert.equal(heard, 0);
  proxy.join();
  await Promise.all(reading);
});

Deno.test("TcpProxy hears at once what clients say where it is overheard, however slow it is, and passes it on", async () => {
  const { listener, url } = listen();
  using _listener = listener;
  const heardAll = Promise.withResolvers<void>();
  let heard = 0;
  const overhear = () => (bytes: Uint8Array) => {
    heard += bytes.length;
    if (heard === MESSAGE.length) heardAll.resolve();
  };
  await using proxy = new TcpProxy(url, { overhear });
  const { client, server } = await connectedThrough(proxy, listener);
  using _server = server;
  proxy.sever();
  await client.write(MESSAGE);
  await heardAll.promise;
  proxy.join();
  for (let received = 0; received < MESSAGE.length;) {
    received += await server.read(new Uint8Array(MESSAGE.length)) ?? 0;
  }
  client.close();
  assert.equal(await server.read(new Uint8Array(1)), null);
  await proxy.left();
});
