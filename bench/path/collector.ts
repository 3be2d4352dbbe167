/**
 * Where a benchmark's traces are exported to, a program of its own: takes whatever OpenTelemetry sends, and counts the
 * requests that bring spans. Reading them is another program's cost.
 *
 * Flags: `--port`.
 *
 * @module
 */
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({ options: { port: { type: "string" } } });

let spanRequests = 0;

Deno.serve({ hostname: "127.0.0.1", port: Number(flags.port), onListen: () => {} }, async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/ready") return new Response();
  if (pathname === "/span-requests") return new Response(String(spanRequests));
  await request.body?.pipeTo(new WritableStream()); // unread, it would hold the connection back
  if (pathname === "/v1/traces") spanRequests++;
  return new Response();
});
