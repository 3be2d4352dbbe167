import { testFiguresStoreContract } from "../contracts/figures_store_contract.ts";
import { MemoryFiguresStore } from "./memory_figures_store.ts";

testFiguresStoreContract("In-memory", () => {
  const store = new MemoryFiguresStore();
  return Promise.resolve({
    process: () => Promise.resolve(store),
    away: () => Promise.resolve(store.away()),
    back: () => store.back(),
    replicas: () => Promise.resolve([...store.replicas.keys()].sort()),
    stopped: (replica) => Promise.resolve(store.replicas.get(replica)?.stopped),
    history: (replica) => Promise.resolve((store.history.get(replica) ?? []).map(({ events }) => events)),
    received: (shard) => Promise.resolve(store.details.get(shard)?.received),
    life: (shard) => Promise.resolve((store.life.get(shard) ?? []).map(({ data }) => Number(data["guilds"]))),
    latencies: (shard) =>
      Promise.resolve((store.latencies.get(shard) ?? []).map(({ latencyMs }) => latencyMs)),
    rejected: () => Promise.resolve(store.rejected.map(({ body }) => body)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
