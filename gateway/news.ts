/**
 * The service's own news on exchange `gateway.events`: `shard.<id>.status` on every change of a shard's status,
 * `shard.<id>.gap` where events of a session are lost for good.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Notices } from "./delivery/notices.ts";
import type { Observer } from "./observation.ts";

export function newsObserver(notices: Pick<Notices, "news">, clock: Clock): Observer {
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
        return notices.news(`shard.${observation.shard}.gap`, {
          shard: observation.shard,
          old_session: observation.oldSession,
          new_session: observation.newSession,
          last_sequence: observation.lastSequence,
          from: new Date(observation.fromMs).toISOString(),
          to: new Date(observation.toMs).toISOString(),
          reason: observation.reason,
        });
    }
  };
}
