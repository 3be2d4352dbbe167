/**
 * A plain HTTP server, for REST and for the control API: whole requests in, whole answers out.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** A request with its whole body. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The header of that lower-case name, or undefined. */
  header(name: string): string | undefined;
  readonly body: Buffer;
  /** True where the body was longer than {@link BODY_BYTES_MAX} and thrown away. */
  readonly oversize: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** The largest request that Discord takes, 25 MiB (Discord docs, Uploading Files). */
export const BODY_BYTES_MAX = 25 * 1024 * 1024;

/** An answer with a JSON body. */
export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

/** The fields of a form-encoded body; none where it is anything else. */
export function formBody(request: HttpRequest): URLSearchParams {
  const [type = ""] = (request.header("content-type") ?? "").split(";");
  const isForm = type.trim().toLowerCase() === "application/x-www-form-urlencoded";
  return new URLSearchParams(isForm ? request.body.toString() : "");
}

async function readRequest(incoming: IncomingMessage): Promise<HttpRequest> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  const oversize = bytes > BODY_BYTES_MAX;
  const base = "http://simulator";
  const url = URL.parse(incoming.url ?? "/", base) ?? new URL(base);
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    body: oversize ? Buffer.alloc(0) : Buffer.concat(chunks),
    oversize,
  };
}

async function respond(
  handler: HttpHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  let answer: HttpAnswer;
  try {
    answer = await handler(await readRequest(incoming));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer = jsonAnswer(500, { message: `The simulator failed: ${message}` });
  }
  outgoing.writeHead(answer.status, { ...answer.headers });
  outgoing.end(answer.body);
}

/** An HTTP server on a port of its own; 0 takes a free one. Rejects where the port cannot be had. */
export function listen(hostname: string, port: number, handler: HttpHandler): Promise<Server> {
  const server = createServer((incoming, outgoing) => void respond(handler, incoming, outgoing));
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new Error(`Cannot listen on ${hostname}:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, hostname, () => resolve(server));
  });
}

/** The port that a listening server got. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("Cannot tell the port: not listening on TCP");
  }
  return address.port;
}

/** Stops listening and cuts what is still open. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
