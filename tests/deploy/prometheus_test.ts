import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { promtool } from "../../harness/prometheus.ts";
import { onWatchedStage } from "./watched_stage.ts";

/** A metric's name and what is asked of its labels, within an expression. */
const SELECTOR = /\b(?:gateway_\w+|process_\w+|up)\b(?:\{[^}]*\})?/g;

const FOLDER = decodeURIComponent(new URL("../../deploy/prometheus", import.meta.url).pathname);

Deno.test("promtool finds nothing wrong with deploy/prometheus/prometheus.yaml, nor with the rules it names", async () => {
  const { ok, output } = await promtool(["check", "config", `${FOLDER}/prometheus.yaml`]);
  assert(ok, output);
  assert.match(output, /SUCCESS: 1 rule files found/);
  const rules = await promtool(["check", "rules", "--lint-fatal", `${FOLDER}/alerts.yaml`]);
  assert(rules.ok, rules.output);
});

Deno.test("The alerts fire and stay silent as deploy/prometheus/alerts_test.yaml says", async () => {
  const { ok, output } = await promtool(["test", "rules", `${FOLDER}/alerts_test.yaml`]);
  assert(ok, output);
});

Deno.test("deploy/prometheus/alerts_test.yaml has each alert fire, and has it stay silent", async () => {
  const alerts = [...(await read("alerts.yaml")).matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name);
  assert(alerts.length > 0);
  const looks = [
    ...(await read("alerts_test.yaml")).matchAll(
      /expr: ALERTS\{alertname="(\w+)", alertstate="firing"\}\n +eval_time: \w+\n +exp_samples:( \[\])?$/gm,
    ),
  ].map(([, name, none]) => ({ name, isSilent: none !== undefined }));
  const named = (isSilent: boolean) =>
    new Set(looks.filter((look) => look.isSilent === isSilent).map(({ name }) => name));
  assert.deepEqual([...named(false)].toSorted(), alerts.toSorted());
  assert.deepEqual([...named(true)].toSorted(), alerts.toSorted());
});

Deno.test("An alert on a job that Prometheus does not know of says so, one on a target that is down names it", async () => {
  const { groups }: { groups: { rules: { alert: string; annotations: Record<string, string> }[] }[] } = parse(
    await read("alerts.yaml"),
  );
  const rules = groups.flatMap(({ rules }) => rules);
  const expected = (name: string, labels: Record<string, string>, summary: string) => ({
    eval_time: "10m",
    alertname: name,
    exp_alerts: [{
      exp_labels: labels,
      exp_annotations: { ...rules.find(({ alert }) => alert === name)?.annotations, summary },
    }],
  });
  const gateway = { severity: "critical", job: "shardline-gateway" };
  const dashboard = { severity: "warning", job: "shardline-dashboard" };
  const down = [gateway, dashboard].map(({ job }) => ({
    series: `up{job="${job}", instance="${job}:8005"}`,
    values: "0x10",
  }));
  const folder = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    await Deno.writeTextFile(
      `${folder}/tests.yaml`,
      stringify({
        rule_files: [`${FOLDER}/alerts.yaml`],
        evaluation_interval: "1m",
        tests: [{
          alert_rule_test: [
            expected("ShardlineGatewayDown", gateway, "Prometheus knows of no gateway"),
            expected("ShardlineDashboardDown", dashboard, "Prometheus knows of no dashboard"),
          ],
        }, {
          interval: "1m",
          input_series: down,
          alert_rule_test: [
            expected(
              "ShardlineGatewayDown",
              { ...gateway, instance: "shardline-gateway:8005" },
              "The gateway shardline-gateway:8005 does not answer",
            ),
            expected(
              "ShardlineDashboardDown",
              { ...dashboard, instance: "shardline-dashboard:8005" },
              "The dashboard shardline-dashboard:8005 does not answer",
            ),
          ],
        }],
      }),
    );
    const { ok, output } = await promtool(["test", "rules", `${folder}/tests.yaml`]);
    assert(ok, output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function read(name: string): Promise<string> {
  return Deno.readTextFile(`${FOLDER}/${name}`);
}

Deno.test(
  "A Prometheus that scrapes a gateway has what every alert reads, fires none, and sees RabbitMQ go away",
  onWatchedStage(async ({ brokerLine, instance, prometheus, until }) => {
    await until(
      async () => (await prometheus.alertRules()).every(({ health }) => health !== "unknown"),
      () => "not every alert has been evaluated",
    );
    for (
      const { name, query, labels, annotations, health, lastError, alerts } of await prometheus.alertRules()
    ) {
      assert.equal(health, "ok", `${name}: ${lastError}`);
      const selectors = query.match(SELECTOR) ?? [];
      assert(selectors.length > 0, name);
      for (const selector of selectors) {
        assert(
          (await prometheus.valuesNow(selector)).length > 0,
          `${name} reads ${selector}, which nobody has`,
        );
      }
      assert(alerts.every(({ state }) => state !== "firing"), name);
      assert.match(labels["severity"] ?? "", /^(critical|warning)$/, name);
      assert(annotations["summary"]?.length && annotations["description"]?.length, name);
    }

    brokerLine.down();
    const raised = async () =>
      (await prometheus.alertRules()).filter(({ name }) => name === "ShardlineRabbitMQAway")
        .flatMap(({ alerts }) => alerts);
    await until(async () => (await raised()).length > 0, () => "the alert on RabbitMQ has not been raised");
    const [alert] = await raised();
    assert.equal(alert?.state, "pending", "it has not been away for a minute");
    assert.equal(alert?.annotations["summary"], `${instance} has no connection to RabbitMQ`);
  }),
);
