import assert from "node:assert/strict";
import { BUILDERS } from "../../../../simulator/world/builders/table.ts";
import { EVENT_NAMES, type EventName } from "../../../../simulator/world/events.ts";
import { World } from "../../../../simulator/world/world.ts";

const START_MS = Date.UTC(2026, 7, 6);
const CALLS = 40;

/** Checks of a value; the name says what it must be. */
const KINDS = {
  id: (value: unknown) => typeof value === "string" && /^\d{17,20}$/.test(value),
  idOrNull: (value: unknown) => value === null || KINDS.id(value),
  text: (value: unknown) => typeof value === "string" && value.length > 0,
  textOrNull: (value: unknown) => value === null || typeof value === "string",
  integer: (value: unknown) => Number.isInteger(value),
  integerOrNull: (value: unknown) => value === null || Number.isInteger(value),
  number: (value: unknown) => typeof value === "number",
  boolean: (value: unknown) => typeof value === "boolean",
  list: (value: unknown) => Array.isArray(value),
  listOrNull: (value: unknown) => value === null || Array.isArray(value),
  object: (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value),
  objectOrNull: (value: unknown) => value === null || KINDS.object(value),
  user: (value: unknown) => KINDS.object(value) && KINDS.id((value as { id: unknown }).id),
  time: (value: unknown) =>
    typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/.test(value),
  timeOrNull: (value: unknown) => value === null || KINDS.time(value),
};

type Kind = keyof typeof KINDS;

/** True where the field may be missing in one of the shapes that a union allows, never where all have it. */
type MayMiss<Shape, Key extends PropertyKey> = Shape extends unknown
  ? Record<never, never> extends Pick<Shape, Key & keyof Shape> ? true : never
  : never;

/**
 * The fields that every shape has. `Exclude` keeps the mapped type from running over the shapes one by one.
 */
type RequiredKeys<Data> = {
  [Key in Exclude<keyof Data, never>]: [MayMiss<Data, Key>] extends [never] ? Key : never;
}[keyof Data];

/**
 * A kind for each field that the type of discord-api-types requires: one more or one less does not compile.
 */
type Fields<Name extends EventName> = {
  readonly [Key in RequiredKeys<ReturnType<(typeof BUILDERS)[Name]>>]: Kind;
};

const AUTO_MODERATION_RULE = {
  id: "id",
  guild_id: "id",
  name: "text",
  creator_id: "id",
  event_type: "integer",
  trigger_type: "integer",
  trigger_metadata: "object",
  actions: "list",
  enabled: "boolean",
  exempt_roles: "list",
  exempt_channels: "list",
} as const;

const CHANNEL = { id: "id", guild_id: "id", type: "integer", name: "text", position: "integer" } as const;

const ENTITLEMENT = {
  id: "id",
  sku_id: "id",
  application_id: "id",
  type: "integer",
  deleted: "boolean",
  starts_at: "timeOrNull",
  ends_at: "timeOrNull",
} as const;

const GUILD = {
  id: "id",
  name: "text",
  icon: "textOrNull",
  splash: "textOrNull",
  discovery_splash: "textOrNull",
  owner_id: "id",
  afk_channel_id: "idOrNull",
  afk_timeout: "integer",
  verification_level: "integer",
  default_message_notifications: "integer",
  explicit_content_filter: "integer",
  roles: "list",
  emojis: "list",
  features: "list",
  mfa_level: "integer",
  application_id: "idOrNull",
  system_channel_id: "idOrNull",
  system_channel_flags: "integer",
  rules_channel_id: "idOrNull",
  vanity_url_code: "textOrNull",
  description: "textOrNull",
  banner: "textOrNull",
  premium_tier: "integer",
  preferred_locale: "text",
  public_updates_channel_id: "idOrNull",
  nsfw_level: "integer",
  premium_progress_bar_enabled: "boolean",
  hub_type: "integerOrNull",
  safety_alerts_channel_id: "idOrNull",
  incidents_data: "objectOrNull",
} as const;

