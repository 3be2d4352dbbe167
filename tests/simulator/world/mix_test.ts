import assert from "node:assert/strict";
import { EVENT_NAMES, type EventName } from "../../../simulator/world/events.ts";
import { DEFAULT_MIX, Mix } from "../../../simulator/world/mix.ts";
import { Random } from "../../../simulator/world/random.ts";

const DRAWS = 100_000;

function drawn(weights: Readonly<Record<string, number>>): Map<EventName, number> {
  const mix = new Mix(weights);
  const random = new Random(17);
  const counts = new Map<EventName, number>();
  for (let draw = 0; draw < DRAWS; draw++) {
    const name = mix.draw(random);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

Deno.test("Mix.draw() keeps to the weights, within four standard deviations", () => {
  const weights = DEFAULT_MIX as Readonly<Record<EventName, number>>;
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  const counts = drawn(weights);
  for (const name of EVENT_NAMES) {
    const share = (weights[name] ?? 0) / sum;
    const expected = DRAWS * share;
    const spread = 4 * Math.sqrt(expected * (1 - share)) + 1;
    const count = counts.get(name) ?? 0;
    assert.ok(Math.abs(count - expected) <= spread, `${name}: ${count}, expected ${expected}`);
  }
});

Deno.test("Mix.draw() never yields an event of weight 0", () => {
  assert.deepEqual([...drawn({ READY: 0, TYPING_START: 1, MESSAGE_CREATE: 0 }).keys()], ["TYPING_START"]);
});

Deno.test("DEFAULT_MIX leaves out only what belongs to a session or would silence a guild", () => {
  const left = EVENT_NAMES.filter((name) => DEFAULT_MIX[name] === undefined);
  assert.deepEqual(left, [
    "CHANNEL_INFO",
    "GUILD_DELETE",
    "GUILD_MEMBERS_CHUNK",
    "RATE_LIMITED",
    "READY",
    "RESUMED",
    "SOUNDBOARD_SOUNDS",
  ]);
});

for (
  const [what, weights, message] of [
    ["a name that is no event", { HELLO: 1 }, 'Cannot mix events: "HELLO" is not the name of a dispatch'],
    [
      "a negative weight",
      { READY: -1 },
      "Cannot mix events: the weight of READY must be a number >= 0, not -1",
    ],
    [
      "a weight that is no number",
      { READY: NaN },
      "Cannot mix events: the weight of READY must be a number >= 0, not NaN",
    ],
    ["no weight at all", { READY: 0 }, "Cannot mix events: no event has a weight above 0"],
    ["an empty mix", {}, "Cannot mix events: no event has a weight above 0"],
  ] as const
) {
  Deno.test(`Mix refuses ${what}`, () => {
    assert.throws(() => new Mix(weights as Readonly<Record<string, number>>), {
      name: "RangeError",
      message,
    });
  });
}
