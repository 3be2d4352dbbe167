/**
 * Every endpoint for programs, and the file that answers it. `docs/api.md` has them all.
 *
 * @module
 */
import type { Route } from "../_route.ts";
import { audit } from "./audit.ts";
import { commands } from "./commands.ts";
import { fleet } from "./fleet.ts";
import { guild } from "./guilds/[id].ts";
import { history } from "./history.ts";
import { live } from "./live.ts";
import { me } from "./me.ts";
import { presence } from "./presence.ts";
import { queues } from "./queues.ts";
import { rejected } from "./rejected.ts";
import { drainReplica } from "./replicas/[name]/drain.ts";
import { reshard } from "./reshard.ts";
import { restart } from "./restart.ts";
import { stopRestart } from "./restart/stop.ts";
import { shards } from "./shards.ts";
import { shard } from "./shards/[id].ts";
import { restartShard } from "./shards/[id]/restart.ts";

export const API_ROUTES: readonly (readonly [path: string, route: Route])[] = [
  ["/api/me", me],
  ["/api/fleet", fleet],
  ["/api/history", history],
  ["/api/live", live],
  ["/api/shards", shards],
  ["/api/shards/:id", shard],
  ["/api/shards/:id/restart", restartShard],
  ["/api/guilds/:id", guild],
  ["/api/replicas/:name/drain", drainReplica],
  ["/api/reshard", reshard],
  ["/api/restart", restart],
  ["/api/restart/stop", stopRestart],
  ["/api/presence", presence],
  ["/api/commands", commands],
  ["/api/rejected", rejected],
  ["/api/audit", audit],
  ["/api/queues", queues],
];
