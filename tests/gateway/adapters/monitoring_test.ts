import assert from "node:assert/strict";
import { answerMonitoring } from "../../../gateway/adapters/monitoring.ts";

/** Answers requests, and what the readiness misses, to be filled by the test. */
function monitoring() {
  const missing: string[] = [];
  const sources = {
    metrics: {
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      text: () => Promise.resolve("gateway_shards 2\n"),
    },
    missing: () => missing,
  };
  const request = (path: string, method = "GET") =>
    answerMonitoring(new Request(`http://127.0.0.1:8005${path}`, { method }), sources);
  return { missing, request };
}

async function assertAnswer(
  response: Response,
  expected: { status: number; type: string | null; body: string },
): Promise<void> {
  const { status, headers } = response;
  const answer = { status, type: headers.get("content-type"), body: await response.text() };
  assert.deepEqual(answer, expected);
}

Deno.test("answerMonitoring() serves the metrics as Prometheus text", async () => {
  const { request } = monitoring();
  const type = "text/plain; version=0.0.4; charset=utf-8";
  await assertAnswer(await request("/metrics"), { status: 200, type, body: "gateway_shards 2\n" });
});

Deno.test("answerMonitoring() says that it is alive", async () => {
  const { missing, request } = monitoring();
  missing.push("broker");
  for (const path of ["/healthcheck", "/livez"]) {
    const expected = { status: 200, type: "application/json", body: '{"status":"OK"}' };
    await assertAnswer(await request(path), expected);
  }
});

Deno.test("answerMonitoring() answers 503 with the list of what is missing until nothing is", async () => {
  const { missing, request } = monitoring();
  missing.push("broker", "shard 3");
  const type = "application/json";
  await assertAnswer(await request("/readyz"), { status: 503, type, body: '["broker","shard 3"]' });
  missing.length = 0;
  await assertAnswer(await request("/readyz"), { status: 200, type, body: "[]" });
});

Deno.test("answerMonitoring() answers HEAD like GET: the server leaves the body out", async () => {
  const { request } = monitoring();
  const type = "text/plain; version=0.0.4; charset=utf-8";
  await assertAnswer(await request("/metrics", "HEAD"), { status: 200, type, body: "gateway_shards 2\n" });
});

Deno.test("answerMonitoring() answers 404 for any other path", async () => {
  const { request } = monitoring();
  for (const path of ["/", "/metrics/", "/constructor", "/__proto__", "/%6detrics"]) {
    const response = await request(path);
    await response.text();
    assert.equal(response.status, 404, path);
  }
});

Deno.test("answerMonitoring() answers 405 for any other method", async () => {
  const { request } = monitoring();
  for (const method of ["POST", "PUT", "DELETE"]) {
    const response = await request("/metrics", method);
    await response.text();
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
  }
});
