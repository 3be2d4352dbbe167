import "./paced_websocket.ts";
import assert from "node:assert/strict";
import {
  CompressionMethod,
  type CreateWebSocketManagerOptions,
  WebSocketManager,
  WebSocketShardEvents,
} from "@discordjs/ws";
import { startSimulator } from "../../../simulator/simulator.ts";
import { FREE_INTENTS, TOKEN } from "../bench.ts";
import { Arrivals, loseConnection } from "./arrivals.ts";

const MODES = [["no compression", null], ["zlib-stream", CompressionMethod.ZlibNative]] as const;

for (const [name, compression] of MODES) {
  Deno.test(`@discordjs/ws identifies, receives and resumes after a lost connection, with ${name}`, async () => {
    const simulator = await startSimulator({ guilds: 4, trimReplay: true, largeGuildBytes: 300_000 });
    // Its own REST client keeps timers after it is done, and the one call it makes here is this.
    const rest = {
      async get() {
        const headers = { authorization: `Bot ${TOKEN}` };
        return await (await fetch(`${simulator.restUrl}/v10/gateway/bot`, { headers })).json();
      },
    } as unknown as CreateWebSocketManagerOptions["rest"];
    // Its types take a single intent, not a sum of them.
    const intents: number = FREE_INTENTS;
    const manager = new WebSocketManager({ token: TOKEN, intents, rest, compression });
    const arrivals = new Arrivals();
    manager.on(WebSocketShardEvents.Dispatch, ({ s }) => arrivals.add(s));
    manager.on(WebSocketShardEvents.Error, (error) => assert.fail(error));
    try {
      await manager.connect();
      // Deno's WebSocket says 0 where Node's says 1006, and this library resumes after known codes only.
      await loseConnection(simulator.control, arrivals, { fault: "close", code: 4000 });
      assert.equal(
        simulator.control.state().connections[0]?.compression,
        compression === null ? "none" : name,
      );
    } finally {
      await manager.destroy();
      await simulator.close();
    }
  });
}
