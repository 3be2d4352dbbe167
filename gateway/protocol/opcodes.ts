/**
 * Gateway opcodes (Discord gateway docs, Opcodes and Status Codes).
 *
 * @module
 */

export const Opcode = {
  Dispatch: 0,
  Heartbeat: 1,
  Identify: 2,
  PresenceUpdate: 3,
  VoiceStateUpdate: 4,
  Resume: 6,
  Reconnect: 7,
  RequestGuildMembers: 8,
  InvalidSession: 9,
  Hello: 10,
  HeartbeatAck: 11,
  RequestSoundboardSounds: 31,
  RequestChannelInfo: 43,
} as const;

/** What a bot may have sent through `gateway.send`: everything but the ops that are the shard's own business. */
export const COMMAND_OPCODES: ReadonlySet<number> = new Set([
  Opcode.PresenceUpdate,
  Opcode.VoiceStateUpdate,
  Opcode.RequestGuildMembers,
  Opcode.RequestSoundboardSounds,
  Opcode.RequestChannelInfo,
]);

/** Largest frame Discord accepts from a client, in UTF-8 bytes (gateway docs, Sending Events). */
export const CLIENT_FRAME_MAX_BYTES = 4096;
