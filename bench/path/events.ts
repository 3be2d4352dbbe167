/**
 * The events that a benchmark sends: messages of one size, or the mix of a real bot, stamped with the time at which
 * they are sent.
 *
 * @module
 */
import type { EventWorld } from "../../simulator/event_world.ts";
import { World } from "../../simulator/world/world.ts";
import type { WorldEvent } from "../../simulator/world/world_event.ts";
import { nowUs, STAMP } from "./stamp.ts";
import { INTENTS } from "./work.ts";

/** Size of an event's whole payload in bytes, or the simulator's own mix of event types. */
export type Bodies = number | "mix";

/** Different messages of each shard: past the 256 KiB that zstd looks back at, so that none is a repeat to it. */
const MESSAGES = 1_024;
/** Around a message, where its number has five digits. */
const ENVELOPE_BYTES = '{"t":"MESSAGE_CREATE","s":12345,"op":0,"d":}'.length;
/** Gateway docs, List of Intents. */
const GUILD_MESSAGES = 1 << 9;
const SEED = 1;
/** The most that IDENTIFY may ask for. */
const LARGE_THRESHOLD = 250;

/** So many guilds for each shard, of which one at least falls to almost every one. */
const MIX_GUILDS_PER_SHARD = 8;

/** A world in which what a benchmark asks for happens, on all shards in turn. */
export function benchWorld(bodies: Bodies, shards: number): EventWorld {
  const world = new World({
    seed: SEED,
    guilds: bodies === "mix" ? shards * MIX_GUILDS_PER_SHARD : 4,
    startMs: Date.now(),
    largeGuildBytes: 0,
  });
  return bodies === "mix" ? new StampedWorld(world) : new MessagesWorld(world, bodies, shards);
}

/** The `d` of GUILD_CREATE for a guild of one of so many shards, of a number of bytes at least. */
export function largeGuild(bytes: number, shard: number, shards: number): Record<string, unknown> {
  const world = new World({ seed: SEED, guilds: 1, startMs: Date.now(), largeGuildBytes: bytes });
  const [like = 0n] = world.guildIds;
  return {
    ...world.guildCreate(like, INTENTS, Date.now(), LARGE_THRESHOLD),
    id: String(guildOf(shard, shards)),
  };
}

/** The `d` of GUILD_CREATE for a guild with so many members, all of whom are told of; each number is another guild. */
export function guildOfMembers(members: number, number: number, shards: number): Record<string, unknown> {
  const world = new World({ seed: SEED, guilds: 1, startMs: Date.now(), largeGuildBytes: 0 });
  const [like = 0n] = world.guildIds;
  const guild: Record<string, unknown> = world.guildCreate(like, INTENTS, Date.now(), LARGE_THRESHOLD);
  const alike = guild.members as { readonly user: Readonly<Record<string, unknown>> }[];
  const firstUser = BigInt(shards + number) << 22n;
  return {
    ...guild,
    id: String(guildOf(number, shards)),
    member_count: members,
    members: Array.from({ length: members }, (_, index) => {
      const member = alike[index % alike.length];
      return { ...member, user: { ...member?.user, id: String(firstUser + BigInt(index)) } };
    }),
  };
}

/** A guild's shard is its id without the lowest 22 bits, modulo the number of shards. */
function guildOf(shard: number, shards: number): bigint {
  return BigInt(shards + shard) << 22n;
}

/** Everything is left to the world within. */
abstract class WorldAround implements EventWorld {
  constructor(protected readonly world: World) {}

  get user() {
    return this.world.user;
  }

  get application() {
    return this.world.application;
  }

  get guildIds(): readonly bigint[] {
    return this.world.guildIds;
  }

  abstract next(nowMs: number): WorldEvent;

  make(...what: Parameters<World["make"]>): WorldEvent {
    return this.world.make(...what);
  }

  guildCreate(...what: Parameters<World["guildCreate"]>): ReturnType<World["guildCreate"]> {
    return this.world.guildCreate(...what);
  }

  members(...what: Parameters<World["members"]>) {
    return this.world.members(...what);
  }

  channels(...what: Parameters<World["channels"]>) {
    return this.world.channels(...what);
  }
}

class StampedWorld extends WorldAround {
  next(nowMs: number): WorldEvent {
    const event = this.world.next(nowMs);
    return { ...event, data: { ...event.data, [STAMP]: nowUs() } };
  }
}

/** Nothing but messages of one size, one guild to each shard. */
class MessagesWorld extends WorldAround {
  readonly #guilds: readonly bigint[];
  readonly #messages: readonly Readonly<Record<string, unknown>>[];
  #made = 0;

  constructor(world: World, bytes: number, shards: number) {
    super(world);
    this.#guilds = Array.from({ length: shards }, (_, shard) => guildOf(shard, shards));
    this.#messages = Array.from({ length: MESSAGES }, () => sizedMessage(world, bytes - ENVELOPE_BYTES));
  }

  override get guildIds(): readonly bigint[] {
    return this.#guilds;
  }

  /** All are alike but for their ids. */
  override guildCreate(...[id, ...rest]: Parameters<World["guildCreate"]>) {
    const [like = 0n] = this.world.guildIds;
    return { ...this.world.guildCreate(like, ...rest), id: String(id) };
  }

  next(): WorldEvent {
    const made = this.#made++;
    const shards = this.#guilds.length;
    const guildId = this.#guilds[made % shards] ?? 0n;
    const message = this.#messages[Math.floor(made / shards) % MESSAGES];
    return {
      t: "MESSAGE_CREATE",
      guildId,
      data: { ...message, [STAMP]: nowUs() },
      intents: GUILD_MESSAGES,
    };
  }
}

/** A message whose JSON, with its stamp, has exactly so many bytes. */
function sizedMessage(world: World, bytes: number): Record<string, unknown> {
  const { id, channel_id, guild_id, timestamp, author } = world.make("MESSAGE_CREATE", Date.now()).data as
    & Record<string, unknown>
    & { author: { id: string } };
  const message = {
    id,
    channel_id,
    guild_id,
    timestamp,
    type: 0,
    // A name may be so long that nothing short is left to send.
    author: { id: author.id },
    content: "",
  };
  const missing = bytes - JSON.stringify({ ...message, [STAMP]: nowUs() }).length;
  if (missing < 0) throw new RangeError(`A message does not fit into ${bytes} bytes`);
  let content = "";
  while (content.length < missing) {
    const text = String(world.make("MESSAGE_CREATE", Date.now()).data.content);
    // What is one byte in JSON too, so that the size is known.
    content += text.replaceAll(/[^ !#-\[\]-~]/g, "") + " ";
  }
  return { ...message, content: content.slice(0, missing) };
}
