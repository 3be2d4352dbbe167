import assert from "node:assert/strict";
import { ACTIVITY_NUMBERS } from "../../dashboard/api/requests.ts";
import { STATUSES } from "../../dashboard/commands/command_checks.ts";
import { REPLICA_STATES } from "../../dashboard/fleet/fleet_figures.ts";
import { CELL_STATES, type FleetSnapshot } from "../../dashboard/fleet/fleet_snapshot.ts";
import { isObject } from "../../dashboard/json_checks.ts";
import { ManagementClient } from "../../dashboard/queues/management_client.ts";
import { RedisAwayError } from "../../dashboard/redis.ts";
import { RESHARD_PHASES } from "../../dashboard/resharding/reshard.ts";
import { RESTART_MODES, type RestartState } from "../../dashboard/restarts/restart.ts";
import { systemClock } from "../../gateway/clock.ts";
import { API_ERRORS } from "../../routes/_api.ts";
import { API_ROUTES } from "../../routes/api/_table.ts";
import { createApp } from "../../routes/app.ts";
import { EventReader } from "../dashboard/event_reader.ts";
import { fakeGateway } from "../dashboard/fake_gateway.ts";
import {
  FLEET_PART,
  secondFields,
  statusEntries,
  writeFleet,
  writeReshard,
  writeStatuses,
} from "../dashboard/fleet/written_fleet.ts";
import { becomeForeign, lives, restartingGateway, writeDetails } from "../dashboard/shard/shard_fixture.ts";
import { codeSpans, Page } from "../markdown.ts";
import { type Answer, API_TOKEN, type ProgramRig, withProgram } from "../routes/api/program.ts";

const page = await Page.read("docs/api.md");

const HEADINGS = page.text.split("\n").flatMap((line) => /^#+ ((?:GET|POST) .+)$/.exec(line)?.[1] ?? []);

/** The one example of an answer in a section. */
function exampleOf(heading: string): Readonly<Record<string, unknown>> {
  const [example, ...more] = page.section(heading).codeBlocks("json");
  assert(example !== undefined && more.length === 0, `${heading} has one example`);
  return JSON.parse(example);
}

Deno.test("docs/api.md has every endpoint, and no other", () => {
  const endpoints = API_ROUTES.flatMap(([path, { GET, POST }]) => [
    ...(GET === undefined ? [] : [`GET ${path}`]),
    ...(POST === undefined ? [] : [`POST ${path}`]),
  ]);
  assert.deepEqual(HEADINGS.toSorted(), endpoints.toSorted());
});

/** What a real dashboard answers, where everything is there that it could tell of. */
const ANSWERS: Readonly<Record<string, (rig: ProgramRig) => Promise<unknown>>> = {
  "GET /api/me": ({ get }) => bodyOf(get("/api/me")),
  "GET /api/fleet": async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(2));
    await writeReshard(redis);
    await writeSecond(redis);
    return bodyOf(get("/api/fleet"));
  },
  "GET /api/history": async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(2));
    await writeSecond(redis);
    return bodyOf(get("/api/history"));
  },
  "GET /api/live": async ({ redis, open }) => {
    await writeFleet(redis, statusEntries(2));
    await writeSecond(redis);
    const reader = new EventReader((await open("/api/live")).body);
    await reader.next("fleet");
    await writeStatuses(redis, statusEntries(2, { 1: "Resuming" }));
    const changed = await reader.first<{ changes: unknown[] }>("fleet", ({ changes }) => changes.length > 0);
    await reader.leave();
    return changed;
  },
  "GET /api/shards": async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(2));
    return bodyOf(get("/api/shards"));
  },
  "GET /api/shards/:id": async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(4));
    await writeDetails(redis, 3);
    return bodyOf(get("/api/shards/3"));
  },
  "GET /api/guilds/:id": async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(2));
    return bodyOf(get("/api/guilds/1234567890123456789"));
  },
  "GET /api/restart": async ({ redis, rabbitUrl, services, get, post }) => {
    await writeFleet(redis, statusEntries(1));
    await using _gateway = await restartingGateway(
      rabbitUrl,
      ({ shard }) => lives(redis, shard, "disconnected", "connecting", "resumed"),
    );
    await bodyOf(post("/api/restart", { shards: "all" }));
    await services.restarts.idle();
    return bodyOf(get("/api/restart"));
  },
  "GET /api/queues": async ({ services, rabbitUrl }) => {
    const binding = { destination: "gateway", destination_type: "queue", routing_key: "#" };
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => (
      Response.json(url.includes("/bindings/") ? [binding] : {})
    ));
    const managementUrl = `http://127.0.0.1:${server.addr.port}`;
    const { queues } = services.settings;
    const management = new ManagementClient({ managementUrl, rabbitUrl, queues, clock: systemClock });
    const app = createApp({ ...services, management }, (fault) => assert.fail(String(fault)));
    const response = await app.request("/api/queues", { headers: { authorization: `Bearer ${API_TOKEN}` } });
    return await response.json();
  },
  "GET /api/rejected": async ({ redis, get }) => {
    const fields = ["reason", "not_json", "message", "It is not JSON", "bytes", "1", "body", "{"];
    await redis.xadd("gateway:rejected", "*", ...fields);
    return bodyOf(get("/api/rejected"));
  },
  "GET /api/audit": async ({ services, get }) => {
    const common = { who: "anna", role: "operator", address: "192.0.2.7" };
    await services.audit.record({
      ...common,
      action: "Presence idle",
      shards: "all",
      outcome: "Carried out",
    });
    return bodyOf(get("/api/audit"));
  },
  "POST /api/replicas/:name/drain": async (rig) => {
    await writeFleet(rig.redis, statusEntries(2), FLEET_PART);
    await using _gateway = await fakeGateway(rig.rabbitUrl, [{ ok: true }]);
    return await bodyOf(rig.post("/api/replicas/alpha/drain"));
  },
  "POST /api/reshard": (rig) => accepted(rig, "/api/reshard", { total: 32 }),
  "POST /api/shards/:id/restart": (rig) => accepted(rig, "/api/shards/1/restart", { mode: "identify" }),
  "POST /api/restart": (rig) => accepted(rig, "/api/restart", { shards: [0, 1], mode: "identify" }),
  "POST /api/restart/stop": async (rig) => {
    await accepted(rig, "/api/restart", { shards: "0" });
    return bodyOf(rig.post("/api/restart/stop"));
  },
  "POST /api/presence": (rig) => (
    accepted(rig, "/api/presence", {
      shards: "0-1",
      status: "idle",
      activity: { type: "streaming", name: "a game", state: "a level", url: "https://twitch.tv/somebody" },
    })
  ),
  "POST /api/commands": (rig) => accepted(rig, "/api/commands", { op: 1, shard: "all", data: {} }),
};

