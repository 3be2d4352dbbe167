import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import {
  type IServiceMonitor,
  ServiceMonitor,
} from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { Deployment, type IDeployment } from "kubernetes-models/apps/v1/Deployment";
import { type IStatefulSet, StatefulSet } from "kubernetes-models/apps/v1/StatefulSet";
import { type INetworkPolicy, NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import {
  type IPodDisruptionBudget,
  PodDisruptionBudget,
} from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { type ISecret, Secret } from "kubernetes-models/v1/Secret";
import { type IService, Service } from "kubernetes-models/v1/Service";
import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { parse } from "yaml";
import { codeSpans, Page } from "../markdown.ts";
import project from "../../deno.json" with { type: "json" };
import { parseConfig, type ParsedConfig } from "../../gateway/config.ts";
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { parseDockerfile } from "./dockerfile.ts";
import {
  KUBERNETES_FOLDER,
  type Labels,
  type Manifest,
  readKustomization,
  readManifests,
  settingsOf,
} from "./manifests.ts";

const PROMETHEUS_FOLDER = `${PROJECT_FOLDER}deploy/prometheus`;

const MODELS = project.imports["kubernetes-models"];
const OPERATOR_MODELS = project.imports["@kubernetes-models/prometheus-operator"];

/** Types, with this project's versions of packages. */
const CHECK = ["check", "--quiet", "--frozen", `--config=${PROJECT_FOLDER}deno.json`];

/** By kind: its schema, and the module that has its type. */
const SCHEMAS = {
  Deployment: [Deployment, `${MODELS}/apps/v1/Deployment`],
  Namespace: [Namespace, `${MODELS}/v1/Namespace`],
  NetworkPolicy: [NetworkPolicy, `${MODELS}/networking.k8s.io/v1/NetworkPolicy`],
  PodDisruptionBudget: [PodDisruptionBudget, `${MODELS}/policy/v1/PodDisruptionBudget`],
  PrometheusRule: [PrometheusRule, `${OPERATOR_MODELS}/monitoring.coreos.com/v1/PrometheusRule`],
  Secret: [Secret, `${MODELS}/v1/Secret`],
  Service: [Service, `${MODELS}/v1/Service`],
  ServiceMonitor: [ServiceMonitor, `${OPERATOR_MODELS}/monitoring.coreos.com/v1/ServiceMonitor`],
  StatefulSet: [StatefulSet, `${MODELS}/apps/v1/StatefulSet`],
} as const;

/** An orderly stop takes so long at most (docs/contract.md, Process). */
const STOP_MOST_S = 10;
/** Between the most that a stop takes and SIGKILL. */
const SPARE_S = 2;
/** Where the image has the settings that it needs in any case. */
const image = parseDockerfile(await Deno.readTextFile(`${PROJECT_FOLDER}deploy/Dockerfile`)).at(-1) ??
  assert.fail("the Dockerfile has no stage");

const kustomization = await readKustomization();
const manifests = await readManifests();

function all<Kind extends Manifest>(kind: string): (Kind & Manifest)[] {
  return manifests.filter((manifest) => manifest.kind === kind) as (Kind & Manifest)[];
}

function only<Kind>(kind: string): Kind & Manifest {
  const [found, ...more] = all<Kind & Manifest>(kind);
  assert(found !== undefined && more.length === 0, `there is one ${kind}`);
  return found;
}

const gateway = only<IStatefulSet>("StatefulSet");
const dashboard = only<IDeployment>("Deployment");
const workloads = [gateway, dashboard];

function podOf({ spec }: IStatefulSet | IDeployment) {
  const pod = spec?.template.spec ?? assert.fail("it has no pod");
  const [container, ...more] = pod.containers;
  assert(container !== undefined && more.length === 0, "a pod has one container");
  return { pod, container, labels: (spec?.template.metadata?.labels ?? {}) as Labels };
}

function matches(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/**
 * The configuration that a workload reads.
 *
 * @param secrets Their contents, by the keys of the Secret.
 * @param change What an operator makes of the text of its file of settings.
 */
async function configOf(
  workload: IStatefulSet | IDeployment,
  secrets: Readonly<Record<string, string>>,
  change: (settings: string) => string = (settings) => settings,
): Promise<ParsedConfig> {
  const { pod, container } = podOf(workload);
  const ofImage = image.steps.flatMap((step) => step.kind === "env" ? Object.entries(step.variables) : []);
  const generated = await Promise.all((container.envFrom ?? []).map(async ({ configMapRef }) => {
    const generator = kustomization.configMapGenerator.find(({ name }) => name === configMapRef?.name);
    const [file = assert.fail(configMapRef?.name)] = generator?.envs ?? [];
    return Object.entries(settingsOf(change(await Deno.readTextFile(`${KUBERNETES_FOLDER}/${file}`))));
  }));
  const own = (container.env ?? []).map(({ name, value, valueFrom }) => {
    return [
      name,
      value ?? (valueFrom?.fieldRef?.fieldPath === "metadata.name" ? "pod-0" : assert.fail(name)),
    ];
  });
  return parseConfig(Object.fromEntries([...ofImage, ...generated.flat(), ...own]), {
    isTerminal: false,
    replicaName: "pod",
    readFile: (path) => {
      const mount = (container.volumeMounts ?? []).find(({ mountPath }) => path.startsWith(`${mountPath}/`));
      const volume = pod.volumes?.find(({ name }) => name === mount?.name);
      const file = path.slice((mount?.mountPath.length ?? 0) + 1);
      const item = volume?.secret?.items?.find((one) => one.path === file);
      return secrets[item?.key ?? ""] ?? assert.fail(`${path} is in no volume of secrets`);
    },
  });
}

const EXAMPLES = (only<ISecret>("Secret").stringData ?? {}) as Record<string, string>;
const REPLACED = { ...EXAMPLES, BOT_TOKEN: "MTE4OTk1NTA.filled.in", DASHBOARD_PASSWORD: "of an operator's" };

// Against the published schemas.

Deno.test("every manifest is as the schema of its kind has it", () => {
  for (const manifest of manifests) {
    const [Schema] = SCHEMAS[manifest.kind as keyof typeof SCHEMAS] ?? assert.fail(manifest.kind);
    assert.doesNotThrow(
      () => new Schema(manifest as never).validate(),
      `${manifest.kind} ${manifest.metadata.name}`,
    );
    assert.equal(manifest.apiVersion, Schema.apiVersion, manifest.kind);
  }
});

Deno.test("no manifest has a field that its kind does not know", async () => {
  // The schemas let such pass. The types made from them do not, where an object is written out.
  const sources = manifests.map((manifest, index) => {
    const [, module] = SCHEMAS[manifest.kind as keyof typeof SCHEMAS];
    return `import type { I${manifest.kind} as Kind${index} } from "${module}";\n` +
      `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest)};\n`;
  });
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "shardline-manifests-" });
  try {
    await Deno.writeTextFile(`${folder}/manifests.ts`, sources.join(""));
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'exec "$@"', "sh", Deno.execPath(), ...CHECK, `${folder}/manifests.ts`],
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

// What refers to what.

Deno.test("kustomization.yaml names every file beside it, and no other", async () => {
  const { resources, configMapGenerator } = kustomization;
  const named = ["kustomization.yaml", ...resources, ...configMapGenerator.flatMap(({ envs }) => envs)];
  const there = await Array.fromAsync(Deno.readDir(KUBERNETES_FOLDER), ({ name }) => name);
  assert.deepEqual(named.toSorted(), there.toSorted());
});

Deno.test("kustomization.yaml says where the image of each pod is", () => {
  const known = kustomization.images.map(({ name }) => name);
  for (const workload of workloads) assert(known.includes(podOf(workload).container.image ?? ""));
});

Deno.test("kustomization.yaml takes the image of this version", () => {
  assert.deepEqual(kustomization.images.map(({ newTag }) => newTag), [project.version]);
});

Deno.test("selectors select the pods that they are for, and those alone", () => {
  for (const workload of workloads) {
    const { labels } = podOf(workload);
    const { name } = workload.metadata;
    assert(matches(labels, (workload.spec?.selector.matchLabels ?? {}) as Labels), name);
    const selectors = [
      ...all<IService & Manifest>("Service").map((one) => [one.metadata.name, one.spec?.selector] as const),
      ...all<IPodDisruptionBudget & Manifest>("PodDisruptionBudget")
        .map((one) => [one.metadata.name, one.spec?.selector?.matchLabels] as const),
      ...all<INetworkPolicy & Manifest>("NetworkPolicy")
        .map((one) => [one.metadata.name, one.spec?.podSelector?.matchLabels ?? {}] as const),
    ];
    const selecting = selectors.filter(([, selector]) => matches(labels, (selector ?? {}) as Labels));
    // Service, disruption budget, network policy of its own, and the policy that is for all.
    assert.deepEqual(
      selecting.map(([one]) => one).toSorted(),
      [name, name, name, "shardline-nothing"].toSorted(),
    );
  }
  assert.equal(gateway.spec?.serviceName, "shardline-gateway");
});

function isMonitored({ metadata }: Manifest): boolean {
  const { spec } = only<IServiceMonitor>("ServiceMonitor");
  return matches(metadata.labels ?? {}, (spec?.selector.matchLabels ?? {}) as Labels);
}

/** A job's name is that of the Service where `jobLabel` names no label of it (Prometheus Operator, API reference). */
function jobOf({ metadata }: Manifest): string {
  const { jobLabel = "" } = only<IServiceMonitor>("ServiceMonitor").spec ?? {};
  return metadata.labels?.[jobLabel] ?? metadata.name;
}

Deno.test("Prometheus has the jobs here that it has elsewhere, and alerts ask for no other", async () => {
  const jobs = all<IService & Manifest>("Service").filter(isMonitored).map(jobOf).toSorted();
  const { scrape_configs } = parse(await Deno.readTextFile(`${PROMETHEUS_FOLDER}/prometheus.yaml`));
  assert.deepEqual(scrape_configs.map(({ job_name }: { job_name: string }) => job_name).toSorted(), jobs);
  const alerts = await Deno.readTextFile(`${PROMETHEUS_FOLDER}/alerts.yaml`);
  const asked = new Set([...alerts.matchAll(/\bjob="([^"]*)"/g)].map(([, job]) => job));
  assert.deepEqual([...asked].toSorted(), jobs);
});

Deno.test("prometheus_rule.yaml is what its first lines make of deploy/prometheus/alerts.yaml", async () => {
  const rule = await Deno.readTextFile(`${KUBERNETES_FOLDER}/prometheus_rule.yaml`);
  const [, command = ""] = /^# (\(.+\)) > made && mv made prometheus_rule.yaml$/m.exec(rule) ?? assert.fail();
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", command], cwd: KUBERNETES_FOLDER })
    .output();
  assert(success);
  assert.equal(new TextDecoder().decode(stdout), rule, "make it anew with the command in it");
  const alerts = parse(await Deno.readTextFile(`${PROMETHEUS_FOLDER}/alerts.yaml`));
  assert.deepEqual(only<{ spec: unknown }>("PrometheusRule").spec, alerts);
});

Deno.test("ports are named alike in pods, probes, services, policies and for Prometheus", () => {
  const { spec: monitored } = only<IServiceMonitor>("ServiceMonitor");
  for (const workload of workloads) {
    const { container, labels } = podOf(workload);
    const ports = new Map((container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]));
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      assert(
        ports.has(String(probe?.httpGet?.port)),
        `${workload.metadata.name} has each probe, on a port of its own`,
      );
    }
    const service = all<IService & Manifest>("Service")
      .find(({ spec }) => matches(labels, (spec?.selector ?? {}) as Labels)) ?? assert.fail();
    for (const { name, port, targetPort } of service.spec?.ports ?? []) {
      assert.equal(ports.get(String(targetPort)), port, name ?? "");
    }
    assert(isMonitored(service), service.metadata.name);
    const names = service.spec?.ports?.map(({ name }) => name) ?? [];
    for (const { port = "" } of monitored?.endpoints ?? []) assert(names.includes(port), port);
    const policy = all<INetworkPolicy & Manifest>("NetworkPolicy")
      .find(({ metadata }) => metadata.name === workload.metadata.name) ?? assert.fail();
    const open = policy.spec?.ingress?.flatMap((rule) => rule.ports?.map(({ port }) => port) ?? []);
    assert.deepEqual(open?.toSorted(), [...ports.keys()].toSorted());
  }
});

Deno.test("deploy/README.md says what to change in every file, and names the pod to delete", async () => {
  const section = (await Page.read("deploy/README.md")).section("Kubernetes");
  const named = section.table("file").flatMap(([files = ""]) => codeSpans(files));
  const there = await Array.fromAsync(Deno.readDir(KUBERNETES_FOLDER), ({ name }) => name);
  // The dashboard's manifest and the namespace are good for all.
  const unchanged = ["dashboard.yaml", "namespace.yaml"];
  assert.deepEqual([...named, ...unchanged].toSorted(), there.toSorted());
  const { namespace } = kustomization;
  assert(
    section.codeSpans().includes(`kubectl --namespace ${namespace} delete pod ${gateway.metadata?.name}-0`),
  );
});

// What the pods do.

Deno.test("gateway and dashboard read settings that hold together", async () => {
  const ofGateway = await configOf(gateway, REPLACED);
  assert(ofGateway.ok, JSON.stringify(ofGateway));
  assert.equal(ofGateway.config.role, "gateway");
  assert.deepEqual(ofGateway.config.prometheus, { host: "0.0.0.0", port: 8005 });
  const ofDashboard = await configOf(dashboard, REPLACED);
  assert(ofDashboard.ok, JSON.stringify(ofDashboard));
  assert.equal(ofDashboard.config.role, "dashboard");
  assert.equal(ofDashboard.config.dashboard.host, "0.0.0.0");
  assert.equal(ofDashboard.config.dashboard.port, 8000);
  assert(ofDashboard.config.dashboard.password !== null);
});

Deno.test("the dashboard believes its reverse proxy, or wrong passwords of anybody would lock everybody out", async () => {
  const parsed = await configOf(dashboard, REPLACED);
  assert(parsed.ok);
  assert(parsed.config.dashboard.proxies.length > 0);
});

Deno.test("what dashboard.env has in comments lets people sign in with Discord, without a password", async () => {
  const filledIn: Readonly<Record<string, string>> = {
    DASHBOARD_OAUTH_CLIENT_ID: "118995500000000000",
    DASHBOARD_OPERATORS: "80351110224678912",
  };
  const parsed = await configOf(
    dashboard,
    { ...EXAMPLES, DASHBOARD_OAUTH_CLIENT_SECRET: "of an application" },
    (settings) =>
      settings.replace(/^DASHBOARD_PASSWORD_FILE=.*\n/m, "")
        .replaceAll(/^#([A-Z_]+)=(.*)$/gm, (_line, name: string, value: string) => {
          return `${name}=${value || filledIn[name] || assert.fail(name)}`;
        }),
  );
  assert(parsed.ok, JSON.stringify(parsed));
  assert.equal(parsed.config.dashboard.password, null);
  assert.deepEqual(parsed.config.dashboard.oauth?.clientSecret.reveal(), "of an application");
});

