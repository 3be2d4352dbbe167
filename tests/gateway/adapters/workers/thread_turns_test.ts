import type { FromWorker, ToWorker } from "../../../../gateway/adapters/workers/messages.ts";
import { ThreadQuestions } from "../../../../gateway/adapters/workers/thread_questions.ts";
import { answerTurns, ThreadTurns } from "../../../../gateway/adapters/workers/thread_turns.ts";
import type { SharedTurns, TurnTimes } from "../../../../gateway/identify/shared_turns.ts";
import { testSharedTurnsContract } from "../../../contracts/shared_turns_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { MemoryTurnStore } from "../../../fakes/memory_shared_turns.ts";

testSharedTurnsContract("Over messages between threads", () => {
  const clock = new ManualClock();
  const store = new MemoryTurnStore(clock);
  const ports: MessagePort[] = [];
  return Promise.resolve({
    process: (member: string, times: TurnTimes): Promise<SharedTurns> => {
      const { port1: main, port2: worker } = new MessageChannel();
      ports.push(main, worker);
      const asked = store.process(member, times);
      main.onmessage = async ({ data }: MessageEvent<Extract<FromWorker, { kind: "asked" }>>) => {
        if (data.question.call === "begun") return;
        const answer = await answerTurns(asked, data.question);
        main.postMessage({ kind: "answer", id: data.id, answer } satisfies ToWorker);
      };
      const questions = new ThreadQuestions((id, question) =>
        worker.postMessage({ kind: "asked", id, question } satisfies FromWorker)
      );
      worker.onmessage = ({ data }: MessageEvent<Extract<ToWorker, { kind: "answer" }>>) =>
        questions.answered(data.id, data.answer);
      return Promise.resolve(new ThreadTurns({ member, times, ask: questions.ask }));
    },
    pass: (ms) => Promise.resolve(clock.advance(ms)),
    away: () => Promise.resolve(store.away()),
    back: () => Promise.resolve(store.back()),
    failOver: () => Promise.resolve(store.failOver()),
    [Symbol.asyncDispose]: () => {
      for (const port of ports) port.close();
      return Promise.resolve();
    },
  });
});
