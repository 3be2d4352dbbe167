import assert from "node:assert/strict";
import { DCLinter } from "dclint";
import { parse } from "yaml";
import project from "../../deno.json" with { type: "json" };
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { type Config, parseConfig } from "../../gateway/config.ts";
import { Page } from "../markdown.ts";
import { parseDockerfile } from "./dockerfile.ts";

const FOLDER = `${PROJECT_FOLDER}deploy`;
const COMPOSE = `${FOLDER}/compose.yaml`;

/** An orderly stop takes so long at most (docs/contract.md, Process). */
const STOP_MOST_S = 10;

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly env_file?: readonly { readonly path: string; readonly required: boolean }[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

const text = await Deno.readTextFile(COMPOSE);
const { services, networks }: Compose = parse(text, { merge: true });
const gateway = services["gateway"] ?? assert.fail("there is no gateway");
const dashboard = services["dashboard"] ?? assert.fail("there is no dashboard");
const image = parseDockerfile(await Deno.readTextFile(`${FOLDER}/Dockerfile`)).at(-1) ?? assert.fail();

/** What an operator fills in, by the name of the variable. */
const FILLED_IN: Readonly<Record<string, string>> = {
  BOT_TOKEN: "MTE4OTk1NTA.filled.in",
  RABBIT_PASSWORD: "rabbits",
  DASHBOARD_PASSWORD: "a password of an operator's",
  GRAFANA_PASSWORD: "panels",
};

/** `${NAME}`, `${NAME:?what is missing}` and `${NAME:-default}` (Compose file reference, Interpolation). */
const VARIABLE = /\$\{([A-Z_]+)(?::([?-])([^}]*))?\}/g;

function interpolated(value: string): string {
  return value.replaceAll(VARIABLE, (_all, name: string, kind: string | undefined, rest: string) => {
    return FILLED_IN[name] ?? (kind === "-" ? rest : assert.fail(`${name} is filled in by nobody`));
  });
}

/** The configuration that a service of ours reads, in the image. */
function configOf({ environment = {} }: Service): Config {
  const ofImage = image.steps.flatMap((step) => step.kind === "env" ? Object.entries(step.variables) : []);
  const given = Object.entries(environment).map(([name, value]) => [name, interpolated(value)] as const);
  const parsed = parseConfig(Object.fromEntries([...ofImage, ...given]), {
    isTerminal: false,
    replicaName: "container",
    readFile: () => assert.fail("no secret is in a file"),
  });
  assert(parsed.ok, JSON.stringify(parsed));
  return parsed.config;
}

Deno.test("a linter finds nothing in deploy/compose.yaml, which is as the Compose Specification's schema has it", () => {
  const linter = new DCLinter({
    rules: {
      "require-quotes-in-ports": [1, { quoteType: "double" }],
      // A matter of taste: here all that is shared comes first, and the rest by the alphabet.
      "service-keys-order": 0,
      "top-level-properties-order": 0,
    },
    quiet: false,
    debug: false,
    exclude: [],
  });
  const results = linter.lintFiles([COMPOSE], false);
  assert.equal(results.length, 1);
  const findings = results.flatMap(({ messages }) =>
    messages.map(({ line, message }) => `${line}: ${message}`)
  );
  assert.deepEqual(findings, []);
});

Deno.test("deploy/.env.example names what deploy/compose.yaml asks for, and nothing else", async () => {
  const example = await Deno.readTextFile(`${FOLDER}/.env.example`);
  const named = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
  const asked = new Set([...text.matchAll(VARIABLE)].map(([, name]) => name));
  assert.deepEqual(named.toSorted(), [...asked].toSorted());
});

Deno.test("gateway and dashboard read settings that hold together", () => {
  const ofGateway = configOf(gateway);
  assert.equal(ofGateway.role, "gateway");
  assert.deepEqual(ofGateway.prometheus, { host: "0.0.0.0", port: 8005 });
  const ofDashboard = configOf(dashboard);
  assert.equal(ofDashboard.role, "dashboard");
  assert.equal(ofDashboard.dashboard.host, "0.0.0.0");
  assert(ofDashboard.dashboard.password !== null, "else it shows nothing on an address like this");
  for (const { rabbit, redis } of [ofGateway, ofDashboard]) {
    assert.equal(rabbit.address, "rabbitmq:5672");
    assert.equal(redis.address, "redis:6379");
  }
  const broker = services["rabbitmq"]?.environment ?? {};
  const url = new URL(ofGateway.rabbit.url.reveal());
  assert.equal(url.username, broker["RABBITMQ_DEFAULT_USER"]);
  assert.equal(url.password, interpolated(broker["RABBITMQ_DEFAULT_PASS"] ?? ""));
});

Deno.test("only the gateway knows the token", () => {
  const knowing = Object.entries(services)
    .filter(([, service]) => JSON.stringify(service).includes("BOT_TOKEN")).map(([name]) => name);
  assert.deepEqual(knowing, ["gateway"]);
});

Deno.test("the spool is on a volume, in a folder that the next container finds", () => {
  const { folders } = configOf(gateway).events.spool ?? assert.fail("there is no spool");
  assert.deepEqual(folders, ["/var/lib/shardline/replica-gateway"]);
  assert.deepEqual(gateway.volumes, ["spool:/var/lib/shardline"]);
});