Deno.test("a pod that never became ready is replaced once its settings are right", () => {
  // With the default, OrderedReady, it stays until somebody deletes it (Kubernetes docs, StatefulSet, Forced rollback).
  assert.equal(gateway.spec?.podManagementPolicy, "Parallel");
});

Deno.test("with the examples in place of secrets neither of them starts", async () => {
  for (const workload of workloads) assert.equal((await configOf(workload, EXAMPLES)).ok, false);
});

Deno.test("only the gateway is given the token", () => {
  const keys = (workload: IStatefulSet | IDeployment) =>
    podOf(workload).pod.volumes?.flatMap(({ secret }) => secret?.items?.map(({ key }) => key) ?? []);
  assert(keys(gateway)?.includes("BOT_TOKEN"));
  assert(!keys(dashboard)?.includes("BOT_TOKEN"));
});

Deno.test("a pod is restarted by what says that the process lives, and left alone by what says that it is ready", async () => {
  const httpGets = workloads.map((workload) => {
    const { startupProbe, livenessProbe, readinessProbe } = podOf(workload).container;
    return [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet);
  });
  assert.deepEqual(httpGets, [
    [{ path: "/livez", port: "metrics" }, { path: "/livez", port: "metrics" }, {
      path: "/readyz",
      port: "metrics",
    }],
    // The dashboard's own page of that name: whether it can be shown.
    [{ path: "/livez", port: "metrics" }, { path: "/livez", port: "metrics" }, {
      path: "/readyz",
      port: "http",
    }],
  ]);
  const served = (await Page.read("docs/contract.md")).section("HTTP").table("path")
    .map(([path = ""]) => codeSpans(path)[0]);
  for (const path of httpGets.flat().map((httpGet) => httpGet?.path)) assert(served.includes(path), path);
});

