/**
 * The bot of a benchmark, a program of its own: takes every event from queue `gateway`, and knows how long each was on
 * its way.
 *
 * Flags: `--port`, and `--ids message` or `--ids data`, with which it remembers the ids of all and takes a repeat for none
 * of them; the broker's URL is in `RABBIT_URL`, for it holds a password.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { connect, type ConsumeMessage } from "amqplib";
import { Ids } from "./ids.ts";
import { nowUs, readStamp } from "./stamp.ts";

const QUEUE = "gateway";
const EXCHANGE = "gateway";
/** Taken and not acknowledged yet, at most. */
const PREFETCH = 1_000;
/** No gateway is silent for so long while events are sent. */
const STILL_MOST_MS = 60_000;

const { values: flags } = parseArgs({ options: { port: { type: "string" }, ids: { type: "string" } } });
const ids = flags.ids === undefined ? null : new Ids();

/** How long the events since the last reset were on their way, in microseconds, and the shard of each. */
let delaysUs: number[] = [];
let shards: number[] = [];
let taken = 0;
let waiting: { readonly count: number; readonly wake: () => void }[] = [];

const connection = await connect(Deno.env.get("RABBIT_URL") ?? "", { noDelay: true });
const channel = await connection.createChannel();
await channel.assertExchange(EXCHANGE, "topic", { durable: true });
await channel.assertQueue(QUEUE, { durable: true });
await channel.bindQueue(QUEUE, EXCHANGE, "#");
await channel.prefetch(PREFETCH);
let acknowledging = false;
await channel.consume(QUEUE, (message) => {
  if (message === null) throw new Error(`Queue ${QUEUE} was deleted`);
  // One acknowledgement for all that came in a turn: what a benchmark's bot costs is not what is measured.
  if (!acknowledging) {
    acknowledging = true;
    setTimeout(() => {
      acknowledging = false;
      channel.ackAll();
    }, 0);
  }
  const stamp = readStamp(message.content);
  if (stamp === null || ids?.add(idOf(message)) === false) return;
  delaysUs.push(nowUs() - stamp);
  shards.push(Number(message.properties.headers?.shard));
  taken++;
  if (waiting.length === 0) return;
  for (const { wake } of waiting.filter(({ count }) => count <= taken)) wake();
  waiting = waiting.filter(({ count }) => count > taken);
});

Deno.serve({ hostname: "127.0.0.1", port: Number(flags.port), onListen: () => {} }, async (request) => {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/reached": {
      const count = Number(searchParams.get("count"));
      if (await hasReached(count)) return new Response(String(taken));
      return new Response(`nothing came for a minute, after ${taken} of ${count} events`, { status: 504 });
    }
    case "/delays": {
      const except = searchParams.get("except");
      const wanted = except === null ? delaysUs : delaysUs.filter((_, at) => shards[at] !== Number(except));
      const sorted = Float64Array.from(wanted).sort();
      delaysUs = [];
      shards = [];
      const at = (part: number) =>
        (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN) / 1_000;
      return Response.json({
        events: sorted.length,
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        p999Ms: at(0.999),
        maxMs: at(1),
      });
    }
    case "/ids":
      return Response.json(ids?.counts ?? null);
    case "/ready":
      return new Response();
  }
  return new Response(null, { status: 404 });
});

/** The stamp within makes it another for each event. */
function idOf({ properties, fields, content }: ConsumeMessage): string {
  if (flags.ids !== "data") return properties.messageId;
  const data = content.subarray(content.indexOf(',"d":'));
  return `${fields.routingKey} ${createHash("sha256").update(data).digest("base64")}`;
}

/** False where nothing comes any more: a gateway has died, or was closed by Discord. */
async function hasReached(count: number): Promise<boolean> {
  while (taken < count) {
    const before = taken;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ count, wake: resolve });
    const timer = setTimeout(resolve, STILL_MOST_MS);
    await promise;
    clearTimeout(timer);
    if (taken === before) return false;
  }
  return true;
}
