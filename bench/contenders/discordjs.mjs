/**
 * What people write today with `@discordjs/ws` and amqplib: every dispatch of all shards goes to RabbitMQ.
 *
 * Written by its README. All is as it comes but for the compression: shards in this process, identifies paced by the
 * `max_concurrency` that Discord names, no session store but the library's own in memory, which is in its favour: our
 * gateway keeps its sessions in Redis. Of its two inflaters this is `node:zlib`. The other one, the optional package
 * `zlib-sync`, halves what an event costs here, but is compiled where it is installed, which takes Python and a compiler.
 *
 * @module
 */
import { CompressionMethod, WebSocketManager, WebSocketShardEvents } from "@discordjs/ws";
import process from "node:process";
import { fetchGatewayBot } from "./gateway_bot.mjs";
import { EventPublisher } from "./publisher.mjs";
import { readWork } from "./work.mjs";

const COMPRESSIONS = { "none": null, "zlib-stream": CompressionMethod.ZlibNative };

const work = readWork(Object.keys(COMPRESSIONS));
const publisher = await EventPublisher.open(work.rabbitUrl, "discordjs");
const manager = new WebSocketManager({
  token: work.token,
  intents: work.intents,
  shardCount: work.shards,
  compression: COMPRESSIONS[work.compression],
  // In place of `@discordjs/rest`: the library asks for this and nothing else.
  rest: { get: () => fetchGatewayBot(work) },
});

/** By shard. A dispatch is handed over without it. */
const sessions = new Map();
manager.on(WebSocketShardEvents.Dispatch, (dispatch, shard) => {
  if (dispatch.t === "READY") sessions.set(shard, dispatch.d.session_id);
  publisher.publish(dispatch, shard, sessions.get(shard));
});
manager.on(WebSocketShardEvents.Error, (error) => {
  throw error;
});

process.once("SIGTERM", async () => {
  await manager.destroy();
  await publisher.close();
  process.exit();
});
await manager.connect();
