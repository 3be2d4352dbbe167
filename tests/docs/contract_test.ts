import assert from "node:assert/strict";
import { DASHBOARD_KEY_TYPES } from "../../dashboard/contract_keys.ts";
import { answerMonitoring } from "../../gateway/adapters/monitoring.ts";
import { Metrics } from "../../gateway/adapters/metrics.ts";
import { passingProperties, writeReport } from "../../gateway/adapters/rabbitmq/passed_commands.ts";
import { QueueMetrics } from "../../gateway/adapters/queue_metrics.ts";
import {
  detailsText,
  lifeFields,
  rejectedFields,
  replicaText,
  secondFields,
} from "../../gateway/adapters/redis/figures_text.ts";
import { FIGURE_KEY_TYPES, KEY_TYPES } from "../../gateway/adapters/redis/keys.ts";
import { memberQueue, REPORT_QUEUE } from "../../gateway/adapters/rabbitmq/topology.ts";
import type { CommandError } from "../../gateway/commands/command.ts";
import { SETTINGS } from "../../gateway/config/settings.ts";
import { EXIT_CONFIGURATION, EXIT_REFUSED } from "../../gateway/exit.ts";
import { EventCounts } from "../../gateway/figures/event_counts.ts";
import type { LifeKind } from "../../gateway/figures/store.ts";
import { newsObserver } from "../../gateway/news.ts";
import {
  type DropReason,
  GAP_REASONS,
  type Observation,
  type ShardStatus,
} from "../../gateway/observation.ts";
import { COMMAND_OPCODES } from "../../gateway/protocol/opcodes.ts";
import { Status } from "../../gateway/status.ts";
import { SERVICE_NAMES } from "../../harness/test_servers.ts";
import {
  ready,
  rejectedCommand,
  replicaFigures,
  secondFigures,
  shardDetails,
} from "../contracts/figures_store_contract.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { readMetrics } from "../fakes/prometheus_text.ts";
import { codeSpans, Page } from "../markdown.ts";

const contract = await Page.read("docs/contract.md");

/** The first code span of each row's first cell. */
function firstCodes(rows: readonly (readonly string[])[]): string[] {
  return rows.map(([cell = ""]) => codeSpans(cell)[0] ?? "");
}

Deno.test("docs/contract.md has every setting of the parser, and no other", () => {
  assert.deepEqual(
    firstCodes(contract.section("Environment").table("setting")).toSorted(),
    Object.keys(SETTINGS).toSorted(),
  );
});

Deno.test("docs/contract.md has the defaults of the parser, and marks what is secret", () => {
  for (const [name = "", said = ""] of contract.section("Environment").table("setting")) {
    const setting = Object.entries(SETTINGS).find(([other]) => `\`${other}\`` === name)?.[1];
    assert(setting !== undefined, name);
    const code = codeSpans(said)[0] ?? "";
    // INTENTS is a long list of names there and one number here.
    const same = code === setting.defaultText ||
      (name === "`INTENTS`" && valueOf(setting.read(code)) === valueOf(setting.read(setting.defaultText)));
    assert(same, `${name}: ${said}`);
    assert.equal(said.endsWith("secret"), setting.secret, name);
  }
});

function valueOf(reading: object): unknown {
  return "value" in reading ? reading.value : assert.fail("no value");
}

Deno.test("docs/contract.md has every metric with its type and labels, and no other", async () => {
  const text = await metricsOfEverything();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name, type }));
  const rows = contract.section("Metrics").table("metric");
  const said = rows.map(([name = "", type = ""]) => ({ name: codeSpans(name)[0], type }));
  const byName = (one: { name?: string | undefined }, other: { name?: string | undefined }) =>
    (one.name ?? "") < (other.name ?? "") ? -1 : 1;
  assert.deepEqual(said.toSorted(byName), types.toSorted(byName));

  const samples = readMetrics(text);
  for (const [name = "", type = "", labels = ""] of rows) {
    const family = codeSpans(name)[0] ?? "";
    const sampleName = type === "histogram" ? `${family}_count` : family;
    const sample = samples.find((other) => other.name === sampleName);
    assert(sample !== undefined, `${family} has no sample here`);
    assert.deepEqual(codeSpans(labels), [...sample.labels.keys()], family);
  }
});

