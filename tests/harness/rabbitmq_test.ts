import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "amqplib";
import { startRabbit } from "../../harness/rabbitmq.ts";
import { shell } from "./processes.ts";

/** The processes that listen on Erlang's default port for its port mapper. */
async function defaultPortMapperAnswers(): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: 4369 })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("startRabbit() runs two brokers beside each other, and one keeps its messages over kill() and restart()", async () => {
  const portMapperBefore = await defaultPortMapperAnswers();
  const [first, second] = await Promise.all([startRabbit(), startRabbit()]);
  await using _first = first.server;
  await using _second = second.server;

  const connection = await connect(first.url);
  connection.on("error", () => {}); // the broker is killed under it
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue("kept", { durable: true });
  // The broker answers a declare before its end is on disk; the next declare is what writes it.
  await channel.assertQueue("behind it", { durable: true });
  channel.sendToQueue("kept", Buffer.from("yes"), { persistent: true });
  await channel.waitForConfirms();
  const closed = new Promise((resolve) => connection.once("close", resolve));
  await first.server.kill();
  await closed;

  await first.server.restart();
  const again = await connect(first.url);
  const message = await (await again.createChannel()).get("kept");
  assert.equal(message && message.content.toString(), "yes");
  await again.close();

  const other = await connect(second.url);
  const otherChannel = await other.createChannel();
  otherChannel.on("error", () => {});
  await assert.rejects(otherChannel.checkQueue("kept"), /NOT_FOUND/);
  await other.close();
  await assert.rejects(
    connect(first.url.replace(/:[^:@]*@/, ":wrong@")),
    /ACCESS_REFUSED|ACCESS-REFUSED|403/,
  );
  assert.equal(await defaultPortMapperAnswers(), portMapperBefore);
});

Deno.test("startRabbit() can have the memory alarm raised and ended, which connections that publish are told", async () => {
  const { server, url, raiseMemoryAlarm, endMemoryAlarm } = await startRabbit();
  await using _ = server;
  const connection = await connect(url);
  const told: string[] = [];
  const blocked = new Promise<void>((resolve) =>
    connection.once("blocked", () => resolve(void told.push("blocked")))
  );
  const unblocked = new Promise<void>((resolve) =>
    connection.once("unblocked", () => resolve(void told.push("unblocked")))
  );
  const channel = await connection.createConfirmChannel();
  await raiseMemoryAlarm();
  channel.publish("", "nobody's", Buffer.from("x"));
  await blocked;
  await endMemoryAlarm();
  await unblocked;
  await channel.waitForConfirms();
  await connection.close();
  assert.deepEqual(told, ["blocked", "unblocked"]);
});

Deno.test("Server.stop() leaves no process of a broker", async () => {
  const { server } = await startRabbit();
  const epmdPort = server.ports[2];
  const ours = () =>
    shell('ps -A -o args= | grep -F -e "-port $1" -e "-epmd_port $1" | grep -v grep', [String(epmdPort)]);
  assert.notEqual(await ours(), "");
  await server.stop();
  assert.equal(await ours(), "");
});

Deno.test("startRabbit() starts the program that it is given, and says so where that cannot be", async () => {
  await assert.rejects(
    startRabbit({ program: "/nowhere/rabbitmq-server" }),
    /Cannot start RabbitMQ: it ended with status 127/,
  );
});

Deno.test("startRabbit() says who is connected, with how many channels", async () => {
  const { server, url, connections } = await startRabbit();
  await using _ = server;
  const connection = await connect(url, { clientProperties: { connection_name: "somebody" } });
  await connection.createChannel();
  await connection.createChannel();
  assert.deepEqual(await connections(), [{ name: "somebody", channels: 2 }]);
  await connection.close();
});
