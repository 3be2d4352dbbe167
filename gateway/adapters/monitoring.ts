/**
 * The pages for Prometheus and for probes.
 *
 * @module
 */

/** What the pages are made from. */
export interface MonitoringSources {
  /** Null where probes alone are answered. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> } | null;
  /** What keeps the service from being ready. Empty: it is ready. */
  missing(): readonly string[];
}

type Page = (sources: MonitoringSources) => Response | Promise<Response>;

const alive: Page = () => Response.json({ status: "OK" });

const PAGES: ReadonlyMap<string, Page> = new Map<string, Page>([
  [
    "/metrics",
    async ({ metrics }) =>
      metrics === null
        ? notFound()
        : new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } }),
  ],
  ["/healthcheck", alive],
  ["/livez", alive],
  ["/readyz", (sources) => {
    const missing = sources.missing();
    return Response.json(missing, { status: missing.length === 0 ? 200 : 503 });
  }],
]);

function notFound(): Response {
  return new Response("Not found\n", { status: 404 });
}

/** Answers one request for a monitoring page; 404 for any other path. */
export async function answerMonitoring(request: Request, sources: MonitoringSources): Promise<Response> {
  // A host is whatever its sender wrote.
  const page = PAGES.get(URL.parse(request.url)?.pathname ?? "");
  if (page === undefined) return notFound();
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return await page(sources);
}
