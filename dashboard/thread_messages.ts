/**
 * What the dashboard's thread and whoever started it say to each other.
 *
 * @module
 */
import type { DashboardNews } from "./services.ts";
import type { DashboardSettings } from "./settings.ts";

/** What the thread is started with. */
export interface ThreadStart {
  readonly settings: DashboardSettings;
  /** Somebody reads the terminal: they are to be shown a link where there is no other way to sign in. */
  readonly wantsLink: boolean;
  /** What keeps the gateway beside it from being ready, as it is now; null where none runs beside it. */
  readonly gatewayMissing: readonly string[] | null;
}

export type ToThread =
  | { readonly kind: "missing"; readonly gatewayMissing: readonly string[] }
  | { readonly kind: "stop" };

export type FromThread =
  /** Its event loop turns. Said once a second, with the bytes that it holds outside of its heap. */
  | { readonly kind: "alive"; readonly bufferBytes: number }
  | { readonly kind: "news"; readonly news: DashboardNews }
  /** It has let go of everything, and may be ended. */
  | { readonly kind: "stopped" };
