/**
 * A change of the number of shards in memory, for any number of processes. It answers at once, but for those it is away for.
 *
 * @module
 */
import {
  type DigestList,
  isUnderWay,
  type ReshardPhase,
  type ReshardPlan,
  type ReshardReport,
  type ReshardStore,
  type ReshardView,
} from "../../gateway/reshard/plan.ts";

export class MemoryReshardStore implements ReshardStore {
  #plan: ReshardPlan | null = null;
  #reports = new Map<string, ReshardReport>();
  readonly #digests = {
    told: new Map<string, readonly string[]>(),
    seen: new Map<string, readonly string[]>(),
  };
  isAway = false;
  /** So many digests that come next are refused. */
  refusals = 0;

  get plan(): ReshardPlan | null {
    return this.#plan;
  }

  /** It forgets everything. */
  empty(): void {
    this.#plan = null;
    this.#clear();
  }

  /** The same store, as a process has it that may be cut off by itself. */
  of(isCutOff: () => boolean): ReshardStore {
    const reach = <Answer>(ask: () => Promise<Answer>): Promise<Answer> =>
      isCutOff() ? Promise.reject(new Error("cut off")) : ask();
    return {
      read: () => reach(() => this.read()),
      begin: (plan) => reach(() => this.begin(plan)),
      move: (plan, next) => reach(() => this.move(plan, next)),
      report: (id, member, report) => reach(() => this.report(id, member, report)),
      writeDigests: (...what) => reach(() => this.writeDigests(...what)),
      readDigests: (list) => reach(() => this.readDigests(list)),
      restore: (plan) => reach(() => this.restore(plan)),
    };
  }

  read(): Promise<ReshardView | null> {
    return this.#ask(() => this.#plan && { plan: this.#plan, reports: new Map(this.#reports) });
  }

  begin(plan: ReshardPlan): Promise<boolean> {
    return this.#ask(() => {
      if (this.#plan !== null && isUnderWay(this.#plan)) return false;
      this.#clear();
      this.#plan = plan;
      return true;
    });
  }

  move(
    plan: ReshardPlan,
    { to, reason = null }: { to: ReshardPhase; reason?: string | null },
  ): Promise<boolean> {
    return this.#ask(() => {
      if (this.#plan?.id !== plan.id || this.#plan.phase !== plan.phase) return false;
      this.#plan = { ...plan, phase: to, reason };
      if (to === "holding") this.#digests.told.clear();
      return true;
    });
  }

  report(id: string, member: string, report: ReshardReport): Promise<void> {
    return this.#ask(() => {
      if (this.#plan?.id === id) this.#reports.set(member, report);
    });
  }

  writeDigests(id: string, list: DigestList, member: string, digests: readonly string[]): Promise<void> {
    if (this.refusals > 0) {
      this.refusals -= 1;
      return Promise.reject(new Error("refused"));
    }
    return this.#ask(() => {
      if (this.#plan?.id === id) this.#digests[list].set(member, [...digests]);
    });
  }

  readDigests(list: DigestList): Promise<readonly string[]> {
    return this.#ask(() => [...this.#digests[list].values()].flat());
  }

  restore(plan: ReshardPlan): Promise<void> {
    return this.#ask(() => {
      this.#plan ??= plan;
    });
  }

  #clear(): void {
    this.#reports = new Map();
    for (const list of Object.values(this.#digests)) list.clear();
  }

  #ask<Answer>(answer: () => Answer): Promise<Answer> {
    return this.isAway ? Promise.reject(new Error("away")) : Promise.resolve(answer());
  }
}
