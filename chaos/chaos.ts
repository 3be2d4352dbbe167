/**
 * `deno task chaos`: real servers and a real gateway under faults drawn at random, and whether every event came through.
 *
 * @module
 */

import { interruption } from "../harness/interruption.ts";
import { Screen, standardOutput } from "../harness/screen.ts";
import { Campaign } from "./campaign.ts";
import { CHAOS_HELP, type ChaosOptions, parseChaos, UsageError } from "./command_line.ts";
import { FAULT_KINDS, type FaultKind, FLEET_FAULT_KINDS } from "./fault.ts";
import { isFenced } from "./fencing.ts";
import { isFaultless } from "./judgement.ts";
import { keep } from "./keeping.ts";
import { drawPlan, within } from "./plan.ts";
import { cacheRows, faultRows, fencingRows, judgementRows, showFigures } from "./report.ts";
import { settle } from "./settling.ts";
import { sleep } from "./sleep.ts";
import { Stage, type WatchedFleet } from "./stage.ts";
import { isCacheWhole, readKeptState } from "./state_cache.ts";
import { clock, faultWords, grouped, megabytes, seconds } from "./words.ts";

const TERMINAL_INTERVAL_MS = 1_000;
const PLAIN_INTERVAL_MS = 60_000;
/** How often the simulator is asked which sessions have ended. */
const ENDINGS_INTERVAL_MS = 10_000;
/** What has not come after so much silence, everything mended, does not come. */
const PATIENCE_MS = 45_000;

/** No wave of faults keeps a shard away for longer. */
const LONGEST_ABSENCE_S = 90;
/** A shard with many guilds gets so many times the average. */
const BUSIEST_SHARD = 3;
/** READY and its guilds, which come at once. */
const GREETING_EVENTS = 500;
/** Sessions that were given up live on in Discord for a while, and are told of everything too. */
const LEDGER_RESERVE = 4;

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  try {
    const options = parseChaos(args);
    if (options === "help") {
      screen.say(CHAOS_HELP.trimEnd());
      return 0;
    }
    const kinds = kindsOf(options);
    if (options.planOnly) showPlan(screen, options, kinds);
    else return await run(screen, options, kinds);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    screen.say(error.message);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}

function kindsOf({ words, replicas }: ChaosOptions): readonly FaultKind[] {
  const all = replicas === 1 ? FAULT_KINDS : FLEET_FAULT_KINDS;
  if (words.length === 0) return all;
  const kinds = all.filter(({ victim, name }) =>
    words.some((word) => `${victim} ${name}`.toLowerCase().includes(word.toLowerCase()))
  );
  if (kinds.length === 0) throw new UsageError(`No fault has ${words.join(" or ")} in its name`);
  return kinds;
}

function showPlan(
  screen: Screen,
  { minutes, seed, shards, replicas }: ChaosOptions,
  kinds: readonly FaultKind[],
): void {
  for (const { atMs, wave } of within(drawPlan(seed, kinds, { shards, replicas }), minutes * 60_000)) {
    for (const fault of wave.faults) {
      const lasts = fault.lastsMs === 0 ? "" : `   ${seconds(fault.lastsMs)}`;
      screen.say(`${clock(atMs + fault.afterMs)}   ${faultWords(fault)}${lasts}`);
    }
  }
}

