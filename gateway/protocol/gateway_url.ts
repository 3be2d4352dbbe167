/**
 * The URL of a gateway connection.
 *
 * @module
 */

export interface ConnectionParameters {
  readonly apiVersion: number;
  readonly compression: "zlib-stream" | "zstd-stream" | "none";
}

/**
 * Sets version, encoding and compression of a URL that Discord or the operator gave; null where it is not a
 * WebSocket URL. A resume needs the same parameters as the first connection (Discord gateway docs, Connecting).
 */
export function gatewayConnectionUrl(gatewayUrl: string, parameters: ConnectionParameters): URL | null {
  const url = URL.parse(gatewayUrl);
  if (url === null || (url.protocol !== "ws:" && url.protocol !== "wss:")) return null;
  url.searchParams.set("v", String(parameters.apiVersion));
  url.searchParams.set("encoding", "json");
  if (parameters.compression === "none") url.searchParams.delete("compress");
  else url.searchParams.set("compress", parameters.compression);
  return url;
}
