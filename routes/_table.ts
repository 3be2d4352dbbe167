/**
 * Every path of the dashboard, and the file that answers it.
 *
 * @module
 */
import type { Route } from "./_route.ts";
import { API_ROUTES } from "./api/_table.ts";
import { audit } from "./audit.tsx";
import { commands } from "./commands.tsx";
import { find } from "./find.ts";
import { index } from "./index.tsx";
import { live } from "./live.ts";
import { presence } from "./presence.tsx";
import { queues } from "./queues.tsx";
import { drain } from "./replicas/[name]/drain.tsx";
import { reshard } from "./reshard.tsx";
import { restarts } from "./restarts.tsx";
import { newRestart } from "./restarts/new.tsx";
import { stopRestart } from "./restarts/stop.ts";
import { shard } from "./shards/[id].tsx";
import { restart } from "./shards/[id]/restart.tsx";
import { signInRoute } from "./sign_in.tsx";
import { fromDiscord, toDiscord } from "./sign_in/discord.tsx";
import { link } from "./sign_in/link.tsx";
import { signOut } from "./sign_out.ts";

export const ROUTES: readonly (readonly [path: string, route: Route])[] = [
  ["/", index],
  ["/find", find],
  ["/live", live],
  ["/shards/:id", shard],
  ["/shards/:id/restart", restart],
  ["/replicas/:name/drain", drain],
  ["/reshard", reshard],
  ["/restarts", restarts],
  ["/restarts/new", newRestart],
  ["/restarts/stop", stopRestart],
  ["/presence", presence],
  ["/commands", commands],
  ["/queues", queues],
  ["/audit", audit],
  ["/sign_in", signInRoute],
  ["/sign_in/link/:token", link],
  ["/sign_in/discord", toDiscord],
  ["/sign_in/discord/callback", fromDiscord],
  ["/sign_out", signOut],
  ...API_ROUTES,
];
