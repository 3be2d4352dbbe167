/**
 * Where WebSockets come in: the URL is judged, and a connection is made of each that is let in.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { IncomingMessage, Server } from "node:http";
import type { Socket as TcpSocket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { Connection, type Greeting } from "./connection.ts";
import type { Discord } from "./discord.ts";
import type { Compression } from "./encoder.ts";
import type { Knobs } from "./knobs.ts";

/**
 * Frames above this are cut off by the WebSocket layer with 1009. Far above Discord's own limit, which is answered with
 * 4002 and needs the frame to arrive.
 */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** Versions that are played. 6 and 7, where intents were optional, are not; what is older Discord has switched off. */
const VERSIONS: ReadonlySet<string | null> = new Set(["8", "9", "10"]);

/** The URL of a request, whatever nonsense it is. */
function requestUrl(request: IncomingMessage): URL {
  const base = "ws://simulator";
  return URL.parse(request.url ?? "/", base) ?? new URL(base);
}

/** What the URL asks for; null where this gateway does not speak it. */
function compressionOf(url: URL, knobs: Knobs): Compression | null {
  if ((url.searchParams.get("encoding") ?? "json") !== "json") return null;
  const compress = url.searchParams.get("compress");
  if (compress === null) return "none";
  if (compress === "zlib-stream" && knobs.zlibStream) return compress;
  if (compress === "zstd-stream" && knobs.zstdStream) return compress;
  return null;
}

/** Lets WebSockets in, on the main and the resume port. */
export class GatewayDoor {
  readonly #discord: Discord;
  readonly #webSockets: WebSocketServer;
  #lastId = 0;
  /** Injected faults: how the next connections are greeted. */
  readonly greetings: Greeting[] = [];

  constructor(discord: Discord) {
    this.#discord = discord;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      // Invalid UTF-8 is answered by the gateway, with 4002, not by the WebSocket layer.
      skipUTF8Validation: true,
      maxPayload: FRAME_BYTES_MAX,
    });
  }

  /** Takes WebSocket upgrades of a server. */
  open(server: Server, url: "main" | "resume"): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // A client that is gone before it is answered is nobody's trouble.
      socket.on("error", () => {});
      const { knobs, clock, statistics } = this.#discord;
      const refused = url === "main" ? knobs.refuseMain : knobs.refuseResume;
      const compression = compressionOf(requestUrl(request), knobs);
      if (refused) {
        statistics.note({ atMs: clock.nowMs(), kind: "refused", url });
        socket.destroy();
      } else if (compression === null) {
        socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      } else {
        this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          this.#admit(webSocket, socket as TcpSocket, request, url, compression);
        });
      }
    });
  }

  /** Cuts all connections. */
  close(): void {
    for (const webSocket of this.#webSockets.clients) webSocket.terminate();
    for (const connection of [...this.#discord.connections]) connection.ended(1006);
  }

  #admit(
    webSocket: WebSocket,
    tcp: TcpSocket,
    request: IncomingMessage,
    url: "main" | "resume",
    compression: Compression,
  ): void {
    const id = ++this.#lastId;
    const version = requestUrl(request).searchParams.get("v");
    const terms = { id, url, version: VERSIONS.has(version) ? Number(version) : null, compression };
    const socket = {
      get bufferedBytes() {
        return webSocket.bufferedAmount;
      },
      send: (message: { bytes: Buffer; binary: boolean }) => {
        webSocket.send(message.bytes, { binary: message.binary, compress: false });
      },
      close: (code: number, reason: string) => webSocket.close(code, reason),
      reset: () => tcp.resetAndDestroy(),
    };
    const greeting = this.greetings.shift() ?? { reconnectFirst: false, hello: true };
    const connection = new Connection(this.#discord, terms, socket, greeting);
    webSocket.on("message", (data, binary) => connection.receive(data as Buffer, binary));
    webSocket.on("close", (code) => connection.ended(code));
    // A broken frame or a lost network: the close event that follows says all there is to know.
    webSocket.on("error", () => {});
  }
}
