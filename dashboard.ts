/**
 * The dashboard's table of contents: settings → services → application → port. It runs on a thread of its own, which
 * `dashboard/thread.ts` starts; importing it anywhere else does nothing.
 *
 * @module
 */
import { memoryUsage } from "node:process";
import { isMainThread, type MessagePort, parentPort, workerData } from "node:worker_threads";
import { FaultTeller } from "./dashboard/fault_teller.ts";
import { createServices, type DashboardNews, startServices, stopServices } from "./dashboard/services.ts";
import { type DashboardSettings, hasNoSignIn, isLoopback } from "./dashboard/settings.ts";
import { baseUrl, linkUrl } from "./dashboard/sign_in/links.ts";
import type { FromThread, ThreadStart, ToThread } from "./dashboard/thread_messages.ts";
import { KeptServer } from "./gateway/adapters/kept_server.ts";
import { systemClock } from "./gateway/clock.ts";
import { createApp } from "./routes/app.ts";

const ALIVE_EVERY_MS = 1_000;

async function runThread(port: MessagePort, { settings, wantsLink, ...start }: ThreadStart): Promise<void> {
  let gatewayMissing = start.gatewayMissing;
  const say = (message: FromThread) => port.postMessage(message);
  const tell = (news: DashboardNews) => say({ kind: "news", news });
  const services = createServices(settings, {
    clock: systemClock,
    tell,
    gatewayMissing: gatewayMissing === null ? null : () => gatewayMissing ?? [],
  });
  const warn = (message: string) => tell({ kind: "warning", message });
  const faults = new FaultTeller({ clock: systemClock, warn });
  const app = createApp(services, (fault) => faults.tell(fault));
  const server = new KeptServer({
    what: "the dashboard",
    settings: "DASHBOARD_HOST or DASHBOARD_PORT",
    hostname: settings.host,
    port: settings.port,
    clock: systemClock,
    answer: (request, { remoteAddr }) => app.fetch(request, { remoteAddress: remoteAddr.hostname }),
    listening: (port) => listening(port),
    warn,
  });
  const alive = setInterval(
    () => say({ kind: "alive", bufferBytes: memoryUsage().external }),
    ALIVE_EVERY_MS,
  );
  port.on("message", async (message: ToThread) => {
    if (message.kind === "missing") {
      gatewayMissing = message.gatewayMissing;
      return;
    }
    clearInterval(alive);
    await server.stop();
    await stopServices(services);
    say({ kind: "stopped" });
  });
  const started = startServices(services);
  server.start();
  await started;

  function listening(port: number): void {
    const address = { ...settings, port };
    tell({ kind: "notice", message: `The dashboard is served on ${baseUrl(address)}` });
    if (hasNoSignIn(settings) && isLoopback(settings.host)) void offerSignIn(address);
  }

  /** The one way in where no other is set up. */
  async function offerSignIn(address: DashboardSettings): Promise<void> {
    await started;
    const link = wantsLink ? await services.links.issue().catch(() => null) : null;
    if (link === null) tell({ kind: "notice", message: "To sign in to the dashboard: deno task signin" });
    else tell({ kind: "link", url: linkUrl(address, link) });
  }
}

if (!isMainThread && parentPort !== null) {
  await runThread(parentPort as MessagePort, workerData as ThreadStart);
}
