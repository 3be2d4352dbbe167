/**
 * `deno task outage`: RabbitMQ away for some minutes while events flow, and whether every event came through.
 *
 * @module
 */

import { interruption } from "../harness/interruption.ts";
import { Screen, standardOutput } from "../harness/screen.ts";
import { OUTAGE_HELP, type OutageOptions, parseOutage, UsageError } from "./command_line.ts";
import { isFaultless, type Judgement } from "./judgement.ts";
import { keep } from "./keeping.ts";
import { judgementRows, type Row, showFigures } from "./report.ts";
import { settle } from "./settling.ts";
import { sleep } from "./sleep.ts";
import { Stage } from "./stage.ts";
import { clock, grouped, megabytes, seconds } from "./words.ts";

/** More memory than this the gateway must not take, however long the broker is away. */
const MEMORY_MAX_BYTES = 300e6;
/** Events flow for so long before RabbitMQ is stopped. */
const PRELUDE_MS = 10_000;
const TERMINAL_INTERVAL_MS = 1_000;
const PLAIN_INTERVAL_MS = 60_000;
/** How often the backlog, and the spool's size, are looked at. */
const LOOK_INTERVAL_MS = 1_000;
/** The bot has caught up when it lacks no more than what comes in so many seconds. */
const CAUGHT_UP_S = 1;
/** A drain that brings nothing for so long has come to its end, or never will. */
const PATIENCE_MS = 60_000;

/** Events that Discord keeps for a resume: of ten seconds; nobody leaves, unless shards have to be parked. */
const REPLAY_BUFFER_S = 10;
const GREETING_EVENTS = 500;
const LEDGER_RESERVE = 3;

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  try {
    const options = parseOutage(args);
    if (options !== "help") return await run(screen, options);
    screen.say(OUTAGE_HELP.trimEnd());
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    screen.say(error.message);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}

/** What was seen while RabbitMQ was away, or while what had piled up went to it. */
interface Phase {
  readonly tookMs: number;
  readonly memoryBytes: number;
  readonly lagSeconds: number;
  readonly spoolBytes: number;
  /** Events that the bot received. */
  readonly received: number;
}

async function run(screen: Screen, options: OutageOptions): Promise<number> {
  const { minutes, seed, shards, eventsPerSecond } = options;
  const outageMs = minutes * 60_000;
  const interrupted = interruption();
  screen.say(
    screen.bold(
      `Shardline without its broker: ${minutes} min, ${shards} shards, ${eventsPerSecond} events/s`,
    ),
  );
  await using stage = await Stage.start({
    seed,
    shards,
    eventsPerSecond,
    areLinesDirect: true,
    replayBufferEvents: GREETING_EVENTS + Math.ceil(eventsPerSecond * REPLAY_BUFFER_S),
    ledgerEntries: Math.ceil((outageMs / 1_000 + 600) * eventsPerSecond * LEDGER_RESERVE),
  });
  await sleep(PRELUDE_MS, interrupted);

  await stage.rabbit.server.terminate();
  const outage = await watch(stage, screen, "away", { endsAfterMs: outageMs, signal: interrupted });
  await stage.rabbit.server.restart();
  const drain = await watch(stage, screen, "draining", { endsWhenCaughtUp: true, signal: interrupted });
  const { judgement } = await settle(stage, PATIENCE_MS);
  const [{ gateway }] = stage.replicas;

  const largestBytes = Math.max(outage.memoryBytes, drain.memoryBytes);
  const kept = isFaultless(judgement) && largestBytes <= MEMORY_MAX_BYTES &&
    gateway.crashes.length === 0;
  screen.say();
  showFigures(screen, rows(judgement, outage, drain));
  screen.say();
  for (const line of judgement.findings) screen.say(line);
  for (const crash of gateway.crashes) screen.say(`The gateway ended by itself: ${crash}`);
  if (largestBytes > MEMORY_MAX_BYTES) screen.say(`The gateway grew past ${megabytes(MEMORY_MAX_BYTES)}`);
  screen.say(screen.bold(kept ? "Every event came through, in order, unchanged" : "Not all was kept"));
  if (options.keep !== null) await keep(options.keep, stage.replicas, judgement.findings);
  return kept ? 0 : 1;
}

function rows(judgement: Judgement, outage: Phase, drain: Phase): Row[] {
  return [
    ...judgementRows(judgement),
    ["RabbitMQ away", seconds(outage.tookMs)],
    ["drained in", seconds(drain.tookMs)],
    ["events/s while draining", grouped(drain.received / (drain.tookMs / 1_000))],
    ["largest memory, away", megabytes(outage.memoryBytes)],
    ["largest memory, draining", megabytes(drain.memoryBytes)],
    ["largest spool", megabytes(Math.max(outage.spoolBytes, drain.spoolBytes))],
    ["longest event loop turn, away", milliseconds(outage.lagSeconds)],
    ["longest event loop turn, draining", milliseconds(drain.lagSeconds)],
  ];
}

interface PhaseEnd {
  readonly endsAfterMs?: number;
  readonly endsWhenCaughtUp?: boolean;
  readonly signal: AbortSignal;
}

async function watch(
  stage: Stage,
  screen: Screen,
  title: string,
  { endsAfterMs = Infinity, endsWhenCaughtUp = false, signal }: PhaseEnd,
): Promise<Phase> {
  const { discord, receipts, extremes, options, replicas: [{ gateway }] } = stage;
  const receivedBefore = receipts.distinct;
  const startedAtMs = performance.now();
  const showEveryMs = screen.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  let shownAtMs = startedAtMs;
  let receivedAtMs = startedAtMs;
  let received = receipts.distinct;
  let spoolBytes = 0;
  extremes.forget();
  for (;;) {
    const { replayable: { count: sent } } = await discord.ledger();
    const backlog = sent - receipts.replayable;
    const nowMs = performance.now();
    if (receipts.distinct !== received) {
      received = receipts.distinct;
      receivedAtMs = nowMs;
    }
    spoolBytes = Math.max(spoolBytes, await folderBytes(gateway.spoolPath));
    const caughtUp = backlog <= options.eventsPerSecond * CAUGHT_UP_S;
    const stuck = endsWhenCaughtUp && nowMs - receivedAtMs > PATIENCE_MS;
    if (signal.aborted || nowMs - startedAtMs >= endsAfterMs || (endsWhenCaughtUp && (caughtUp || stuck))) {
      break;
    }
    if (nowMs - shownAtMs >= showEveryMs) {
      shownAtMs = nowMs;
      screen.live([
        `${clock(nowMs - startedAtMs)} ${title}`,
        `${grouped(sent)} sent`,
        `${grouped(backlog)} not delivered yet`,
        `spool ${megabytes(spoolBytes)}`,
        `memory ${megabytes(gateway.vitals?.memoryBytes ?? 0)}`,
      ].join("   "));
    }
    await sleep(Math.min(LOOK_INTERVAL_MS, endsAfterMs - (nowMs - startedAtMs)), signal);
  }
  return {
    tookMs: performance.now() - startedAtMs,
    memoryBytes: extremes.memoryBytes,
    lagSeconds: extremes.lagSeconds,
    spoolBytes,
    received: receipts.distinct - receivedBefore,
  };
}

function milliseconds(lagSeconds: number): string {
  return `${(lagSeconds * 1_000).toFixed(1)} ms`;
}

/** What a folder takes on disk; 0 while it is not there. */
async function folderBytes(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'du -sk "$1" 2>/dev/null', "sh", path],
    stdin: "null",
  }).output();
  return Number.parseInt(new TextDecoder().decode(stdout) || "0") * 1_024;
}
