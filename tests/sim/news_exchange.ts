/**
 * Exchange `gateway.events` in virtual time: what the service says of itself arrives late, or not at all while the
 * broker is away.
 *
 * @module
 */
import type { NewsOutcome, Notices } from "../../gateway/delivery/notices.ts";
import type { Gap } from "./checkers/gaps.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

/** Held while the exchange is away; the oldest are dropped, those that somebody waits for last. */
const HELD_MOST = 300;

interface Held {
  readonly routingKey: string;
  readonly body: unknown;
  readonly settled: ((outcome: NewsOutcome) => void) | undefined;
  /** Who told it. */
  readonly process: GatewayProcess;
}

export class NewsExchange {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  #held: Held[] = [];
  #isUp = true;
  gaps = 0;

  constructor(scene: Scene, dice: SeededDice) {
    this.#scene = scene;
    this.#dice = dice;
  }

  set isUp(isUp: boolean) {
    this.#isUp = isUp;
    if (isUp) { for (const held of this.#held.splice(0)) this.#take(held); }
  }

  notices(process: GatewayProcess): Notices {
    // What the process before held is gone with it.
    this.#held = this.#held.filter((held) => held.process.isAlive);
    return {
      reject: () => process.asks((resolve) => this.#scene.clock.after(20, resolve)),
      reply: () => process.calls(),
      news: (routingKey, body, settled) => {
        if (!process.calls()) return;
        const held = { routingKey, body, settled: settled && process.into(settled), process };
        if (this.#isUp) this.#take(held);
        else this.#hold(held);
      },
    };
  }

  #hold(held: Held): void {
    this.#held.push(held);
    if (this.#held.length <= HELD_MOST) return;
    const unawaited = this.#held.findIndex(({ settled }) => settled === undefined);
    const [dropped] = this.#held.splice(Math.max(0, unawaited), 1);
    if (dropped?.settled) this.#scene.clock.after(0, () => dropped.settled?.("dropped"));
  }

  /** Where the confirmation is lost with its connection the same is published again. */
  #take({ routingKey, body, settled }: Held): void {
    const times = this.#dice.chance(0.1) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      if (routingKey.endsWith(".gap")) this.#gapTold(body);
    }
    this.#scene.clock.after(this.#dice.between(5, 100), () => settled?.("confirmed"));
  }

  #gapTold(body: unknown): void {
    const gap = readGap(body);
    this.gaps += 1;
    const { shard, oldSession, newSession, lastSequence, reason, refusedSequence } = gap;
    const refused = refusedSequence === null ? "" : `, refused ${refusedSequence}`;
    this.#scene.history.note(
      "state",
      "news",
      `gap of shard ${shard}: ${oldSession}:${lastSequence} to ${newSession}, ${reason}${refused}`,
    );
    this.#scene.checkers.gaps.told(gap);
  }
}

function readGap(body: unknown): Gap {
  const read: Record<string, unknown> = { ...Object(body) };
  return {
    shard: Number(read.shard),
    oldSession: String(read.old_session),
    newSession: read.new_session === null ? null : String(read.new_session),
    lastSequence: Number(read.last_sequence),
    reason: String(read.reason),
    refusedSequence: read.reason === "event_refused" ? Number(read.sequence) : null,
  };
}
