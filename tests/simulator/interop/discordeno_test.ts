import "./paced_websocket.ts";
import assert from "node:assert/strict";
import { DiscordenoShard, ShardSocketCloseCodes, TransportCompression } from "@discordeno/gateway";
import { startSimulator } from "../../../simulator/simulator.ts";
import { FREE_INTENTS, TOKEN } from "../bench.ts";
import { Arrivals, loseConnection } from "./arrivals.ts";

const MODES = [
  ["no compression", null],
  ["zlib-stream", TransportCompression.zlib],
  ["zstd-stream", TransportCompression.zstd],
] as const;

/** It would print what it does. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

for (const [name, transportCompression] of MODES) {
  Deno.test(`@discordeno/gateway identifies, receives and resumes after a lost connection, with ${name}`, async () => {
    const simulator = await startSimulator({ guilds: 4, trimReplay: true, largeGuildBytes: 0 });
    const arrivals = new Arrivals();
    // Each HELLO gives it another bucket for what it sends, and none of them stops its timer.
    const buckets = new Set<DiscordenoShard["bucket"]>();
    const shard = new DiscordenoShard({
      id: 0,
      connection: {
        token: TOKEN,
        url: simulator.gatewayUrl,
        intents: FREE_INTENTS,
        transportCompression,
        compress: false,
        properties: { os: "linux", browser: "test", device: "test" },
        totalShards: 1,
        version: 10,
      },
      events: { hello: ({ bucket }) => buckets.add(bucket) },
      logger: SILENT,
      requestIdentify: () => Promise.resolve(),
      shardIsReady: () => Promise.resolve(),
    });
    buckets.add(shard.bucket);
    const forward = shard.forwardToBot.bind(shard);
    shard.forwardToBot = (packet) => {
      if (packet.s !== null) arrivals.add(packet.s);
      forward(packet);
    };
    try {
      await shard.identify();
      await loseConnection(simulator.control, arrivals, { fault: "reset" });
      assert.equal(simulator.control.state().connections[0]?.compression, transportCompression ?? "none");
    } finally {
      await shard.close(ShardSocketCloseCodes.TestingFinished, "done");
      for (const bucket of buckets.add(shard.bucket)) clearTimeout(bucket.timeoutId);
      await simulator.close();
    }
  });
}
