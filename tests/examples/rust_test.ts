import { testExampleWorker } from "./worker_contract.ts";

await testExampleWorker({
  language: "rust",
  folder: "rust",
  command: "target/debug/shardline-rust-worker",
  afterLoss: "ends",
});
