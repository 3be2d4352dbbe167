/**
 * The URL of a gateway connection.
 *
 * @module
 */

/** How Discord compresses what it sends on one connection (Discord gateway docs, Transport Compression). */
export type Compression = "zlib-stream" | "zstd-stream" | "none";

export interface ConnectionParameters {
  readonly apiVersion: number;
  readonly compression: Compression;
  /** Whether `ws:` may be taken as well: only where the operator's own settings name an unencrypted Discord. */
  readonly plainAllowed: boolean;
}

/**
 * Sets version, encoding and compression of a URL that Discord or the operator gave; null where it is no
 * WebSocket URL that the token may be sent to: whoever can change what a URL was stored with must not receive it in
 * the clear. A resume needs the same parameters as the first connection (Discord gateway docs, Connecting).
 */
export function gatewayConnectionUrl(gatewayUrl: string, parameters: ConnectionParameters): URL | null {
  const url = URL.parse(gatewayUrl);
  if (url === null || url.username !== "" || url.password !== "") return null;
  if (url.protocol !== "wss:" && !(url.protocol === "ws:" && parameters.plainAllowed)) return null;
  url.searchParams.set("v", String(parameters.apiVersion));
  url.searchParams.set("encoding", "json");
  if (parameters.compression === "none") url.searchParams.delete("compress");
  else url.searchParams.set("compress", parameters.compression);
  return url;
}
