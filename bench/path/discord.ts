/**
 * The simulated Discord of a benchmark, a program of its own: events are sent when it is told to, evenly or as fast as
 * they are taken, each stamped with its time.
 *
 * Flags: `--port`, `--resume-port`, `--control-port`, `--shards`, and `--bodies`: a size in bytes, or `mix`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { type ConfirmChannel, connect } from "amqplib";
import { shardOfGuild } from "../../simulator/event_world.ts";
import { startSimulator } from "../../simulator/simulator.ts";
import type { Happening } from "../../simulator/statistics.ts";
import { sleep } from "../sleep.ts";
import { benchWorld, type Bodies, guildOfMembers, largeGuild } from "./events.ts";
import { nowUs, STAMP } from "./stamp.ts";

/** How events are to be sent. */
export interface Sending {
  readonly events: number;
  /** Evenly, so many a second; 0: as fast as the consumer takes them. */
  readonly perSecond: number;
  /** Of the consumer, see `consumer.ts`. */
  readonly consumerUrl: string;
  /** Straight to the broker there instead of to the shards: what the way costs without any gateway. */
  readonly rabbitUrl?: string;
}

/** How large a guild is to be. */
export type GuildSize = { readonly bytes: number } | { readonly members: number };

/** A guild that arrives on one shard. */
export interface LargeSending {
  readonly size: GuildSize;
  readonly shard: number;
  /** As in {@link Sending}. */
  readonly rabbitUrl?: string;
}

/** Guilds that arrive on all shards in turn, as fast as the consumer takes them. */
export interface GuildsSending {
  readonly guilds: number;
  readonly members: number;
  /** The number of the first, see {@link guildOfMembers}. */
  readonly first: number;
  /** As in {@link Sending}. */
  readonly consumerUrl: string;
}

/** Events on their way at most, where they are sent as fast as they are taken. */
const ON_THEIR_WAY_MAX = 2_000;
/** Sent in one go then. */
const GO = 50;
/** Guilds on their way at most. */
const GUILDS_ON_THEIR_WAY_MAX = 32;
/** Between two looks at what is due, where they are sent evenly. */
const PACE_MS = 1;
const BUCKETS = 100_000;
/** What was sent before is out of this process by then. */
const OUT_MS = 50;

const { values: flags } = parseArgs({
  options: {
    "port": { type: "string" },
    "resume-port": { type: "string" },
    "control-port": { type: "string" },
    "shards": { type: "string" },
    "bodies": { type: "string" },
  },
});
/** While something large is sent: resolves when the other events may go on. */
let held: Promise<void> | null = null;
const bodies: Bodies = flags.bodies === "mix" ? "mix" : Number(flags.bodies);
const world = benchWorld(bodies, Number(flags.shards));
const simulator = await startSimulator({
  world,
  port: Number(flags.port),
  resumePort: Number(flags["resume-port"]),
  paused: true,
  // Or this process would be the slowest of all, and what is measured would wait for each event.
  zlibLevel: 1,
  ledgerMaxEntries: 0,
  replayBufferEvents: 500,
  recommendedShards: Number(flags.shards),
  sessionStartTotal: BUCKETS,
  maxConcurrency: Number(flags.shards),
  identifyWindowMs: 0,
  guildMembersIntent: true,
  guildPresencesIntent: true,
  messageContentIntent: true,
});

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(flags["control-port"]),
  onListen: () => {},
}, async (request) => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/happened") {
    const kinds = searchParams.getAll("kind") as Happening["kind"][];
    const { happenings } = simulator.control.statistics;
    const happened = () => kinds.reduce((sum, kind) => sum + (happenings[kind] ?? 0), 0);
    await simulator.control.until(() => happened() >= Number(searchParams.get("count")));
    return new Response(String(happened()));
  }
  if (pathname === "/large") {
    await sendLarge(await request.json());
    return new Response();
  }
  if (pathname === "/guilds") {
    await sendGuilds(await request.json());
    return new Response();
  }
  if (pathname === "/connected") {
    await simulator.control.until(() => connected() === Number(flags.shards));
    return new Response();
  }
  if (pathname === "/send") {
    const sending: Sending = await request.json();
    const beforeMs = performance.now();
    if (sending.rabbitUrl === undefined) await send(sending, (count) => simulator.control.generate(count));
    else await sendStraight(sending, sending.rabbitUrl);
    return Response.json({ seconds: (performance.now() - beforeMs) / 1_000 });
  }
  return new Response(null, { status: 404 });
});

function connected(): number {
  return simulator.control.state().sessions.filter(({ connection }) => connection !== null).length;
}

