/**
 * Events of invites.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import type { Scene } from "../scene.ts";
import { timestamp } from "../timestamp.ts";

/** Seconds an invite lasts, as Discord's menu offers them; 0 is for ever. */
const AGES_S: readonly number[] = [0, 1_800, 3_600, 86_400, 604_800];

export function inviteCreate(scene: Scene): EventData<"INVITE_CREATE"> {
  const ageSeconds = scene.detail.pick(AGES_S);
  return {
    channel_id: scene.textChannelId(),
    code: scene.detail.hex(8),
    created_at: timestamp(scene.nowMs),
    guild_id: scene.guild.id,
    inviter: scene.memberUser(),
    max_age: ageSeconds,
    max_uses: scene.detail.pick([0, 0, 1, 10, 100]),
    temporary: false,
    uses: 0,
    expires_at: ageSeconds === 0 ? null : timestamp(scene.nowMs + ageSeconds * 1_000),
  };
}

export function inviteDelete(scene: Scene): EventData<"INVITE_DELETE"> {
  return { channel_id: scene.textChannelId(), guild_id: scene.guild.id, code: scene.detail.hex(8) };
}
