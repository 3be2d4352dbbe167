import assert from "node:assert/strict";
import fc from "fast-check";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { FleetRig } from "./fleet_rig.ts";

const SHARDS = [0, 1, 2, 3];
const FIRST_MEMBERS = ["a1", "b1", "c1"];

/** What can happen next; numbers choose among what there is. */
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("arrive" as const), lane: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("send" as const), shards: shardsAsked() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("frame" as const), shard: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("move" as const), shard: fc.nat(3), to: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), shard: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("late" as const), shard: fc.nat(3), to: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), member: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut_member" as const), member: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut_router" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hand_over" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 250, 2_500) }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Steps after which a command may be sent twice on a shard, because who knew that it was sent is gone. */
const REPEATING: readonly Step["kind"][] = ["kill", "cut_member", "cut_router", "hand_over", "late", "wait"];

function shardsAsked(): fc.Arbitrary<number | number[] | "all"> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.uniqueArray(fc.nat(3), { minLength: 1 }) },
    { weight: 1, arbitrary: fc.constant("all" as const) },
  );
}

class History {
  readonly rig = new FleetRig(SHARDS.length, ...FIRST_MEMBERS);
  /** Shard → names of the commands for it, in the order in which they were sent. */
  readonly sent = new Map<number, string[]>(SHARDS.map((shard) => [shard, []]));
  #count = 0;
  #joined = FIRST_MEMBERS.length;

  async play(steps: readonly Step[]): Promise<void> {
    const { rig } = this;
    rig.broker.takeInHand();
    for (const shard of SHARDS) rig.move(shard, this.#pick(shard));
    for (const each of steps) {
      this.#do(each);
      await microtasksDone();
    }
    await this.#end();
  }

  #do(each: Step): void {
    const { rig } = this;
    const { lanes } = rig.broker;
    switch (each.kind) {
      case "arrive":
        if (lanes.length > 0) rig.broker.arrive(lanes[each.lane % lanes.length] ?? "");
        return;
      case "send":
        return this.#send(each.shards);
      case "frame":
        for (const member of rig.members.values()) {
          if (member.shards.includes(each.shard)) member.sendOne(each.shard);
        }
        return;
      case "move":
        return this.#move(each.shard, this.#pick(each.to));
      case "release":
        return this.#move(each.shard, null);
      case "late": {
        // The old holder does not know that it is none: it stands still.
        const to = this.#pick(each.to);
        if (!rig.member(to).shards.includes(each.shard)) rig.member(to).gain(each.shard);
        return rig.assign(each.shard, to);
      }
      case "kill": {
        const name = this.#pick(each.member);
        rig.kill(name);
        rig.join(`${name[0]}${++this.#joined}`);
        return;
      }
      case "cut_member":
        return rig.links(this.#pick(each.member)).member.interrupt();
      case "cut_router":
        return this.#router()?.interrupt();
      case "hand_over":
        return void this.#router()?.quiet();
      case "wait":
        return rig.clock.advance(each.ms);
    }
  }

  #send(shards: number | number[] | "all"): void {
    const name = `c${++this.#count}`;
    const asked = shards === "all" ? SHARDS : [shards].flat();
    for (const shard of asked) this.sent.get(shard)?.push(name);
    this.rig.send(name, shards);
  }

  #move(shard: number, to: string | null): void {
    const { rig } = this;
    for (const member of rig.members.values()) {
      if (member.name !== to && member.shards.includes(shard)) member.lose(shard);
    }
    if (to !== null && rig.member(to).shards.includes(shard)) return rig.assign(shard, to);
    rig.move(shard, to);
  }

  #router() {
    const names = [...this.rig.members.keys()];
    return names.map((name) => this.rig.links(name).router).find((link) => link.isOpen);
  }

  #pick(number: number): string {
    const names = [...this.rig.members.keys()];
    return names[number % names.length] ?? assert.fail();
  }

  /** Everything is well from here on. */
  async #end(): Promise<void> {
    const { rig } = this;
    // Somebody must be there to route.
    rig.join("z");
    for (const shard of SHARDS) this.#move(shard, this.#pick(shard));
    for (let turn = 0; turn < 40; turn++) {
      for (let [lane] = rig.broker.lanes; lane !== undefined; [lane] = rig.broker.lanes) {
        rig.broker.arrive(lane);
      }
      await microtasksDone();
      for (const member of rig.members.values()) {
        for (const shard of member.shards) while (member.held(shard).length > 0) member.sendOne(shard);
      }
      rig.clock.advance(250);
    }
  }
}

Deno.test("A fleet carries every command out on every shard, in order, and answers each once, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), async (steps) => {
      const history = new History();
      await history.play(steps);
      const { rig, sent } = history;
      for (const [shard, names] of sent) {
        const frames = rig.frames.filter((frame) => frame.startsWith(`${shard} `)).map((frame) =>
          frame.slice(2)
        );
        assert.deepEqual([...new Set(frames)], names, `shard ${shard}`);
        if (!steps.some(({ kind }) => REPEATING.includes(kind))) {
          assert.deepEqual(frames, names, "sent twice");
        }
      }
      const commands = new Set([...sent.values()].flat());
      assert.deepEqual(rig.answers.toSorted(), [...commands].map((name) => `${name} ok`).sort());
      assert.deepEqual(rig.broker.unacknowledged, []);
      assert.deepEqual(rig.notices.rejections, []);
      rig.clock.advance(600_000);
      rig.clock.assertIdle();
    }),
    { numRuns: 400 },
  );
});
