import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ManagementClient, virtualHostOf } from "../../../dashboard/queues/management_client.ts";
import { systemClock } from "../../../gateway/clock.ts";
import { startRabbit } from "../../../harness/rabbitmq.ts";
import { beforeDeadline } from "../../deadline.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { QueueReader } from "../../fakes/queue_reader.ts";

/** As RabbitMQ's documentation has them (HTTP API, GET /api/exchanges/vhost/name/bindings/source). */
const BINDINGS = [
  {
    source: "gateway",
    vhost: "/",
    destination: "gateway",
    destination_type: "queue",
    routing_key: "#",
    arguments: {},
    properties_key: "%23",
  },
  {
    source: "gateway",
    vhost: "/",
    destination: "music",
    destination_type: "exchange",
    routing_key: "VOICE_STATE_UPDATE",
    arguments: {},
    properties_key: "VOICE_STATE_UPDATE",
  },
];

/** GET /api/queues/vhost/name with `columns`. */
const QUEUE = {
  message_bytes: 3_000,
  message_stats: { ack_details: { rate: 7.2 }, publish_details: { rate: 10.4 } },
  messages_unacknowledged: 12,
};

Deno.test("ManagementClient.ask() understands a real management interface", async () => {
  const { server, url, managementUrl } = await startRabbit({ hasManagement: true });
  await using _server = server;
  assert(managementUrl !== null);
  await using broker = await QueueReader.connect(url);
  const { channel } = broker;
  await channel.assertExchange("gateway", "direct", { durable: true });
  await channel.assertExchange("music", "fanout", { durable: true });
  await channel.assertQueue("a/b", { durable: true });
  await channel.bindQueue("a/b", "gateway", "MESSAGE_CREATE");
  await channel.bindExchange("music", "gateway", "VOICE_STATE_UPDATE");
  const ask = (managementUrl: string) =>
    new ManagementClient({
      managementUrl,
      rabbitUrl: url,
      queues: ["a/b", "nobody-made-this-one"],
      clock: systemClock,
    }).ask();
  const { bindings, queues, problem } = await ask(managementUrl);
  assert.equal(problem, null);
  assert.deepEqual(bindings.toSorted((one, other) => one.destination < other.destination ? -1 : 1), [
    { destination: "a/b", destinationType: "queue", routingKey: "MESSAGE_CREATE" },
    { destination: "music", destinationType: "exchange", routingKey: "VOICE_STATE_UPDATE" },
  ]);
  assert.deepEqual([...queues.keys()], ["a/b"]);

  channel.publish("gateway", "MESSAGE_CREATE", Buffer.from("1234567"));
  const measured = async () => {
    for (;;) {
      const figures = (await ask(managementUrl)).queues.get("a/b");
      if (figures?.bytes === 7 && figures.inPerSecond !== null) return figures;
    }
  };
  assert.equal((await beforeDeadline(measured(), () => "nothing was measured")).unacknowledged, 0);

  const wrong = new URL(managementUrl);
  wrong.password = "wrong";
  assert.match((await ask(wrong.href)).problem ?? "", /refuses user and password/);
});

type Answer = (path: string) => Response | Promise<Response>;

interface Asked {
  readonly path: string;
  readonly authorization: string | null;
}

const usual: Answer = (path) => Response.json(path.includes("/bindings/") ? BINDINGS : QUEUE);

async function withManagement(
  answer: Answer,
  test: (rig: { client: ManagementClient; asked: Asked[]; clock: ManualClock }) => Promise<void>,
  { vhost = "", user = "ada:p%40ss@", path = "" } = {},
): Promise<void> {
  const asked: Asked[] = [];
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { pathname: path } = new URL(request.url);
    asked.push({ path, authorization: request.headers.get("authorization") });
    return answer(path);
  });
  const clock = new ManualClock();
  const client = new ManagementClient({
    managementUrl: `http://${user}127.0.0.1:${server.addr.port}${path}`,
    rabbitUrl: `amqp://127.0.0.1${vhost}`,
    queues: ["gateway", "a/b"],
    clock,
  });
  await test({ client, asked, clock });
  clock.assertIdle();
}

Deno.test("ManagementClient.ask() gives all bindings of the exchange, and what is measured of the watched queues", async () => {
  await withManagement(usual, async ({ client, asked }) => {
    const figures = { unacknowledged: 12, bytes: 3_000, inPerSecond: 10.4, outPerSecond: 7.2 };
    assert.deepEqual(await client.ask(), {
      bindings: [
        { destination: "gateway", destinationType: "queue", routingKey: "#" },
        { destination: "music", destinationType: "exchange", routingKey: "VOICE_STATE_UPDATE" },
      ],
      bindingsLeftOut: 0,
      queues: new Map([["gateway", figures], ["a/b", figures]]),
      problem: null,
    });
    assert.deepEqual(asked.map(({ path }) => path), [
      "/api/exchanges/%2F/gateway/bindings/source",
      "/api/queues/%2F/gateway",
      "/api/queues/%2F/a%2Fb",
    ]);
    assert.equal(asked[0]?.authorization, `Basic ${btoa("ada:p@ss")}`);
  });
});

