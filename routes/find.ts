/**
 * `/find?q=…`: to the shard with a number, or to the one that a guild is on.
 *
 * @module
 */
import { readShardTotal, readSnowflake, shardOfGuild } from "../dashboard/guild_shard.ts";
import { redirectWithNotice, type Route } from "./_route.ts";

/** The first snowflakes have 17 digits; no number of a shard has half as many. */
const SNOWFLAKE_MIN_LENGTH = 17;

export const find: Route = {
  async GET(context) {
    const text = (context.req.query("q") ?? "").trim();
    const total = await readShardTotal(context.get("services").redis);
    const refuse = (reason: string) =>
      redirectWithNotice(context, "/", { kind: "refused", text: `Cannot find a shard: ${reason}` });
    if (total === null) return await refuse("it is not known yet how many there are");
    if (text.length >= SNOWFLAKE_MIN_LENGTH) {
      const guild = readSnowflake(text);
      return guild === null
        ? await refuse("this is no guild's id")
        : context.redirect(`/shards/${shardOfGuild(guild, total)}`, 303);
    }
    if (!/^\d+$/.test(text)) return await refuse("give its number, or the id of a guild");
    const shard = Number(text);
    return shard < total
      ? context.redirect(`/shards/${shard}`, 303)
      : await refuse(`there are ${total}, the last of them ${total - 1}`);
  },
};
