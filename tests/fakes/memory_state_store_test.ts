import { testStateStoreContract } from "../contracts/state_store_contract.ts";
import { MemoryState, MemoryStateStore } from "./memory_state_store.ts";

testStateStoreContract("In-memory", () => {
  const state = new MemoryState();
  const stores: MemoryStateStore[] = [];
  const all = (action: (store: MemoryStateStore) => void) => () => stores.forEach(action);
  return Promise.resolve({
    process: () => {
      const store = new MemoryStateStore(state);
      stores.push(store);
      return store;
    },
    hold: all((store) => store.hold()),
    away: () => Promise.resolve(all((store) => store.away())()),
    back: all((store) => store.back()),
    text: (key) => Promise.resolve(state.text(key)),
    named: (set) => Promise.resolve(state.named(set)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
