/**
 * What the sockets' thread asks of the spool's thread, and what it is answered. Requests are carried out, and
 * answered, in their order.
 *
 * @module
 */
import type { SpoolContents, SpooledPage, SpoolWrite } from "../../delivery/spool.ts";
import type { UnfitSpoolError } from "./spool_database.ts";
import type { PackedEvents } from "./packed_events.ts";

/** A page whose events are packed. */
type PackedPage = Omit<SpooledPage, "events"> & { events: PackedEvents };

/** Kind of request → what it carries, and what it is answered with where it succeeds. */
interface Exchanges {
  open: { request: { path: string; bot: string | null }; answer: SpoolContents };
  begin: { request: { total: number; keepPoints: boolean }; answer: null };
  write: {
    request: Pick<SpoolWrite, "confirmed" | "points"> & {
      events: PackedEvents;
      /** Their positions mean nothing. */
      quarantined: PackedEvents;
      /** Wall clock, milliseconds since the epoch. */
      atMs: number;
    };
    answer: null;
  };
  read: { request: { shard: number; afterPosition: number; maxBytes: number }; answer: PackedPage };
  close: { request: Record<never, never>; answer: null };
}

export type SpoolRequestKind = keyof Exchanges;

export type SpoolRequest<Kind extends SpoolRequestKind = SpoolRequestKind> = {
  [Each in Kind]: { readonly kind: Each } & Readonly<Exchanges[Each]["request"]>;
}[Kind];

/** What a request is answered with where it succeeds. */
export type SpoolValue<Kind extends SpoolRequestKind> = Exchanges[Kind]["answer"];

export type SpoolAnswer<Kind extends SpoolRequestKind = SpoolRequestKind> =
  | { readonly kind: "done"; readonly value: SpoolValue<Kind> }
  /** `unfit`: the file is to be moved aside under this label; null: trying again may help. */
  | { readonly kind: "failed"; readonly message: string; readonly unfit: UnfitSpoolError["label"] | null };
