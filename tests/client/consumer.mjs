/**
 * A bot on the installed package: writes what it sees as lines of JSON, sends a command, and stops in good order.
 *
 * @module
 */
import process from "node:process";
import { ShardlineClient } from "shardline-client";

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const { bun, deno } = process.versions;
say({ runtime: bun ? "Bun" : deno ? "Deno" : "Node" });

const client = new ShardlineClient({
  url: process.env.RABBIT_URL,
  onError: ({ kind, message }) => say({ kind, message }),
});
for (const name of ["READY", "GUILD_CREATE", "MESSAGE_CREATE"]) {
  client.on(
    name,
    (data, { id, shard, body }) => say({ name, id, shard, dataId: data.id, bytes: body.length }),
  );
}
await client.start();
const d = { since: null, activities: [], status: "idle", afk: false };
say({ outcome: await client.command({ op: 0, shard: "all", data: { op: 3, d } }) });
process.once("SIGTERM", () => client.stop());
