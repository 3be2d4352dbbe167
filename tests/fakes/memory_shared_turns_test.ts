import { testSharedTurnsContract } from "../contracts/shared_turns_contract.ts";
import { ManualClock } from "./manual_clock.ts";
import { MemoryTurnStore } from "./memory_shared_turns.ts";

testSharedTurnsContract("In-memory", () => {
  const clock = new ManualClock();
  const store = new MemoryTurnStore(clock);
  return Promise.resolve({
    process: (member, times) => Promise.resolve(store.process(member, times)),
    pass: (ms) => Promise.resolve(clock.advance(ms)),
    away: () => Promise.resolve(store.away()),
    back: () => Promise.resolve(store.back()),
    failOver: () => Promise.resolve(store.failOver()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
