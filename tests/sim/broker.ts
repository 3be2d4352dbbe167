/**
 * A simulated broker in virtual time. It takes events in the order of the calls and confirms them later; what it has
 * taken is what a consumer reads.
 *
 * @module
 */
import type {
  OutgoingEvent,
  Publisher,
  PublisherEvents,
  PublishOutcome,
} from "../../gateway/delivery/publisher.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Dispatch } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

interface Answer {
  readonly dispatch: Dispatch | undefined;
  readonly outcome: PublishOutcome;
  readonly settled: (outcome: PublishOutcome) => void;
}

/** Handed over to the connection. */
interface Sent {
  readonly event: OutgoingEvent;
  readonly settled: (outcome: PublishOutcome) => void;
  readonly ownSinceMs: number;
}

export class SimulatedBroker {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  /** Of each machine the newest. */
  readonly #publishers = new Map<Machine, SimulatedPublisher>();
  isUp = true;
  /** It reads nothing from its connections. */
  isBlocked = false;
  /** It refuses so many of the next events. */
  refusesNext = 0;
  /** It refuses whatever comes: a full queue with `reject-publish`. */
  isRefusing = false;
  /** The queue has vanished: the next event is returned. */
  returnsNext = false;
  /** The next event is one that it will never take. */
  poisonsNext = false;
  readonly #poisoned = new Set<Dispatch>();
  /** Events in the queue, repeats included. */
  taken = 0;
  repeated = 0;

  constructor(scene: Scene, dice: SeededDice) {
    this.#scene = scene;
    this.#dice = dice;
  }

  get scene(): Scene {
    return this.#scene;
  }

  get dice(): SeededDice {
    return this.#dice;
  }

  publisher(process: GatewayProcess, disk: SimulatedDisk): Publisher {
    const publisher = new SimulatedPublisher(this, process, disk);
    this.#publishers.set(process.machine, publisher);
    return publisher;
  }

  /** What a machine that is cut off has sent is not read until it is mended; or its connections break meanwhile. */
  cutOff(machine: Machine): void {
    const isBroken = this.#dice.chance(0.5);
    const brokenAfterMs = this.#dice.between(100, 20_000);
    const publisher = this.#publishers.get(machine);
    machine.whenMended("broker", () => publisher?.unblocked());
    if (isBroken) this.#scene.clock.after(brokenAfterMs, () => publisher?.breakConnection(null));
  }

