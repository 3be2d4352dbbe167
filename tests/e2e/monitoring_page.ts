/**
 * The pages of the service's monitoring port.
 *
 * @module
 */
import { readMetrics, type Sample } from "../fakes/prometheus_text.ts";
import type { GatewayProcess } from "./gateway_process.ts";

export interface Page {
  readonly status: number;
  readonly contentType: string | null;
  readonly body: string;
}

export async function readPage(gateway: GatewayProcess, path: string): Promise<Page> {
  const response = await fetch(`${await gateway.monitoringUrl()}${path}`);
  return {
    status: response.status,
    contentType: response.headers.get("content-type"),
    body: await response.text(),
  };
}

/** What `/metrics` says now. */
export async function readSamples(gateway: GatewayProcess): Promise<Sample[]> {
  return readMetrics((await readPage(gateway, "/metrics")).body);
}
