import assert from "node:assert/strict";
import { Bot } from "../../../simulator/world/bot.ts";
import { ready, resumed } from "../../../simulator/world/ready.ts";

const bot = new Bot(1, Date.UTC(2026, 7, 6));
const START = {
  version: 10,
  sessionId: "0123456789abcdef0123456789abcdef",
  resumeUrl: "ws://127.0.0.1:1234",
  guildIds: [41771983423143937n, 81384788765712384n],
};

Deno.test("ready() lists the shard's guilds as unavailable and names session, bot and application", () => {
  assert.deepEqual(ready(bot, { ...START, shard: [0, 16] }), {
    v: 10,
    user: bot.user,
    session_id: START.sessionId,
    resume_gateway_url: START.resumeUrl,
    guilds: [
      { id: "41771983423143937", unavailable: true },
      { id: "81384788765712384", unavailable: true },
    ],
    application: { id: bot.id, flags: bot.application.flags },
    shard: [0, 16],
  });
});

Deno.test("ready() has no shard where IDENTIFY had none", () => {
  assert.ok(!("shard" in ready(bot, START)));
});

Deno.test("resumed() carries a trace only", () => {
  assert.deepEqual(Object.keys(resumed()), ["_trace"]);
});
