import assert from "node:assert/strict";
import fc from "fast-check";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { FleetRig, type RigMember } from "./fleet_rig.ts";

const SHARDS = [0, 1, 2, 3];
const FIRST_MEMBERS = ["a1", "b1", "c1"];

/** What happens in good order; numbers choose among what there is. */
const calmStep = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("arrive" as const), lane: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("send" as const), shards: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("frame" as const), shard: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("move" as const), shard: fc.nat(3), to: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), shard: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hand_over" as const) }) },
);

/** And what makes who knew that a command was sent forget it. */
const step = fc.oneof(
  { weight: 27, arbitrary: calmStep },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      shards: fc.oneof(fc.uniqueArray(fc.nat(3), { minLength: 1 }), fc.constant("all" as const)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("late" as const), shard: fc.nat(3), to: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), member: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut_member" as const), member: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut_router" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 250, 2_500) }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

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
        return this.rig.links(this.#router()?.name ?? this.#pick(0)).router.interrupt();
      case "hand_over":
        return void this.#router()?.router.quiet();
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

  #router(): RigMember | undefined {
    return [...this.rig.members.values()].find(({ name }) => this.rig.links(name).router.isOpen);
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

/** Histories of such steps, each of which ends well. */
async function playAll(
  steps: fc.Arbitrary<Step>,
  runs: number,
  check: (frames: readonly string[], sent: readonly string[], shard: number) => void,
): Promise<void> {
  const histories = fc.array(steps, { minLength: 10, maxLength: 80, size: "max" });
  const property = fc.asyncProperty(histories, async (steps) => {
    const history = new History();
    await history.play(steps);
    const { rig, sent } = history;
    for (const [shard, names] of sent) {
      const frames = rig.frames.filter((frame) => frame.startsWith(`${shard} `)).map((frame) =>
        frame.slice(2)
      );
      check(frames, names, shard);
    }
    const commands = new Set([...sent.values()].flat());
    assert.deepEqual(rig.answers.toSorted(), [...commands].map((name) => `${name} ok`).sort());
    assert.deepEqual(rig.broker.unacknowledged, []);
    assert.deepEqual(rig.notices.rejections, []);
    rig.clock.advance(600_000);
    rig.clock.assertIdle();
  });
  await fc.assert(property, { numRuns: runs });
}

Deno.test("A fleet carries every command out on every shard, in order, and answers each once, whatever happens", async () => {
  await playAll(step, 400, (frames, sent, shard) => {
    assert.deepEqual([...new Set(frames)], sent, `shard ${shard}`);
  });
});

Deno.test("A fleet carries no command out twice while shards move and routers leave in good order", async () => {
  await playAll(
    calmStep,
    400,
    (frames, sent, shard) => assert.deepEqual(frames, sent, `shard ${shard}`),
  );
});
