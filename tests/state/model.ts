/**
 * What the state cache must hold after any events, by the wire contract alone: plain code over whole objects, which a
 * reader can lay beside the contract's two tables.
 *
 * @module
 */

/** Which kinds are kept, and what every name of a key begins with. */
export interface StateModelSettings {
  /** `REDIS_PREFIX`. */
  readonly prefix: string;
  /** `STATE_MEMBER`, and so on. */
  readonly member: boolean;
  readonly message: boolean;
  readonly presence: boolean;
  readonly emoji: boolean;
  readonly voice: boolean;
}

/** Whose event it is. */
export interface EventOrigin {
  readonly shard: number;
  readonly shardsTotal: number;
  readonly botId: string;
}

type Json = Readonly<Record<string, unknown>>;

type Kind = "guild" | "channel" | "role" | "emoji" | "member" | "presence" | "voice" | "message";

/** A key, its value, and what it belongs to: that is all that the sets are made of. */
interface Entry {
  readonly value: unknown;
  /** Null for `bot_user`, which is in no set. */
  readonly kind: Kind | null;
  /** Of a part of a guild: the guild. */
  readonly guild?: string;
  /** Of a message: its channel. */
  readonly channel?: string;
}

/** What a guild's own value holds empty, whether or not it came with it: each of them has keys of its own. */
const EMPTIED = ["channels", "roles", "emojis", "voice_states", "members", "presences"];

export class StateModel {
  readonly #settings: StateModelSettings;
  /** By name, without the prefix. */
  readonly #entries = new Map<string, Entry>();

  constructor(settings: StateModelSettings) {
    this.#settings = settings;
  }

