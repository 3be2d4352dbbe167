/**
 * What is measured: this service, and what people write in its place.
 *
 * @module
 */
import type { Gateway } from "../../harness/gateway.ts";
import { type ContenderName, CONTENDERS, type Contenders } from "../contenders.ts";
import { startService } from "./service.ts";
import { type Scene, type Stage, startCollector } from "./stage.ts";
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
  start: async (stage, scene, work) => serviceOf(await startService(stage, scene, work)),
};

/** This service with settings of its own. */
export function configured(what: string, settings: Readonly<Record<string, string>>): MeasuredGateway {
  return {
    title: `Shardline, ${what}`,
    knows: () => true,
    start: async (stage, scene, work) => serviceOf(await startService(stage, scene, work, settings)),
  };
}

/** This service, a part of whose events has a span each that is exported. */
export function traced(ratio: number): MeasuredGateway {
  return {
    title: `Shardline, ${ratio * 100} % traced`,
    knows: () => true,
    start: async (stage, scene, work) => {
      await using starting = new AsyncDisposableStack();
      const collector = await startCollector();
      starting.defer(() => collector.stop());
      const collectorUrl = `http://127.0.0.1:${collector.ports[0]}`;
      const settings = {
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
        TRACE_RATIO: String(ratio),
      };
      const service = serviceOf(await startService(stage, scene, work, settings));
      const started = starting.move();
      return {
        processId: service.processId,
        stop: async () => {
          await using _ = started;
          await service.stop();
          const requests = Number(await (await fetch(`${collectorUrl}/span-requests`)).text());
          if (requests === 0) throw new Error("Cannot measure what traces cost: none was exported");
        },
      };
    },
  };
}

function serviceOf({ server }: Gateway): RunningGateway {
  return {
    processId: server.processId,
    stop: async () => {
      await server.terminate();
      await server.stop();
    },
  };
}

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
