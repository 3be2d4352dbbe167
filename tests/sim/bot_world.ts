/**
 * What happens in a bot's guilds and direct channels, for histories with a state cache: every event that the cache heeds,
 * about few things, so that what changes or deletes often finds something.
 *
 * Each thing in an event has a `mark` that grows from one event of a shard to the next: it tells which event wrote what is
 * kept.
 *
 * @module
 */
import type { SeededDice } from "./seeded_dice.ts";

/** Of the token in `gateway_life.ts`. */
export const BOT_ID = "123456789012345678";

export interface WorldEvent {
  readonly type: string;
  /** Its `d`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What the things in it are marked with. */
  readonly mark: number;
}

/** A guild and the ids of all that is ever in it. */
interface GuildPool {
  readonly id: string;
  readonly channels: readonly string[];
  readonly thread: string;
  readonly parts: readonly string[];
}

const PEOPLE = ["700", "701", BOT_ID];
const MESSAGES = ["800", "801", "802"];

export class BotWorld {
  readonly #dice: SeededDice;
  readonly #total: number;
  /** Shard → the mark of its next event. */
  readonly #marks = new Map<number, number>();
  /** Shards whose silent guild the bot is in. */
  readonly #inSilent = new Set<number>();

  constructor(dice: SeededDice, total: number) {
    this.#dice = dice;
    this.#total = total;
  }