Deno.test("the spool is on a claim that is larger than it, in a folder that the next pod finds", async () => {
  const parsed = await configOf(gateway, REPLACED);
  assert(parsed.ok);
  const spool = parsed.config.events.spool ?? assert.fail("there is no spool");
  assert.deepEqual(spool.folders, ["/var/lib/shardline/replica-pod-0"]);
  const [claim] = gateway.spec?.volumeClaimTemplates ?? [];
  const mount = podOf(gateway).container.volumeMounts?.find(({ name }) => name === claim?.metadata?.name);
  assert.equal(mount?.mountPath, "/var/lib/shardline");
  const [, gibibytes] = /^(\d+)Gi$/.exec(String(claim?.spec?.resources?.requests?.["storage"])) ?? [];
  assert(Number(gibibytes) * 2 ** 30 > spool.maxBytes);
});

Deno.test("the gateways are one fleet: any of them can go, and the others have room for its shards", async () => {
  const parsed = await configOf(gateway, REPLACED);
  assert(parsed.ok);
  const { fleet, shards } = parsed.config;
  assert((gateway.spec?.replicas ?? 0) > 1);
  assert(fleet.enabled);
  // Each pod has a name of its own, and so a folder in the spool.
  assert.equal(fleet.replicaName, "pod-0");
  assert.deepEqual([fleet.shardsMax, shards.first, shards.last, shards.total], [null, 0, null, null]);
  const budget = all<IPodDisruptionBudget & Manifest>("PodDisruptionBudget")
    .find(({ metadata }) => metadata.name === gateway.metadata?.name);
  assert.equal(budget?.spec?.maxUnavailable, 1);
});

