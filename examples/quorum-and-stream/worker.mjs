/**
 * Takes events from the quorum queue, and fails at a message that says `!fail`, whenever that comes.
 *
 * @module
 */
import { connect } from "amqplib";
import process from "node:process";
import { QUORUM_QUEUE, RABBIT_URL } from "./settings.mjs";

const connection = await connect(RABBIT_URL);
const channel = await connection.createChannel();
await channel.prefetch(20);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await channel.close(); // after the acknowledgements
    await connection.close();
  });
}

await channel.consume(QUORUM_QUEUE, (message) => {
  if (message === null) process.exit(1); // somebody deleted the queue
  const { type, messageId, headers } = message.properties;
  // A quorum queue counts: absent at the first delivery, then 1, 2, 3.
  const delivery = (headers["x-delivery-count"] ?? 0) + 1;
  process.stdout.write(`${type} ${messageId} delivery ${delivery}\n`);
  try {
    handle(JSON.parse(message.content.toString()));
    channel.ack(message);
  } catch (error) {
    process.stderr.write(`Cannot handle ${type} ${messageId}: ${error.message}\n`);
    channel.reject(message, true); // not nack: from RabbitMQ 4.3 on that does not count
  }
});
process.stdout.write("Taking events\n");

function handle({ t, d }) {
  if (t === "MESSAGE_CREATE" && d.content === "!fail") throw new Error("told to fail");
}
