/**
 * Keeps one shard of the service on its way: it reconnects, and Discord says nothing on the new connection.
 *
 * @module
 */
import type { Simulator } from "../../simulator/simulator.ts";

export interface SilentConnection {
  /** Discord greets the shard after all. */
  greet(): void;
}

const HELLO = new TextEncoder().encode('{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}');

/** Resolves when the shard has left its connection and is on the silent one. */
export async function silence({ control }: Simulator, shard = 0): Promise<SilentConnection> {
  const silent = () => control.state().connections.find(({ state }) => state === "unauthenticated");
  control.inject({ fault: "greet-silence", count: 1 });
  control.inject({ fault: "reconnect", shard });
  await control.until(() => silent() !== undefined);
  const connection = silent()?.id ?? 0;
  return { greet: () => void control.sendPayload(HELLO, { connection }) };
}