  /** Its connections break; what is on the way is lost. */
  breakConnections(): void {
    for (const publisher of this.#publishers.values()) publisher.breakConnection(null);
  }

  unblock(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    for (const publisher of this.#publishers.values()) publisher.unblocked();
  }

  heal(): void {
    this.isUp = true;
    this.isRefusing = false;
    this.refusesNext = 0;
    this.returnsNext = false;
    this.poisonsNext = false;
    this.unblock();
  }

  /** What becomes of an event that it reads. `isLate`: see {@link OrderChecker.taken}. */
  read(event: OutgoingEvent, isLate: boolean): "taken" | "refused" | "returned" | "oversized" {
    const { ledger, plan } = this.#scene;
    const dispatch = ledger.dispatch(event.session, event.sequence);
    if (event.body.length > plan.bodyMaxBytes) return "oversized";
    if (this.returnsNext) {
      this.returnsNext = false;
      return "returned";
    }
    if (dispatch !== undefined && this.poisonsNext) {
      this.poisonsNext = false;
      this.#poisoned.add(dispatch);
    }
    if (this.isRefusing || (dispatch !== undefined && this.#poisoned.has(dispatch))) return "refused";
    if (this.refusesNext > 0) {
      this.refusesNext -= 1;
      return "refused";
    }
    this.#take(event, dispatch, isLate);
    return "taken";
  }

  #take(event: OutgoingEvent, dispatch: Dispatch | undefined, isLate: boolean): void {
    const { checkers, history } = this.#scene;
    checkers.ids.published(event, dispatch);
    this.taken += 1;
    if (dispatch === undefined) return;
    if (dispatch.isTaken) this.repeated += 1;
    history.note("detail", "broker", `takes ${event.session}:${event.sequence}`);
    checkers.order.taken(dispatch, isLate);
    dispatch.isTaken = true;
  }
}

class SimulatedPublisher implements Publisher {
  readonly #broker: SimulatedBroker;
  readonly process: GatewayProcess;
  readonly #disk: SimulatedDisk;
  #events: PublisherEvents | null = null;
  /** The gateway believes that the connection stands. */
  #isOpen = false;
  /** It does stand. */
  #isWhole = false;
  /** Set while the channel is being closed for an event that was larger. */
  #bodyMaxBytes = Infinity;
  #isClosed = false;
  #cancelAnswers: (() => void) | null = null;
  /** Handed over while the broker reads nothing. */
  #unread: Sent[] = [];
  #answers: Answer[] = [];

  constructor(broker: SimulatedBroker, process: GatewayProcess, disk: SimulatedDisk) {
    this.#broker = broker;
    this.process = process;
    this.#disk = disk;
  }

  start(events: PublisherEvents): void {
    if (!this.process.calls()) return;
    this.#events = events;
    this.#connectLater(50);
  }

  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    if (!this.process.calls()) return;
    if (!this.#isOpen) {
      this.#broker.scene.report(`shard ${event.shard}: published while the broker takes no events`);
    }
    const { scene } = this.#broker;
    scene.checkers.state?.published(event);
    const sent = { event, settled, ownSinceMs: this.#call(event) };
    if (!this.#isWhole) return this.#lose(event);
    if (this.#isUnread) this.#unread.push(sent);
    else this.#hand(sent);
  }

  /** Where another has run the shard since then, the event is late: since it came, of what is in the spool. */
  #call(event: OutgoingEvent): number {
    const { clock, checkers } = this.#broker.scene;
    const atMs = clock.nowMs();
    const { shard } = event;
    const isSpooled = this.#disk.holds(event);
    checkers.leases?.called({ shard, process: this.process.number, atMs, isSpooled });
    const { ledger } = this.#broker.scene;
    return isSpooled ? ledger.dispatch(event.session, event.sequence)?.receivedAtMs ?? atMs : atMs;
  }

  /** What the process is in its fleet, where it has a spool; and where it has none, nothing is late. */
  get #member(): string {
    return this.process.machine.name;
  }

  get #isUnread(): boolean {
    return this.#broker.isBlocked || this.process.machine.isCut("broker");
  }

  /** Into a connection that is broken already, unnoticed: nobody gets it. */
  #lose(event: OutgoingEvent): void {
    const { ledger } = this.#broker.scene;
    const dispatch = ledger.dispatch(event.session, event.sequence);
    // Nobody can tell which of the too large ones the broker closed the channel for.
    if (dispatch !== undefined && event.body.length > this.#bodyMaxBytes) dispatch.refusals += 1;
  }

  close(): Promise<void> {
    return this.process.asks((resolve) => {
      this.#isClosed = true;
      this.#isOpen = false;
      this.#isWhole = false;
      this.#broker.scene.clock.after(5, resolve);
    });
  }

  unblocked(): void {
    if (this.#isUnread) return;
    const unread = this.#unread;
    this.#unread = [];
    for (const sent of unread) {
      if (this.#isWhole) this.#hand(sent);
    }
    this.#answerLater();
  }

  /** The gateway notices it a while later. */
  breakConnection(refusal: { readonly bodyMaxBytes: number } | null): void {
    const { dice, scene } = this.#broker;
    if (!this.#isWhole) return;
    this.#isWhole = false;
    this.#bodyMaxBytes = refusal?.bodyMaxBytes ?? Infinity;
    this.#unread = [];
    const noticedMs = refusal === null ? dice.pick([0, 5, 200, 3_000]) : 5;
    const noticed = () => {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      scene.history.note("state", "gateway", "notices that the broker is gone");
      this.#events?.closed(refusal);
      this.#haunt(this.#answers.splice(0));
      this.#connectLater(dice.between(20, 500));
    };
    scene.clock.after(noticedMs, this.process.into(noticed));
  }

  /** A client may still say of what was under way that it came to nothing, though the port rules that out. */
  #haunt(answers: readonly Answer[]): void {
    const { dice, scene } = this.#broker;
    if (!scene.plan.isHaunted) return;
    for (const { settled } of answers) {
      scene.clock.after(dice.between(0, 1_000), this.process.into(() => settled("refused")));
    }
  }

  #connectLater(delayMs: number): void {
    const { scene, dice } = this.#broker;
    const connect = () => {
      if (this.#isClosed) return;
      const isThere = this.#broker.isUp && !this.process.machine.isCut("broker");
      if (!isThere) return this.#connectLater(dice.between(200, 1_000));
      this.#isOpen = true;
      this.#isWhole = true;
      scene.history.note("state", "gateway", "is connected to the broker");
      this.#events?.opened();
    };
    scene.clock.after(delayMs, this.process.into(connect));
  }

  #hand({ event, settled, ownSinceMs }: Sent): void {
    const { scene } = this.#broker;
    const isLate = scene.checkers.leases?.hasPassedOn(event.shard, this.#member, ownSinceMs) ?? false;
    const dispatch = scene.ledger.dispatch(event.session, event.sequence);
    const fate = this.#broker.read(event, isLate);
    if (fate === "returned") return this.breakConnection(null);
    if (fate === "taken") this.#answers.push({ dispatch, outcome: "confirmed", settled });
    else {
      if (dispatch !== undefined) dispatch.refusals += 1;
      scene.history.note("detail", "broker", `refuses ${event.session}:${event.sequence} (${fate})`);
      if (fate === "oversized") return this.breakConnection({ bodyMaxBytes: scene.plan.bodyMaxBytes });
      this.#answers.push({ dispatch, outcome: "refused", settled });
    }
    this.#answerLater();
  }

  #answerLater(): void {
    if (this.#cancelAnswers !== null || this.#answers.length === 0) return;
    const { scene, dice } = this.#broker;
    const answer = () => {
      this.#cancelAnswers = null;
      if (!this.#isUnread) this.#answer();
      if (!this.#isUnread) this.#answerLater();
    };
    this.#cancelAnswers = scene.clock.after(dice.between(1, 30), this.process.into(answer));
  }

  #answer(): void {
    const { dice, scene } = this.#broker;
    for (let count = dice.between(1, this.#answers.length); count > 0; count--) {
      if (!this.#isOpen || !this.#isWhole || !this.process.isAlive) return;
      const at = scene.plan.isConfirmedInOrder ? 0 : dice.between(0, this.#answers.length - 1);
      const [answer] = this.#answers.splice(at, 1);
      if (answer === undefined) return;
      if (answer.outcome === "confirmed" && answer.dispatch !== undefined) answer.dispatch.isConfirmed = true;
      answer.settled(answer.outcome);
    }
  }
}