Deno.test("ManagementClient.ask() asks below the base it is given, for the virtual host of RABBIT_URL", async () => {
  await withManagement(usual, async ({ client, asked }) => {
    await client.ask();
    assert.equal(
      asked[0]?.path,
      "/rabbit/api/exchanges/my%2Fbots/gateway/bindings/source",
    );
    assert.equal(asked[0]?.authorization, `Basic ${btoa("guest:guest")}`);
  }, { vhost: "/my%2Fbots", user: "", path: "/rabbit/" });
});

Deno.test("virtualHostOf() reads the virtual host as the connection does", () => {
  for (
    const [url, vhost] of [
      ["amqp://h", "/"],
      ["amqp://h/", "/"],
      ["amqp://u:p@h:1/%2F", "/"],
      ["amqps://h/bots?heartbeat=5", "bots"],
    ] as const
  ) {
    assert.equal(virtualHostOf(url), vhost, url);
  }
});

Deno.test("ManagementClient.ask() asks once in five seconds, however many pages are opened", async () => {
  await withManagement(usual, async ({ client, asked, clock }) => {
    await Promise.all([client.ask(), client.ask(), client.ask()]);
    clock.advance(4_999);
    await client.ask();
    assert.equal(asked.length, 3);
    clock.advance(1);
    await client.ask();
    assert.equal(asked.length, 6);
  });
});

Deno.test("ManagementClient.ask() knows no rates of a queue that nothing has happened to, and passes over one that is not there", async () => {
  const answer: Answer = (path) => {
    if (path.includes("/bindings/")) return Response.json([]);
    return path.endsWith("/gateway")
      ? Response.json({ messages_unacknowledged: 0, message_bytes: 0 })
      : Response.json({ error: "Object Not Found", reason: "Not Found" }, { status: 404 });
  };
  await withManagement(answer, async ({ client }) => {
    const { queues, problem } = await client.ask();
    assert.equal(problem, null);
    assert.deepEqual([...queues], [
      ["gateway", { unacknowledged: 0, bytes: 0, inPerSecond: null, outPerSecond: null }],
    ]);
  });
});

const FAULTS: readonly (readonly [what: string, answer: Answer, problem: RegExp])[] = [
  [
    "refuses the password",
    () => Response.json({ error: "not_authorized" }, { status: 401 }),
    /refuses user and password/,
  ],
  [
    "has no such exchange",
    () => Response.json({ error: "Object Not Found" }, { status: 404 }),
    /there is no exchange gateway in virtual host \//,
  ],
  ["is a web site", () => new Response("<html>"), /is no RabbitMQ management interface/],
  ["answers another shape", () => Response.json({ bindings: [] }), /is no RabbitMQ management interface/],
  ["fails", () => new Response("[]", { status: 500 }), /is no RabbitMQ management interface/],
  [
    "leads elsewhere",
    () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
    /is no RabbitMQ management interface/,
  ],
  ["answers without end", () => new Response(endless()), /the answer of 127\.0\.0\.1:\d+ is too large/],
];

for (const [what, answer, expected] of FAULTS) {
  Deno.test(`ManagementClient.ask() says so, without the password, when what is there ${what}`, async () => {
    await withManagement(answer, async ({ client, asked }) => {
      const { bindings, problem } = await client.ask();
      assert.deepEqual(bindings, []);
      assert.match(problem ?? "", expected);
      assert.doesNotMatch(problem ?? "", /ada|p@ss|p%40ss/);
      assert.equal(asked.length, 1);
    });
  });
}

Deno.test("ManagementClient.ask() says so when nobody is there", async () => {
  const client = new ManagementClient({
    managementUrl: `http://ada:s3cret@127.0.0.1:${freePort()}`,
    rabbitUrl: "amqp://127.0.0.1",
    queues: [],
    clock: systemClock,
  });
  const { problem } = await client.ask();
  assert.match(problem ?? "", /^127\.0\.0\.1:\d+ cannot be asked: /);
  assert.doesNotMatch(problem ?? "", /ada|s3cret/);
});

Deno.test("ManagementClient.ask() does not wait for an answer for ever", async () => {
  const answered = Promise.withResolvers<Response>();
  const reached = Promise.withResolvers<void>();
  const answer: Answer = () => {
    reached.resolve();
    return answered.promise;
  };
  await withManagement(answer, async ({ client, clock }) => {
    const asked = client.ask();
    await reached.promise;
    clock.advance(3_000);
    assert.match((await asked).problem ?? "", /cannot be asked: it has not answered in time/);
    answered.resolve(new Response());
  });
});

Deno.test("ManagementClient.ask() shows five hundred bindings, and says how many more there are", async () => {
  const answer: Answer = (path) =>
    Response.json(path.includes("/bindings/") ? [...Array(502).fill(BINDINGS[0]), 7, {}, null] : QUEUE);
  await withManagement(answer, async ({ client }) => {
    const { bindings, bindingsLeftOut } = await client.ask();
    assert.deepEqual([bindings.length, bindingsLeftOut], [500, 2]);
  });
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(0x20)),
  });
}

/** One that nobody listens on. */
function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