  /**
   * What a session begins with, READY first: afterwards all that is kept of the shard is of these events, whatever was
   * kept before. A guild that is not named has been left meanwhile.
   */
  opening(shard: number, sessionId: string): WorldEvent[] {
    const guilds = [this.#talking(shard)];
    this.#inSilent.delete(shard);
    if (this.#dice.chance(0.7)) {
      this.#inSilent.add(shard);
      guilds.push(this.#silent(shard));
    }
    const ready = this.#event(shard, "READY", (mark) => ({
      v: 10,
      user: { id: BOT_ID, username: "bot" },
      session_id: sessionId,
      resume_gateway_url: "wss://resume.example",
      shard: [shard, this.#total],
      guilds: guilds.map(({ id }) => ({ id, unavailable: true, mark })),
    }));
    const whole = guilds.map((guild) => this.#guildCreate(shard, guild));
    const emptied = this.#messageChannels(shard).flatMap(({ guild_id, id }) => [
      this.#event(shard, "CHANNEL_DELETE", () => ({ guild_id, id })),
      this.#event(shard, "CHANNEL_CREATE", (mark) => ({ guild_id, id, mark })),
    ]);
    return [ready, ...whole, ...emptied];
  }

  /** Something happens. */
  next(shard: number): WorldEvent {
    const dice = this.#dice;
    if (!this.#inSilent.has(shard) && dice.chance(0.05)) {
      this.#inSilent.add(shard);
      return this.#guildCreate(shard, this.#silent(shard));
    }
    const isTalking = !this.#inSilent.has(shard) || dice.chance(0.7);
    const guild = isTalking ? this.#talking(shard) : this.#silent(shard);
    const guild_id = guild.id;
    const user = { id: dice.pick(PEOPLE) };
    const part = dice.pick(guild.parts);
    const place = dice.pick(this.#messageChannels(shard));
    const message = { guild_id: place.guild_id, channel_id: place.id, id: dice.pick(MESSAGES) };
    const isThread = dice.chance(0.3);
    const channel = isThread ? guild.thread : dice.pick(guild.channels);
    const of = (type: string, fields: Record<string, unknown>) =>
      this.#event(shard, type, (mark) => ({ ...fields, mark }));
    const happenings: readonly (() => WorldEvent)[] = [
      () => of("MESSAGE_CREATE", { ...message, content: this.#text() }),
      () => of("MESSAGE_CREATE", { ...message, content: this.#text() }),
      () => of("MESSAGE_UPDATE", { ...message, content: this.#text() }),
      () => of("MESSAGE_UPDATE", { ...message, [dice.pick(["pinned", "flags"])]: true }),
      () => of("MESSAGE_DELETE", message),
      () => of("MESSAGE_DELETE_BULK", { ...message, id: undefined, ids: this.#some(MESSAGES) }),
      () => of("TYPING_START", { guild_id, user_id: user.id }),
      () => of("GUILD_MEMBER_ADD", { guild_id, user, roles: [] }),
      () => of("GUILD_MEMBER_UPDATE", { guild_id, user, nick: this.#text() }),
      () => of("GUILD_MEMBER_UPDATE", { guild_id, user, roles: this.#some(guild.parts) }),
      () => of("GUILD_MEMBER_REMOVE", { guild_id, user }),
      () => of("PRESENCE_UPDATE", { guild_id, user, status: "idle" }),
      () => of("VOICE_STATE_UPDATE", { guild_id, user_id: user.id, channel_id: dice.pick([null, "1"]) }),
      () =>
        of(dice.pick(["GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE"]), {
          guild_id,
          role: this.#thing(shard, part),
        }),
      () => of("GUILD_ROLE_DELETE", { guild_id, role_id: part }),
      () => of("GUILD_EMOJIS_UPDATE", { guild_id, emojis: this.#things(shard, guild.parts) }),
      () => of("GUILD_MEMBERS_CHUNK", { guild_id, members: this.#members(shard) }),
      () => of(isThread ? "THREAD_UPDATE" : "CHANNEL_UPDATE", { guild_id, id: channel, name: this.#text() }),
      () => of(isThread ? "THREAD_DELETE" : "CHANNEL_DELETE", { guild_id, id: channel }),
      () => of("CHANNEL_PINS_UPDATE", { guild_id, channel_id: channel, last_pin_timestamp: this.#text() }),
      () => of("THREAD_LIST_SYNC", { guild_id, threads: this.#things(shard, [guild.thread]) }),
      () => of("GUILD_UPDATE", { id: guild_id, name: this.#text(), roles: [] }),
      () => of("GUILD_DELETE", { id: guild_id, unavailable: true }),
      // Which messages go with a guild depends on what is kept: repeated later, other ones may. This one has none.
      () =>
        this.#inSilent.delete(shard) ? of("GUILD_DELETE", { id: this.#silent(shard).id }) : this.next(shard),
      () => this.#guildCreate(shard, guild),
    ];
    return dice.pick(happenings)();
  }

  /** A message that needs somewhat less than so many bytes: with one like it as `old` its event needs more. */
  large(shard: number, bytes: number): WorldEvent {
    const [{ guild_id, id }] = this.#messageChannels(shard);
    const content = "a".repeat(bytes - 400);
    return this.#event(shard, "MESSAGE_CREATE", (mark) => ({
      guild_id,
      channel_id: id,
      id: this.#dice.pick(MESSAGES),
      content,
      mark,
    }));
  }

  /** The guild with messages. */
  #talking(shard: number): GuildPool {
    return this.#guild(shard, 100);
  }

  /** The guild without any. */
  #silent(shard: number): GuildPool {
    return this.#guild(shard, 101);
  }

  #guild(shard: number, number: number): GuildPool {
    const id = this.#idOf(shard, number);
    const idAt = (offset: bigint) => String(BigInt(id) + offset);
    return { id, channels: [idAt(1n), idAt(2n)], thread: idAt(3n), parts: [id, idAt(4n), idAt(5n)] };
  }

  /** Channels with messages: of the guild, its thread, and a direct one. */
  #messageChannels(shard: number) {
    const { id: guild_id, channels: [first = ""], thread } = this.#talking(shard);
    const direct = { guild_id: undefined, id: this.#idOf(shard, 102) };
    return [{ guild_id, id: first }, { guild_id, id: thread }, direct] as const;
  }

  /** An id of the shard (Discord docs, Sharding). */
  #idOf(shard: number, number: number): string {
    return String(BigInt(number * this.#total + shard) << 22n);
  }

  #guildCreate(shard: number, { id, channels, thread, parts }: GuildPool): WorldEvent {
    return this.#event(shard, "GUILD_CREATE", (mark) => ({
      id,
      name: this.#text(),
      channels: this.#things(shard, channels),
      threads: this.#things(shard, [thread]),
      roles: this.#things(shard, parts),
      emojis: this.#things(shard, parts),
      members: this.#members(shard),
      presences: this.#some(PEOPLE).map((id) => ({ user: { id }, mark })),
      voice_states: this.#some(PEOPLE).map((user_id) => ({ user_id, channel_id: channels[0], mark })),
      mark,
    }));
  }

  #members(shard: number) {
    return this.#some(PEOPLE).map((id) => ({ user: { id }, nick: this.#text(), mark: this.#mark(shard) }));
  }

  #things(shard: number, ids: readonly string[]) {
    return this.#some(ids).map((id) => this.#thing(shard, id));
  }

  #thing(shard: number, id: string) {
    return { id, name: this.#text(), mark: this.#mark(shard) };
  }

  #event(
    shard: number,
    type: string,
    fieldsOf: (mark: number) => Readonly<Record<string, unknown>>,
  ): WorldEvent {
    const mark = this.#mark(shard);
    const fields = fieldsOf(mark);
    this.#marks.set(shard, mark + 1);
    return { type, fields, mark };
  }

  /** That of the shard's next event. */
  #mark(shard: number): number {
    return this.#marks.get(shard) ?? 1;
  }

  #some<Item>(items: readonly Item[]): Item[] {
    return items.filter(() => this.#dice.chance(0.6));
  }

  #text(): string {
    return "abcdefghijklmnopqrstuvwxyz".slice(0, this.#dice.between(0, 26));
  }
}
