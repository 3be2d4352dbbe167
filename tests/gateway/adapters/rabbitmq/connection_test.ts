import assert from "node:assert/strict";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import { type Clock, systemClock } from "../../../../gateway/clock.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { Observations } from "../../../fakes/observations.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";
import { testServers } from "../../../servers.ts";
import { connectionFrame } from "./connection_frame.ts";

Deno.test("RabbitConnection tells once of an outage, with where and how to get one, and tries on", async () => {
  const { rabbitUrl } = await testServers();
  const clock = new ManualClock();
  const observations = new Observations();
  const url = new URL(rabbitUrl);
  url.port = String(unusedPort());
  const connection = rabbitConnection(url.href, { clock, observations });
  connection.start();
  const delaysMs = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    const nowMs = clock.nowMs();
    const dueMs = nowMs + Math.min(5_000, 100 * 2 ** attempt) / 2;
    await clock.untilScheduled(dueMs);
    delaysMs.push(dueMs - nowMs);
    clock.advance(dueMs - nowMs);
  }
  assert.deepEqual(delaysMs, [50, 100, 200, 400, 800, 1_600, 2_500, 2_500]);
  const reported = observations.all;
  assert.equal(reported.length, 1);
  const [unreachable] = observations.of("broker.unreachable");
  assert.equal(unreachable?.address, `127.0.0.1:${url.port}`);
  assert.match(unreachable?.error ?? "", /ECONNREFUSED.*apt-get install rabbitmq-server.*RABBIT_URL/);
  assert.equal(JSON.stringify(reported).includes(url.password), false);
  await connection.close();
});

Deno.test("RabbitConnection that consumes leaves it to the one that publishes to tell of an outage", async () => {
  const clock = new ManualClock();
  const observations = new Observations();
  const connection = rabbitConnection(`amqp://127.0.0.1:${unusedPort()}`, {
    clock,
    observations,
    purpose: "consuming",
  });
  connection.start();
  await clock.untilScheduled(50);
  assert.deepEqual(observations.all, []);
  await connection.close();
});

Deno.test("RabbitConnection tells of a refused password without saying it, and without advice on installing", async () => {
  const { rabbitUrl } = await testServers();
  const url = new URL(rabbitUrl);
  url.password = "hunter2-ünd-%2F";
  const observations = new Observations();
  const connection = rabbitConnection(url.href, { observations });
  connection.start();
  const [unreachable] = await observations.first("broker.unreachable");
  assert.match(unreachable?.error ?? "", /ACCESS_REFUSED/);
  assert.equal(unreachable?.error.includes("apt-get"), false);
  assert.equal(JSON.stringify(observations.all).includes("hunter2"), false);
  await connection.close();
});

Deno.test("RabbitConnection tells of each loss and each connection, with its name and no password", async () => {
  const { rabbitUrl } = await testServers();
  await using proxy = new TcpProxy(rabbitUrl);
  const observations = new Observations();
  const connection = rabbitConnection(proxy.through(rabbitUrl), { observations });
  connection.start();
  await observations.first("broker.connected");
  proxy.cut();
  await observations.first("broker.connected", 2);
  assert.deepEqual(observations.all.map(({ kind }) => kind), [
    "broker.connected",
    "broker.lost",
    "broker.connected",
  ]);
  assert.equal(JSON.stringify(observations.all).includes(new URL(rabbitUrl).password), false);
  await connection.close();
});

Deno.test("RabbitConnection passes over a host that does not answer, and says so once while that lasts", async () => {
  const { rabbitUrl } = await testServers();
  await using one = new TcpProxy(rabbitUrl);
  await using two = new TcpProxy(rabbitUrl);
  const urls = [one, two].map((proxy) => proxy.through(rabbitUrl));
  const [first, second] = urls.map((url) => new URL(url).host);
  one.down();
  const observations = new Observations();
  const connection = rabbitConnection(urls.join(","), { observations });
  connection.start();
  await observations.first("broker.connected");
  two.cut();
  await observations.first("broker.connected", 2);
  one.up();
  two.down();
  await observations.first("broker.connected", 3);
  one.down();
  two.up();
  await observations.first("broker.connected", 4);
  two.cut();
  await observations.first("broker.connected", 5);
  await connection.close();
  const told = observations.all.map((observation) => [
    observation.kind.slice("broker.".length),
    "address" in observation ? observation.address : null,
  ]);
  assert.deepEqual(told, [
    ["passed_over", first],
    ["connected", second],
    ["lost", second],
    ["connected", second],
    ["lost", second],
    ["connected", first],
    ["lost", first],
    ["connected", second],
    ["lost", second],
    ["passed_over", first],
    ["connected", second],
  ]);
  assert.equal(JSON.stringify(observations.all).includes(new URL(rabbitUrl).password), false);
});

