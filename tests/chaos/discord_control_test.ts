import assert from "node:assert/strict";
import { DiscordControl } from "../../chaos/discord_control.ts";
import { type Simulator, startSimulator } from "../../simulator/simulator.ts";

/** Runs a test against a simulator and its control API. */
async function withSimulator(
  test: (discord: DiscordControl, simulator: Simulator) => Promise<void>,
): Promise<void> {
  const simulator = await startSimulator({ guilds: 3, largeGuildBytes: 0 });
  try {
    await test(new DiscordControl(simulator.controlUrl), simulator);
  } finally {
    await simulator.close();
  }
}

Deno.test("DiscordControl says what the simulator would not do", async () => {
  await withSimulator(async (discord) => {
    await assert.rejects(discord.setGuildAvailable("1", false), /Cannot find guild 1/);
    await assert.rejects(discord.set({ splitMessages: 0 }), /Cannot set splitMessages/);
  });
});

Deno.test("DiscordControl turns knobs, and reads what there is", async () => {
  await withSimulator(async (discord, { control }) => {
    await discord.set({ refuseMain: true });
    assert.equal(control.knobs().refuseMain, true);
    assert.equal((await discord.guilds()).length, 3);
    assert.equal(await discord.shardsConnected(), 0);
    assert.deepEqual(await discord.sent(), []);
  });
});

Deno.test("DiscordControl.endings says why sessions ended", async () => {
  await withSimulator(async (discord, { control }) => {
    control.statistics.note({ atMs: 0, kind: "session-ended", session: "a", cause: "invalidated by op 9" });
    control.statistics.note({ atMs: 0, kind: "connected" });
    await discord.readEndings();
    assert.deepEqual([...discord.endings], [["a", "invalidated by op 9"]]);
  });
});
