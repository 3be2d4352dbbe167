/**
 * A stage as an operator has it: a gateway and a dashboard by itself, events on their way, and a Prometheus that scrapes
 * both with the configuration of this project.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startPrometheus } from "../../harness/prometheus.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { beforeDeadline } from "../deadline.ts";
import type { GatewayProcess } from "../e2e/gateway_process.ts";
import { onStage, type Stage } from "../e2e/stage.ts";
import { lookUntil, PrometheusApi } from "./prometheus_api.ts";

const CONFIG = new URL("../../deploy/prometheus/prometheus.yaml", import.meta.url);
const ALERTS = new URL("../../deploy/prometheus/alerts.yaml", import.meta.url);

const SHARDS = 2;
/** Two more processes and their Prometheus take their time to start. */
const STAGE_DEADLINE_MS = 120_000;

export interface WatchedStage {
  readonly stage: Stage;
  readonly gateway: GatewayProcess;
  /** As Prometheus names the gateway: `host:port`. */
  readonly instance: string;
  /** The gateway's way to RabbitMQ. */
  readonly brokerLine: TcpProxy;
  readonly prometheus: PrometheusApi;
  /** Looks until the condition holds, and fails with what is said to be missing if it never does. */
  until(condition: () => Promise<boolean>, missing: () => string): Promise<void>;
}

/** A test on such a stage, once Prometheus has seen events and queues. */
export function onWatchedStage(play: (stage: WatchedStage) => Promise<void>): () => Promise<void> {
  const simulator = {
    recommendedShards: SHARDS,
    maxConcurrency: SHARDS,
    guilds: 4,
    heartbeatIntervalMs: 1_000,
    eventsPerSecond: 50,
  };
  return onStage({ simulator, deadlineMs: STAGE_DEADLINE_MS }, async (stage) => {
    await using brokerLine = new TcpProxy(stage.rabbitUrl);
    const gateway = stage.start({ RABBIT_URL: brokerLine.through(stage.rabbitUrl), STATE_ENABLED: "true" });
    const dashboard = stage.start({ ROLE: "dashboard", DASHBOARD_PORT: "0", BOT_TOKEN: "" });
    await gateway.connected(SHARDS);
    await dashboard.line(({ kind }) => kind === "queue.watched");
    const [instance, dashboardAddress] = await Promise.all([addressOf(gateway), addressOf(dashboard)]);
    const { server, url } = await startPrometheus(await configFor(instance, dashboardAddress));
    await using _server = server;

    const prometheus = new PrometheusApi(url);
    const until: WatchedStage["until"] = async (condition, missing) => {
      const looking = new AbortController();
      try {
        await beforeDeadline(lookUntil(condition, looking.signal), missing);
      } finally {
        looking.abort();
      }
    };
    const first = "gateway_events and on () gateway_queue_messages";
    await until(async () => (await prometheus.valuesNow(first)).length > 0, () => `nothing for ${first}`);
    await play({ stage, gateway, instance, brokerLine, prometheus, until });
  });
}

async function addressOf(process: GatewayProcess): Promise<string> {
  return new URL(await process.monitoringUrl()).host;
}

/** The configuration of this project, but for where the targets are, and how often it looks. */
async function configFor(gateway: string, dashboard: string): Promise<string> {
  const replacements = [
    ["gateway:8005", gateway],
    ["dashboard:8005", dashboard],
    ["- alerts.yaml", `- ${decodeURIComponent(ALERTS.pathname)}`],
    ["scrape_interval: 15s", "scrape_interval: 1s"],
    ["evaluation_interval: 15s", "evaluation_interval: 1s"],
  ] as const;
  let config = await Deno.readTextFile(CONFIG);
  for (const [shipped, here] of replacements) {
    assert(config.includes(shipped), `prometheus.yaml says "${shipped}"`);
    config = config.replace(shipped, here);
  }
  return config;
}