Deno.test("an update goes from pod to pod, and waits until the new one has had the time to take its share", () => {
  const { updateStrategy, minReadySeconds = 0 } = gateway.spec ?? {};
  // RollingUpdate, one at a time, is the default.
  assert.equal(updateStrategy, undefined);
  // Ready is one that reaches its servers. It then waits until it may rely on its leases, and for each handover.
  assert(minReadySeconds >= 10, `${minReadySeconds} s`);
});

Deno.test("the gateways are spread over nodes and zones, and start where there is only one", () => {
  const { pod, labels } = podOf(gateway);
  const constraints = pod.topologySpreadConstraints ?? [];
  assert.deepEqual(constraints.map(({ topologyKey }) => topologyKey), [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
  ]);
  for (const { labelSelector, whenUnsatisfiable, maxSkew } of constraints) {
    assert(matches(labels, (labelSelector?.matchLabels ?? assert.fail("it selects nobody")) as Labels));
    assert.deepEqual([whenUnsatisfiable, maxSkew], ["ScheduleAnyway", 1]);
  }
});

Deno.test("the claim of a pod that is scaled away stays, for what is in its spool", () => {
  assert.deepEqual(gateway.spec?.persistentVolumeClaimRetentionPolicy, {
    whenDeleted: "Retain",
    whenScaled: "Retain",
  });
});

