/**
 * The services of one process, of which there is one but while the number of shards changes: then the next one comes up
 * beside it, and runs instead of it from then on.
 *
 * @module
 */
import { type Clock, sleepUntil } from "./clock.ts";
import type { CommandRefusal } from "./commands/command.ts";
import type { Config } from "./config.ts";
import { type Exit, EXIT_OUTDATED } from "./exit.ts";
import { failureText } from "./failure.ts";
import type { GenerationPorts, Place } from "./generation.ts";
import { TurnStore } from "./identify/turn_store.ts";
import { settlingMs, type SharedTurns, turnTimes } from "./identify/shared_turns.ts";
import type { Observer } from "./observation.ts";
import { type ReshardPlan, type ReshardStore, runningBy, supersededBy } from "./reshard/plan.ts";
import { type NewSide, Resharding } from "./reshard/resharding.ts";
import type { GatewayService } from "./service.ts";

export interface GenerationsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly observe: Observer;
  readonly store: ReshardStore;
  readonly create: (ports: GenerationPorts) => GatewayService;
  /** So many shards are run from now on. */
  readonly changed: (total: number) => void;
  /** Lets go of the store. */
  readonly disconnect: () => Promise<void>;
}

const LOOK_AGAIN_MS = 100;
const ABANDON_AGAIN_MS = 1_000;

export class Generations {
  readonly #options: GenerationsOptions;
  readonly #resharding: Resharding;
  readonly #stopping = new AbortController();
  /** Services that run, or are on their way to stop. */
  readonly #services = new Set<GatewayService>();
  readonly #placed = Promise.withResolvers<ReshardPlan | null>();
  #turns: TurnStore | null = null;
  #current: GatewayService;
  #next: GatewayService | null = null;
  #exit: (exit: Exit) => void = () => {};

  /** Resolves where the service cannot go on. */
  readonly failed: Promise<Exit>;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    const { store, clock, observe, config } = options;
    this.failed = new Promise((resolve) => this.#exit = resolve);
    this.#resharding = new Resharding({
      store,
      clock,
      // A phase is the same for all workers, and one of them tells it.
      observe: (observation) => {
        const isOfAll = observation.kind === "reshard.phase" || observation.kind === "reshard.abandoned";
        if (!isOfAll || (config.worker?.number ?? 1) === 1) observe(observation);
      },
      replica: config.fleet.replicaName,
      running: () => this.#current,
      begin: (plan) => this.#begin(plan),
      missed: () =>
        this.#exit({
          status: EXIT_OUTDATED,
          message:
            "The number of shards was changed more than once while this process stood still: start it again",
        }),
      tookOver: () => {
        if (this.#next === null) return;
        this.#current = this.#next;
        this.#next = null;
        if (this.#current.total !== null) options.changed(this.#current.total);
      },
      identifiesLeft: () => this.#current.identifiesLeft(),
    });
    this.#current = this.#create(() => this.#firstPlace(), false);
  }

  /** The one that runs. */
  get service(): GatewayService {
    return this.#current;
  }

  /** Resolves when the service is on its way, or is stopped meanwhile. */
  async start(): Promise<void> {
    this.#placed.promise.then((plan) => this.#resharding.start(plan));
    await this.#current.start();
  }

  /** Stops in order, within ten seconds whatever hangs. Safe twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#resharding.stop(), ...[...this.#services].map((service) => service.stop())]);
    await this.#options.disconnect();
  }

  /** Where the process begins. A store that does not answer is asked again. */
  async #firstPlace(): Promise<Place | null> {
    const { store, clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const plan = (await store.read())?.plan ?? null;
        this.#placed.resolve(plan);
        return this.#placeBy(plan);
      } catch {
        await sleepUntil(clock, clock.nowMs() + LOOK_AGAIN_MS, signal);
      }
    }
    return null;
  }

  /** A number that was changed since counts no more, whatever settings say. */
  #placeBy(plan: ReshardPlan | null): Place {
    const { config, observe } = this.#options;
    const { bank, total } = runningBy(plan);
    const configured = config.shards.total;
    if (total === null || configured === null || configured === total) return { bank, total: null };
    if (!supersededBy(plan).includes(configured)) return { bank, total: null };
    observe({
      kind: "service.warning",
      message: `The number of shards was changed to ${total}, so SHARDS_TOTAL, which is ${configured}, ` +
        `is not heeded: set SHARDS_TOTAL=${total}`,
    });
    return { bank, total };
  }

  #begin(plan: ReshardPlan): NewSide {
    const { clock, config } = this.#options;
    if (this.#turns === null) {
      // What was granted before, nobody else knows of.
      const settledAtMs = clock.nowMs() + settlingMs(turnTimes(config.shards.identifySpacingMs));
      this.#turns = new TurnStore(clock, { epoch: 0, settledAtMs, spent: 0, arrivingUntilMs: [], turns: [] });
    }
    const next = this.#create(() => Promise.resolve({ bank: plan.bank, total: plan.to }), true);
    next.rehearse();
    next.drain(this.#current.isDrained);
    this.#next = next;
    next.start().catch((error: unknown) => this.#abandon(next, failureText(error)));
    return next;
  }

  /** It cannot go on. Asks for as long as it takes that nobody waits for it. */
  async #abandon(next: GatewayService, reason: string): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (next === this.#next && !signal.aborted) {
      if (await this.#resharding.abandon(reason) === null) return;
      await sleepUntil(clock, clock.nowMs() + ABANDON_AGAIN_MS, signal);
    }
  }

  #create(place: GenerationPorts["place"], isNext: boolean): GatewayService {
    const member = crypto.randomUUID();
    let turns: SharedTurns | null = null;
    const service = this.#options.create({
      place,
      reshard: (total) => this.#reshard(total),
      drained: (isDrained) => this.#next?.drain(isDrained),
      turns: () => {
        const times = turnTimes(this.#options.config.shards.identifySpacingMs);
        if (this.#turns !== null) turns ??= this.#turns.of(member, times);
        return turns;
      },
      isNext,
    });
    this.#services.add(service);
    service.stopped.then(() => {
      this.#services.delete(service);
      if (service === this.#next) this.#next = null;
    });
    service.failed.then((exit) => {
      if (service === this.#current) this.#exit(exit);
      else if (service === this.#next) this.#abandon(service, exit.message);
    });
    return service;
  }

  async #reshard(total: number | null): Promise<CommandRefusal | null> {
    const { shards } = this.#options.config;
    const isPart = shards.first > 0 || shards.last !== null;
    const problem = total === null
      ? await this.#resharding.abandon("An operator has abandoned it")
      : isPart
      ? "Only some of the shards run here (SHARDS_START, SHARDS_END): stop all, and start them with another number"
      : await this.#resharding.ask(total);
    return problem === null ? null : { ok: false, error: "cannot_reshard", message: problem };
  }
}
