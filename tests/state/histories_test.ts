import assert from "node:assert/strict";
import fc from "fast-check";
import { ending, histories, type HistoryEvent } from "./histories.ts";
import { StateModel } from "./model.ts";

const BOT = "1258291200000000900";
const SETTINGS = { prefix: "", member: true, message: true, presence: true, emoji: true, voice: true };

/** Events that never tell what was there before. */
const UNTOLD = [
  "GUILD_MEMBERS_CHUNK",
  "THREAD_LIST_SYNC",
  "THREAD_MEMBERS_UPDATE",
  "GUILD_BAN_ADD",
  "CHANNEL_OF_TOMORROW_UPDATE",
  "MESSAGE_REACTION_ADD",
  "TYPING_START",
];

function play(model: StateModel, { t, d }: HistoryEvent): unknown {
  return model.apply(t, JSON.parse(d), { shard: 0, shardsTotal: 1, botId: BOT });
}

Deno.test("Histories have every event that the contract lists but READY, and each often finds what it is about", () => {
  const found = new Map<string, number>();
  for (const history of fc.sample(histories(BOT), { seed: 1, numRuns: 100 })) {
    const model = new StateModel(SETTINGS);
    for (const event of history.flat()) {
      const count = found.get(event.t) ?? 0;
      found.set(event.t, count + (play(model, event) === undefined ? 0 : 1));
    }
  }
  assert.equal(found.size, 31);
  for (const [t, count] of found) {
    if (UNTOLD.includes(t)) assert.equal(count, 0, t);
    else assert(count >= 10, `${t}: ${count}`);
  }
});

Deno.test("After the ending of a history nothing is left but the bot's user", () => {
  fc.assert(fc.property(histories(BOT), (history) => {
    const model = new StateModel(SETTINGS);
    for (const event of [...history.flat(), ...ending()]) play(model, event);
    assert.deepEqual([...model.keys().keys()].filter((key) => key !== "bot_user"), []);
    assert.equal(model.sets().size, 0);
  }));
});
