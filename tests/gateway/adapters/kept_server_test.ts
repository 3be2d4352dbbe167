import assert from "node:assert/strict";
import { KeptServer } from "../../../gateway/adapters/kept_server.ts";
import { beforeDeadline } from "../../deadline.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

import { linesOf, startProgram } from "../../program.ts";

/** A server on a free port, and what it says of itself. */
function kept(options: { port?: number; answer?: () => Response | Promise<Response> } = {}) {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const ports: number[] = [];
  const server = new KeptServer({
    what: "pages",
    settings: "PAGES_HOST or PAGES_PORT",
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    clock,
    answer: options.answer ?? (() => new Response("a page")),
    listening: (port) => ports.push(port),
    warn: (message) => warnings.push(message),
  });
  return { server, clock, warnings, ports, request: () => fetch(`http://127.0.0.1:${ports[0]}/`) };
}

Deno.test("KeptServer answers, and HEAD without the body", async () => {
  const { server, ports, request } = kept();
  server.start();
  assert.equal(await (await request()).text(), "a page");
  const head = await fetch(`http://127.0.0.1:${ports[0]}/`, { method: "HEAD" });
  assert.equal(await head.text(), "");
  await server.stop();
});

Deno.test("KeptServer answers 500 and warns when there is no answer", async () => {
  const { server, warnings, request } = kept({ answer: () => Promise.reject(new Error("no ink")) });
  server.start();
  const response = await request();
  await response.text();
  await server.stop();

  assert.equal(response.status, 500);
  assert.deepEqual(warnings, ["Cannot answer a request for pages: no ink"]);
});

Deno.test("KeptServer.start() warns once of a taken port and takes it when it is free", async () => {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const { server, clock, warnings, ports, request } = kept({ port: other.addr.port });
  server.start();
  clock.advance(20_000);
  assert.equal(warnings.length, 1);
  const [warning = ""] = warnings;
  assert(warning.startsWith(`Cannot serve pages on 127.0.0.1:${other.addr.port}: `), warning);
  assert.match(warning, /every 10 s, set PAGES_HOST or PAGES_PORT to use another address$/);

  await other.shutdown();
  clock.advance(9_999);
  assert.deepEqual(ports, []);
  clock.advance(1);
  const response = await request();
  await response.text();
  assert.equal(response.status, 200);
  await server.stop();
  clock.assertIdle();
});

Deno.test("KeptServer.stop() gives up a port that was never had", async () => {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const { server, clock } = kept({ port: other.addr.port });
  server.start();
  await server.stop();
  clock.assertIdle();
  await other.shutdown();
});

Deno.test("KeptServer.stop() cuts off a request that does not end", async () => {
  const asked = Promise.withResolvers<void>();
  const never = new Promise<Response>(() => {});
  const { server, request } = kept({
    answer: () => {
      asked.resolve();
      return never;
    },
  });
  server.start();
  const cut = assert.rejects(request());
  await asked.promise;
  await server.stop();
  await cut;
});

Deno.test("KeptServer.stop() is safe before start and twice", async () => {
  const { server } = kept();
  await server.stop();
  await server.stop();
  const started = kept();
  started.server.start();
  await started.server.stop();
  await started.server.stop();
  await assert.rejects(started.request());
});

/** Not many more than the runtime itself needs. */
const DESCRIPTORS_MOST = 64;

Deno.test("KeptServer warns where no descriptor is left for a connection, and serves again when there are some", async () => {
  const { child, exited } = startProgram("tests/fixtures/kept_server.ts", "simulator", {
    descriptorsMost: DESCRIPTORS_MOST,
  });
  const connections: Deno.Conn[] = [];
  const said: string[] = [];
  const play = async () => {
    let isFull = false;
    for await (const lines of linesOf(child.stdout)) {
      for (const line of lines) {
        said.push(line);
        const port = Number(/^listening (\d+)$/.exec(line)?.[1]);
        if (line.startsWith("warning ")) {
          assert.match(
            line,
            /^warning Cannot serve pages on 127\.0\.0\.1:0: (?:Error: )?Too many open files.*; trying again/,
          );
          for (const connection of connections.splice(0)) connection.close();
        } else if (!isFull) {
          isFull = true;
          for (let isRefused = false; !isRefused && connections.length < DESCRIPTORS_MOST;) {
            await Deno.connect({ hostname: "127.0.0.1", port }).then(
              (connection) => connections.push(connection),
              () => isRefused = true,
            );
          }
        } else {
          return await (await fetch(`http://127.0.0.1:${port}/`)).text();
        }
      }
    }
  };
  try {
    assert.equal(await beforeDeadline(play(), () => said.join("\n")), "a page");
    assert.equal(said.length, 3);
  } finally {
    for (const connection of connections) connection.close();
    child.kill("SIGKILL");
    await Promise.all([exited, child.stderr.cancel()]);
  }
});
