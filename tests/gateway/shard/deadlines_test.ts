import assert from "node:assert/strict";
import fc from "fast-check";
import { Deadlines } from "../../../gateway/shard/deadlines.ts";

Deno.test("Deadlines.next() is the earliest, null where there is none", () => {
  const deadlines = new Deadlines<"beat" | "hello">();
  assert.equal(deadlines.next(), null);
  deadlines.set("beat", 20);
  deadlines.set("hello", 10);
  assert.equal(deadlines.next(), 10);
});

Deno.test("Deadlines.set() moves a deadline that is set already", () => {
  const deadlines = new Deadlines<"beat">();
  deadlines.set("beat", 10);
  deadlines.set("beat", 30);
  assert.equal(deadlines.next(), 30);
});

Deno.test("Deadlines.takeDue() takes what has passed, the earliest first, each once", () => {
  const deadlines = new Deadlines<"beat" | "hello" | "send">();
  deadlines.set("beat", 20);
  deadlines.set("hello", 10);
  deadlines.set("send", 21);
  assert.equal(deadlines.takeDue(9), null);
  assert.equal(deadlines.takeDue(20), "hello");
  assert.equal(deadlines.takeDue(20), "beat");
  assert.equal(deadlines.takeDue(20), null);
  assert.equal(deadlines.next(), 21);
});

Deno.test("Deadlines.clear() and clearAll() forget", () => {
  const deadlines = new Deadlines<"beat" | "hello" | "send">();
  deadlines.set("beat", 1);
  deadlines.set("hello", 2);
  deadlines.set("send", 3);
  deadlines.clear("beat");
  assert.equal(deadlines.next(), 2);
  deadlines.clearAll();
  assert.equal(deadlines.takeDue(Infinity), null);
});

Deno.test("Deadlines.next() is the earliest after whatever was done, asked for each time", () => {
  const names = ["beat", "hello", "send"] as const;
  const name = fc.constantFrom(...names);
  const atMs = fc.integer({ min: 0, max: 9 });
  const doing = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), name, atMs }),
    fc.record({ kind: fc.constant("clear" as const), name }),
    fc.record({ kind: fc.constant("takeDue" as const), atMs }),
    fc.record({ kind: fc.constant("clearAll" as const) }),
  );
  fc.assert(fc.property(fc.array(doing), (doings) => {
    const deadlines = new Deadlines<typeof names[number]>();
    const left = new Map<typeof names[number], number>();
    for (const done of doings) {
      if (done.kind === "set") {
        deadlines.set(done.name, done.atMs);
        left.set(done.name, done.atMs);
      } else if (done.kind === "clear") {
        deadlines.clear(done.name);
        left.delete(done.name);
      } else if (done.kind === "takeDue") {
        const taken = deadlines.takeDue(done.atMs);
        if (taken !== null) left.delete(taken);
      } else {
        deadlines.clearAll();
        left.clear();
      }
      assert.equal(deadlines.next(), left.size === 0 ? null : Math.min(...left.values()));
    }
  }));
});
