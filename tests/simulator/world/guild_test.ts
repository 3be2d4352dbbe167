import assert from "node:assert/strict";
import { Guild, GUILD_MEMBERS_MAX, type GuildPart } from "../../../simulator/world/guild.ts";
import { Population } from "../../../simulator/world/population.ts";
import { snowflake, snowflakeMs } from "../../../simulator/world/snowflake.ts";

const START_MS = Date.UTC(2026, 7, 6);
const SEED = 9;
const population = new Population(SEED, START_MS);

function guildAt(index: number): Guild {
  const id = snowflake(Date.UTC(2020, 0, 1) + index * 3_600_000, index);
  return new Guild({ seed: SEED, index, id, population, startMs: START_MS, bytesAtLeast: 0 });
}

const guilds = Array.from({ length: 2_000 }, (_, index) => guildAt(index));

Deno.test("Guild comes out the same from the same seed and number", () => {
  for (const guild of guilds.slice(0, 50)) {
    const again = guildAt(guild.index);
    assert.deepEqual(again, guild);
    assert.equal(again.userId(1), guild.userId(1));
  }
});

Deno.test("Guild.memberCount is heavy-tailed: most guilds are small, a few are huge", () => {
  const counts = guilds.map(({ memberCount }) => memberCount).sort((a, b) => a - b);
  const share = (limit: number) => counts.filter((count) => count > limit).length / counts.length;
  assert.ok((counts[1_000] as number) < 30, "median");
  assert.ok(share(100) > 0.05 && share(100) < 0.2, `above 100: ${share(100)}`);
  assert.ok(share(1_000) > 0.004 && share(1_000) < 0.03, `above 1000: ${share(1_000)}`);
  assert.ok((counts.at(-1) as number) > 5_000 && (counts.at(-1) as number) <= GUILD_MEMBERS_MAX);
});

Deno.test("Guild.partId() gives no two parts the same id, in one guild or in several", () => {
  const parts: GuildPart[] = [
    "channel",
    "role",
    "emoji",
    "sticker",
    "sound",
    "rule",
    "integration",
    "scheduledEvent",
    "thread",
    "stage",
    "tag",
  ];
  const ids = new Set<string>();
  for (const guild of guilds.slice(0, 200)) {
    for (const part of parts) {
      for (let number = 0; number < 128; number++) ids.add(guild.partId(part, number));
    }
  }
  assert.equal(ids.size, 200 * parts.length * 128);
});

Deno.test("Guild.partId() of @everyone is the guild's own id", () => {
  for (const guild of guilds.slice(0, 20)) assert.equal(guild.partId("role", 0), guild.id);
});

Deno.test("Guild.partId() is younger than the guild", () => {
  for (const guild of guilds.slice(0, 20)) {
    assert.ok(snowflakeMs(guild.partId("channel", 0)) > snowflakeMs(guild.id));
  }
});

Deno.test("Guild.userId() is another person for every member", () => {
  const guild = guilds.find(({ memberCount }) => memberCount > 1_000) as Guild;
  const ids = new Set<string>();
  for (let member = 1; member < guild.memberCount; member++) ids.add(guild.userId(member));
  assert.equal(ids.size, guild.memberCount - 1);
});