  /** Every key but those of sets, with its value. */
  keys(): Map<string, unknown> {
    return new Map([...this.#entries].map(([name, { value }]) => [this.#settings.prefix + name, value]));
  }

  /** Every set, with the names that it holds. None is empty. */
  sets(): Map<string, Set<string>> {
    const { prefix } = this.#settings;
    const sets = new Map<string, Set<string>>();
    const add = (set: string, name: string) => {
      const names = sets.get(prefix + set) ?? new Set();
      sets.set(prefix + set, names.add(prefix + name));
    };
    for (const [name, { kind, guild, channel }] of this.#entries) {
      if (kind !== null) add(`${kind}_keys`, name);
      if (guild !== undefined) add(`guild_keys:${guild}`, name);
      if (channel !== undefined) add(`channel_keys:${channel}`, name);
    }
    return sets;
  }

  /**
   * Takes in an event.
   *
   * @param d As `JSON.parse` gives it.
   * @returns `old`: what was kept before of what the event is about, undefined where that was nothing.
   */
  apply(t: string, d: unknown, { shard, shardsTotal, botId }: EventOrigin): unknown {
    const data = objectOf(d);
    const guild = idOf(data["guild_id"]);
    const id = idOf(data["id"]);
    switch (t) {
      case "READY":
        this.#takeReady(data, (guild) => Number((BigInt(guild) >> 22n) % BigInt(shardsTotal)) === shard);
        return undefined;
      case "USER_UPDATE":
        return id === null ? undefined : this.#set("bot_user", { kind: null, value: data });

      case "GUILD_CREATE":
        return id === null ? undefined : this.#takeGuild(id, data, botId);
      case "GUILD_UPDATE":
        return id === null ? undefined : this.#setGuild(id, data);
      case "GUILD_DELETE": {
        if (id === null) return undefined;
        const old = this.#entries.get(`guild:${id}`)?.value;
        if (data["unavailable"] === true) {
          this.#clearGuild(id);
          this.#setGuild(id, data);
        } else {
          this.#clearGuildAndItsMessages(id);
        }
        return old;
      }

      case "GUILD_ROLE_CREATE":
      case "GUILD_ROLE_UPDATE":
        return guild === null ? undefined : this.#setRole(guild, data["role"]);
      case "GUILD_ROLE_DELETE":
        return this.#delete(`role:${guild}:${idOf(data["role_id"])}`);

      case "GUILD_EMOJIS_UPDATE": {
        if (guild === null) return undefined;
        const old = this.#deleteAll(({ kind, guild: of }) => kind === "emoji" && of === guild);
        for (const emoji of arrayOf(data["emojis"])) this.#setEmoji(guild, emoji);
        return old.length === 0 ? undefined : old;
      }

      case "GUILD_MEMBER_ADD":
        return guild === null ? undefined : this.#setMember(guild, data, botId);
      case "GUILD_MEMBER_UPDATE":
        return this.#change(`member:${guild}:${userOf(data)}`, data);
      case "GUILD_MEMBER_REMOVE":
        this.#delete(`presence:${guild}:${userOf(data)}`);
        return this.#delete(`member:${guild}:${userOf(data)}`);
      case "GUILD_MEMBERS_CHUNK":
        if (guild === null) return undefined;
        for (const member of arrayOf(data["members"])) this.#setMember(guild, member, botId);
        return undefined;

      case "PRESENCE_UPDATE":
        return guild === null ? undefined : this.#setPresence(guild, data);
      case "VOICE_STATE_UPDATE":
        if (guild === null) return undefined;
        if (data["channel_id"] === null) return this.#delete(`voice:${guild}:${idOf(data["user_id"])}`);
        return this.#setVoice(guild, data);

      case "CHANNEL_CREATE":
      case "CHANNEL_UPDATE":
      case "THREAD_CREATE":
      case "THREAD_UPDATE":
        return this.#setChannel(guild, data);
      case "CHANNEL_DELETE":
      case "THREAD_DELETE":
        this.#deleteAll(({ kind, channel }) => kind === "message" && channel === id);
        return this.#delete(`channel:${id}`);
      case "CHANNEL_PINS_UPDATE": {
        const { last_pin_timestamp } = data;
        const carried = last_pin_timestamp === undefined ? {} : { last_pin_timestamp };
        return this.#change(`channel:${idOf(data["channel_id"])}`, carried);
      }
      case "THREAD_LIST_SYNC":
        if (guild === null) return undefined;
        for (const thread of arrayOf(data["threads"])) this.#setChannel(guild, thread);
        return undefined;

      case "MESSAGE_CREATE":
        return this.#setMessage(data);
      case "MESSAGE_UPDATE":
        return this.#change(`message:${idOf(data["channel_id"])}:${id}`, data);
      case "MESSAGE_DELETE":
        return this.#delete(`message:${idOf(data["channel_id"])}:${id}`);
      case "MESSAGE_DELETE_BULK": {
        const channel = idOf(data["channel_id"]);
        const old = arrayOf(data["ids"]).map((id) => this.#delete(`message:${channel}:${idOf(id)}`))
          .filter((value) => value !== undefined);
        return old.length === 0 ? undefined : old;
      }

      default:
        return undefined;
    }
  }

  #takeReady(data: Json, isOfThisShard: (guild: string) => boolean): void {
    if (idOf(objectOf(data["user"])["id"]) !== null) {
      this.#set("bot_user", { kind: null, value: data["user"] });
    }
    const named = new Map(
      arrayOf(data["guilds"]).map((stub) => [idOf(objectOf(stub)["id"]), stub] as const),
    );
    for (const guild of this.#guilds()) {
      if (isOfThisShard(guild) && !named.has(guild)) this.#clearGuildAndItsMessages(guild);
    }
    for (const [guild, stub] of named) {
      if (guild !== null) this.#setGuild(guild, objectOf(stub));
    }
  }

  #takeGuild(guild: string, data: Json, botId: string): unknown {
    const old = this.#entries.get(`guild:${guild}`)?.value;
    const listed = [...arrayOf(data["channels"]), ...arrayOf(data["threads"])].map((channel) =>
      idOf(objectOf(channel)["id"])
    );
    this.#deleteMessages(guild, (channel) => !listed.includes(channel));
    this.#clearGuild(guild);
    for (const channel of arrayOf(data["channels"])) this.#setChannel(guild, channel);
    for (const thread of arrayOf(data["threads"])) this.#setChannel(guild, thread);
    for (const role of arrayOf(data["roles"])) this.#setRole(guild, role);
    for (const emoji of arrayOf(data["emojis"])) this.#setEmoji(guild, emoji);
    for (const member of arrayOf(data["members"])) this.#setMember(guild, member, botId);
    for (const presence of arrayOf(data["presences"])) this.#setPresence(guild, presence);
    for (const voice of arrayOf(data["voice_states"])) this.#setVoice(guild, voice);
    this.#setGuild(guild, data);
    return old;
  }

  #setGuild(guild: string, data: Json): unknown {
    const isAway = data["unavailable"] === true;
    const emptied = EMPTIED.filter((name) => name in data || !isAway).map((name) => [name, []]);
    return this.#set(`guild:${guild}`, { kind: "guild", value: { ...data, ...Object.fromEntries(emptied) } });
  }

