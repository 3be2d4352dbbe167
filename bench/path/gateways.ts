/**
 * What is measured: this service, and what people write in its place.
 *
 * @module
 */
import { startService } from "./service.ts";
import { type ContenderName, CONTENDERS, type Contenders } from "../contenders.ts";
import type { Scene, Stage } from "./stage.ts";
import { INTENTS, TOKEN, type Work } from "./work.ts";

/** A gateway at work. */
export interface RunningGateway {
  readonly processId: number;
  stop(): Promise<void>;
}

export interface MeasuredGateway {
  readonly title: string;
  /** False where its library knows no such compression. */
  knows(work: Work): boolean;
  start(stage: Stage, scene: Scene, work: Work): Promise<RunningGateway>;
}

export const SHARDLINE: MeasuredGateway = {
  title: "Shardline",
  knows: () => true,
  start: async (stage, scene, work) => {
    const { server } = await startService(stage, scene, work);
    return {
      processId: server.processId,
      stop: async () => {
        await server.terminate();
        await server.stop();
      },
    };
  },
};

export function contender(contenders: Contenders, name: ContenderName): MeasuredGateway {
  const { title, compressions } = CONTENDERS[name];
  return {
    title,
    knows: ({ compression }) => compressions.includes(compression),
    start: ({ servers }, { restUrl }, { shards, compression }) =>
      contenders.start(name, {
        rabbitUrl: servers.rabbit.url,
        restUrl,
        token: TOKEN,
        shards,
        compression,
        intents: INTENTS,
      }),
  };
}
