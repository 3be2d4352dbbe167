import assert from "node:assert/strict";
import { promtool, startPrometheus } from "../../harness/prometheus.ts";

Deno.test("startPrometheus() runs with the configuration given, and answers queries", async () => {
  const { server, url } = await startPrometheus("global: { external_labels: { place: here } }");
  await using _ = server;
  const config = await (await fetch(`${url}/api/v1/status/config`)).json();
  assert.match(config.data.yaml, /place: here/);
  const answer = await (await fetch(`${url}/api/v1/query?query=1%2B1`)).json();
  assert.equal(answer.data.result[1], "2");
});

Deno.test("startPrometheus() says what is wrong with a configuration", async () => {
  await assert.rejects(startPrometheus("globe: {}"), /Cannot start Prometheus: .*field globe not found/s);
});

Deno.test("promtool() tells whether it found anything wrong, and what", async () => {
  assert.equal((await promtool(["--version"])).ok, true);
  const { ok, output } = await promtool(["check", "config", "/nowhere.yaml"]);
  assert.equal(ok, false);
  assert.match(output, /nowhere\.yaml/);
});
