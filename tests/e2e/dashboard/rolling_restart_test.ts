import assert from "node:assert/strict";
import { createServices, startServices, stopServices } from "../../../dashboard/services.ts";
import { systemClock } from "../../../gateway/clock.ts";
import { TEST_SETTINGS } from "../../dashboard/rig.ts";
import { onStage } from "../stage.ts";

const THREE_SHARDS = { recommendedShards: 3, maxConcurrency: 3, guilds: 3 };

Deno.test(
  "A rolling restart resumes every shard of the service, one after the other, and spends no identify",
  onStage({ simulator: THREE_SHARDS }, async (stage) => {
    const gateway = await stage.startConnected(3);
    const { rabbitUrl, redisUrl } = stage;
    const services = createServices({ ...TEST_SETTINGS, rabbitUrl, redis: { url: redisUrl } }, {
      clock: systemClock,
      tell: () => {},
      gatewayMissing: null,
    });
    await startServices(services);
    try {
      assert(
        await services.restarts.start([0, 1, 2], { who: "anna", role: "operator", address: "192.0.2.7" }),
      );
      await services.restarts.idle();
      const ended = await services.restarts.read();
      assert.deepEqual([ended?.state, ended?.back, ended?.missing], ["finished", 3, 0]);
    } finally {
      await stopServices(services);
    }
    const turns = gateway.lines.filter(({ kind }) =>
      kind === "shard.disconnected" || kind === "shard.resumed"
    );
    assert.deepEqual(turns.map(({ kind, shard }) => [kind, shard]), [
      ["shard.disconnected", 0],
      ["shard.resumed", 0],
      ["shard.disconnected", 1],
      ["shard.resumed", 1],
      ["shard.disconnected", 2],
      ["shard.resumed", 2],
    ]);
    assert.equal(stage.simulator.control.state().statistics.happenings.identified, 3);
  }),
);
