import { testExampleWorker } from "./worker_contract.ts";

await testExampleWorker({
  language: "python",
  folder: "python",
  command: ".venv/bin/python -u worker.py",
  afterLoss: "goes on",
});
