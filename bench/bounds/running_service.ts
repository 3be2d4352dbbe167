/**
 * A scene with this service in it, its shards connected.
 *
 * @module
 */
import type { Gateway } from "../../harness/gateway.ts";
import { startService } from "../path/service.ts";
import type { Scene, Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";

/** `gateway`: without the dashboard's thread. */
export type ServiceRole = "all" | "gateway";

/** Takes all of it away at its end, but for the two servers. */
export interface RunningService extends Pick<Gateway, "server" | "monitoringUrl">, AsyncDisposable {
  readonly scene: Scene;
  /** When its process was started, by the wall clock. */
  readonly startedAtMs: number;
}

export async function runService(
  stage: Stage,
  work: Work,
  role: ServiceRole = "all",
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningService> {
  await using opening = new AsyncDisposableStack();
  const scene = opening.use(await stage.set(work));
  // With the few milliseconds that the harness takes before it runs the program.
  const startedAtMs = Date.now();
  const { server, monitoringUrl } = await startService(stage, scene, work, { ROLE: role, ...settings });
  opening.use(server);
  await scene.connected();
  const opened = opening.move();
  return { scene, server, monitoringUrl, startedAtMs, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
