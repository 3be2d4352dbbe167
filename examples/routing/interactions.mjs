/**
 * Has a queue of its own that gets interactions and nothing else, and prints them. Settings are in README.md.
 *
 * @module
 */
import process from "node:process";
import { connect } from "amqplib";

const QUEUE = process.env.QUEUE ?? "interactions";
const EVENTS = ["INTERACTION_CREATE"];

const say = (line) => process.stdout.write(`${line}\n`);

const connection = await connect(process.env.RABBIT_URL ?? "amqp://127.0.0.1");
const channel = await connection.createChannel();

// As Shardline declares it: whoever starts first makes it.
await channel.assertExchange("gateway", "topic", { durable: true });
// Durable: it is there while this program is not, and so is what came meanwhile.
await channel.assertQueue(QUEUE, { durable: true });
// The routing key of an event is its name. Bindings made earlier stay until somebody unbinds them.
for (const name of EVENTS) await channel.bindQueue(QUEUE, "gateway", name);

await channel.prefetch(10);
const { consumerTag } = await channel.consume(QUEUE, (message) => {
  if (message === null) process.exit(1); // somebody deleted the queue
  const { d } = JSON.parse(message.content.toString());
  say(`${message.properties.type} ${d.id}`);
  channel.ack(message); // last: had this process died before, the event would come again
});
say("listening");

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await channel.cancel(consumerTag);
    await connection.close();
  });
}
