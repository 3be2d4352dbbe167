import assert from "node:assert/strict";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { onStage, type Stage } from "./stage.ts";

const STATE = { STATE_ENABLED: "true", STATE_MESSAGE: "true", STATE_MESSAGE_TTL: "0" };

/** A gateway whose line to Redis can be taken down. */
async function startOnLine(stage: Stage, line: TcpProxy, settings: Record<string, string> = {}) {
  return await stage.startConnected(1, {
    ...STATE,
    REDIS_URL: line.through(stage.redisUrl),
    SPOOL_PATH: stage.spoolPath,
    ...settings,
  });
}

const message = (id: number) => JSON.stringify({ id: String(id), channel_id: "6", content: `message ${id}` });

Deno.test(
  "While Redis is away events wait, on disk too, and come in order with the cache before them when it is back",
  onStage({}, async (stage) => {
    await using line = new TcpProxy(stage.redisUrl);
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await startOnLine(stage, line);
    await consumer.untilComplete(stage.simulator);
    const before = consumer.messages.length;
    line.down();
    await gateway.until(() => gateway.count("state.closed") === 1);
    for (let id = 1; id <= 50; id++) control.dispatch("MESSAGE_CREATE", message(id));
    await gateway.until(() => gateway.count("spool.written") > 0);
    assert.equal(consumer.messages.length, before, "none has come");
    line.up();
    await consumer.untilComplete(stage.simulator);
    const { missing, changed, outOfOrder } = consumer.compare(stage.simulator);
    assert.deepEqual({ missing, changed, outOfOrder }, { missing: 0, changed: 0, outOfOrder: 0 });
    const redis = await stage.redis();
    for (let id = 1; id <= 50; id++) assert.equal(await redis.get(`message:6:${id}`), message(id));
    assert.equal(await redis.scard("message_keys"), 50);
  }),
);

Deno.test(
  "With STATE_STRICT=false events pass while Redis is away, and the cache goes on with what follows",
  onStage({}, async (stage) => {
    await using line = new TcpProxy(stage.redisUrl);
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await startOnLine(stage, line, { STATE_STRICT: "false" });
    await consumer.untilComplete(stage.simulator);
    line.down();
    await gateway.until(() => gateway.count("state.closed") === 1);
    control.dispatch("MESSAGE_CREATE", message(1));
    await consumer.untilComplete(stage.simulator);
    line.up();
    await gateway.until(() => gateway.count("state.opened") === 2);
    control.dispatch("MESSAGE_CREATE", message(2));
    await consumer.untilComplete(stage.simulator);
    const redis = await stage.redis();
    assert.deepEqual(await redis.smembers("message_keys"), ["message:6:2"]);
    // The guild that was missed is made good by its next GUILD_CREATE.
    const [guild] = control.world.guildIds;
    line.down();
    await gateway.until(() => gateway.count("state.closed") === 2);
    control.dispatch("GUILD_ROLE_CREATE", `{"guild_id":"${guild}","role":{"id":"9","name":"missed"}}`);
    await consumer.untilComplete(stage.simulator);
    line.up();
    await gateway.until(() => gateway.count("state.opened") === 3);
    assert.equal(await redis.exists(`role:${guild}:9`), 0);
    control.dispatch("GUILD_CREATE", `{"id":"${guild}","roles":[{"id":"9","name":"missed"}]}`);
    await consumer.untilComplete(stage.simulator);
    assert.equal(await redis.get(`role:${guild}:9`), '{"id":"9","name":"missed"}');
  }),
);
