/**
 * `deno task demo`: a simulated Discord whose events flow through the gateway into RabbitMQ, to a small bot.
 *
 * @module
 */

import { type Gateway, startGateway } from "../harness/gateway.ts";
import { interruption } from "../harness/interruption.ts";
import { type ServerPair, startServerPair } from "../harness/pair.ts";
import { Screen, standardOutput } from "../harness/screen.ts";
import { type SimulatedDiscord, startSimulatedDiscord } from "../harness/simulated_discord.ts";
import { ExampleBot } from "./bot.ts";
import { type DemoOptions, HELP, parseArguments, UsageError } from "./command_line.ts";
import { type Account, Tally } from "./tally.ts";
import { visit } from "./visitor.ts";
import { publishDelayMs, readVitals, type Vitals } from "./vitals.ts";

const SHARDS = 16;
const GUILDS = 300;
const EVENTS_PER_SECOND = 300;
const TOKEN = "simulated-token";
/** Every intent there is, the privileged ones too: the demo shows all kinds of events (Discord gateway docs, Intents). */
const ALL_INTENTS = 53_608_447;

const TERMINAL_INTERVAL_MS = 1_000;
const PLAIN_INTERVAL_MS = 10_000;
/** How long the last events may take from the simulator to the bot. */
const SETTLE_DEADLINE_MS = 30_000;
const SETTLE_INTERVAL_MS = 200;
/** As README calls it, for whoever has none. */
const DENO = `npx -y deno@${Deno.version.deno}`;
/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** Everything that runs. */
interface World {
  readonly servers: ServerPair;
  readonly discord: SimulatedDiscord;
  readonly gateway: Gateway;
  readonly bot: ExampleBot;
  readonly tally: Tally;
  /** Of the dashboard. */
  readonly password: string;
  readonly apiToken: string;
}

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  try {
    const options = parseArguments(args);
    if (options === "help") {
      screen.say(HELP.trimEnd());
      return 0;
    }
    return await run(options, screen);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    screen.say(error.message);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}

async function run(options: DemoOptions, screen: Screen): Promise<number> {
  const interrupted = interruption();
  screen.say(screen.bold("Shardline demo"));
  screen.say(screen.dim("Starting RabbitMQ, Redis, a simulated Discord, the gateway and a small bot"));
  const world = await Promise.race([start(), once(interrupted)]);
  // What was half started ends with this process.
  if (world === undefined) return 0;

  greet(screen, world, options);
  const over = AbortSignal.any([
    interrupted,
    ...(options.minutes === null ? [] : [timeout(options.minutes)]),
  ]);
  const restarts = keepGatewayRunning(world, screen, interrupted);
  const visits = visit(world.discord.controlUrl, SHARDS, over);
  await showLive(screen, world, over);
  await visits;

  const difference = options.minutes !== null && !interrupted.aborted
    ? await compare(screen, world, restarts.count)
    : false;
  screen.say(screen.dim("Stopping"));
  restarts.end();
  await stop(world);
  return difference ? 1 : 0;
}

async function start(): Promise<World> {
  const [servers, discord] = await Promise.all([
    startServerPair(),
    startSimulatedDiscord([
      ...["--shards", String(SHARDS), "--max-concurrency", String(SHARDS)],
      ...["--guilds", String(GUILDS), "--rate", String(EVENTS_PER_SECOND), "--token", TOKEN],
      ...["--guild-members-intent", "--guild-presences-intent", "--message-content-intent"],
    ]),
  ]);
  const tally = new Tally();
  const password = crypto.randomUUID().slice(0, 8);
  const apiToken = crypto.randomUUID().slice(0, 8);
  const [gateway, bot] = await Promise.all([
    startGateway({
      BOT_TOKEN: TOKEN,
      INTENTS: String(ALL_INTENTS),
      API_URL: discord.restUrl,
      RABBIT_URL: servers.rabbit.url,
      REDIS_URL: servers.redis.url,
      LOG_FORMAT: "pretty",
      DASHBOARD_PASSWORD: password,
      DASHBOARD_API_TOKEN: apiToken,
    }),
    ExampleBot.start({
      rabbitUrl: servers.rabbit.url,
      restUrl: `${discord.restUrl}/v10`,
      token: TOKEN,
      observe: tally.add,
    }),
  ]);
  return { servers, discord, gateway, bot, tally, password, apiToken };
}

/** In the order in which events flow, so that each finds the next one still there. */
async function stop({ servers, discord, gateway, bot }: World): Promise<void> {
  await gateway.server.terminate();
  await gateway.server.stop();
  await bot.stop();
  await discord.server.stop();
  await servers[Symbol.asyncDispose]();
}

