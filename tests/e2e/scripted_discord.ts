/**
 * A Discord that says what a test tells it to say, for what the simulated one is too well-behaved for.
 *
 * @module
 */
import type { Server } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { closeServer, jsonAnswer, listen, portOf } from "../../simulator/http_server.ts";

export interface ClientFrame {
  readonly op: number;
  readonly d: unknown;
}

export class ScriptedDiscord implements AsyncDisposable {
  /** For `API_URL`. */
  readonly restUrl: string;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #connections: ScriptedConnection[] = [];
  #wake: () => void = () => {};

  /** Listens, and recommends one shard. */
  static async open(): Promise<ScriptedDiscord> {
    const limit = { total: 1_000, remaining: 1_000, reset_after: 86_400_000, max_concurrency: 1 };
    const server = await listen(
      "127.0.0.1",
      0,
      () =>
        jsonAnswer(200, { url: `ws://127.0.0.1:${portOf(server)}`, shards: 1, session_start_limit: limit }),
    );
    return new ScriptedDiscord(server);
  }

  private constructor(server: Server) {
    this.restUrl = `http://127.0.0.1:${portOf(server)}/api`;
    this.#server = server;
    this.#webSockets = new WebSocketServer({ server });
    this.#webSockets.on("connection", (socket: WebSocket) => {
      this.#connections.push(new ScriptedConnection(socket));
      this.#wake();
    });
  }

  /** The next connection that the test has not had yet. */
  async connection(): Promise<ScriptedConnection> {
    for (;;) {
      const next = this.#connections.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#webSockets.clients) socket.terminate();
    await closeServer(this.#server);
  }
}

export class ScriptedConnection {
  /** Resolves with the code that the service closes with. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #frames: ClientFrame[] = [];
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on("close", (code) => resolve(code)));
    socket.on("error", () => {}); // the close event that follows says it too
    socket.on("message", (data) => {
      this.#frames.push(JSON.parse(String(data)));
      this.#wake();
    });
  }

  /** Sends one message: bytes as a binary one, a text as it is, anything else as JSON. */
  say(payload: unknown): void {
    const isRaw = typeof payload === "string" || payload instanceof Uint8Array;
    this.#socket.send(isRaw ? payload : JSON.stringify(payload));
  }

  /** Greets, with heartbeats so far apart that none comes by itself. */
  hello(): void {
    this.say({ t: null, s: null, op: 10, d: { heartbeat_interval: 3_600_000 } });
  }

  /** The next frame with this op that the test has not had yet; those before it are passed over. */
  async frame(op: number): Promise<ClientFrame> {
    for (;;) {
      const next = this.#frames.shift();
      if (next?.op === op) return next;
      if (next === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(code: number): void {
    this.#socket.close(code);
  }
}
