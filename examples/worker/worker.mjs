/**
 * A bot's worker behind Shardline: answers `!ping`, sets the bot's presence, hears of gaps. Settings are in README.md.
 *
 * @module
 */
import process from "node:process";
import { REST } from "@discordjs/rest";
import { Routes } from "discord-api-types/v10";
import { Redis } from "ioredis";
import { RedisHandledIds, ShardlineClient } from "shardline-client";

const QUEUE = process.env.QUEUE ?? "worker";

const say = (line) => process.stdout.write(`${line}\n`);
const complain = ({ message }) => process.stderr.write(`${message}\n`);

const token = process.env.BOT_TOKEN;
if (!token) {
  complain({ message: "Cannot answer anybody: set BOT_TOKEN to the bot's token" });
  process.exit(1);
}

const rest = new REST({ api: process.env.API_URL ?? "https://discord.com/api" }).setToken(token);
const redis = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1").on("error", complain);

const client = new ShardlineClient({
  url: process.env.RABBIT_URL,
  queue: QUEUE,
  bind: ["MESSAGE_CREATE"],
  // What this worker has handled, the next one and its copies know.
  handledIds: new RedisHandledIds(redis),
  onError: complain,
});

client.on("MESSAGE_CREATE", async (message) => {
  if (message.content !== "!ping") return;
  await rest.post(Routes.channelMessages(message.channel_id), {
    // Killed after this and before Redis knows of it, the worker gets the event again. Discord drops the second answer.
    body: { content: "pong", nonce: message.id, enforce_nonce: true },
  });
  say(`answered ${message.id}`);
});

client.onGap(`${QUEUE}.gaps`, (gap) => {
  say(`shard ${gap.shard} has missed events from ${gap.from} to ${gap.to}: ${gap.reason}`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await client.stop();
    await redis.quit();
  });
}

await client.start();
say("listening");

const outcome = await client.command({
  op: 0,
  shard: "all",
  // 2 is "Listening to …" (Discord docs, Activity Types).
  data: { op: 3, d: { since: null, activities: [{ name: "!ping", type: 2 }], status: "online", afk: false } },
});
say(outcome.ok ? "presence set" : `presence not set: ${outcome.error}, ${outcome.message}`);
