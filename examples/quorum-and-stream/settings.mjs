/**
 * Where RabbitMQ is, and what the queues of this example are called. README.md tells of each.
 *
 * @module
 */
import process from "node:process";

export const RABBIT_URL = process.env.RABBIT_URL ?? "amqp://127.0.0.1";
export const QUORUM_QUEUE = process.env.QUORUM_QUEUE ?? "example.quorum";
/** For events that failed at every delivery. */
export const DEAD_LETTER_QUEUE = `${QUORUM_QUEUE}.dead`;
export const STREAM = process.env.STREAM ?? "example.stream";
