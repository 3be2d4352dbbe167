/**
 * The table of contents of a worker: the settings of the process → its own part of them → service → run. It runs on a thread
 * of its own, which `gateway/adapters/workers/worker_pool.ts` starts; importing it anywhere else does nothing.
 *
 * @module
 */
import { isMainThread, type MessagePort, parentPort, workerData } from "node:worker_threads";
import { createGenerations, createMetrics, createRest } from "./create_service.ts";
import { isLogged } from "./gateway/adapters/log.ts";
import { isForLogChannels } from "./gateway/adapters/log_channel.ts";
import { isOfTheWhole } from "./gateway/adapters/metrics.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./gateway/adapters/workers/messages.ts";
import { packCounts } from "./gateway/adapters/workers/packed_counts.ts";
import { ThreadQuestions } from "./gateway/adapters/workers/thread_questions.ts";
import { ThreadTurns } from "./gateway/adapters/workers/thread_turns.ts";
import { parseConfig } from "./gateway/config.ts";
import type { Generations } from "./gateway/generations.ts";
import { turnTimes } from "./gateway/identify/shared_turns.ts";
import { observeAll, type Observer } from "./gateway/observation.ts";
import { missingForReadiness } from "./gateway/status.ts";
import { configOfWorker } from "./gateway/worker_config.ts";

const ALIVE_EVERY_MS = 1_000;

async function runWorker(port: MessagePort, start: WorkerStart): Promise<void> {
  const say = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  hearFaults((message) => say({ kind: "fault", message }));
  const parsed = parseConfig(start.environment, {
    isTerminal: false,
    replicaName: start.replicaName,
    readFile: (path) => start.files[path] ?? "",
  });
  if (!parsed.ok) throw new Error("the main thread has read the same settings without a fault");
  const config = configOfWorker(parsed.config, start.number);
  const tell: Observer = (observation) => {
    if (
      isLogged(observation, config.log.level) || isForLogChannels(observation) || isOfTheWhole(observation)
    ) say({ kind: "observed", observation });
  };
  const metrics = createMetrics(() => generations.service);
  const questions = new ThreadQuestions((id, question) => say({ kind: "asked", id, question }));
  let changes = 0;
  const generations: Generations = createGenerations(config, {
    rest: createRest(config),
    observe: observeAll(metrics.observe, tell),
    metrics,
    surroundings: ({ isNext }) => {
      const turns = new ThreadTurns({
        member: isNext ? `${start.turnsMember}.${++changes}` : start.turnsMember,
        times: turnTimes(config.shards.identifySpacingMs),
        ask: questions.ask,
      });
      return {
        processId: start.processId,
        turns: () => turns,
        siblings: {
          begun: () => questions.ask({ call: "begun" }),
          hasBegun: (total) => say({ kind: "begun", total }),
        },
      };
    },
    changed: (total) => say({ kind: "begun", total }),
  });
  const sayAlive = () =>
    say({ kind: "alive", missing: missingForReadiness(generations.service.status.snapshot()) });
  const alive = setInterval(sayAlive, ALIVE_EVERY_MS);
  sayAlive();
  port.on("message", async (message: ToWorker) => {
    switch (message.kind) {
      case "answer":
        return questions.answered(message.id, message.answer);
      case "read": {
        const families = await metrics.families();
        const counts = packCounts(generations.service.eventCounts);
        return say({ kind: "figures", id: message.id, figures: { families, counts } }, [
          counts.numbers.buffer,
        ]);
      }
      case "stop":
        await generations.stop();
        clearInterval(alive);
        return say({ kind: "stopped" });
    }
  });
  generations.failed.then((exit) => say({ kind: "failed", exit }));
  await generations.start();
}

/** A fault of our own, thrown where nobody catches it: what is left here is in a state that nobody has thought of. */
function hearFaults(fault: (message: string) => void): void {
  const report = (error: unknown) =>
    fault(
      `Please report this fault: ${error instanceof Error ? error.stack ?? error.message : String(error)}`,
    );
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    report(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    report(event.reason);
  });
}

if (!isMainThread && parentPort !== null) {
  await runWorker(parentPort as MessagePort, workerData as WorkerStart);
}
