/**
 * Everything that can be observed of the service, as one typed list. Log, metrics, `gateway.events` and the
 * Discord log channels all read this union and nothing else; whoever adds a fact adds it here.
 *
 * No observation carries a token or an event's content.
 *
 * @module
 */

/** What `gateway_statuses` says of a shard (twilight-dispatch's words). */
export type ShardStatus = "Connected" | "Disconnected" | "Handshaking" | "Identifying" | "Resuming";

/**
 * Why events are missing; the `reason` of a gap. All but the last two are reasons why a session was given up; those
 * two leave the session as it is: the broker refused one event for good, or the spool could not be read.
 */
export const GAP_REASONS = [
  "invalid_session",
  "invalid_sequence",
  "session_timed_out",
  "intents_changed",
  "total_changed",
  "restart_requested",
  "resume_disabled",
  "not_resumable",
  "expired_while_parked",
  "bot_changed",
  "superseded",
  "event_refused",
  "spool_damaged",
] as const;

export type GapReason = typeof GAP_REASONS[number];

/** Why a dispatch was not handed on. */
export type DropReason = "no_session" | "no_type" | "replayed";

export type Observation =
  // One shard's life. `host` is the host of the URL, never its query.
  | { kind: "shard.connecting"; shard: number; host: string; attempt: number }
  | { kind: "shard.connected"; shard: number; heartbeatIntervalMs: number }
  | { kind: "shard.identifying"; shard: number }
  | { kind: "shard.ready"; shard: number; session: string; guilds: number; resumable: boolean }
  | { kind: "shard.resuming"; shard: number; session: string; sequence: number }
  | { kind: "shard.resumed"; shard: number; replayed: number }
  | {
    kind: "shard.disconnected";
    shard: number;
    code: number;
    reason: string;
    by: "discord" | "us" | "network";
  }
  | { kind: "shard.reconnecting"; shard: number; delayMs: number; resume: boolean }
  // `waitingForTurn`: the shard is Disconnected only because it is not its turn to identify yet.
  | { kind: "shard.status"; shard: number; status: ShardStatus; waitingForTurn: boolean }
  | { kind: "shard.acknowledged"; shard: number; latencyMs: number }
  | { kind: "shard.zombie"; shard: number }
  // Nothing arrived for much longer than ever before, though heartbeats are acknowledged.
  | { kind: "shard.silent"; shard: number; silentMs: number; usualMs: number }
  // Left for another member, `to`; where `done` is false it stays after all.
  | { kind: "shard.handed_over"; shard: number; to: string; done: boolean }
  | { kind: "shard.parked"; shard: number }
  | { kind: "shard.unparked"; shard: number; parkedMs: number }
  | {
    kind: "shard.gap";
    shard: number;
    oldSession: string;
    // null: the shard is no longer run.
    newSession: string | null;
    lastSequence: number;
    fromMs: number;
    toMs: number;
    reason: GapReason;
    // Of the one event that is missing, where the broker refused it for good.
    sequence?: number;
    type?: string;
  }
  | { kind: "shard.fatal"; shard: number; code: number; meaning: string }
  // Events on their way.
  | { kind: "event.received"; shard: number; type: string; bytes: number }
  // The state cache: whether it takes events, and how long one took from its asking to its answer.
  | { kind: "state.opened" }
  | { kind: "state.closed" }
  | { kind: "state.unfilled"; shard: number }
  | { kind: "state.refused"; error: string }
  | { kind: "state.failed"; type: string; error: string }
  | { kind: "state.sizes"; sizes: Readonly<Record<string, number>>; guildsBehind: number }
  // The settings do not want it published, and nobody else needs it any more.
  | { kind: "event.filtered"; shard: number; type: string }
  | { kind: "event.dropped"; shard: number; type: string | null; reason: DropReason }
  | { kind: "frame.unreadable"; shard: number; bytes: number; skipped: boolean }
  | { kind: "frame.ruined"; shard: number; error: string }
  | { kind: "opcode.unknown"; shard: number; opcode: number }
  | { kind: "guild.joined"; shard: number; guild: string; name: string | null }
  | { kind: "guild.left"; shard: number; guild: string; name: string | null }
  // Commands.
  // `opcode`: the gateway op that was sent; null: the shards were told to reconnect.
  | { kind: "command.carried_out"; opcode: number | null; shards: number }
  | { kind: "command.rejected"; reason: string; message: string }
  // The identify budget.
  | { kind: "identify.budget"; remaining: number; total: number; resetsInMs: number }
  | { kind: "identify.exhausted"; resetsInMs: number }
  | { kind: "identify.low"; remaining: number; total: number; resetsInMs: number }
  // They begin to run here, so many of them with a session that is resumed.
  | { kind: "shards.begun"; shards: number; total: number; resuming: number }
  // Another process runs them, or begins to; this one waits for its end.
  | { kind: "shards.waiting"; holder: string }
  // Another process has taken them over, because this one was not heard of in time.
  | { kind: "shards.lost"; shards: number }
  // Leases could not be renewed in time: shards are left until they are.
  | { kind: "leases.lapsed"; shards: number }
  | { kind: "leases.regained"; shards: number }
  // The store takes nothing of shards that another process holds the leases of.
  | { kind: "points.fenced"; shards: number }
  // It takes part in a fleet that runs so many shards.
  | { kind: "fleet.joined"; member: string; total: number }
  | { kind: "fleet.led"; member: string }
  // An operator wants it to hand its shards over and take none, or does no longer.
  | { kind: "fleet.drained"; isDrained: boolean }
  // A change of the number of shards is in another phase.
  | {
    kind: "reshard.phase";
    phase: "rehearsing" | "holding" | "taking_over" | "done";
    from: number;
    to: number;
  }
  | { kind: "reshard.abandoned"; from: number; to: number; reason: string | null }
  // Of the shards of the new number those here; `obstacle`: what this process waits for.
  | { kind: "reshard.progress"; ready: number; shards: number; obstacle: string | null }
  // The old sessions here are gone; so many events only they had seen, and they are published too.
  | { kind: "reshard.ended"; late: number }
  // Nobody says whose turn it is in the fleet, and shards wait for one; one for an outage, however long.
  | { kind: "identify.refused"; error: string }
  | { kind: "shards.recommendation"; recommended: number; running: number }
  // The outside.
  | { kind: "broker.connected"; address: string; purpose: "publishing" | "consuming" }
  | { kind: "broker.lost"; address: string; purpose: "publishing" | "consuming"; error: string }
  | { kind: "broker.unreachable"; address: string; error: string }
  // One of several hosts does not answer, and another does.
  | { kind: "broker.passed_over"; address: string; error: string }
  | { kind: "broker.blocked"; reason: string }
  | { kind: "broker.unblocked" }
  // `returned`: no queue took the event. `refused`: the broker did not confirm it.
  | { kind: "broker.returned"; type: string }
  | { kind: "broker.refused"; type: string }
  // Refused for good while others pass: set aside on disk, or lost where there is no spool.
  | {
    kind: "event.quarantined";
    shard: number;
    type: string;
    session: string;
    sequence: number;
    bytes: number;
    kept: boolean;
  }
  // A channel was closed, or could not be opened, while its connection stands.
  | { kind: "broker.channel_lost"; purpose: "publishing" | "consuming"; error: string }
  | { kind: "news.dropped"; count: number }
  | { kind: "redis.connected"; address: string }
  | { kind: "redis.lost"; address: string; error: string }
  | { kind: "redis.unreachable"; address: string; error: string }
  // It answers, and carries out nothing that writes: out of memory, read-only.
  | { kind: "redis.refusing"; address: string; error: string }
  | { kind: "redis.accepting"; address: string }
  // It may throw our keys away when its memory runs short.
  | { kind: "redis.evicting"; address: string; policy: string; maxMemoryBytes: number }
  | { kind: "redis.garbage"; key: string; problem: string }
  | { kind: "points.written"; shards: number; tookMs: number }
  | { kind: "points.refused"; error: string }
  | { kind: "board.refused"; error: string }
  // The figures for whoever watches; one for an outage, however long.
  | { kind: "figures.refused"; error: string }
  // The spool. `opened`: what an earlier process left in it. `late`: what is in it of a shard that goes on elsewhere.
  | { kind: "spool.opened"; events: number; bytes: number; shards: number }
  | { kind: "spool.late"; shard: number; events: number }
  | { kind: "spool.used"; unconfirmedEvents: number }
  | { kind: "spool.emptied" }
  | { kind: "spool.moved_aside"; to: string; problem: string }
  | { kind: "spool.written"; events: number; tookMs: number }
  | { kind: "spool.refused"; error: string }
  | { kind: "spool.unreadable"; shard: number; events: number; error: string }
  | { kind: "spool.full"; bytes: number; maxBytes: number }
  | { kind: "spool.room" }
  | { kind: "rest.failed"; route: string; status: number | null; error: string; retryInMs: number | null }
  | { kind: "log_channel.dropped"; count: number }
  // A queue that the dashboard looks at. `messages`: ready; null where the queue does not exist. `unattended`: it has
  // grown for a minute, and nobody consumes from it.
  | {
    kind: "queue.watched";
    queue: string;
    messages: number | null;
    consumers: number;
    unattended: boolean;
  }
  // One of the worker threads has ended by itself, and is started again after so long.
  | { kind: "worker.ended"; worker: number; error: string; startsInMs: number }
  // The service itself.
  | { kind: "service.notice"; message: string }
  | { kind: "service.warning"; message: string }
  | { kind: "service.stopping"; signal: string }
  | { kind: "service.failed"; status: number; message: string }
  | { kind: "service.late"; phase: string; deadlineMs: number }
  | { kind: "service.stopped"; tookMs: number };

/** Whoever wants to know. Must not throw and must not block: it is called on the events' own path. */
export type Observer = (observation: Observation) => void;

/** One observer that tells all the others, in order. */
export function observeAll(...observers: Observer[]): Observer {
  return (observation) => {
    for (const observer of observers) observer(observation);
  };
}
