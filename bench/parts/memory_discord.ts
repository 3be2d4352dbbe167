/**
 * A Discord that costs nothing: its connections are calls. It greets, starts a session for each shard, acknowledges
 * heartbeats, and sends what it is told to.
 *
 * @module
 */
import { Opcode } from "../../gateway/protocol/opcodes.ts";
import type { Connection, ConnectionEvents, Transport } from "../../gateway/shard/transport.ts";
import { sessionOf } from "./events.ts";

const HEARTBEAT_INTERVAL_MS = 41_250;

const encoder = new TextEncoder();

export class MemoryDiscord implements Transport {
  readonly #shards = new Map<number, ConnectionEvents>();

  connect(_url: string, events: ConnectionEvents): Connection {
    // Later, because whoever connects does not have the connection yet.
    queueMicrotask(() => {
      events.opened();
      events.payload(frame(Opcode.Hello, { heartbeat_interval: HEARTBEAT_INTERVAL_MS }));
    });
    return {
      send: (text) => this.#answer(JSON.parse(text), events),
      leave: () => Promise.resolve(),
    };
  }

  /** A payload arrives at a shard whose session has begun. */
  send(shard: number, payload: Uint8Array): void {
    const events = this.#shards.get(shard);
    if (events === undefined) throw new Error(`Cannot send to shard ${shard}: it has no session`);
    events.payload(payload);
  }

  #answer({ op, d }: { op: number; d: unknown }, events: ConnectionEvents): void {
    if (op === Opcode.Heartbeat) return events.payload(frame(Opcode.HeartbeatAck, null));
    if (op !== Opcode.Identify) return;
    const { shard: [shard = 0] = [] } = d as { shard?: number[] };
    this.#shards.set(shard, events);
    events.payload(frame(Opcode.Dispatch, {
      session_id: sessionOf(shard),
      resume_gateway_url: "wss://gateway-us-east1-b.discord.gg",
      guilds: [],
    }, "READY"));
  }
}

function frame(op: number, d: unknown, t: string | null = null): Uint8Array {
  return encoder.encode(JSON.stringify({ t, s: t === null ? null : 1, op, d }));
}
