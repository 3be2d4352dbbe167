import { testReshardStoreContract } from "../contracts/reshard_store_contract.ts";
import { MemoryReshardStore } from "./memory_reshard_store.ts";

testReshardStoreContract("MemoryReshardStore", () => {
  const store = new MemoryReshardStore();
  return Promise.resolve({
    process: () => Promise.resolve(store),
    away: () => {
      store.isAway = true;
      return Promise.resolve();
    },
    empty: () => {
      store.empty();
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
