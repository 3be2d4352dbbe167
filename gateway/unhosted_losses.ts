/**
 * What was lost of shards that do not run here: an earlier process of this folder spooled events of them, or there are no
 * such shards any more. Who runs them keeps what is lost of them; of those that nobody runs it is kept here until it is
 * told.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { OutgoingEvent } from "./delivery/publisher.ts";
import type { SpoolContents } from "./delivery/spool.ts";
import type { ToldGap } from "./hosted_shard.ts";
import type { Observer } from "./observation.ts";
import type { LostSession } from "./resume/points.ts";

export interface UnhostedLossesOptions {
  readonly clock: Clock;
  readonly observe: Observer;
  /** This is lost of a shard that nobody runs. */
  readonly keep: (shard: number, lost: readonly LostSession[]) => void;
  /** Nothing more of this event is waited for. */
  readonly letGo: (shard: number, sessionId: string, sequence: number) => void;
}

export class UnhostedLosses {
  readonly #options: UnhostedLossesOptions;
  readonly #lost = new Map<number, readonly LostSession[]>();
  #lanes: SpoolContents["lanes"] = new Map();
  #total = Infinity;

  constructor(options: UnhostedLossesOptions) {
    this.#options = options;
  }

  /**
   * Takes over what was found. What is of shards from `total` on is told at once: nothing will follow that could tell of it.
   * Other processes run the others, and tell.
   */
  begin(
    total: number,
    lost: ReadonlyMap<number, readonly LostSession[]>,
    lanes: SpoolContents["lanes"],
  ): void {
    this.#total = total;
    this.#lanes = lanes;
    for (const [shard, losses] of lost) {
      this.#lost.set(shard, losses);
      if (shard < total) continue;
      for (const loss of losses) this.#tell(shard, loss);
    }
  }

  /** The broker refuses this event for good. */
  eventRefused({ shard, session, sequence, receivedAtMs, type }: OutgoingEvent): void {
    this.#lose(shard, {
      sessionId: session,
      sequence: sequence - 1,
      sinceMs: receivedAtMs,
      reason: "event_refused",
      type,
    });
    this.#options.letGo(shard, session, sequence);
  }

  /** What the spool held of this shard cannot be read. */
  spoolDamaged(shard: number): void {
    const { firstSession, firstSequence } = this.#lanes.get(shard) ?? { firstSession: "", firstSequence: 1 };
    this.#lose(shard, {
      sessionId: firstSession,
      sequence: firstSequence - 1,
      sinceMs: this.#options.clock.wallMs(),
      reason: "spool_damaged",
    });
  }

  /** The gap is known to whoever wants to know. */
  gapTold(shard: number, { oldSession, lastSequence, reason }: ToldGap): void {
    const lost = this.#lost.get(shard)?.filter((loss) =>
      loss.sessionId !== oldSession || loss.sequence !== lastSequence || loss.reason !== reason
    );
    this.#set(shard, lost ?? []);
  }

  #lose(shard: number, loss: LostSession): void {
    this.#set(shard, [...this.#lost.get(shard) ?? [], loss]);
    this.#tell(shard, loss);
  }

  #set(shard: number, lost: readonly LostSession[]): void {
    this.#lost.set(shard, lost);
    if (shard >= this.#total) this.#options.keep(shard, lost);
  }

  #tell(shard: number, { sessionId, sequence, sinceMs, reason, type }: LostSession): void {
    const { observe, clock } = this.#options;
    observe({
      kind: "shard.gap",
      shard,
      oldSession: sessionId,
      newSession: null,
      lastSequence: sequence,
      fromMs: sinceMs,
      toMs: clock.wallMs(),
      reason,
      ...(type === undefined ? {} : { sequence: sequence + 1, type }),
    });
  }
}
