import assert from "node:assert/strict";
import { CommandSender } from "./command_sender.ts";
import { FiguresReader } from "./figures_reader.ts";
import { onStage } from "./stage.ts";

const PREFIX = "my bot:*:";
const TWO_SHARDS = { recommendedShards: 2, maxConcurrency: 2, guilds: 4 };

Deno.test(
  "Shardline writes figures of itself, of its seconds and of its shards to Redis, under REDIS_PREFIX",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const { control } = stage.simulator;
    await using figures = await FiguresReader.open(stage.redisUrl, PREFIX);
    const commands = await CommandSender.open(await stage.broker());
    const fromMs = Date.now();
    const gateway = await stage.startConnected(2, { REDIS_PREFIX: PREFIX, REPLICA_NAME: "one" });

    const replica = await figures.until("one", async () => {
      const { one } = await figures.replicas();
      return one?.["broker"] === true && one["identify"] !== null ? one : undefined;
    });
    const { version, shards, total, recommended, waiting, parked, stopped } = replica;
    assert.deepEqual({ shards, total, recommended, waiting, parked, stopped }, {
      shards: [[0, 1]],
      total: 2,
      recommended: 2,
      waiting: [],
      parked: [],
      stopped: false,
    });
    assert.match(String(version), /^\d+\.\d+\.\d+/);
    const { remaining, total: identifies, resets_at: resetsAt } = replica["identify"] as Record<
      string,
      number
    >;
    assert(identifies !== undefined && remaining !== undefined && remaining < identifies);
    assert(resetsAt !== undefined && resetsAt > Date.now());
    assert(Number(replica["started_at"]) >= fromMs && Number(replica["heard_at"]) <= Date.now());
    assert.equal((replica["spool"] as Record<string, number>)["events"], 0);

    // A rate is that of the newest second, so events go on until somebody has seen it.
    const busy = await figures.until("one", async () => {
      control.generate(40);
      const details = await figures.details();
      return Number(details["0"]?.["events_per_second"]) > 0 ? details["0"] : undefined;
    });
    assert.equal(busy?.["host"], new URL(stage.simulator.resumeGatewayUrl).host);
    const rates = Object.values(busy?.["rates"] as Record<string, number>);
    assert(rates.length > 0 && rates.every((rate) => rate > 0));
    const sessions = () => control.state().sessions.toSorted((one, other) => one.shard[0] - other.shard[0]);
    await figures.until("one", async () => {
      const details = await figures.details();
      const isSettled = sessions().every(({ shard: [shard], sequence }) =>
        ["received", "published", "stored"].every((name) => details[shard]?.[name] === sequence)
      );
      return isSettled || undefined;
    });
    const history = await figures.history("one");
    const confirmed = history.find((second) => second["delay_p50"] !== undefined);
    assert(confirmed !== undefined && Number(confirmed["confirmed"]) > 0);
    assert(Number(confirmed["delay_p99"]) >= Number(confirmed["delay_p50"]));
    const count = (name: string) => history.reduce((sum, second) => sum + Number(second[name]), 0);
    assert(count("events") > 40, "events of each second");
    assert.equal(history.at(-1)?.["connected"], 2);

    control.inject({ fault: "heartbeat", shard: 1 });
    const beat = await figures.until("one", async () => (await figures.stream("gateway:latencies:1"))[0]);
    assert.match(beat.fields["ms"] ?? "", /^\d+$/);
    await figures.until("one", async () => {
      const newest = (await figures.history("one")).at(-1);
      return newest?.["latency_max"] === undefined ? undefined : newest;
    });

    const [, session] = sessions();
    const lived = (await figures.life(1)).length;
    control.inject({ fault: "close", shard: 1, code: 4000, reason: "unknown error" });
    const life = await figures.until("one", async () => {
      const since = (await figures.life(1)).slice(lived);
      return since.at(-1)?.kind === "resumed" ? since : undefined;
    });
    assert.deepEqual(life.map(({ kind }) => kind), [
      "disconnected",
      "reconnecting",
      "connecting",
      "connected",
      "resuming",
      "resumed",
    ]);
    assert.deepEqual(life[0]?.data, { code: 4000, reason: "unknown error", by: "discord" });
    assert.deepEqual(life[4]?.data["session"], `${session?.id.slice(0, 8)}…`);
    const redis = await stage.redis();
    for (const key of await redis.keys(`${PREFIX.replaceAll("*", "\\*")}gateway:life:*`)) {
      const texts = JSON.stringify(await redis.xrange(key, "-", "+"));
      for (const { id } of sessions()) assert(!texts.includes(id), `${key} shows a whole session id`);
    }

    const body = '{"op":7,"shard":0,"data":"é"}';
    commands.send(body);
    const rejected = await figures.until("one", async () => (await figures.stream("gateway:rejected"))[0]);
    const { message, ...fields } = rejected.fields;
    assert.deepEqual(fields, { reason: "unknown_op", bytes: "30", body });
    assert.match(message ?? "", /op/);
    assert(rejected.atMs >= fromMs && rejected.atMs <= Date.now());

    assert.equal(await gateway.end("SIGTERM"), 0);
    assert.equal((await figures.replicas())["one"]?.["stopped"], true);
    const last = (await figures.life(0)).at(-1);
    assert.deepEqual([last?.kind, last?.data["code"], last?.data["by"]], ["disconnected", 4000, "us"]);
    for (const key of await redis.keys("*")) assert(key.startsWith(PREFIX), key);

    await stage.startConnected(2, { REDIS_PREFIX: PREFIX, REPLICA_NAME: "two" });
    await figures.until("two", async () => (await figures.replicas())["two"]);
    assert.equal((await figures.replicas())["one"]?.["stopped"], true, "it is part of what was");
    assert.notDeepEqual(await figures.history("one"), []);
  }),
);

Deno.test(
  "Shardline is among the replicas while it waits for Discord, and knows nothing of shards yet",
  onStage({}, async (stage) => {
    await using figures = await FiguresReader.open(stage.redisUrl, "");
    const gateway = stage.start({ REPLICA_NAME: "early", API_URL: "http://127.0.0.1:1" });
    const replica = await figures.until("early", async () => (await figures.replicas())["early"]);
    const { shards, total, recommended, identify } = replica;
    assert.deepEqual({ shards, total, recommended, identify }, {
      shards: [],
      total: null,
      recommended: null,
      identify: null,
    });
    assert.equal(await gateway.end("SIGTERM"), 0);
    assert.equal((await figures.replicas())["early"]?.["stopped"], true);
  }),
);
