import type { EventData } from "../events.ts";
import type { Scene } from "../scene.ts";
import { voiceState } from "../voice_state.ts";

export function voiceStateUpdate(scene: Scene): EventData<"VOICE_STATE_UPDATE"> {
  const member = scene.member();
  const channelId = scene.detail.chance(0.3) ? null : scene.voiceChannelId();
  return { ...voiceState(member.user.id, channelId, scene.detail), member, guild_id: scene.guild.id };
}
