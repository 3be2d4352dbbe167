/**
 * Events of commands and buttons that people use, and of who may.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { locale } from "../guild_state.ts";
import type { Actor, Scene } from "../scene.ts";
import { handle, sentence } from "../text.ts";
import { messageWithButtons } from "../message.ts";

/** All permissions of a plain member of a text channel. */
const PERMISSIONS = "2248473465835073";

/** How long a file a bot may answer with, in bytes, in a guild without boosts. */
const ATTACHMENT_BYTES_MAX = 10_485_760;

type Interaction = EventData<"INTERACTION_CREATE">;

/** A slash command, or now and then a pressed button, used by somebody in a guild or in a direct channel. */
export function interactionCreate(scene: Scene): Interaction {
  const actor = scene.actor();
  const channelId = scene.channelOf(actor);
  const common = {
    version: 1 as const,
    token: interactionToken(scene),
    locale: locale(scene.guild),
    id: scene.newId(),
    entitlements: [],
    context: scene.direct ? 1 as const : 0 as const,
    channel_id: channelId,
    channel: { id: channelId, type: scene.direct ? 1 as const : 0 as const },
    authorizing_integration_owners: { 0: scene.direct ? "0" : scene.guild.id },
    attachment_size_limit: ATTACHMENT_BYTES_MAX,
    application_id: scene.bot.id,
    app_permissions: PERMISSIONS,
    ...who(scene, actor),
  };
  if (scene.detail.chance(0.25)) {
    return {
      ...common,
      type: 3,
      message: messageWithButtons(scene, channelId),
      data: { custom_id: `${handle(scene.text)}:${scene.detail.below(1_000)}`, component_type: 2 },
    };
  }
  return {
    ...common,
    type: 2,
    data: {
      type: 1,
      name: handle(scene.text),
      id: scene.bot.commandId,
      options: scene.detail.chance(0.6)
        ? [{ type: 3, name: "text", value: sentence(scene.text, scene.script(), scene.text.between(1, 12)) }]
        : [],
    },
  };
}

/** Who may use which command of the bot's was changed. */
export function applicationCommandPermissionsUpdate(
  scene: Scene,
): EventData<"APPLICATION_COMMAND_PERMISSIONS_UPDATE"> {
  return {
    id: scene.bot.commandId,
    application_id: scene.bot.id,
    guild_id: scene.guild.id,
    permissions: [
      { id: scene.roleId(), type: 1, permission: true },
      { id: scene.memberId(), type: 2, permission: scene.detail.chance(0.5) },
    ],
  };
}

function who(scene: Scene, actor: Actor) {
  if (actor.member === null) return { user: actor.user };
  return {
    member: { ...actor.member, user: actor.user, permissions: PERMISSIONS },
    guild_locale: locale(scene.guild),
    guild_id: scene.guild.id,
    guild: { id: scene.guild.id, locale: locale(scene.guild), features: [] },
  };
}

/** As long and as opaque as Discord's: Base64 of some 160 bytes. */
function interactionToken(scene: Scene): string {
  return btoa(`interaction:${scene.nowMs}:${scene.detail.hex(128)}`);
}
