/**
 * A bot behind Shardline that answers the slash command `/ping`. Settings are in README.md.
 *
 * @module
 */
import process from "node:process";
import { ShardlineClient } from "shardline-client";
import { answer } from "./answer.js";

const client = new ShardlineClient({
  url: process.env.RABBIT_URL,
  // A queue of the bot's own: events that it does not handle never reach it.
  queue: "ping-bot",
  bind: ["INTERACTION_CREATE"],
  onError: ({ message }) => process.stderr.write(`${message}\n`),
});

client.on("INTERACTION_CREATE", async (interaction) => {
  // 2 is a command (Discord docs, Interaction Type).
  if (interaction.type !== 2 || interaction.data.name !== "ping") return;
  await answer(interaction, "Pong!");
});

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => client.stop());
}

await client.start();
process.stdout.write("Answering /ping\n");
