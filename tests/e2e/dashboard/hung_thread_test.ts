import assert from "node:assert/strict";
import { CommandSender } from "../command_sender.ts";
import { readPage } from "../monitoring_page.ts";
import { onStage } from "../stage.ts";

Deno.test(
  "A dashboard that loops for ever keeps its gateway from nothing: events, commands, monitoring, the end",
  onStage({ simulator: { replayBufferEvents: 1_000 } }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const commands = await CommandSender.open(await stage.broker());
    const gateway = stage.startWith({
      RABBIT_URL: stage.rabbitUrl,
      REDIS_URL: stage.redisUrl,
      ROLE: "all",
      DASHBOARD_HOST: "loop",
    }, { preload: "tests/fixtures/dashboard/troubled_preload.ts" });
    // The last that the thread says.
    await gateway.line(({ message }) => message.startsWith("started, missing: "));
    await gateway.connected(1);
    control.generate(500);
    await consumer.untilComplete(stage.simulator);
    commands.send({ op: 1, shard: 0 });
    await control.until(() => control.statistics.resumesByShard[0] === 1);
    assert.equal((await readPage(gateway, "/readyz")).status, 200);
    assert.equal(await gateway.end("SIGTERM"), 0);
    const { expected: _, ...faults } = consumer.compare(stage.simulator);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 });
    assert(!gateway.lines.some(({ message }) => message.startsWith("The dashboard is served on ")));
  }),
);
