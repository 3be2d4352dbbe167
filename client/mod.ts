/**
 * A client for programs behind Shardline: it takes events from RabbitMQ, hands them to handlers, and sends commands to
 * the gateway. It knows the wire contract (docs/contract.md) and nothing of the service's code.
 *
 * The package for Node, Deno and Bun is made from this folder; see README.md.
 *
 * @module
 */
export { type ClientOptions, ShardlineClient } from "./client.ts";
export type {
  Command,
  CommandErrorCode,
  CommandOutcome,
  CommandTarget,
  SendablePayload,
  ShardTarget,
} from "./command.ts";
export { ClientError, type ClientErrorKind } from "./error.ts";
export type { EventDataByName, EventHandler, EventName, ReceivedEvent } from "./event.ts";
export type { Gap, GapHandler } from "./gap.ts";
export { type HandledIds, MemoryHandledIds } from "./handled_ids.ts";
export { RedisHandledIds, type RedisLike } from "./redis_handled_ids.ts";
