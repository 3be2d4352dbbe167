/**
 * What the log says of each observation, and how much it matters.
 *
 * @module
 */
import type { LogLevel } from "../config.ts";
import type { Observation } from "../observation.ts";

/** The levels that a line can have, the weightiest first. */
export type LineLevel = Exclude<LogLevel, "off">;

interface Phrase<Seen extends Observation = Observation> {
  /** null: never logged, because it is said at the pace of the events themselves. */
  readonly level: LineLevel | null;
  readonly text: string | ((observation: Seen) => string);
}

type Phrases = { readonly [Kind in Observation["kind"]]: Phrase<Extract<Observation, { kind: Kind }>> };

const RESHARD_TEXTS: {
  readonly [Phase in Extract<Observation, { kind: "reshard.phase" }>["phase"]]: string;
} = {
  rehearsing: "Number of shards changes: new sessions come up beside the old ones",
  holding: "All new sessions are there, events are held back until the others are published",
  taking_over: "New sessions have taken over",
  done: "Number of shards changed",
};

/**
 * One row for each kind, or this does not compile. A field `message` is told in the text and nowhere else; all
 * other fields follow the text under their own names.
 */
const PHRASES: Phrases = {
  "shard.connecting": { level: "debug", text: "Shard connecting" },
  "shard.connected": { level: "debug", text: "Shard connected" },
  "shard.identifying": { level: "info", text: "Shard identifying" },
  "shard.ready": { level: "info", text: "Shard ready" },
  "shard.resuming": { level: "info", text: "Shard resuming" },
  "shard.resumed": { level: "info", text: "Shard resumed" },
  "shard.disconnected": { level: "info", text: "Shard disconnected" },
  "shard.reconnecting": { level: "info", text: "Shard reconnecting" },
  "shard.status": { level: "trace", text: "Shard status" },
  "shard.acknowledged": { level: "trace", text: "Heartbeat acknowledged" },
  "shard.zombie": { level: "warn", text: "Shard without answer" },
  "shard.silent": { level: "warn", text: "Shard silent for longer than usual, resuming" },
  "shard.handed_over": {
    level: "info",
    text: ({ done }) => done ? "Shard handed over" : "Shard not handed over in time, it stays",
  },
  "shard.parked": { level: "warn", text: "Shard parked until the broker has caught up" },
  "shard.unparked": { level: "info", text: "Shard no longer parked" },
  "shard.gap": {
    level: "warn",
    text: ({ oldSession, newSession }) =>
      oldSession === newSession ? "Events missed" : "Session lost, events missed",
  },
  "shard.fatal": { level: "error", text: "Discord refuses for good" },
  "event.received": { level: null, text: "Event received" },
  "event.filtered": { level: null, text: "Event filtered" },
  "event.dropped": { level: "debug", text: "Event dropped" },
  "frame.unreadable": {
    level: "error",
    text: ({ skipped }) => skipped ? "Unreadable frame skipped" : "Unreadable frame, shard reconnects",
  },
  "frame.ruined": { level: "warn", text: "Stream ruined" },
  "opcode.unknown": { level: "debug", text: "Unknown opcode ignored" },
  "guild.joined": { level: "info", text: "Guild joined" },
  "guild.left": { level: "info", text: "Guild left" },
  "command.carried_out": { level: "debug", text: "Command carried out" },
  "command.rejected": { level: "warn", text: ({ message }) => `Command rejected: ${message}` },
  "identify.budget": { level: "debug", text: "Identifies left today" },
  "identify.exhausted": { level: "error", text: "No identify left today, shards wait" },
  "identify.low": { level: "warn", text: "Few identifies left today" },
  "shards.begun": { level: "info", text: "Shards started" },
  "shards.waiting": { level: "warn", text: "Shards run by another process, waiting for its end" },
  "shards.lost": { level: "warn", text: "Shards taken over by another process, left" },
  "leases.lapsed": { level: "error", text: "Leases not renewed in time, shards left until they are" },
  "leases.regained": { level: "info", text: "Leases renewed again, shards resumed" },
  "points.fenced": { level: "debug", text: "Resume points not taken, another process runs the shards" },
  "fleet.joined": { level: "info", text: "Fleet joined" },
  "fleet.led": { level: "info", text: "Leading the fleet" },
  "fleet.drained": {
    level: "info",
    text: ({ isDrained }) =>
      isDrained
        ? "Drained by an operator: its shards go to others, and it takes none"
        : "Drained no longer: it takes shards again",
  },
  "reshard.phase": { level: "info", text: ({ phase }) => RESHARD_TEXTS[phase] },
  "reshard.abandoned": { level: "warn", text: "Number of shards not changed" },
  "reshard.progress": { level: "info", text: "Shards of the new number come up" },
  "reshard.ended": { level: "info", text: "Old sessions left" },
  "identify.refused": {
    level: "error",
    text: "Redis does not say whose turn to identify it is, shards wait",
  },
  "shards.recommendation": { level: "debug", text: "Shards recommended by Discord" },
  "broker.connected": { level: "info", text: "RabbitMQ connected" },
  "broker.lost": { level: "warn", text: "RabbitMQ lost, connecting again" },
  "broker.unreachable": { level: "error", text: "RabbitMQ not reachable, waiting for it" },
  "broker.passed_over": { level: "warn", text: "RabbitMQ host not reachable, another is used" },
  "broker.blocked": { level: "warn", text: "RabbitMQ takes no events for now" },
  "broker.unblocked": { level: "info", text: "RabbitMQ takes events again" },
  "broker.returned": { level: "warn", text: "Event returned, because its queue is gone: declared again" },
  "broker.refused": { level: "debug", text: "Event refused by RabbitMQ, published again" },
  "event.quarantined": {
    level: "error",
    text: ({ kept }) =>
      kept
        ? "Event refused by RabbitMQ for good, set aside in the spool"
        : "Event refused by RabbitMQ for good, lost",
  },
  "broker.channel_lost": { level: "warn", text: "RabbitMQ channel lost, opening it again" },
  "news.dropped": { level: "warn", text: "News for gateway.events dropped" },
  "redis.connected": { level: "info", text: "Redis connected" },
  "redis.refusing": { level: "error", text: "Redis refuses to write" },
  "redis.accepting": { level: "info", text: "Redis writes again" },
  "redis.lost": { level: "warn", text: "Redis lost, connecting again" },
  "redis.unreachable": { level: "error", text: "Redis not reachable, waiting for it" },
  "redis.evicting": {
    level: "warn",
    text: "Redis may evict resume points: set its maxmemory-policy to noeviction",
  },
  "redis.garbage": { level: "warn", text: "Unusable value in Redis" },
  "state.opened": { level: "info", text: "State cache open" },
  "state.closed": { level: "warn", text: "State cache closed" },
  "state.unfilled": {
    level: "warn",
    text: "State cache lacks what came before, and will until sessions begin anew",
  },
  "state.refused": { level: "error", text: "State cache refused by Redis, trying again" },
  "state.failed": { level: "error", text: "Event not kept in the state cache" },
  "state.sizes": { level: null, text: "Sizes of the state cache" },
  "points.written": { level: "trace", text: "Resume points stored" },
  "points.refused": { level: "error", text: "Resume points not stored" },
  "board.refused": { level: "warn", text: "Statuses in Redis not written" },
  "figures.refused": { level: "warn", text: "Figures for the dashboard not written" },
  "spool.opened": { level: "info", text: "Events of an earlier process in the spool" },
  "spool.late": { level: "warn", text: "Spooled events of a shard that went on elsewhere, published late" },
  "spool.used": { level: "warn", text: "Events not confirmed in time, they go to the spool" },
  "spool.emptied": { level: "info", text: "Spool empty, events go to RabbitMQ directly" },
  "spool.moved_aside": { level: "error", text: "Spool unusable, moved aside" },
  "spool.written": { level: "trace", text: "Events spooled" },
  "spool.refused": { level: "error", text: "Spool cannot be written, trying again" },
  "spool.unreadable": { level: "error", text: "Spooled events cannot be read, given up" },
  "spool.full": { level: "error", text: "Spool full, shards are parked" },
  "spool.room": { level: "info", text: "Spool has room again" },
  "rest.failed": { level: "warn", text: "Request to Discord failed" },
  "queue.watched": { level: "trace", text: "Queue looked at" },
  "log_channel.dropped": { level: "warn", text: "Messages to the log channel dropped" },
  "worker.ended": { level: "error", text: "Worker has ended, another is started in its place" },
  "service.notice": { level: "info", text: ({ message }) => message },
  "service.warning": { level: "warn", text: ({ message }) => message },
  "service.stopping": { level: "info", text: "Service stopping" },
  "service.failed": { level: "error", text: ({ message }) => message },
  "service.late": { level: "error", text: "Phase of stopping not done in time" },
  "service.stopped": { level: "info", text: "Service stopped" },
};

/** The level of an observation's line; null where it has none. */
export function levelOf(observation: Observation): LineLevel | null {
  return PHRASES[observation.kind].level;
}

/** The text of an observation's line, as it comes: it may quote the network. */
export function textOf(observation: Observation): string {
  // The table's own type ties each row to its kind, which an index by a union of kinds cannot express.
  const { text } = PHRASES[observation.kind] as Phrase;
  return typeof text === "string" ? text : text(observation);
}
