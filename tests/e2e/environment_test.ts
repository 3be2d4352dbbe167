import assert from "node:assert/strict";
import { onStage, type Stage } from "./stage.ts";

/** What an operator has to say anew in another place: hosts, ports, the passwords of the test servers, Discord. */
function place({ rabbitUrl, redisUrl }: Stage): Record<string, string> {
  const rabbit = new URL(rabbitUrl);
  const redis = new URL(redisUrl);
  return {
    RABBIT_HOST: rabbit.hostname,
    RABBIT_PORT: rabbit.port || "5672",
    ...(rabbit.username === ""
      ? {}
      : { RABBIT_USERNAME: rabbit.username, RABBIT_PASSWORD: decodeURIComponent(rabbit.password) }),
    REDIS_HOST: redis.hostname,
    REDIS_PORT: redis.port || "6379",
    ...(redis.password === "" ? {} : { REDIS_PASSWORD: decodeURIComponent(redis.password) }),
    LOG_LEVEL: "", // RUST_LOG counts
  };
}

/** Its two `.env` have 15 intents, two of them privileged ones. */
const DISCORD = { guildMembersIntent: true, guildPresencesIntent: true, guilds: 4, recommendedShards: 5 };

Deno.test(
  "Shardline starts from the .env of twilight-dispatch 0.4, and its consumers read gateway.recv",
  onStage({ simulator: DISCORD }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer("gateway.recv");
    const gateway = stage.startWith(place(stage), {
      envFile: "tests/fixtures/twilight_dispatch_0_4.env",
    });
    // Two workers with a shard each: the second one follows SHARDS_WAIT seconds later, whichever that is.
    await gateway.connected(1);
    control.dispatch("MESSAGE_CREATE", '{"content":"to be read"}');
    await consumer.untilComplete(stage.simulator);
    const { expected: _, ...faults } = consumer.compare(stage.simulator);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 });
    const [session] = control.state().sessions;
    assert.equal(session?.shard?.[1], 2);
    assert.equal(session?.intents, 32_767);
    assert.deepEqual(session?.presence, {
      since: null,
      activities: [{ name: "Testing", type: 0 }],
      status: "online",
      afk: false,
    });
    assert(gateway.lines.every(({ level }) => level !== "debug" && level !== "trace"), "RUST_LOG=info");
    const board = await stage.board();
    const { total } = await board.until(({ statuses }) =>
      statuses?.map(({ status }) => status).toSorted().join() === "Connected,Disconnected"
    );
    assert.equal(total, "2");
    assert.equal(gateway.count("shards.begun"), 2);
    assert.equal(await gateway.end("SIGTERM"), 0);
  }),
);

Deno.test(
  "Shardline starts from the .env of twilight-dispatch's first release, and its consumers read gateway",
  onStage({ simulator: { ...DISCORD, maxConcurrency: 2 } }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer("gateway");
    const gateway = stage.startWith(place(stage), {
      envFile: "tests/fixtures/twilight_dispatch_first.env",
    });
    await gateway.connected(2);
    control.dispatch("MESSAGE_CREATE", '{"content":"to be read"}');
    await consumer.untilComplete(stage.simulator);
    const { expected: _, ...faults } = consumer.compare(stage.simulator);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 });
    assert.deepEqual(control.state().sessions.map(({ shard }) => shard.join()).sort(), ["0,2", "1,2"]);
    assert.deepEqual(
      control.state().sessions[0]?.presence?.["activities"],
      [{ name: "Testing", type: 3 }],
      "ACTIVITY_TYPE=watching",
    );
    const board = await stage.board();
    const { statuses } = await board.untilStatus(1, "Connected");
    assert.equal(statuses?.length, 2);
    assert.equal(await gateway.end("SIGTERM"), 0);
  }),
);
