import assert from "node:assert/strict";
import { stringify } from "yaml";
import { denoEnvironment, PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { promtool } from "../../harness/prometheus.ts";
import { CommandSender } from "../e2e/command_sender.ts";
import { codeSpans, Page } from "../markdown.ts";
import {
  allOf,
  type Choices,
  DASHBOARD,
  DASHBOARD_TEXT,
  interpolated,
  queryPanels,
  rows,
} from "./grafana_dashboard.ts";
import type { PrometheusApi } from "./prometheus_api.ts";
import { onWatchedStage, type WatchedStage } from "./watched_stage.ts";

/** Units of a dashboard's grid (Grafana docs, Dashboard JSON model, Panel size and position). */
const GRID_WIDTH = 24;
/** The first release's names of two others that are shown. */
const ALIASES = ["gateway_status", "gateway_latency"];
const RANGE_SECONDS = 60;

Deno.test("deploy/grafana/shardline.json is of the form that Grafana publishes", async () => {
  assert.equal(await faultsOf(DASHBOARD_TEXT), null);
  const misspelt = DASHBOARD_TEXT.replace('"colorMode":', '"colourMode":');
  assert.match(await faultsOf(misspelt) ?? "", /colourMode/);
});

/** What the type checker says of a dashboard's text; null where it has nothing to say. */
async function faultsOf(text: string): Promise<string | null> {
  const folder = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    const schema = new URL("grafana_schema.ts", import.meta.url).href;
    const script = `${folder}/dashboard.ts`;
    await Deno.writeTextFile(
      script,
      `import type { GrafanaDashboard } from "${schema}";
       export const dashboard: GrafanaDashboard = ${text};`,
    );
    const config = `--config=${PROJECT_FOLDER}deno.json`;
    const { success, stdout } = await new Deno.Command("sh", {
      args: ["-c", 'exec "$@" 2>&1', "sh", Deno.execPath(), "check", config, script],
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", ...denoEnvironment(), NO_COLOR: "1" },
      stdin: "null",
    }).output();
    return success ? null : new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("The dashboard can be imported anywhere: its data source is chosen, and it has no id of some Grafana", () => {
  assert.equal("id" in DASHBOARD, false);
  assert.equal(
    "__inputs" in DASHBOARD,
    false,
    "Grafana does not fill these in when it provisions dashboards",
  );
  const [first, ...others] = DASHBOARD.templating?.list ?? [];
  assert.deepEqual([first?.type, first?.name, first?.query], ["datasource", "datasource", "prometheus"]);
  for (const { datasource } of [...others, ...queryPanels()]) {
    assert.deepEqual(datasource, { type: "prometheus", uid: "${datasource}" });
  }
});

Deno.test("The dashboard's rows are fleet, shards, delivery, Redis and process, and none is empty", () => {
  assert.deepEqual(rows().map(({ title }) => title), ["Fleet", "Shards", "Delivery", "Redis", "Process"]);
  for (const { title, panels } of rows()) assert(panels.length > 0, title);
});

Deno.test("The dashboard's panels have a title of their own, a unit, a legend and a description", () => {
  const titles = queryPanels().map(({ title }) => title);
  assert.equal(new Set(titles).size, titles.length);
  for (const { title, description, fieldConfig, targets, ...panel } of queryPanels()) {
    assert(title !== "" && fieldConfig.defaults.unit !== "", title);
    assert.match(description, /^[A-Z].*[.]$/, title);
    assert(targets.length > 0, title);
    assert(targets.every(({ legendFormat }) => legendFormat !== ""), title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    if (panel.type === "timeseries") assert.equal(panel.options.legend.showLegend, true, title);
  }
});

Deno.test("The dashboard's panels have ids of their own, fill the grid's width, and do not overlap", () => {
  const ids = DASHBOARD.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Map<string, string>();
  for (const { title = "", gridPos: { x, y, w, h } } of DASHBOARD.panels) {
    for (let column = x; column < x + w; column++) {
      assert(column < GRID_WIDTH, `${title} is beyond the grid`);
      for (let line = y; line < y + h; line++) {
        const other = taken.get(`${column},${line}`);
        assert.equal(other, undefined, `${title} lies on ${other}`);
        taken.set(`${column},${line}`, title);
      }
    }
  }
  const height = Math.max(...DASHBOARD.panels.map(({ gridPos: { y, h } }) => y + h));
  assert.equal(taken.size, GRID_WIDTH * height, "there are holes");
});

Deno.test("The dashboard shows every metric of docs/contract.md, and none that is not there", async () => {
  const table = (await Page.read("docs/contract.md")).section("Metrics").table("metric");
  const metrics = table.map(([name = "", type]) => ({ name: codeSpans(name)[0] ?? "", type }));
  const histograms = new Set(metrics.filter(({ type }) => type === "histogram").map(({ name }) => name));
  const shown = new Set(
    queryPanels().flatMap(({ targets }) => targets).flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:gateway|process|state)_\w+/g)].map(([name]) => {
        const family = name.replace(/_(bucket|sum|count)$/, "");
        return histograms.has(family) ? family : name;
      })
    ),
  );
  const expected = metrics.map(({ name }) => name).filter((name) => !ALIASES.includes(name));
  assert.deepEqual([...shown].toSorted(), expected.toSorted());
});

/** Of one scrape every 15 s, the last one now; `_` where the series was not there yet. */
interface CountedGaps {
  readonly name: string;
  readonly gaps: string;
  /** Start of the process, seconds since the first scrape. */
  readonly starts: string;
  /** What the panel that counts must say, of the last 5 minutes. */
  readonly count: number;
  /** What the panel by reason must say, a scrape later than the first of these processes. */
  readonly graph: number;
}

