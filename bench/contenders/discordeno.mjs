/**
 * What people write today with `@discordeno/gateway` and amqplib: every dispatch of all shards goes to RabbitMQ.
 *
 * Shards run in this process, as the library does it unless told otherwise. Payloads are handed over as Discord names
 * their fields (`preferSnakeCase`), which spares it rewriting every key. There is no session store, which is in its
 * favour: our gateway keeps its sessions in Redis.
 *
 * With zstd-stream version 21.0.0 misses HELLO, so it never sends a heartbeat and is closed after some 80 s; and a payload
 * of more than one block (128 KiB) ends the process.
 *
 * @module
 */
import { createGatewayManager, ShardSocketCloseCodes, TransportCompression } from "@discordeno/gateway";
import process from "node:process";
import { fetchGatewayBot } from "./gateway_bot.mjs";
import { EventPublisher } from "./publisher.mjs";
import { readWork } from "./work.mjs";

const COMPRESSIONS = {
  "none": null,
  "zlib-stream": TransportCompression.zlib,
  "zstd-stream": TransportCompression.zstd,
};
/** Opcode of an event (Discord docs, Gateway Opcodes). The library hands over all that it receives. */
const DISPATCH = 0;

const work = readWork(Object.keys(COMPRESSIONS));
const publisher = await EventPublisher.open(work.rabbitUrl, "discordeno");
const { url, shards, session_start_limit: limit } = await fetchGatewayBot(work);
const manager = createGatewayManager({
  token: work.token,
  intents: work.intents,
  totalShards: work.shards,
  connection: {
    url,
    shards,
    sessionStartLimit: {
      total: limit.total,
      remaining: limit.remaining,
      resetAfter: limit.reset_after,
      maxConcurrency: limit.max_concurrency,
    },
  },
  transportCompression: COMPRESSIONS[work.compression],
  preferSnakeCase: true,
  // Waited after each READY, before the next shard of the same bucket: Discord's pause, which is not measured here.
  spawnShardDelay: 0,
  // It would warn that nobody tells it how many shards Discord recommends.
  resharding: { enabled: false },
  events: {
    message(shard, payload) {
      if (payload.op === DISPATCH) publisher.publish(payload, shard.id, shard.sessionId);
    },
  },
});

process.once("SIGTERM", async () => {
  await manager.shutdown(ShardSocketCloseCodes.Shutdown, "The process ends");
  await publisher.close();
  // The library's own timers would keep it for a minute.
  process.exit();
});
await manager.spawnShards();