/** The text of metrics that have seen something of each label. */
async function metricsOfEverything(): Promise<string> {
  const clock = new ManualClock();
  const status = new Status(clock);
  status.assign([0]);
  const counts = new EventCounts();
  counts.add("MESSAGE_CREATE", 0);
  const metrics = new Metrics({
    clock,
    status: () => status.snapshot(),
    eventCounts: () => counts,
    unconfirmed: () => ({ events: 0, bytes: 0 }),
    spool: () => null,
    unheldShards: () => 0,
  });
  const seen: Observation[] = [
    { kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 1 },
    { kind: "event.dropped", shard: 0, type: "MESSAGE_CREATE", reason: "replayed" },
    { kind: "command.rejected", reason: "not_json", message: "" },
    { kind: "identify.budget", remaining: 1, total: 2, resetsInMs: 3 },
    { kind: "shards.recommendation", recommended: 1, running: 1 },
  ];
  for (const observation of seen) metrics.observe(observation);
  const queueMetrics = new QueueMetrics();
  queueMetrics.observe({
    kind: "queue.watched",
    queue: "gateway",
    messages: 1,
    consumers: 0,
    unattended: false,
  });
  return await metrics.text() + await queueMetrics.text();
}

Deno.test("docs/contract.md has every Redis key with its type, and no other", () => {
  const rows = contract.section("Redis").table("key");
  assert.deepEqual(
    firstCodes(rows).map((key, row) => [key, rows[row]?.[1]]),
    [...KEY_TYPES, ...FIGURE_KEY_TYPES],
  );
});

Deno.test("docs/contract.md has every key that the dashboard writes, and what each is", () => {
  const rows = contract.section("Redis").table("dashboard key");
  assert.deepEqual(firstCodes(rows).map((key, row) => [key, rows[row]?.[1]]), [...DASHBOARD_KEY_TYPES]);
});

const LIFE_KINDS = {
  connecting: true,
  connected: true,
  identifying: true,
  ready: true,
  resuming: true,
  resumed: true,
  disconnected: true,
  reconnecting: true,
  zombie: true,
  silent: true,
  handed_over: true,
  parked: true,
  unparked: true,
  gap: true,
  fatal: true,
} satisfies Record<LifeKind, true>;

Deno.test("docs/contract.md has every field of the figures in Redis, and no other", () => {
  const section = contract.section("Figures");
  const fieldsOf = (heading: string) => section.table(heading).flatMap(([fields = ""]) => codeSpans(fields));
  const namesOf = (entry: readonly (string | number)[]) => entry.filter((_, at) => at % 2 === 0);
  assert.deepEqual(fieldsOf("replica"), Object.keys(JSON.parse(replicaText(replicaFigures("one")))));
  assert.deepEqual(fieldsOf("history"), namesOf(secondFields(secondFigures())));
  assert.deepEqual(fieldsOf("details"), Object.keys(JSON.parse(detailsText(shardDetails()))));
  assert.deepEqual(fieldsOf("life"), namesOf(lifeFields(ready(0, 1))));
  assert.deepEqual(fieldsOf("rejected"), namesOf(rejectedFields(rejectedCommand("body"))));
  const [[, kinds = ""] = []] = section.table("life");
  assert.deepEqual(codeSpans(kinds), Object.keys(LIFE_KINDS));
});

Deno.test("docs/contract.md has every exchange and queue, and no other", () => {
  const rows = contract.section("Exchanges and queues").table("name");
  const names = (kind: string) => firstCodes(rows.filter((row) => row[1]?.endsWith(kind)));
  const { queues, exchanges } = SERVICE_NAMES;
  const rowsOf = queues.filter((queue) => !/^gateway\.p[1-9]/.test(queue)); // partitions have one row
  rowsOf.splice(rowsOf.indexOf(REPORT_QUEUE) + 1, 0, memberQueue("<member>")); // so have members
  assert.deepEqual({ queues: names("queue"), exchanges: names("exchange") }, { queues: rowsOf, exchanges });
});

