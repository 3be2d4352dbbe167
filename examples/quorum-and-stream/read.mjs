/**
 * Reads the stream from where the command line says, on and on: `node read.mjs first`. Nothing is taken out of it.
 *
 * @module
 */
import { connect } from "amqplib";
import process from "node:process";
import { RABBIT_URL, STREAM } from "./settings.mjs";

/** Events that the broker hands out before the first of them is acknowledged. A stream demands a limit. */
const PREFETCH = 100;

const start = startAt(process.argv[2] ?? "next");
let next;

const connection = await connect(RABBIT_URL);
const channel = await connection.createChannel();
await channel.prefetch(PREFETCH);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await channel.close();
    await connection.close();
    if (next !== undefined) process.stdout.write(`To go on: node read.mjs ${next}\n`);
  });
}

await channel.consume(STREAM, (message) => {
  if (message === null) process.exit(1); // somebody deleted the stream
  const { type, messageId, timestamp, headers } = message.properties;
  const offset = headers["x-stream-offset"];
  // From a time on, the broker begins with the whole chunk that has it.
  if (timestamp >= start.fromSeconds) {
    process.stdout.write(`${offset} ${new Date(timestamp * 1_000).toISOString()} ${type} ${messageId}\n`);
  }
  next = offset + 1;
  channel.ack(message); // asks for more; the event stays
}, { arguments: { "x-stream-offset": start.offset } });

/**
 * Where to begin.
 *
 * @param {string} text `first`, `next` (only what comes from now on), an offset, or a time in ISO 8601.
 */
function startAt(text) {
  if (text === "first" || text === "next") return { offset: text, fromSeconds: 0 };
  if (/^\d+$/.test(text)) return { offset: Number(text), fromSeconds: 0 };
  const fromSeconds = Math.floor(Date.parse(text) / 1_000);
  if (Number.isNaN(fromSeconds)) {
    process.stderr.write(`Cannot begin at ${text}: say first, next, an offset, or 2026-01-31T12:00:00Z\n`);
    process.exit(1);
  }
  return { offset: { "!": "timestamp", value: fromSeconds }, fromSeconds };
}