async function run(screen: Screen, options: ChaosOptions, kinds: readonly FaultKind[]): Promise<number> {
  const { minutes, seed, shards, replicas, eventsPerSecond, isStateKept } = options;
  const durationMs = minutes * 60_000;
  const interrupted = interruption();
  const perShard = eventsPerSecond / shards;
  const parties = `${shards} shards${replicas === 1 ? "" : ` on ${replicas} replicas`}`;
  screen.say(
    screen.bold(`Shardline chaos: ${minutes} min, seed ${seed}, ${parties}, ${eventsPerSecond} events/s`),
  );
  await using stage = await Stage.start({
    seed,
    shards,
    replicas,
    eventsPerSecond,
    isStateKept,
    replayBufferEvents: Math.ceil(GREETING_EVENTS + perShard * BUSIEST_SHARD * LONGEST_ABSENCE_S),
    ledgerEntries: Math.ceil((durationMs / 1_000 + 600) * eventsPerSecond * LEDGER_RESERVE),
  });
  if (stage.fleet !== null) screen.say(screen.dim(networkWords(stage.fleet)));
  const startedAtMs = performance.now();
  const course: string[] = [];
  const note = (line: string) => course.push(`${new Date().toISOString()} ${line}`);
  const campaign = new Campaign(stage, (what, fault) => note(`${what}: ${faultWords(fault)}`));
  const over = AbortSignal.any([interrupted, AbortSignal.timeout(durationMs)]);
  const done = new AbortController();
  const watching = Promise.all([
    showLive(screen, stage, campaign, { startedAtMs, durationMs }, done.signal),
    followEndings(stage, done.signal),
  ]);
  try {
    await campaign.play(drawPlan(seed, kinds, { shards, replicas }), over);
  } finally {
    done.abort();
    await watching;
  }
  screen.say(screen.dim(`Everything is mended after ${clock(performance.now() - startedAtMs).trim()} min`));
  const { judgement, fencing } = await settle(stage, PATIENCE_MS);
  const cache = stage.witness?.judge(await readKeptState(stage.redis.url)) ?? null;
  const findings = [...judgement.findings, ...fencing?.findings ?? [], ...cache?.findings ?? []];
  for (const finding of findings) note(finding);

  const crashes = stage.replicas.flatMap(({ gateway }) => gateway.crashes);
  const lateStops = stage.replicas.reduce((sum, { gateway }) => sum + gateway.lateStops, 0);
  const { vanishings } = stage.collector;
  const isCacheRight = cache === null || isCacheWhole(cache);
  const isFleetFenced = fencing === null || isFenced(fencing);
  const kept = isFaultless(judgement) && isFleetFenced && isCacheRight && crashes.length === 0 &&
    lateStops === 0;
  screen.say();
  screen.rows(faultRows(kinds, campaign.counts));
  screen.say();
  showFigures(screen, [
    ...judgementRows(judgement),
    ...(fencing === null ? [] : fencingRows(fencing, stage.fleet?.leases.takings ?? 0)),
    ...(cache === null ? [] : cacheRows(cache)),
    ["stops that were late", grouped(lateStops)],
    ["crashes", grouped(crashes.length)],
    ["largest memory", megabytes(stage.extremes.memoryBytes)],
    ["longest pause", seconds(stage.extremes.pauseMs)],
  ]);
  screen.say();
  for (const line of findings) screen.say(line);
  for (const crash of crashes) screen.say(`The gateway ended by itself: ${crash}`);
  if (vanishings > 0) {
    screen.say(
      `RabbitMQ lost a queue ${vanishings} times when it was killed: what was in it is counted as lost`,
    );
  }
  screen.say(screen.bold(kept ? "Every event came through, in order, unchanged" : "Not all was kept"));
  if (options.keep !== null) await keep(options.keep, stage.replicas, course);
  return kept ? 0 : 1;
}

function networkWords({ sharedNetwork }: WatchedFleet): string {
  if (sharedNetwork === null) {
    return "Each replica has a network namespace of its own: what is severed loses every packet";
  }
  return "All replicas have this machine's network, and one line to Discord: what is severed is held by a proxy. " +
    sharedNetwork;
}

async function showLive(
  screen: Screen,
  stage: Stage,
  campaign: Campaign,
  { startedAtMs, durationMs }: { startedAtMs: number; durationMs: number },
  done: AbortSignal,
): Promise<void> {
  const intervalMs = screen.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  for (await sleep(intervalMs, done); !done.aborted; await sleep(intervalMs, done)) {
    const faults = [...campaign.counts.values()].reduce((sum, count) => sum + count, 0);
    screen.live(
      [
        `${clock(performance.now() - startedAtMs)} of ${clock(durationMs).trim()}`,
        `${grouped(faults)} faults`,
        `${grouped(stage.receipts.distinct)} events`,
        `${stage.collector.gaps.length} gaps`,
        stage.replicas.map(({ gateway }) => megabytes(gateway.vitals?.memoryBytes ?? 0)).join(" + "),
        [...campaign.lasting].map(faultWords).join(" + "),
      ].join("   ").trimEnd(),
    );
  }
}

async function followEndings(stage: Stage, done: AbortSignal): Promise<void> {
  while (!done.aborted) {
    await stage.discord.readEndings();
    await sleep(ENDINGS_INTERVAL_MS, done);
  }
}