const INTEGRATION = {
  id: "id",
  name: "text",
  type: "text",
  enabled: "boolean",
  account: "object",
  guild_id: "id",
} as const;

const MEMBER = {
  roles: "list",
  deaf: "boolean",
  mute: "boolean",
  flags: "integer",
  joined_at: "time",
  user: "user",
  guild_id: "id",
} as const;

const MESSAGE = {
  id: "id",
  channel_id: "id",
  author: "user",
  content: "text",
  timestamp: "time",
  edited_timestamp: "timeOrNull",
  tts: "boolean",
  mention_everyone: "boolean",
  mentions: "list",
  mention_roles: "list",
  attachments: "list",
  embeds: "list",
  pinned: "boolean",
  type: "integer",
} as const;

const POLL_VOTE = { user_id: "id", channel_id: "id", message_id: "id", answer_id: "integer" } as const;

const REACTION = {
  user_id: "id",
  channel_id: "id",
  message_id: "id",
  emoji: "object",
  burst: "boolean",
  type: "integer",
} as const;

const SCHEDULED_EVENT = {
  id: "id",
  guild_id: "id",
  channel_id: "idOrNull",
  name: "text",
  scheduled_start_time: "time",
  scheduled_end_time: "timeOrNull",
  privacy_level: "integer",
  status: "integer",
  entity_type: "integer",
  entity_id: "idOrNull",
  entity_metadata: "objectOrNull",
  recurrence_rule: "objectOrNull",
} as const;

const SOUND = {
  name: "text",
  sound_id: "id",
  volume: "number",
  emoji_id: "idOrNull",
  emoji_name: "textOrNull",
  available: "boolean",
} as const;

const STAGE_INSTANCE = {
  id: "id",
  guild_id: "id",
  channel_id: "id",
  topic: "text",
  privacy_level: "integer",
  discoverable_disabled: "boolean",
} as const;

const SUBSCRIPTION = {
  id: "id",
  user_id: "id",
  sku_ids: "list",
  entitlement_ids: "list",
  renewal_sku_ids: "listOrNull",
  current_period_start: "time",
  current_period_end: "time",
  status: "integer",
  canceled_at: "timeOrNull",
} as const;

const THREAD = { id: "id", type: "integer", name: "text" } as const;