async function bodyOf(answer: Promise<Answer>): Promise<unknown> {
  const { status, body } = await answer;
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

async function writeSecond(redis: ProgramRig["redis"]): Promise<void> {
  await redis.xadd("gateway:history:alpha", `${Date.now() - 2_000}-0`, ...secondFields());
}

/** Sends it to two shards of a gateway that carries out one command. */
async function accepted({ redis, rabbitUrl, post }: ProgramRig, path: string, body: object) {
  await writeFleet(redis, statusEntries(2));
  await using _gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
  return await bodyOf(post(path, body));
}

/** The fields at every depth; of a list those of its first element. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf).filter((shape) => shape !== null);
  if (!isObject(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]));
}

for (const heading of HEADINGS) {
  Deno.test(`docs/api.md has the fields that ${heading} answers with, and no other`, async () => {
    const ask = ANSWERS[heading] ?? assert.fail("nothing here asks for it");
    await withProgram(async (rig) => {
      const answer = await ask(rig);
      assert.deepEqual(shapeOf(exampleOf(heading)), shapeOf(answer));
      assert(isObject(answer));
      const isWhole = hasTable(heading, "answer");
      if (isWhole) assertFields(heading, "answer", answer);
      for (const [name, member] of Object.entries(answer)) {
        const isList = Array.isArray(member);
        const element: unknown = isList ? member[0] : member;
        if (isObject(element) && ((isWhole && isList) || hasTable(heading, name))) {
          assertFields(heading, name, element);
        }
      }
    });
  });
}

/** What a field of each type holds; another type holds an object or a list. */
const KINDS: Readonly<Record<string, string>> = {
  text: "string",
  number: "number",
  time: "number",
  boolean: "boolean",
};

function hasTable(heading: string, name: string): boolean {
  return new RegExp(`^\\| ${name} +\\| type `, "m").test(page.section(heading).text);
}

/** That a table names these fields, each with the type that it is of. */
function assertFields(heading: string, table: string, fields: Readonly<Record<string, unknown>>): void {
  const rows = page.section(heading).table(table);
  assert.deepEqual(rows.flatMap(([names = ""]) => codeSpans(names)), Object.keys(fields));
  for (const [names = "", type = ""] of rows) {
    const [kind = ""] = type.split(",");
    for (const name of codeSpans(names)) {
      const value = fields[name];
      // Where it stands in another table.
      if (kind === "") continue;
      if (value === null) assert(type.endsWith(", null"), `${name} may be null`);
      else assert.equal(typeof value, KINDS[kind] ?? "object", `${name} is no ${type}`);
      const [sketch] = codeSpans(type);
      if (sketch?.startsWith("{") && isObject(value)) {
        assert.deepEqual([...sketch.matchAll(/"(\w+)"/g)].map(([, key]) => key), Object.keys(value), name);
      }
    }
  }
}

Deno.test("docs/api.md has a table of what each endpoint tells", () => {
  const without = HEADINGS.filter((heading) => !hasTable(heading, "answer"));
  const acting = HEADINGS.filter((heading) => heading.startsWith("POST "));
  // What it tells is in the table of the fleet.
  assert.deepEqual(without, ["GET /api/live", ...acting]);
});

/** What stands for all codes that the gateway may give. */
const GATEWAYS = "the gateway's";

/** Status and code of every error in the page. */
const ERRORS = page.section("Errors").table("status").map(([status, error = ""]) => (
  `${status} ${codeSpans(error)[0] ?? error}`
));

Deno.test("docs/api.md has every error that an endpoint answers with", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, get, post, open }) => {
    const seen: string[] = [];
    const see = async (answering: Promise<Answer>) => {
      const { status, body } = await answering;
      assert.deepEqual(Object.keys(body), ["error", "message"]);
      seen.push(`${status} ${status === 422 ? GATEWAYS : body.error}`);
    };
    await see(post("/api/restart", { shards: "all" }));
    await writeFleet(redis, statusEntries(2));
    await see(post("/api/commands", { op: 1, shard: 0 }));
    await see(post("/api/commands", { op: 1, shard: 7 }));
    await see(post("/api/commands", "{}", { "content-type": "text/plain" }));
    await see(post("/api/commands", " ".repeat(65 * 1024)));
    await see(get("/api/nowhere"));
    await see(post("/api/replicas/alpha/drain"));
    await see(post("/api/restart/stop"));
    await using _gateway = await fakeGateway(rabbitUrl, [{ ok: false, error: "expired", message: "Late" }]);
    await see(post("/api/commands", { op: 1, shard: 0 }));
    assert.equal((await post("/api/restart", { shards: "all" })).status, 200);
    await see(post("/api/restart", { shards: "all" }));
    services.commands.send = () => Promise.resolve({ kind: "no_answer" });
    await see(post("/api/commands", { op: 1, shard: 0 }));
    services.commands.send = () => Promise.resolve({ kind: "unknown", problem: "RabbitMQ is silent" });
    await see(post("/api/commands", { op: 1, shard: 0 }));
    await writeFleet(redis, statusEntries(2), {
      identify: { remaining: 1, total: 1_000, resets_at: Date.now() + 60_000 },
    });
    await see(post("/api/restart", { shards: "all", mode: "identify" }));
    await redis.set("gateway:rejected", "something else");
    await see(get("/api/rejected"));
    await becomeForeign(redis);
    await see(post("/api/restart", { shards: "all" }));
    services.live.stop();
    await see(open("/api/live").then(answerOf));
    const wrong = { authorization: "Bearer wrong" };
    await see(post("/api/me", {}, wrong));
    for (let attempt = 2; attempt <= 5; attempt++) await post("/api/me", {}, wrong);
    await see(post("/api/me", {}, wrong));
    // Of its own, because a fault of the rig's fails the test; and from nowhere, because that address is refused now.
    const app = createApp(services, () => {});
    const ask = async () => {
      return answerOf(await app.request("/api/fleet", { headers: { authorization: `Bearer ${API_TOKEN}` } }));
    };
    services.fleet.read = () => Promise.reject(new Error("a fault"));
    await see(ask());
    services.redis.ask = () => Promise.reject(new RedisAwayError("Cannot reach Redis"));
    await see(ask());
    assert.deepEqual(seen.toSorted(), ERRORS.toSorted());
  });
});

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, headers: response.headers, body: await response.json() };
}

