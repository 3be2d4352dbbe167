import assert from "node:assert/strict";
import { spawnDeno, waitUntilGone } from "../harness/processes.ts";

Deno.test("GatewayProcess leaves no service behind when its owner is killed with SIGKILL", async () => {
  const owner = spawnDeno(new URL("../fixtures/gateway_owner.ts", import.meta.url).pathname);
  const reader = owner.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const processId = Number((await reader.read()).value);
  assert(processId > 0, "it runs");
  owner.kill("SIGKILL");
  await Promise.all([owner.status, reader.cancel(), owner.stderr.cancel()]);
  await waitUntilGone({ processIds: [processId] });
});
