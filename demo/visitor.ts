/**
 * Somebody in the simulated Discord who writes `!ping` now and then.
 *
 * @module
 */

const PING_INTERVAL_MS = 5_000;

/** Writes `!ping` in one channel after the other, through the simulator's control API, until the signal. */
export async function visit(controlUrl: string, shards: number, signal: AbortSignal): Promise<void> {
  const guilds = await json<string[]>(`${controlUrl}/guilds`);
  for (let round = 0; !signal.aborted; round++) {
    const guild = guilds[round % guilds.length] ?? "";
    const channels = await json<{ id: string; type: number }[]>(`${controlUrl}/guilds/${guild}/channels`);
    const channel = channels.find(({ type }) => type === TEXT_CHANNEL);
    if (channel !== undefined) await write(controlUrl, shardOf(guild, shards), guild, channel.id, "!ping");
    await sleep(PING_INTERVAL_MS, signal);
  }
}

/** Discord docs, Channel Types. */
const TEXT_CHANNEL = 0;

/** Which shard a guild's events come on (Discord gateway docs, Sharding). */
function shardOf(guild: string, shards: number): number {
  return Number((BigInt(guild) >> 22n) % BigInt(shards));
}

async function write(
  controlUrl: string,
  shard: number,
  guild: string,
  channel: string,
  content: string,
): Promise<void> {
  const message = {
    id: String(BigInt(Date.now() - DISCORD_EPOCH_MS) << 22n),
    channel_id: channel,
    guild_id: guild,
    author: { id: "80351110224678912", username: "visitor", discriminator: "0", avatar: null },
    content,
    timestamp: new Date().toISOString(),
    edited_timestamp: null,
    tts: false,
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    pinned: false,
    type: 0,
  };
  const response = await fetch(`${controlUrl}/dispatch?t=MESSAGE_CREATE&shard=${shard}`, {
    method: "POST",
    body: JSON.stringify(message),
  });
  await response.body?.cancel();
}

/** The first millisecond of 2015, from which snowflakes count (Discord docs, Snowflakes). */
const DISCORD_EPOCH_MS = 1_420_070_400_000;

async function json<T>(url: string): Promise<T> {
  return await (await fetch(url)).json() as T;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
