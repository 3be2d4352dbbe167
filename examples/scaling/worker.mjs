/**
 * One of several workers that share a queue. Settings are in README.md.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { ShardlineClient } from "shardline-client";

const [, , name = process.pid] = process.argv;
const MS_PER_LETTER = Number(process.env.MS_PER_LETTER ?? 100);

const say = (line) => process.stdout.write(`${line}\n`);

const client = new ShardlineClient({
  url: process.env.RABBIT_URL,
  prefetch: Number(process.env.PREFETCH ?? 10),
  onError: ({ message }) => process.stderr.write(`${message}\n`),
});

/** Work that is longer for a longer message. */
client.on("MESSAGE_CREATE", async ({ content }, { id, redelivered }) => {
  say(`${name} begins ${id}`);
  await wait(content.length * MS_PER_LETTER);
  say(`${name} has handled ${id}${redelivered ? ", which another had begun" : ""}`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => client.stop());
}

await client.start();
say(`${name} is listening`);