const REQUIRED = {
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: {
    id: "id",
    application_id: "id",
    guild_id: "id",
    permissions: "list",
  },
  AUTO_MODERATION_ACTION_EXECUTION: {
    guild_id: "id",
    action: "object",
    rule_id: "id",
    rule_trigger_type: "integer",
    user_id: "id",
    content: "text",
    matched_keyword: "textOrNull",
    matched_content: "textOrNull",
  },
  AUTO_MODERATION_RULE_CREATE: AUTO_MODERATION_RULE,
  AUTO_MODERATION_RULE_DELETE: AUTO_MODERATION_RULE,
  AUTO_MODERATION_RULE_UPDATE: AUTO_MODERATION_RULE,
  CHANNEL_CREATE: CHANNEL,
  CHANNEL_DELETE: CHANNEL,
  CHANNEL_INFO: { guild_id: "id", channels: "list" },
  CHANNEL_PINS_UPDATE: { channel_id: "id" },
  CHANNEL_UPDATE: CHANNEL,
  ENTITLEMENT_CREATE: ENTITLEMENT,
  ENTITLEMENT_DELETE: ENTITLEMENT,
  ENTITLEMENT_UPDATE: ENTITLEMENT,
  GUILD_AUDIT_LOG_ENTRY_CREATE: {
    id: "id",
    guild_id: "id",
    target_id: "idOrNull",
    user_id: "idOrNull",
    action_type: "integer",
  },
  GUILD_BAN_ADD: { guild_id: "id", user: "user" },
  GUILD_BAN_REMOVE: { guild_id: "id", user: "user" },
  GUILD_CREATE: {
    ...GUILD,
    joined_at: "time",
    large: "boolean",
    member_count: "integer",
    voice_states: "list",
    members: "list",
    channels: "list",
    threads: "list",
    presences: "list",
    stage_instances: "list",
    guild_scheduled_events: "list",
    soundboard_sounds: "list",
  },
  GUILD_DELETE: { id: "id" },
  GUILD_EMOJIS_UPDATE: { guild_id: "id", emojis: "list" },
  GUILD_INTEGRATIONS_UPDATE: { guild_id: "id" },
  GUILD_MEMBERS_CHUNK: { guild_id: "id", members: "list", chunk_index: "integer", chunk_count: "integer" },
  GUILD_MEMBER_ADD: MEMBER,
  GUILD_MEMBER_REMOVE: { guild_id: "id", user: "user" },
  GUILD_MEMBER_UPDATE: {
    guild_id: "id",
    roles: "list",
    user: "user",
    avatar: "textOrNull",
    banner: "textOrNull",
    joined_at: "timeOrNull",
  },
  GUILD_ROLE_CREATE: { guild_id: "id", role: "object" },
  GUILD_ROLE_DELETE: { guild_id: "id", role_id: "id" },
  GUILD_ROLE_UPDATE: { guild_id: "id", role: "object" },
  GUILD_SCHEDULED_EVENT_CREATE: SCHEDULED_EVENT,
  GUILD_SCHEDULED_EVENT_DELETE: SCHEDULED_EVENT,
  GUILD_SCHEDULED_EVENT_UPDATE: SCHEDULED_EVENT,
  GUILD_SCHEDULED_EVENT_USER_ADD: { guild_scheduled_event_id: "id", user_id: "id", guild_id: "id" },
  GUILD_SCHEDULED_EVENT_USER_REMOVE: { guild_scheduled_event_id: "id", user_id: "id", guild_id: "id" },
  GUILD_SOUNDBOARD_SOUNDS_UPDATE: { soundboard_sounds: "list", guild_id: "id" },
  GUILD_SOUNDBOARD_SOUND_CREATE: SOUND,
  GUILD_SOUNDBOARD_SOUND_DELETE: { sound_id: "id", guild_id: "id" },
  GUILD_SOUNDBOARD_SOUND_UPDATE: SOUND,
  GUILD_STICKERS_UPDATE: { guild_id: "id", stickers: "list" },
  GUILD_UPDATE: GUILD,
  INTEGRATION_CREATE: INTEGRATION,
  INTEGRATION_DELETE: { id: "id", guild_id: "id" },
  INTEGRATION_UPDATE: INTEGRATION,
  INTERACTION_CREATE: {
    id: "id",
    application_id: "id",
    type: "integer",
    token: "text",
    version: "integer",
    app_permissions: "text",
    entitlements: "list",
    authorizing_integration_owners: "object",
    attachment_size_limit: "integer",
  },
  INVITE_CREATE: {
    channel_id: "id",
    code: "text",
    created_at: "time",
    max_age: "integer",
    max_uses: "integer",
    temporary: "boolean",
    uses: "integer",
    expires_at: "timeOrNull",
  },
  INVITE_DELETE: { channel_id: "id", code: "text" },
  MESSAGE_CREATE: MESSAGE,
  MESSAGE_DELETE: { id: "id", channel_id: "id" },
  MESSAGE_DELETE_BULK: { ids: "list", channel_id: "id" },
  MESSAGE_POLL_VOTE_ADD: POLL_VOTE,
  MESSAGE_POLL_VOTE_REMOVE: POLL_VOTE,
  MESSAGE_REACTION_ADD: REACTION,
  MESSAGE_REACTION_REMOVE: REACTION,
  MESSAGE_REACTION_REMOVE_ALL: { channel_id: "id", message_id: "id" },
  MESSAGE_REACTION_REMOVE_EMOJI: { channel_id: "id", message_id: "id", emoji: "object" },
  MESSAGE_UPDATE: MESSAGE,
  PRESENCE_UPDATE: { user: "user", guild_id: "id" },
  RATE_LIMITED: { opcode: "integer", retry_after: "number", meta: "object" },
  READY: {
    v: "integer",
    user: "user",
    guilds: "list",
    session_id: "text",
    resume_gateway_url: "text",
    application: "object",
  },
  RESUMED: { _trace: "list" },
  SOUNDBOARD_SOUNDS: { soundboard_sounds: "list", guild_id: "id" },
  STAGE_INSTANCE_CREATE: STAGE_INSTANCE,
  STAGE_INSTANCE_DELETE: STAGE_INSTANCE,
  STAGE_INSTANCE_UPDATE: STAGE_INSTANCE,
  SUBSCRIPTION_CREATE: SUBSCRIPTION,
  SUBSCRIPTION_DELETE: SUBSCRIPTION,
  SUBSCRIPTION_UPDATE: SUBSCRIPTION,
  THREAD_CREATE: THREAD,
  THREAD_DELETE: { id: "id", guild_id: "id", parent_id: "id", type: "integer" },
  THREAD_LIST_SYNC: { guild_id: "id", threads: "list", members: "list" },
  THREAD_MEMBERS_UPDATE: { id: "id", guild_id: "id", member_count: "integer" },
  THREAD_MEMBER_UPDATE: { guild_id: "id", join_timestamp: "time", flags: "integer" },
  THREAD_UPDATE: THREAD,
  TYPING_START: { channel_id: "id", user_id: "id", timestamp: "integer" },
  USER_UPDATE: {
    id: "id",
    username: "text",
    discriminator: "text",
    global_name: "textOrNull",
    avatar: "textOrNull",
  },
  VOICE_CHANNEL_EFFECT_SEND: { channel_id: "id", guild_id: "id", user_id: "id" },
  VOICE_CHANNEL_START_TIME_UPDATE: { id: "id", guild_id: "id" },
  VOICE_CHANNEL_STATUS_UPDATE: { id: "id", guild_id: "id", status: "textOrNull" },
  VOICE_SERVER_UPDATE: { token: "text", guild_id: "id", endpoint: "textOrNull" },
  VOICE_STATE_UPDATE: {
    channel_id: "idOrNull",
    user_id: "id",
    session_id: "text",
    deaf: "boolean",
    mute: "boolean",
    self_deaf: "boolean",
    self_mute: "boolean",
    self_video: "boolean",
    suppress: "boolean",
    request_to_speak_timestamp: "timeOrNull",
  },
  WEBHOOKS_UPDATE: { guild_id: "id", channel_id: "id" },
} as const satisfies { readonly [Name in EventName]: Fields<Name> };