  /** `guild` is null for a direct channel. */
  #setChannel(guild: string | null, value: unknown): unknown {
    const channel = objectOf(value);
    const id = idOf(channel["id"]);
    if (id === null) return undefined;
    if (guild === null) return this.#set(`channel:${id}`, { kind: "channel", value });
    return this.#set(`channel:${id}`, { kind: "channel", guild, value: { ...channel, guild_id: guild } });
  }

  #setRole(guild: string, value: unknown): unknown {
    return this.#setPart("role", guild, idOf(objectOf(value)["id"]), value);
  }

  #setEmoji(guild: string, value: unknown): unknown {
    if (!this.#settings.emoji) return undefined;
    return this.#setPart("emoji", guild, idOf(objectOf(value)["id"]), value);
  }

  #setMember(guild: string, value: unknown, botId: string): unknown {
    const user = userOf(objectOf(value));
    if (!this.#settings.member && user !== botId) return undefined;
    return this.#setPart("member", guild, user, value);
  }

  #setPresence(guild: string, value: unknown): unknown {
    if (!this.#settings.presence) return undefined;
    return this.#setPart("presence", guild, userOf(objectOf(value)), value);
  }

  #setVoice(guild: string, value: unknown): unknown {
    if (!this.#settings.voice) return undefined;
    return this.#setPart("voice", guild, idOf(objectOf(value)["user_id"]), value);
  }

  #setMessage(value: Json): unknown {
    const channel = idOf(value["channel_id"]);
    const id = idOf(value["id"]);
    if (!this.#settings.message || channel === null || id === null) return undefined;
    return this.#set(`message:${channel}:${id}`, { kind: "message", channel, value });
  }

  #setPart(kind: Kind, guild: string, id: string | null, value: unknown): unknown {
    return id === null ? undefined : this.#set(`${kind}:${guild}:${id}`, { kind, guild, value });
  }

  /** The guilds of which anything is kept. */
  #guilds(): Set<string> {
    const guilds = new Set<string>();
    for (const [name, { kind, guild }] of this.#entries) {
      if (kind === "guild") guilds.add(name.slice("guild:".length));
      if (guild !== undefined) guilds.add(guild);
    }
    return guilds;
  }

  #clearGuild(guild: string): void {
    this.#deleteAll(({ guild: of }) => of === guild);
    this.#delete(`guild:${guild}`);
  }

  #clearGuildAndItsMessages(guild: string): void {
    this.#deleteMessages(guild, () => true);
    this.#clearGuild(guild);
  }

  /** Of those of a guild's channels that match. */
  #deleteMessages(guild: string, matches: (channel: string) => boolean): void {
    const isOfGuild = (channel: string) => this.#entries.get(`channel:${channel}`)?.guild === guild;
    this.#deleteAll(({ kind, channel }) =>
      kind === "message" && channel !== undefined && isOfGuild(channel) && matches(channel)
    );
  }

  /** Returns what was there. */
  #set(name: string, entry: Entry): unknown {
    const old = this.#entries.get(name)?.value;
    this.#entries.set(name, entry);
    return old;
  }

  /** Changes the members that `fields` has, of what is kept. Returns what was there. */
  #change(name: string, fields: Json): unknown {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    return this.#set(name, { ...entry, value: { ...objectOf(entry.value), ...fields } });
  }

  /** Returns what was there. */
  #delete(name: string): unknown {
    const old = this.#entries.get(name)?.value;
    this.#entries.delete(name);
    return old;
  }

  /** Returns all that was there. */
  #deleteAll(matches: (entry: Entry) => boolean): unknown[] {
    const names = [...this.#entries].filter(([, entry]) => matches(entry)).map(([name]) => name);
    return names.map((name) => this.#delete(name));
  }
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Null where it is no id. */
function idOf(value: unknown): string | null {
  return typeof value === "string" && /^\d+$/.test(value) ? value : null;
}

/** The id of `user`. */
function userOf(data: Json): string | null {
  return idOf(objectOf(data["user"])["id"]);
}
