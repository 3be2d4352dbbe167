/**
 * Declares a quorum queue, the queue of its dead letters, and a stream, and binds them to Shardline's exchange. What is
 * there already with the same arguments stays as it is.
 *
 * @module
 */
import { connect } from "amqplib";
import process from "node:process";
import { DEAD_LETTER_QUEUE, QUORUM_QUEUE, RABBIT_URL, STREAM } from "./settings.mjs";

const connection = await connect(RABBIT_URL);
const channel = await connection.createChannel();
await channel.assertExchange("gateway", "topic", { durable: true }); // whoever starts first declares

await channel.assertQueue(DEAD_LETTER_QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });
await channel.assertQueue(QUORUM_QUEUE, {
  durable: true,
  arguments: {
    "x-queue-type": "quorum",
    // An event is delivered once, and so many times more.
    "x-delivery-limit": 3,
    // After that it goes to the default exchange, whose routing keys are names of queues.
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD_LETTER_QUEUE,
  },
});
for (const name of ["MESSAGE_CREATE", "INTERACTION_CREATE"]) {
  await channel.bindQueue(QUORUM_QUEUE, "gateway", name);
}

await channel.assertQueue(STREAM, {
  durable: true,
  arguments: {
    "x-queue-type": "stream",
    // Whichever is reached first.
    "x-max-age": "7D",
    "x-max-length-bytes": 20_000_000_000,
    // The oldest events go in segments of this size, and only whole ones.
    "x-stream-max-segment-size-bytes": 100_000_000,
  },
});
await channel.bindQueue(STREAM, "gateway", "#");

await connection.close();
process.stdout.write(`Declared ${QUORUM_QUEUE}, ${DEAD_LETTER_QUEUE} and ${STREAM}\n`);
