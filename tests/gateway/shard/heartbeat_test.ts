import assert from "node:assert/strict";
import { Heartbeat } from "../../../gateway/shard/heartbeat.ts";

Deno.test("Heartbeat.acknowledged() is the round trip of the oldest beat without an ACK", () => {
  const heartbeat = new Heartbeat(1_000);
  heartbeat.sent(100, true);
  heartbeat.sent(140, false);
  assert.equal(heartbeat.acknowledged(150), 50);
  assert.equal(heartbeat.acknowledged(150), 10);
  assert.equal(heartbeat.acknowledged(150), null);
});

Deno.test("Heartbeat.zombie is true while a regular beat has no ACK", () => {
  const heartbeat = new Heartbeat(1_000);
  assert.equal(heartbeat.zombie, false);
  heartbeat.sent(0, true);
  assert.equal(heartbeat.zombie, true);
  heartbeat.acknowledged(10);
  assert.equal(heartbeat.zombie, false);
});

Deno.test("Heartbeat.zombie takes no notice of a beat that the server asked for, nor is an earlier one hidden by it", () => {
  const heartbeat = new Heartbeat(1_000);
  heartbeat.sent(0, false);
  assert.equal(heartbeat.zombie, false);
  heartbeat.sent(1, true);
  heartbeat.sent(2, false);
  heartbeat.acknowledged(10);
  assert.equal(heartbeat.zombie, true);
});