async function send(sending: Sending, generate: (count: number) => void): Promise<void> {
  if (sending.perSecond > 0) await sendEvenly(sending, generate);
  else await sendFast(sending, generate);
}

async function sendEvenly({ events, perSecond }: Sending, generate: (count: number) => void): Promise<void> {
  let startedAtMs = performance.now();
  for (let sent = 0; sent < events;) {
    if (held !== null) {
      const beforeMs = performance.now();
      await held;
      startedAtMs += performance.now() - beforeMs;
    }
    const due = Math.min(events, Math.ceil((performance.now() - startedAtMs) / 1_000 * perSecond));
    generate(due - sent);
    sent = due;
    await sleep(PACE_MS);
  }
}

async function sendFast({ events, consumerUrl }: Sending, generate: (count: number) => void): Promise<void> {
  const before = await reached(consumerUrl, 0);
  let taken = before;
  for (let sent = 0; sent < events;) {
    const count = Math.min(GO, events - sent);
    generate(count);
    sent += count;
    await sleep(0);
    if (sent - (taken - before) > ON_THEIR_WAY_MAX) {
      taken = await reached(consumerUrl, before + sent - ON_THEIR_WAY_MAX / 2);
    }
  }
}

/** The same bodies, published as a gateway would: the broker has the same work. */
async function sendStraight(sending: Sending, rabbitUrl: string): Promise<void> {
  const connection = await connect(rabbitUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  let sequence = 12_345;
  const each = (count: number) => {
    for (let index = 0; index < count; index++) {
      const { t, guildId, data } = world.next(Date.now());
      const shard = guildId === null ? 0 : shardOfGuild(guildId, Number(flags.shards));
      sequence += 1;
      publish(channel, t, shard, sequence, Buffer.from(JSON.stringify({ t, s: sequence, op: 0, d: data })));
    }
  };
  await send(sending, each);
  await channel.waitForConfirms();
  await connection.close();
}

function publish(channel: ConfirmChannel, t: string, shard: number, sequence: number, payload: Buffer): void {
  channel.publish("gateway", t, payload, {
    contentType: "application/json",
    persistent: true,
    mandatory: true,
    type: t,
    messageId: `5555555555555555555555555555abcd:${sequence}`,
    timestamp: Math.floor(Date.now() / 1_000),
    expiration: "86400000",
    appId: "straight",
    headers: { shard },
  }, () => {});
}

/**
 * Sends a guild of that size. Nothing else is sent while this process makes, compresses and writes it, so that what is
 * sent before and after waits for others alone.
 */
async function sendLarge({ size, shard, rabbitUrl }: LargeSending): Promise<void> {
  const connection = rabbitUrl === undefined ? null : await connect(rabbitUrl, { noDelay: true });
  const channel = await connection?.createConfirmChannel();
  const { promise: handedOver, resolve: handOver } = Promise.withResolvers<void>();
  held = handedOver;
  await sleep(OUT_MS);
  const shards = Number(flags.shards);
  const made = "bytes" in size
    ? largeGuild(size.bytes, shard, shards)
    : guildOfMembers(size.members, shard, shards);
  const guild = { ...made, [STAMP]: nowUs() };
  if (channel === undefined) simulator.control.dispatch("GUILD_CREATE", JSON.stringify(guild), { shard });
  else {
    const payload = { t: "GUILD_CREATE", s: 12345, op: 0, d: guild };
    publish(channel, payload.t, shard, payload.s, Buffer.from(JSON.stringify(payload)));
  }
  // A compressor runs before any timer does.
  await sleep(0);
  held = null;
  handOver();
  await channel?.waitForConfirms();
  await connection?.close();
}

async function sendGuilds({ guilds, members, first, consumerUrl }: GuildsSending): Promise<void> {
  const shards = Number(flags.shards);
  const before = await reached(consumerUrl, 0);
  for (let sent = 0; sent < guilds; sent++) {
    await reached(consumerUrl, before + sent - GUILDS_ON_THEIR_WAY_MAX);
    const guild = { ...guildOfMembers(members, first + sent, shards), [STAMP]: nowUs() };
    simulator.control.dispatch("GUILD_CREATE", JSON.stringify(guild), { shard: (first + sent) % shards });
    await sleep(0);
  }
}

/** Resolves with how many events the consumer has taken, once they are so many. */
async function reached(consumerUrl: string, count: number): Promise<number> {
  const response = await fetch(`${consumerUrl}/reached?count=${count}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`The consumer does not come to ${count} events: ${text}`);
  return Number(text);
}