Deno.test("docs/api.md has every error that the code of the endpoints names, and no other", () => {
  const named = Object.entries(API_ERRORS).map(([error, status]) => `${status} ${error}`);
  assert.deepEqual([...named, `422 ${GATEWAYS}`].toSorted(), ERRORS.toSorted());
});

/** Every member of a union, or this does not compile. */
const RESTART_STATES = {
  running: true,
  finished: true,
  stopped: true,
  given_up: true,
  interrupted: true,
} satisfies Record<RestartState, true>;

const SOURCES = { shardline: true, other: true, none: true } satisfies Record<FleetSnapshot["source"], true>;

Deno.test("docs/api.md has every word that a field may hold", () => {
  const firstCodes = (heading: string, table: string) =>
    page.section(heading).table(table).map(([cell = ""]) => codeSpans(cell)[0]);
  const meaning = (heading: string, table: string, field: string) =>
    codeSpans(page.section(heading).table(table).find(([name]) => name === `\`${field}\``)?.[2] ?? "");
  assert.deepEqual(firstCodes("GET /api/shards", "status"), [...CELL_STATES]);
  assert.deepEqual(firstCodes("GET /api/restart", "state"), Object.keys(RESTART_STATES));
  assert.deepEqual(meaning("GET /api/fleet", "answer", "source"), Object.keys(SOURCES));
  assert.deepEqual(firstCodes("GET /api/fleet", "state"), [...REPLICA_STATES]);
  assert.deepEqual(firstCodes("GET /api/fleet", "phase"), [...RESHARD_PHASES]);
  assert.deepEqual(meaning("POST /api/presence", "body", "status"), [...STATUSES]);
  assert.deepEqual(meaning("POST /api/presence", "activity", "type"), [...ACTIVITY_NUMBERS.keys()]);
  assert.deepEqual(meaning("POST /api/shards/:id/restart", "body", "mode"), [...RESTART_MODES]);
});
