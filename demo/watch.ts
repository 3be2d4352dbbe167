/**
 * Shows events as they pass, one line each, without taking them from anybody: on a queue of its own that goes with it.
 * `watch.ts [event name]…`, all events without one; `RABBIT_URL` says where.
 *
 * @module
 */

import { connect } from "amqplib";

if (import.meta.main) {
  const connection = await connect(Deno.env.get("RABBIT_URL") ?? "amqp://127.0.0.1");
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue("", { exclusive: true });
  const names = Deno.args.length === 0 ? ["#"] : Deno.args;
  for (const name of names) await channel.bindQueue(queue, "gateway", name);
  await channel.consume(queue, (message) => {
    if (message === null) return;
    const { type, messageId, headers } = message.properties;
    const line = `shard ${headers?.shard}  ${type}  ${messageId}  ${message.content.length} bytes\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  }, { noAck: true });
}
