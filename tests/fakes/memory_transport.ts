/**
 * Discord's gateway in memory: the test speaks for it, frame by frame, or lets it answer by itself.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Opcode } from "../../gateway/protocol/opcodes.ts";
import type {
  Connection,
  ConnectionEnd,
  ConnectionEvents,
  Transport,
} from "../../gateway/shard/transport.ts";

export const HEARTBEAT_INTERVAL_MS = 41_250;

/** A frame that a shard sent. */
export interface SentFrame {
  readonly op: number;
  readonly d: Readonly<Record<string, unknown>> | number | null;
}

export class MemoryTransport implements Transport {
  /** Every connection that was asked for, in order. */
  readonly connections: MemoryConnection[] = [];
  /** The last sequence of every session, by its id. */
  readonly sessions = new Map<string, number>();
  /**
   * Whether Discord answers by itself: it opens each connection, greets, starts the session of an IDENTIFY,
   * resumes any session, acknowledges heartbeats.
   */
  answering: boolean;
  /** Whether it says goodbye to who leaves. */
  hangsOnLeave = false;

  constructor({ answering = false } = {}) {
    this.answering = answering;
  }

  connect(url: string, events: ConnectionEvents): MemoryConnection {
    const connection = new MemoryConnection(this, url, events);
    this.connections.push(connection);
    if (this.answering) queueMicrotask(() => connection.greet());
    return connection;
  }

  /** The connection asked for last. */
  get latest(): MemoryConnection {
    const latest = this.connections.at(-1);
    assert(latest !== undefined, "nothing was connected");
    return latest;
  }

  /** Connections that have neither been left nor ended. */
  get standing(): MemoryConnection[] {
    return this.connections.filter((connection) => connection.left === null && !connection.isEnded);
  }
}

const encoder = new TextEncoder();

/**
 * One connection. What the test lets it say is said also after it was left or has ended, as by a socket whose
 * events come late.
 */
export class MemoryConnection implements Connection {
  readonly url: URL;
  /** Every frame sent, in order. */
  readonly sent: SentFrame[] = [];
  /** With what it was left; null while it was not. */
  left: { readonly code: number; readonly reason: string } | null = null;
  isEnded = false;
  /** Answers the close frame, where {@link MemoryTransport.hangsOnLeave} holds the answer back. */
  goodbye: () => void = () => {};
  readonly #transport: MemoryTransport;
  readonly #events: ConnectionEvents;
  #session: string | null = null;

  constructor(transport: MemoryTransport, url: string, events: ConnectionEvents) {
    this.#transport = transport;
    this.url = new URL(url);
    this.#events = events;
  }

  // Connection

  send(text: string): void {
    assert(this.left === null && !this.isEnded, "a frame on a connection that is gone");
    const frame: SentFrame = JSON.parse(text);
    this.sent.push(frame);
    if (this.#transport.answering) this.#answer(frame);
  }

  leave(code: number, reason: string): Promise<void> {
    assert.equal(this.left, null, "a connection is left once");
    this.left = { code, reason };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.goodbye = resolve;
    if (!this.#transport.hangsOnLeave) resolve();
    return promise;
  }

  // Discord

  open(): this {
    this.#events.opened();
    return this;
  }

  hello(heartbeatIntervalMs = HEARTBEAT_INTERVAL_MS): this {
    return this.say({ t: null, s: null, op: Opcode.Hello, d: { heartbeat_interval: heartbeatIntervalMs } });
  }

  /** Opens and says HELLO, unless it was left meanwhile. */
  greet(): this {
    return this.left === null ? this.open().hello() : this;
  }

  /** Starts a session. `data` is put over what READY has. */
  ready(session: string, data: Record<string, unknown> = {}): this {
    this.#session = session;
    this.#transport.sessions.set(session, 0);
    const resumeGatewayUrl = `wss://resume.example/${session}`;
    this.dispatch("READY", {
      session_id: session,
      resume_gateway_url: resumeGatewayUrl,
      guilds: [],
      ...data,
    });
    return this;
  }

  /** Takes the session up behind `sequence`. */
  resume(session: string, sequence: number): this {
    this.#session = session;
    this.#transport.sessions.set(session, sequence);
    this.dispatch("RESUMED");
    return this;
  }

  /** Sends the session's next dispatch and returns its sequence. */
  dispatch(type: string, data: unknown = {}): number {
    assert(this.#session !== null, "a dispatch needs a session");
    const sequence = (this.#transport.sessions.get(this.#session) ?? 0) + 1;
    this.#transport.sessions.set(this.#session, sequence);
    this.say({ t: type, s: sequence, op: Opcode.Dispatch, d: data });
    return sequence;
  }

  say(payload: unknown): this {
    return this.bytes(encoder.encode(JSON.stringify(payload)));
  }

  bytes(payload: Uint8Array): this {
    this.#events.payload(payload);
    return this;
  }

  /** Discord closes, or the network takes the connection away. */
  end(code: number, cause: ConnectionEnd["cause"] = "peer", reason = ""): void {
    this.isEnded = true;
    this.#events.ended({ code, reason, cause });
  }

  /** Frames sent with this opcode. */
  sentWith(opcode: number): SentFrame[] {
    return this.sent.filter(({ op }) => op === opcode);
  }

  #answer({ op, d }: SentFrame): void {
    switch (op) {
      case Opcode.Identify:
        this.ready(`session-${this.#transport.sessions.size + 1}`);
        return;
      case Opcode.Resume:
        assert(typeof d === "object" && d !== null);
        assert(typeof d.session_id === "string" && typeof d.seq === "number");
        this.resume(d.session_id, this.#transport.sessions.get(d.session_id) ?? d.seq);
        return;
      case Opcode.Heartbeat:
        this.say({ t: null, s: null, op: Opcode.HeartbeatAck, d: null });
    }
  }
}
