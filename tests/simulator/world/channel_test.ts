import assert from "node:assert/strict";
import { guildChannels } from "../../../simulator/world/channel.ts";
import { Guild } from "../../../simulator/world/guild.ts";
import { Population } from "../../../simulator/world/population.ts";
import { snowflake } from "../../../simulator/world/snowflake.ts";

const START_MS = Date.UTC(2026, 7, 6);
const guild = new Guild({
  seed: 3,
  index: 4,
  id: snowflake(Date.UTC(2021, 1, 2), 4),
  population: new Population(3, START_MS),
  startMs: START_MS,
  bytesAtLeast: 0,
});
const channels = guildChannels(guild);

function ofType(type: number): string[] {
  return channels.filter((channel) => channel.type === type).map(({ id }) => id);
}

Deno.test("guildChannels() has as many of each kind as the guild says", () => {
  assert.equal(channels.length, guild.channelCount);
  assert.equal(ofType(4).length, guild.categoryCount, "categories");
  assert.equal(ofType(0).length, guild.textCount, "text");
  assert.equal(ofType(2).length, guild.voiceCount, "voice");
  assert.equal(ofType(15).length, 1, "forum");
});

Deno.test("guildChannels() has the ids by which the guild names its channels", () => {
  assert.deepEqual(ofType(0), Array.from({ length: guild.textCount }, (_, n) => guild.textChannelId(n)));
  assert.deepEqual(ofType(2), Array.from({ length: guild.voiceCount }, (_, n) => guild.voiceChannelId(n)));
  assert.deepEqual(ofType(5), [guild.announcementChannelId]);
  assert.deepEqual(ofType(13), [guild.stageChannelId]);
});

Deno.test("guildChannels() puts channels under categories of the same guild", () => {
  const categories = new Set(ofType(4));
  for (const { parent_id = null, type } of channels) {
    assert.ok(type === 4 ? parent_id === null : parent_id === null || categories.has(parent_id));
  }
});
