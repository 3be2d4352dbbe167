import { testLeasesContract } from "../contracts/leases_contract.ts";
import { MemoryLeases } from "./memory_leases.ts";

testLeasesContract("In-memory", () => {
  let nowMs = Date.UTC(2026, 10, 30);
  const leases = new MemoryLeases(() => nowMs += 1);
  return Promise.resolve({
    process: () => Promise.resolve(leases),
    away: () => {
      leases.isAway = true;
      return Promise.resolve();
    },
    back: () => {
      leases.isAway = false;
      return Promise.resolve();
    },
    empty: () => Promise.resolve(leases.restore()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