Deno.test("deploy/README.md names the claim to delete after scaling down, and what to scale", async () => {
  const section = (await Page.read("deploy/README.md")).section("Kubernetes");
  const [claim] = gateway.spec?.volumeClaimTemplates ?? [];
  const { name } = gateway.metadata ?? {};
  const { namespace } = kustomization;
  assert(section.text.includes(`kubectl --namespace ${namespace} scale statefulset/${name} --replicas=`));
  // StatefulSets name claims so: template, set, number (Kubernetes docs, StatefulSet, Stable Storage).
  assert(
    section.text.includes(`kubectl --namespace ${namespace} delete pvc ${claim?.metadata?.name}-${name}-`),
  );
});

Deno.test("a pod is killed only after it has had the time to stop in good order", () => {
  for (const workload of workloads) {
    const { pod, container } = podOf(workload);
    const before = container.lifecycle?.preStop?.sleep?.seconds ?? assert.fail("it has no preStop");
    assert(
      (pod.terminationGracePeriodSeconds ?? 0) >= before + STOP_MOST_S + SPARE_S,
      workload.metadata.name,
    );
  }
});

Deno.test("pods meet the restricted Pod Security Standard, which the namespace enforces", () => {
  const { metadata } = only<Manifest>("Namespace");
  assert.equal(metadata.labels?.["pod-security.kubernetes.io/enforce"], "restricted");
  const [user] = image.user?.split(":").map(Number) ?? [];
  for (const workload of workloads) {
    const { pod, container } = podOf(workload);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    assert.equal(pod.securityContext?.runAsNonRoot, true);
    assert.equal(pod.securityContext?.runAsUser, user);
    // The group that may read what is mounted.
    assert.equal(pod.securityContext?.fsGroup, user);
    assert.equal(pod.securityContext?.seccompProfile?.type, "RuntimeDefault");
    assert.equal(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC, undefined);
    assert.equal(pod.automountServiceAccountToken, false);
    assert.equal(pod.enableServiceLinks, false, "a service named redis would set REDIS_PORT");
    for (const volume of pod.volumes ?? []) assert.deepEqual(Object.keys(volume), ["name", "secret"]);
  }
});

