/**
 * Commands to the gateway, and what becomes of them.
 *
 * @module
 */
import type {
  GatewayRequestGuildMembers,
  GatewayRequestSoundboardSounds,
  GatewayUpdatePresence,
  GatewayVoiceStateUpdate,
} from "discord-api-types/v10";

/** One shard, several, or every one. */
export type ShardTarget = number | readonly number[] | "all";

/** The shards themselves, or the guild whose shard it is; its id is text, because a number would lose digits. */
export type CommandTarget =
  | { readonly shard: ShardTarget; readonly guild_id?: never }
  | { readonly guild_id: string; readonly shard?: never };

/** The gateway payloads that a command may send. */
export type SendablePayload =
  | GatewayUpdatePresence
  | GatewayVoiceStateUpdate
  | GatewayRequestGuildMembers
  | GatewayRequestSoundboardSounds
  /** Channel info. */
  | { op: 43; d: { guild_id: string; fields: readonly string[] } };

/** `op` 0 sends a payload on the shards; `op` 1 reconnects them, to resume the session unless `mode` says otherwise. */
export type Command =
  & CommandTarget
  & (
    | {
      readonly op: 0;
      readonly data: SendablePayload;
    }
    | {
      readonly op: 1;
      readonly data?: { readonly mode: "resume" | "identify" };
    }
  );

/**
 * Why a command failed: the gateway's own codes (docs/contract.md, Commands), and two of the client's.
 *
 * - `not_sent`: it never reached RabbitMQ; it is not carried out.
 * - `no_reply`: no answer came in time, or the connection was lost meanwhile; it may have been carried out.
 */
export type CommandErrorCode =
  | "not_json"
  | "invalid"
  | "unknown_op"
  | "forbidden_op"
  | "too_large"
  | "unknown_shard"
  | "unknown_replica"
  | "cannot_reshard"
  | "expired"
  | "not_sent"
  | "no_reply";

/** Discord's own answers to a payload arrive as events. */
export type CommandOutcome =
  | { readonly ok: true }
  | {
    readonly ok: false;
    readonly error: CommandErrorCode;
    readonly message: string;
  };
