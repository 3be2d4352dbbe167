import assert from "node:assert/strict";
import { MonitoringServer } from "../../../gateway/adapters/http.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

/** A server on a free port, what it observed, and what its readiness misses, to be filled by the test. */
function monitoring(options: { port?: number; metricsText?: () => Promise<string> } = {}) {
  const clock = new ManualClock();
  const observed: Observation[] = [];
  const missing: string[] = [];
  const server = new MonitoringServer({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    clock,
    observe: (observation) => observed.push(observation),
    sources: {
      metrics: {
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        text: options.metricsText ?? (() => Promise.resolve("gateway_shards 2\n")),
      },
      missing: () => missing,
    },
  });
  const request = (path: string, method = "GET") => {
    const notice = observed.find((seen) => seen.kind === "service.notice");
    const address = notice?.message.replace("Metrics and probes are served on ", "");
    return fetch(`http://${address}${path}`, { method });
  };
  return { server, clock, observed, missing, request };
}

async function assertAnswer(
  response: Response,
  expected: { status: number; type: string | null; body: string },
): Promise<void> {
  const { status, headers } = response;
  const answer = { status, type: headers.get("content-type"), body: await response.text() };
  assert.deepEqual(answer, expected);
}

Deno.test("MonitoringServer serves the metrics as Prometheus text", async () => {
  const { server, request } = monitoring();
  server.start();
  const type = "text/plain; version=0.0.4; charset=utf-8";
  await assertAnswer(await request("/metrics"), { status: 200, type, body: "gateway_shards 2\n" });
  await server.stop();
});

Deno.test("MonitoringServer says that it is alive", async () => {
  const { server, missing, request } = monitoring();
  missing.push("broker");
  server.start();
  for (const path of ["/healthcheck", "/livez"]) {
    const expected = { status: 200, type: "application/json", body: '{"status":"OK"}' };
    await assertAnswer(await request(path), expected);
  }
  await server.stop();
});

Deno.test("MonitoringServer answers 503 with the list of what is missing until nothing is", async () => {
  const { server, missing, request } = monitoring();
  server.start();
  missing.push("broker", "shard 3");
  const type = "application/json";
  await assertAnswer(await request("/readyz"), { status: 503, type, body: '["broker","shard 3"]' });
  missing.length = 0;
  await assertAnswer(await request("/readyz"), { status: 200, type, body: "[]" });
  await server.stop();
});

Deno.test("MonitoringServer answers HEAD like GET, without the body", async () => {
  const { server, request } = monitoring();
  server.start();
  const type = "text/plain; version=0.0.4; charset=utf-8";
  await assertAnswer(await request("/metrics", "HEAD"), { status: 200, type, body: "" });
  await server.stop();
});

Deno.test("MonitoringServer answers 404 for any other path", async () => {
  const { server, request } = monitoring();
  server.start();
  for (const path of ["/", "/metrics/", "/constructor", "/__proto__", "/%6detrics"]) {
    const response = await request(path);
    await response.text();
    assert.equal(response.status, 404, path);
  }
  await server.stop();
});

Deno.test("MonitoringServer answers 405 for any other method", async () => {
  const { server, request } = monitoring();
  server.start();
  for (const method of ["POST", "PUT", "DELETE"]) {
    const response = await request("/metrics", method);
    await response.text();
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
  }
  await server.stop();
});

Deno.test("MonitoringServer answers 500 and warns when the metrics cannot be made", async () => {
  const { server, observed, request } = monitoring({
    metricsText: () => Promise.reject(new Error("no such family")),
  });
  server.start();
  const response = await request("/metrics");
  await response.text();
  await server.stop();

  assert.equal(response.status, 500);
  assert.deepEqual(observed.at(-1), {
    kind: "service.warning",
    message: "Cannot answer a monitoring request: no such family",
  });
});

Deno.test("MonitoringServer.start() warns once of a taken port and takes it when it is free", async () => {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const { server, clock, observed, request } = monitoring({ port: other.addr.port });
  server.start();
  clock.advance(20_000);
  assert.equal(observed.length, 1);
  const [warning] = observed;
  assert.ok(warning?.kind === "service.warning");
  assert.ok(warning.message.startsWith(`Cannot serve metrics and probes on 127.0.0.1:${other.addr.port}: `));

  await other.shutdown();
  clock.advance(9_999);
  assert.equal(observed.length, 1);
  clock.advance(1);
  const response = await request("/livez");
  await response.text();
  assert.equal(response.status, 200);
  await server.stop();
  clock.assertIdle();
});

Deno.test("MonitoringServer.stop() gives up a port that was never had", async () => {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const { server, clock } = monitoring({ port: other.addr.port });
  server.start();
  await server.stop();
  clock.assertIdle();
  await other.shutdown();
});

Deno.test("MonitoringServer.stop() cuts off a request that does not end", async () => {
  const asked = Promise.withResolvers<void>();
  const never = new Promise<string>(() => {});
  const { server, request } = monitoring({
    metricsText: () => {
      asked.resolve();
      return never;
    },
  });
  server.start();
  const cut = assert.rejects(request("/metrics"));
  await asked.promise;
  await server.stop();
  await cut;
});

Deno.test("MonitoringServer.stop() is safe before start and twice", async () => {
  const { server } = monitoring();
  await server.stop();
  await server.stop();
  const started = monitoring();
  started.server.start();
  await started.server.stop();
  await started.server.stop();
  await assert.rejects(started.request("/livez"));
});