Deno.test("nothing reaches a pod, or is reached from it, unless a policy names it", () => {
  const policies = all<INetworkPolicy & Manifest>("NetworkPolicy");
  const nothing = policies.find(({ metadata }) => metadata.name === "shardline-nothing");
  assert.deepEqual(nothing?.spec, { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  for (const { spec, metadata } of policies) {
    assert.deepEqual(spec?.policyTypes, ["Ingress", "Egress"], metadata.name);
    for (const rule of spec?.ingress ?? []) assert(rule.from?.length && rule.ports?.length, metadata.name);
    for (const rule of spec?.egress ?? []) assert(rule.to?.length && rule.ports?.length, metadata.name);
  }
});

/** Where something goes: a pod in a namespace of the cluster, or an address that is no pod's. */
type Destination =
  & { readonly port: number; readonly protocol?: "UDP" }
  & ({ readonly namespace: string } | { readonly address: string });

function isOpen(policy: INetworkPolicy, destination: Destination): boolean {
  const { port, protocol = "TCP" } = destination;
  return (policy.spec?.egress ?? []).some(({ to = [], ports = [] }) =>
    ports.some((one) => one.port === port && (one.protocol ?? "TCP") === protocol) &&
    to.some(({ namespaceSelector, podSelector, ipBlock }) => {
      assert.equal(podSelector, undefined, "not understood here");
      if ("address" in destination) return ipBlock !== undefined && holds(ipBlock, destination.address);
      const names = { "kubernetes.io/metadata.name": destination.namespace };
      return namespaceSelector !== undefined &&
        matches(names, (namespaceSelector.matchLabels ?? {}) as Labels);
    })
  );
}

function holds({ cidr, except = [] }: { cidr: string; except?: string[] }, address: string): boolean {
  const isIn = (network: string) => {
    const [base = "", bits] = network.split("/");
    const list = new BlockList();
    list.addSubnet(base, Number(bits));
    return list.check(address);
  };
  return isIn(cidr) && !except.some(isIn);
}

const DISCORD: Destination = { address: "162.159.137.234", port: 443 };

/** What both talk to. */
const OPEN: readonly Destination[] = [
  { namespace: "kube-system", port: 53, protocol: "UDP" },
  { namespace: "kube-system", port: 53 },
  // NodeLocal DNSCache (Kubernetes docs, Using NodeLocal DNSCache).
  { address: "169.254.20.10", port: 53, protocol: "UDP" },
  { address: "169.254.20.10", port: 53 },
  ...[5671, 5672].map((port) => ({ namespace: "rabbitmq", port })),
  { namespace: "redis", port: 6379 },
  { namespace: "monitoring", port: 4318 },
  DISCORD,
];
const MANAGEMENT: readonly Destination[] = [15671, 15672].map((port) => ({ namespace: "rabbitmq", port }));

/** What somebody who has got into a pod would look for. */
const CLOSED: readonly Destination[] = [
  { address: "10.96.0.1", port: 443 },
  { address: "192.168.1.1", port: 443 },
  { address: "169.254.169.254", port: 80 },
  { address: "169.254.169.254", port: 443 },
  { address: "169.254.169.254", port: 53 },
  { address: "162.159.137.234", port: 80 },
  { namespace: "default", port: 443 },
  { namespace: "default", port: 53 },
  { namespace: "default", port: 8080 },
];

Deno.test("gateway and dashboard reach what they talk to, and nothing else", () => {
  const policyOf = (workload: IStatefulSet | IDeployment) =>
    all<INetworkPolicy & Manifest>("NetworkPolicy").find(({ metadata }) =>
      metadata.name === workload.metadata?.name
    ) ?? assert.fail();
  const shut = (workload: IStatefulSet | IDeployment, destinations: readonly Destination[]) =>
    destinations.filter((destination) => !isOpen(policyOf(workload), destination));
  assert.deepEqual(shut(gateway, OPEN), []);
  assert.deepEqual(shut(dashboard, [...OPEN, ...MANAGEMENT]), []);
  assert.deepEqual(shut(gateway, [...CLOSED, ...MANAGEMENT]), [...CLOSED, ...MANAGEMENT]);
  assert.deepEqual(shut(dashboard, CLOSED), CLOSED);
});