const COUNTED_GAPS: readonly CountedGaps[] = [
  { name: "none since long ago", gaps: "7x40", starts: "-9000x40", count: 0, graph: 0 },
  { name: "two that are seen", gaps: "7x29 9x10", starts: "-9000x40", count: 2, graph: 2 },
  {
    name: "one before a new pod's first scrape",
    gaps: "_x30 1x10",
    starts: "_x30 440x10",
    count: 1,
    graph: 1,
  },
  {
    name: "16 before it, and one after it",
    gaps: "_x30 16x4 17x5",
    starts: "_x30 440x10",
    count: 17,
    graph: 16,
  },
  { name: "one in each of two processes", gaps: "1x40", starts: "-9000x29 440x10", count: 1, graph: 1 },
  {
    name: "fewer than in the process before",
    gaps: "8x29 3x10",
    starts: "-9000x29 440x10",
    count: 3,
    graph: 3,
  },
  { name: "none in a new process", gaps: "5x29 0x10", starts: "-9000x29 440x10", count: 0, graph: 0 },
];

Deno.test("The panels of gaps show those of a restart too, which a counter begins with, and none twice", async () => {
  const choice: Choices = { job: "gateway", instance: allOf("instance"), shard: allOf("shard") };
  const expressionOf = (wanted: string) => {
    const { targets } = queryPanels().find(({ title }) => title === wanted) ?? assert.fail(wanted);
    return `round(${interpolated(targets[0]?.expr ?? "", choice)})`;
  };
  const labels = 'job="gateway", instance="10.0.0.7:8005"';
  const tests = COUNTED_GAPS.map(({ name, gaps, starts, count, graph }) => ({
    name,
    interval: "15s",
    input_series: [
      { series: `gateway_session_gaps_total{${labels}, reason="superseded"}`, values: gaps },
      { series: `process_start_time_seconds{${labels}}`, values: starts },
    ],
    promql_expr_test: [
      { expr: expressionOf("Gaps"), eval_time: "10m", exp_samples: [{ labels: "{}", value: count }] },
      {
        expr: expressionOf("Gaps by reason"),
        eval_time: "7m45s",
        exp_samples: [{ labels: '{reason="superseded"}', value: graph }],
      },
    ],
  }));
  const folder = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    await Deno.writeTextFile(`${folder}/tests.yaml`, stringify({ rule_files: [], tests }));
    const { ok, output } = await promtool(["test", "rules", `${folder}/tests.yaml`]);
    assert(ok, output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(
  "Every query of the dashboard has data, for all shards and for some, and so has every choice it offers",
  onWatchedStage(async (watched) => {
    const { instance, prometheus, until } = watched;
    await makeEverythingHappen(watched);

    const job = "shardline-gateway";
    const choices: Choices[] = [
      { job, instance: allOf("instance"), shard: allOf("shard") },
      { job, instance: [instance], shard: ["0", "1"] },
    ];
    const queries = choices.flatMap((choice) =>
      queryPanels().flatMap(({ title, targets }) =>
        targets.map(({ expr, instant, legendFormat }) => ({
          name: `${title}, ${legendFormat}: ${interpolated(expr, choice)}`,
          ask: () => ask(prometheus, interpolated(expr, choice), instant === true),
        }))
      )
    );
    assert(queries.length > 100);
    let missing = queries;
    await until(async () => {
      const stillMissing = [];
      for (const query of missing) if ((await query.ask()).length === 0) stillMissing.push(query);
      missing = stillMissing;
      return missing.length === 0;
    }, () => `no data for\n${missing.map(({ name }) => name).join("\n")}`);

    const [all = {}] = choices;
    const offered = new Map<string, string[]>();
    for (const { name, type, query } of DASHBOARD.templating?.list ?? []) {
      if (type !== "query") continue;
      const text = typeof query === "object" ? String(query["query"]) : "";
      const [, selector = "", label = ""] = text.match(/^label_values\((.+), (\w+)\)$/) ?? assert.fail(text);
      offered.set(name, await prometheus.labelValues(label, interpolated(selector, all)));
    }
    assert.deepEqual(Object.fromEntries(offered), { job: [job], instance: [instance], shard: ["0", "1"] });
  }),
);

function ask(prometheus: PrometheusApi, expression: string, isInstant: boolean): Promise<number[]> {
  return isInstant ? prometheus.valuesNow(expression) : prometheus.valuesOver(expression, RANGE_SECONDS);
}

/** What has no series, or no value, before it has happened. */
async function makeEverythingHappen(
  { stage, gateway, brokerLine, prometheus, until }: WatchedStage,
): Promise<void> {
  // Only what grows between two scrapes has a rate.
  const hasScraped = async () => (await prometheus.valuesNow("gateway_spool_write_seconds_count")).length > 0;
  await until(hasScraped, () => "the gateway is not scraped");
  brokerLine.down();
  await gateway.line(({ kind }) => kind === "spool.written");
  brokerLine.up();
  await gateway.line(({ kind }) => kind === "spool.emptied");
  const commands = await CommandSender.open(await stage.broker());
  commands.send("no command");
  await gateway.line(({ kind }) => kind === "command.rejected");
  stage.simulator.control.inject({ fault: "duplicate", count: 1 });
  await gateway.line(({ kind }) => kind === "event.dropped");
}