for (const name of EVENT_NAMES) {
  Deno.test(`BUILDERS.${name} gives every field that Discord documents as present`, () => {
    const world = new World({ seed: 11, guilds: 50, startMs: START_MS, largeGuildBytes: 0 });
    for (let call = 0; call < CALLS; call++) {
      const { t, data } = world.make(name, START_MS + call);
      assert.equal(t, name);
      for (const [field, kind] of Object.entries(REQUIRED[name]) as [string, Kind][]) {
        assert.ok(
          KINDS[kind](data[field]),
          `${name}.${field} is not ${kind}: ${JSON.stringify(data[field])}`,
        );
      }
      // No `undefined` and nothing else that JSON would drop or change.
      assert.deepEqual(JSON.parse(JSON.stringify(data)), data);
    }
  });
}

Deno.test("BUILDERS puts the guild's id where a reader of the event looks for it", () => {
  const world = new World({ seed: 12, guilds: 50, startMs: START_MS, largeGuildBytes: 0 });
  for (const name of EVENT_NAMES) {
    for (let call = 0; call < CALLS; call++) {
      const { data, guildId, direct } = world.make(name, START_MS);
      if (name === "RATE_LIMITED") continue; // it is in `meta`
      const found = name === "GUILD_CREATE" || name === "GUILD_UPDATE" || name === "GUILD_DELETE"
        ? data.id
        : data.guild_id;
      assert.equal(found, guildId?.toString(), `${name} ${direct ? "in a direct channel" : "in a guild"}`);
    }
  }
});
