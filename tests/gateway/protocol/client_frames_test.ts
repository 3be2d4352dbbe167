import assert from "node:assert/strict";
import {
  heartbeatFrame,
  identifyFrame,
  presenceFrame,
  resumeFrame,
} from "../../../gateway/protocol/client_frames.ts";

const identify = {
  token: 'to"ken\\',
  intents: 53_575_421,
  largeThreshold: 250,
  shard: 3,
  shardsTotal: 16,
  presence: null,
};

Deno.test("identifyFrame() carries every field that Discord's table of Identify asks for", () => {
  assert.deepEqual(JSON.parse(identifyFrame(identify)), {
    op: 2,
    d: {
      token: 'to"ken\\',
      properties: { os: Deno.build.os, browser: "shardline", device: "shardline" },
      intents: 53_575_421,
      large_threshold: 250,
      shard: [3, 16],
    },
  });
});

Deno.test("identifyFrame() carries the presence letter by letter", () => {
  const presence = '{"since":9007199254740993, "activities":[],"status":"idle","afk":false}';
  const frame = identifyFrame({ ...identify, presence });
  assert.ok(frame.includes(`"presence":${presence}`));
  assert.deepEqual(JSON.parse(frame).d.presence, JSON.parse(presence));
});

Deno.test("resumeFrame() carries the token raw, the session and the sequence", () => {
  assert.deepEqual(JSON.parse(resumeFrame({ token: "token", sessionId: "abc", sequence: 1337 })), {
    op: 6,
    d: { token: "token", session_id: "abc", seq: 1337 },
  });
});

Deno.test("heartbeatFrame() keeps d where there is no sequence yet", () => {
  assert.equal(heartbeatFrame(null), '{"op":1,"d":null}');
  assert.equal(heartbeatFrame(0), '{"op":1,"d":0}');
  assert.equal(heartbeatFrame(251), '{"op":1,"d":251}');
});

Deno.test("presenceFrame() carries the presence letter by letter", () => {
  assert.equal(presenceFrame('{"since": 9007199254740993}'), '{"op":3,"d":{"since": 9007199254740993}}');
});
