/**
 * Gateway opcodes, and which of them a client may send.
 *
 * @module
 */

/** Discord's opcodes (Discord docs, Opcodes and Status Codes, Gateway Opcodes). */
export const OPCODE = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  presenceUpdate: 3,
  voiceStateUpdate: 4,
  resume: 6,
  reconnect: 7,
  requestGuildMembers: 8,
  invalidSession: 9,
  hello: 10,
  heartbeatAck: 11,
  requestSoundboardSounds: 31,
  requestChannelInfo: 43,
} as const;

/** What a bot may send. Anything else is answered with close code 4001. */
export const CLIENT_OPCODES: ReadonlySet<number> = new Set([
  OPCODE.heartbeat,
  OPCODE.identify,
  OPCODE.presenceUpdate,
  OPCODE.voiceStateUpdate,
  OPCODE.resume,
  OPCODE.requestGuildMembers,
  OPCODE.requestSoundboardSounds,
  OPCODE.requestChannelInfo,
]);