Deno.test("nothing starts before what it needs is healthy", () => {
  const waits = Object.fromEntries(
    Object.entries(services).map(([name, { depends_on = {} }]) => [name, Object.keys(depends_on)]),
  );
  assert.deepEqual(waits, {
    dashboard: ["rabbitmq", "redis"],
    gateway: ["rabbitmq", "redis"],
    grafana: ["prometheus"],
    prometheus: [],
    rabbitmq: [],
    redis: [],
  });
  for (const [name, { depends_on = {} }] of Object.entries(services)) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      assert.equal(condition, "service_healthy", name);
      const { healthcheck, build } = services[needed] ?? assert.fail(needed);
      assert(healthcheck !== undefined || build !== undefined, `${needed} says when it is healthy`);
    }
  }
  assert(image.healthcheck !== null);
});

Deno.test("images of others have exact versions, and ours is built from deploy/Dockerfile", () => {
  for (const [name, { image, build }] of Object.entries(services)) {
    if (build === undefined) assert.match(image ?? "", /^[a-z/]+:v?\d+\.\d+\.\d+(-[a-z]+)?$/, name);
    else assert.deepEqual(build, { context: "..", dockerfile: "deploy/Dockerfile" }, name);
  }
});

Deno.test("Grafana is of the version whose schema the dashboard is checked against", () => {
  const versions = Object.entries(project.imports).filter(([name]) => name.startsWith("@grafana/schema"))
    .map(([, specifier]) => /^npm:@grafana\/schema@(\d+\.\d+\.\d+)/.exec(specifier)?.[1]);
  assert(versions.length > 0);
  for (const version of versions) assert.equal(services["grafana"]?.image, `grafana/grafana:${version}`);
});

/** What each image has to be asked with; that of ours is in the Dockerfile. */
const HEALTHCHECKS: Readonly<Record<string, readonly string[]>> = {
  grafana: ["CMD", "wget", "--quiet", "--spider", "http://127.0.0.1:3000/api/health"],
  prometheus: ["CMD", "wget", "--quiet", "--spider", "http://127.0.0.1:9090/-/ready"],
  rabbitmq: ["CMD", "rabbitmq-diagnostics", "--quiet", "check_port_connectivity"],
  redis: ["CMD", "redis-cli", "ping"],
};

Deno.test("images of others are asked whether they are healthy, each by what is in it", () => {
  const asked = Object.entries(services).filter(([, { build }]) => build === undefined)
    .map(([name, { healthcheck }]) => [name, healthcheck?.test]);
  assert.deepEqual(Object.fromEntries(asked), HEALTHCHECKS);
  for (const { build, healthcheck } of Object.values(services)) {
    if (build !== undefined) assert.equal(healthcheck, undefined, "the image's own is not replaced");
  }
});

Deno.test("ours may do nothing that they need not, and have the time to stop", () => {
  for (const service of [gateway, dashboard]) {
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ["ALL"]);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"]);
    assert.match(service.stop_grace_period ?? "", /^\d+s$/);
    assert(parseInt(service.stop_grace_period ?? "") > STOP_MOST_S);
  }
});

Deno.test("ports are open to this machine alone, and Redis to the two that need it", () => {
  for (const [name, { ports = [] }] of Object.entries(services)) {
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
  }
  const reaching = Object.entries(services).filter(([, { networks = [] }]) => networks.includes("memory"));
  assert.deepEqual(reaching.map(([name]) => name), ["dashboard", "gateway", "redis"]);
  assert.deepEqual(services["redis"]?.networks, ["memory"]);
  assert.equal(networks["memory"]?.internal, true);
});

Deno.test("deploy/README.md has what is mounted made readable for users of other images, in the narrowest checkout", async () => {
  const commands = (await Page.read("deploy/README.md")).section("Compose").codeBlocks("sh").join("");
  const [, command = ""] = /^(chmod [^#\n]+)/m.exec(commands) ?? assert.fail("nothing is made readable");
  const copy = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    const folders = new Set(mountedSources().map((source) => source.split("/")[1] ?? ""));
    const script = `mkdir "$1/deploy" && cd "$0" && cp -R ${[...folders].join(" ")} "$1/deploy" && cd "$1" &&
      chmod -R go= deploy/* && ${command} && find deploy/* ! -perm -o=r -o -type d ! -perm -o=x`;
    const { success, stdout } = await new Deno.Command("sh", { args: ["-c", script, FOLDER, copy] }).output();
    assert(success);
    assert.equal(new TextDecoder().decode(stdout), "");
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

Deno.test("deploy/README.md says which Compose reads files of settings that need not be there", async () => {
  assert.deepEqual(gateway.env_file, [{ path: "gateway.env", required: false }]);
  assert.match(
    (await Page.read("deploy/README.md")).section("Compose").text,
    /Docker Compose 2\.24 or later/,
  );
});

/** Files and folders of this one that containers see. */
function mountedSources(): string[] {
  return Object.values(services).flatMap(({ volumes = [] }) => volumes)
    .map((volume) => volume.split(":")[0] ?? "").filter((source) => source.startsWith("./"));
}

Deno.test("whatever is mounted from this folder is there", async () => {
  const mounts = mountedSources();
  assert.equal(mounts.length, 3);
  for (const source of [...mounts, "./prometheus/prometheus.yaml", "./prometheus/alerts.yaml"]) {
    await Deno.stat(`${FOLDER}/${source}`).catch(() => assert.fail(`${source} is not there`));
  }
});