Deno.test("RabbitConnection tells of an outage once all hosts have been tried, naming each with what it said", async () => {
  const { rabbitUrl } = await testServers();
  const absent = new URL(rabbitUrl);
  absent.port = String(unusedPort());
  const refusing = new URL(rabbitUrl);
  refusing.password = "hunter2";
  const clock = new ManualClock();
  const observations = new Observations();
  const connection = rabbitConnection(`${absent.href},${refusing.href}`, { clock, observations });
  connection.start();
  // One wait after each round, however many hosts it has.
  await clock.untilScheduled(clock.nowMs() + 50);
  clock.advance(50);
  await clock.untilScheduled(clock.nowMs() + 100);
  await connection.close();
  assert.equal(observations.all.length, 1);
  const [unreachable] = observations.of("broker.unreachable");
  assert.equal(unreachable?.address, `${absent.host}, ${refusing.host}`);
  const [ofAbsent = "", ofRefusing = ""] = unreachable?.error.split(/; (?=127)/) ?? [];
  assert(ofAbsent.startsWith(`${absent.host}: connect ECONNREFUSED`), ofAbsent);
  assert(ofRefusing.startsWith(`${refusing.host}: `) && ofRefusing.includes("ACCESS_REFUSED"), ofRefusing);
  assert.equal(/hunter2|apt-get/.test(unreachable?.error ?? ""), false);
  assert.equal(JSON.stringify(observations.all).includes(absent.password), false);
});

Deno.test("RabbitConnection tells when the broker blocks it and lets it go on", async () => {
  const { rabbitUrl } = await testServers();
  await using proxy = new TcpProxy(rabbitUrl);
  const observations = new Observations();
  const connection = rabbitConnection(proxy.through(rabbitUrl), { observations });
  connection.start();
  await observations.first("broker.connected");
  await proxy.sayToClients(connectionFrame(60, "\x0alow memory")); // connection.blocked
  const [blocked] = await observations.first("broker.blocked");
  assert.equal(blocked?.reason, "low memory");
  await proxy.sayToClients(connectionFrame(61, "")); // connection.unblocked
  await observations.first("broker.unblocked");
  await connection.close();
});

Deno.test("RabbitConnection.close() leaves a broker that does not answer", async () => {
  const { rabbitUrl } = await testServers();
  await using proxy = new TcpProxy(rabbitUrl);
  const clock = new ManualClock();
  const observations = new Observations();
  const connection = rabbitConnection(proxy.through(rabbitUrl), { clock, observations });
  connection.start();
  await observations.first("broker.connected");
  proxy.hold();
  const closed = connection.close();
  await clock.untilScheduled(2_000);
  clock.advance(2_000);
  await closed;
  await proxy.left();
});

Deno.test("RabbitConnection.close() ends an attempt that nobody answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const observations = new Observations();
  const connection = rabbitConnection(`amqp://127.0.0.1:${listener.addr.port}`, { observations });
  connection.start();
  using _peer = await accepted;
  await connection.close();
  assert.deepEqual(observations.all, []);
  listener.close();
});

Deno.test("RabbitConnection.close() is safe twice, before start(), and for good", async () => {
  const observations = new Observations();
  const connection = rabbitConnection(`amqp://127.0.0.1:${unusedPort()}`, { observations });
  await connection.close();
  connection.start();
  await connection.close();
  assert.deepEqual(observations.all, []);
});

Deno.test("RabbitConnection does not take a URL whose password it could not send as it is meant", () => {
  assert.throws(() => rabbitConnection("amqp://user:%zz@localhost", {}), URIError);
  assert.throws(() => rabbitConnection("localhost", {}), TypeError);
});

function rabbitConnection(
  url: string,
  { clock = systemClock, observations = new Observations(), purpose = "publishing" }: {
    clock?: Clock;
    observations?: Observations;
    purpose?: "publishing" | "consuming";
  },
): RabbitConnection {
  return new RabbitConnection({ url, purpose, clock, dice: () => 0, observe: observations.observe });
}

function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