function greet(
  screen: Screen,
  { servers, discord, gateway, password, apiToken }: World,
  { minutes }: DemoOptions,
): void {
  const rabbit = servers.rabbit.url;
  screen.say();
  screen.rows([
    ["dashboard", `${gateway.dashboardUrl}, password ${password}`],
    ["simulated Discord", discord.controlUrl],
    ["gateway", `${gateway.monitoringUrl}/metrics`],
    ["its log", gateway.server.logPath],
    ["RabbitMQ", rabbit],
    ["Redis", servers.redis.url],
  ]);
  screen.say();
  screen.say(screen.bold("Try, in another terminal in this folder"));
  const inject = `curl -X POST ${discord.controlUrl}/inject -d`;
  screen.rows([
    ["is it ready", `curl ${gateway.monitoringUrl}/readyz`],
    ["its metrics", `curl ${gateway.monitoringUrl}/metrics`],
    [
      "every shard",
      `DASHBOARD_API_TOKEN=${apiToken} ${DENO} task ctl shards --url ${gateway.dashboardUrl}`,
    ],
    ["cut a socket", `${inject} '{"fault":"reset","shard":0}'`],
    ["move all shards", `${inject} '{"fault":"reconnect"}'`],
    ["kill the gateway", `kill -9 ${gateway.server.processId}`],
    [
      "watch a queue",
      `RABBIT_URL=${rabbit} ${DENO} run --allow-net=127.0.0.1 --allow-env=RABBIT_URL demo/watch.ts MESSAGE_CREATE`,
    ],
  ]);
  screen.say();
  screen.say(
    screen.dim(
      minutes === null ? "Ctrl-C stops everything" : `Stops by itself after ${minutes} min, or with Ctrl-C`,
    ),
  );
  screen.say();
}

/** A gateway that was killed is started again: it resumes its sessions, and Discord sends what it missed. */
function keepGatewayRunning(
  world: World,
  screen: Screen,
  interrupted: AbortSignal,
): { count: number; end(): void } {
  const { server } = world.gateway;
  let ended = false;
  const restarts = { count: 0, end: () => void (ended = true) };
  const keep = async () => {
    for (;;) {
      const { code, signal } = await server.exited();
      if (ended || interrupted.aborted) return;
      restarts.count++;
      screen.say(`The gateway ended with ${signal ?? `status ${code}`}: starting it again`);
      await server.restart();
      screen.say(`The gateway runs again, process ${server.processId}`);
    }
  };
  keep().catch((error: unknown) => {
    screen.say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  });
  return restarts;
}

async function showLive(screen: Screen, world: World, over: AbortSignal): Promise<void> {
  let before: { vitals: Vitals; atMs: number } | undefined;
  while (!over.aborted) {
    const vitals = await scrape(world.gateway);
    const atMs = performance.now();
    // Counts that went back are those of a gateway that was started again.
    if (vitals !== undefined && before !== undefined && vitals.events >= before.vitals.events) {
      screen.live(liveLine(before.vitals, vitals, (atMs - before.atMs) / 1000, world));
    }
    before = vitals === undefined ? undefined : { vitals, atMs };
    await Promise.race([once(over), sleep(screen.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS)]);
  }
}

function liveLine(before: Vitals, now: Vitals, seconds: number, { bot, tally }: World): string {
  const delayMs = publishDelayMs(before, now);
  return [
    `${now.shardsConnected}/${now.shards} shards`,
    `${Math.round((now.events - before.events) / seconds)} events/s`,
    `${now.unconfirmed} unconfirmed`,
    `${delayMs === null ? "–" : delayMs.toFixed(1)} ms to the broker`,
    `bot: ${grouped(tally.consumed)} consumed, ${grouped(bot.counts.answered)} pings answered`,
  ].join("   ");
}

async function scrape(gateway: Gateway): Promise<Vitals | undefined> {
  try {
    return readVitals(await (await fetch(`${gateway.monitoringUrl}/metrics`)).text());
  } catch {
    return undefined; // It is being started again.
  }
}

/** Stops the events at their source, waits for the last of them, and shows both sides. True where they differ. */
async function compare(screen: Screen, { discord, tally }: World, restarts: number): Promise<boolean> {
  await fetch(`${discord.controlUrl}/knobs`, { method: "PATCH", body: JSON.stringify({ paused: true }) })
    .then((response) => response.body?.cancel());
  const deadlineMs = performance.now() + SETTLE_DEADLINE_MS;
  let sent = await ledgerAccount(discord);
  while (tally.account.digest !== sent.digest && performance.now() < deadlineMs) {
    await sleep(SETTLE_INTERVAL_MS);
    sent = await ledgerAccount(discord);
  }
  const consumed = tally.account;
  const same = sent.count === consumed.count && sent.digest === consumed.digest;
  screen.say();
  screen.say(
    screen.bold(same ? "Every event came through, unchanged" : "What was sent and what was consumed differ"),
  );
  const counts = ["events", grouped(sent.count), grouped(consumed.count), grouped(tally.repeats)];
  const width = Math.max(...counts.map((count) => count.length));
  const [heading = "", sentCount = "", consumedCount = "", repeats = ""] = counts.map((count) =>
    count.padStart(width)
  );
  screen.rows([
    ["", heading, "SHA-256 of all"],
    ["Discord sent", sentCount, sent.digest],
    ["the bot consumed", consumedCount, consumed.digest],
    ["twice", repeats, restarts === 0 ? "" : `restarts of the gateway: ${restarts}`],
  ]);
  screen.say();
  // Only a killed gateway may publish an event twice.
  return !same || (tally.repeats > 0 && restarts === 0);
}

async function ledgerAccount({ controlUrl }: SimulatedDiscord): Promise<Account> {
  const ledger = await (await fetch(`${controlUrl}/ledger`)).json() as { replayable: Account };
  return ledger.replayable;
}

function timeout(minutes: number): AbortSignal {
  return AbortSignal.timeout(minutes * 60_000);
}

function once(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}
