import assert from "node:assert/strict";
import { isCacheWhole, readKeptState, StateWitness } from "../../chaos/state_cache.ts";
import { openRedis } from "../fakes/redis_fixture.ts";

const encoder = new TextEncoder();

/** A witness of these events, all of shard 0. */
function witnessOf(...events: readonly (readonly [type: string, d: unknown])[]): StateWitness {
  const witness = new StateWitness(1);
  for (const [t, d] of events) witness.add(t, 0, encoder.encode(JSON.stringify({ t, s: 1, op: 0, d })));
  return witness;
}

const MESSAGE = { id: "2", channel_id: "1", content: "a" };
const KEPT = new Map<string, unknown>([
  ["message:1:2", MESSAGE],
  ["message_keys", new Set(["message:1:2"])],
  ["channel_keys:1", new Set(["message:1:2"])],
]);

Deno.test("StateWitness takes a cache that is what the events make of it", () => {
  const judgement = witnessOf(["MESSAGE_CREATE", MESSAGE]).judge(KEPT);
  assert.deepEqual(judgement, { expected: 3, missing: 0, changed: 0, surplus: 0, findings: [] });
  assert(isCacheWhole(judgement));
});

Deno.test("StateWitness finds what is missing, what is other, and what is too many", () => {
  const witness = witnessOf(["MESSAGE_CREATE", MESSAGE], ["MESSAGE_CREATE", { ...MESSAGE, id: "3" }]);
  const judgement = witness.judge(
    new Map([...KEPT, ["message:1:2", { ...MESSAGE, content: "b" }], ["guild:4", {}]]),
  );
  assert.deepEqual([judgement.missing, judgement.changed, judgement.surplus], [1, 3, 1]);
  assert(!isCacheWhole(judgement));
  const text = judgement.findings.join("\n");
  assert.match(text, /^state cache: message:1:3 is not there$/m);
  assert.match(text, /^state cache: message:1:2 is .*"b".*, and must be .*"a"/m);
  assert.match(text, /^state cache: message_keys lacks message:1:3, and has nothing too many$/m);
  assert.match(text, /^state cache: guild:4 is there and must not be$/m);
});

Deno.test("StateWitness passes over an event that is no JSON", () => {
  const witness = witnessOf(["MESSAGE_CREATE", MESSAGE]);
  witness.add("MESSAGE_CREATE", 0, encoder.encode('{"t":"MESSAGE_CREATE","d":{"id":"3",}'));
  assert(isCacheWhole(witness.judge(KEPT)));
});

Deno.test("readKeptState() reads texts and sets, and nothing that is not of the cache", async () => {
  await using fixture = await openRedis();
  const { redis, url } = fixture;
  const others = ["gateway:points", "gateway:state:emojis:1", "gateway_sessions"];
  for (const other of others) await redis.set(other, "{}");
  await redis.set("message:1:2", JSON.stringify(MESSAGE));
  await redis.sadd("message_keys", "message:1:2");
  await redis.sadd("channel_keys:1", "message:1:2");
  assert.deepEqual(await readKeptState(url), KEPT);
});