/** Every member of a union, or this does not compile. */
const COMMAND_ERRORS = {
  not_json: true,
  invalid: true,
  unknown_op: true,
  forbidden_op: true,
  too_large: true,
  unknown_shard: true,
  unknown_replica: true,
  cannot_reshard: true,
  expired: true,
} satisfies Record<CommandError, true>;

const STATUSES = {
  Connected: true,
  Disconnected: true,
  Handshaking: true,
  Identifying: true,
  Resuming: true,
} satisfies Record<ShardStatus, true>;

const DROP_REASONS = { replayed: true, no_type: true, no_session: true } satisfies Record<
  DropReason,
  true
>;

Deno.test("docs/contract.md has every code of a refusal and every reason of a gap", () => {
  assert.deepEqual(firstCodes(contract.section("Commands").table("code")), Object.keys(COMMAND_ERRORS));
  assert.deepEqual(firstCodes(contract.section("News").table("reason")), [...GAP_REASONS]);
});

Deno.test("docs/contract.md has every status of a shard and every reason of a dropped event", () => {
  const statuses = contract.section("Redis").codeSpans();
  for (const status of Object.keys(STATUSES)) assert(statuses.includes(status), status);
  const metrics = contract.section("Metrics").table("metric");
  const dropped = metrics.find(([name]) => name === "`gateway_events_dropped_total`");
  for (const reason of Object.keys(DROP_REASONS)) {
    assert(codeSpans(dropped?.[4] ?? "").includes(reason), reason);
  }
});

Deno.test("docs/contract.md has every gateway op that a command may send", () => {
  const [[, data = ""] = []] = contract.section("Commands").table("`op`");
  const ops = [...data.matchAll(/\d+/g)].map(([op]) => Number(op));
  assert.deepEqual(ops, [...COMMAND_OPCODES]);
});

Deno.test("docs/contract.md has every header of what a fleet's router passes on, and every field of a report", () => {
  const section = contract.section("Commands in a fleet");
  const passed = {
    body: new Uint8Array(),
    stream: "s",
    number: 1,
    shards: [0],
    reopened: [0],
    remainingMs: 1,
  };
  const { headers } = passingProperties(passed);
  assert.deepEqual(firstCodes(section.table("header")), Object.keys(headers ?? {}));
  const fates = [{ number: 1, shards: [0, 1, 2, 3], fate: "sent" as const }];
  for (
    const report of [
      { kind: "forgot", member: "<member>", stream: "<stream>" },
      { kind: "fates", member: "<member>", stream: "<stream>", fates },
    ] as const
  ) {
    const text = JSON.stringify(JSON.parse(writeReport(report).toString()));
    const said = section.codeSpans().map((code) => code.replaceAll(/([:,]) /g, "$1").replace("…", '"sent"'));
    assert(said.includes(text), text);
  }
});

Deno.test("docs/contract.md has every field of the news", () => {
  const news: Record<string, string[]> = {};
  const observe = newsObserver(
    { news: (key, body) => void (news[key] = Object.keys(body as Record<string, unknown>)) },
    new ManualClock(),
    () => {},
  );
  observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
  observe({
    kind: "shard.gap",
    shard: 0,
    oldSession: "a",
    newSession: "b",
    lastSequence: 1,
    fromMs: 0,
    toMs: 0,
    reason: "event_refused",
    sequence: 2,
    type: "MESSAGE_CREATE",
  });
  const fields = contract.section("News").table("field").flatMap(([field = ""]) => codeSpans(field));
  assert.deepEqual(fields, [...news["shard.0.status"] ?? [], ...news["shard.0.gap"] ?? []]);
});

Deno.test("docs/contract.md has every page as it is answered", async () => {
  const metrics = { contentType: "text/plain", text: () => Promise.resolve("") };
  for (const path of firstCodes(contract.section("HTTP").table("path"))) {
    const request = new Request(`http://127.0.0.1${path}`);
    const response = await answerMonitoring(request, { metrics, missing: () => [] });
    assert.equal(response.status, 200, path);
    await response.body?.cancel();
  }
});

Deno.test("docs/contract.md has the statuses with which the process gives up", () => {
  const statuses = contract.section("Process").table("exit status").map(([status]) => Number(status));
  for (const status of [EXIT_REFUSED, EXIT_CONFIGURATION]) assert(statuses.includes(status), String(status));
});
