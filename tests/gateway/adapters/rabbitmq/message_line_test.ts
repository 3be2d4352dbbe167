import assert from "node:assert/strict";
import fc from "fast-check";
import { MessageLine } from "../../../../gateway/adapters/rabbitmq/message_line.ts";

type Step = "push" | "push precious" | "open" | "close" | "answer";

const steps = fc.array(
  fc.tuple(
    fc.constantFrom<Step>("push", "push precious", "open", "close", "answer"),
    fc.integer({ min: 1, max: 900 }),
  ),
  { maxLength: 40 },
);

Deno.test("MessageLine answers for every message once, in order, within its bounds", () => {
  fc.assert(fc.property(steps, (history) => {
    const rig = new LineRig(true);
    for (const [step, times] of history) {
      for (let time = 0; time < times; time++) rig.take(step);
      assert.ok(rig.inFlight.length <= 1_000);
      assert.ok(rig.pushed - rig.done.length - rig.dropped.length <= 2_000);
    }
    rig.drain();
    assert.deepEqual(rig.done, rig.done.toSorted((one, other) => one - other));
    const settled = [...rig.done, ...rig.dropped].sort((one, other) => one - other);
    assert.deepEqual(settled, Array.from({ length: rig.pushed }, (_, number) => number));
  }));
});

Deno.test("MessageLine that does not repeat sends no message twice", () => {
  fc.assert(fc.property(steps, (history) => {
    const rig = new LineRig(false);
    for (const [step, times] of history) {
      for (let time = 0; time < times; time++) rig.take(step);
    }
    rig.drain();
    assert.equal(new Set(rig.sent).size, rig.sent.length);
    assert.equal(rig.sent.length + rig.dropped.length, rig.pushed);
  }));
});

Deno.test("MessageLine drops the oldest first, and precious ones last, those on their way included", () => {
  const rig = new LineRig(true);
  const push = (step: "push" | "push precious", times: number) => {
    for (let time = 0; time < times; time++) rig.take(step);
  };
  rig.take("open");
  push("push precious", 500);
  push("push", 500);
  push("push precious", 400);
  push("push", 600);
  assert.deepEqual(rig.dropped, []);
  rig.take("close");
  const ordinary = Array.from({ length: rig.pushed }, (_, number) => number).filter((number) =>
    !rig.precious.has(number)
  );
  assert.deepEqual(rig.dropped, ordinary.slice(0, 1_000));
  push("push precious", 100);
  assert.deepEqual(rig.dropped, ordinary);
  push("push precious", 1);
  assert.deepEqual(rig.dropped, [...ordinary, 0]);
});

/** A line of numbered messages, whose broker answers the oldest. */
class LineRig {
  readonly sent: number[] = [];
  readonly done: number[] = [];
  readonly dropped: number[] = [];
  readonly precious = new Set<number>();
  inFlight: { number: number; done: () => void }[] = [];
  pushed = 0;
  #isOpen = false;
  readonly #line: MessageLine<number>;

  constructor(repeats: boolean) {
    this.#line = new MessageLine({
      repeats,
      send: (number, done) => {
        assert(this.#isOpen, "sent while the line is closed");
        this.sent.push(number);
        this.inFlight.push({ number, done });
      },
      dropped: (number) => this.dropped.push(number),
      isPrecious: (number) => this.precious.has(number),
    });
  }

  take(step: Step): void {
    if (step === "push" || step === "push precious") {
      const number = this.pushed++;
      if (step === "push precious") this.precious.add(number);
      this.#line.push(number);
    } else if (step === "answer") {
      this.#answer();
    } else if (step === "open" && !this.#isOpen) {
      this.#isOpen = true;
      this.#line.open();
    } else if (step === "close" && this.#isOpen) {
      this.#isOpen = false;
      this.inFlight = [];
      this.#line.close();
    }
  }

  /** Opens the line, and answers until nothing is under way. */
  drain(): void {
    this.take("open");
    while (this.inFlight.length > 0) this.#answer();
  }

  #answer(): void {
    const next = this.inFlight.shift();
    if (next === undefined) return;
    this.done.push(next.number);
    next.done();
  }
}
