/**
 * The service's own news on exchange `gateway.events`: `shard.<id>.status` on every change of a shard's status,
 * `shard.<id>.gap` where events of a session are lost for good.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Notices } from "./delivery/notices.ts";
import type { Observation, Observer } from "./observation.ts";

export type ObservedGap = Extract<Observation, { kind: "shard.gap" }>;

/**
 * `told` is called once the broker has confirmed the news of a gap, so that it need not be remembered any longer.
 */
export function newsObserver(
  notices: Pick<Notices, "news">,
  clock: Clock,
  told: (gap: ObservedGap) => void,
): Observer {
  return (observation) => {
    switch (observation.kind) {
      case "shard.status":
        return notices.news(`shard.${observation.shard}.status`, {
          shard: observation.shard,
          status: observation.status,
          waiting_for_turn: observation.waitingForTurn,
          at: new Date(clock.wallMs()).toISOString(),
        });
      case "shard.gap":
        return notices.news(`shard.${observation.shard}.gap`, gapBody(observation), (outcome) => {
          if (outcome === "confirmed") told(observation);
        });
    }
  };
}

function gapBody(gap: ObservedGap): Record<string, unknown> {
  return {
    shard: gap.shard,
    old_session: gap.oldSession,
    new_session: gap.newSession,
    last_sequence: gap.lastSequence,
    from: new Date(gap.fromMs).toISOString(),
    to: new Date(gap.toMs).toISOString(),
    reason: gap.reason,
    ...(gap.sequence === undefined ? {} : { sequence: gap.sequence, type: gap.type }),
  };
}
