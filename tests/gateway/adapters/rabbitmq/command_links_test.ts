import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import { RabbitMemberLink } from "../../../../gateway/adapters/rabbitmq/member_link.ts";
import { RabbitRouterLink } from "../../../../gateway/adapters/rabbitmq/router_link.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import type { MemberLink, PassedCommand, RouterLink } from "../../../../gateway/commands/links.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";
import {
  HeardMember,
  HeardRouter,
  testCommandLinksContract,
} from "../../../contracts/command_links_contract.ts";
import { Observations } from "../../../fakes/observations.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { testServers } from "../../../servers.ts";

testCommandLinksContract("RabbitMQ", async () => {
  const { rabbitUrl } = await testServers();
  const sender = await QueueReader.connect(rabbitUrl);
  await sender.channel.assertQueue("gateway.send", { durable: true });
  const links: (RouterLink | MemberLink)[] = [];
  const proxies: TcpProxy[] = [];
  const proxied = <Link extends RouterLink | MemberLink>(open: (url: string) => Link) => {
    const proxy = new TcpProxy(rabbitUrl);
    const link = open(proxy.through(rabbitUrl));
    proxies.push(proxy);
    links.push(link);
    return { link, interrupt: () => proxy.cut() };
  };
  return {
    router: () => proxied((url) => routerLink(url).link),
    member: (member) => proxied((url) => memberLink(url, member).link),
    send(body, { sentAtMs, ...properties } = {}) {
      const timestamp = sentAtMs === undefined ? {} : { timestamp: sentAtMs / 1_000 };
      sender.channel.sendToQueue("gateway.send", Buffer.from(body), { ...properties, ...timestamp });
    },
    async [Symbol.asyncDispose]() {
      for (const link of links) await link.close();
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      await sender[Symbol.asyncDispose]();
    },
  };
});

function connection(url: string) {
  const observations = new Observations();
  const { observe } = observations;
  const options = { url, purpose: "consuming", clock: systemClock, dice: Math.random, observe } as const;
  return { connection: new RabbitConnection(options), observations };
}

function routerLink(url: string) {
  const { connection: kept, observations } = connection(url);
  return { link: new RabbitRouterLink(kept, { clock: systemClock }), observations };
}

function memberLink(url: string, member: string) {
  const { connection: kept, observations } = connection(url);
  return { link: new RabbitMemberLink(kept, { member }), observations };
}

const [firstCommand, secondCommand] = [1, 2].map((number): PassedCommand => ({
  body: new TextEncoder().encode(`command ${number}`),
  stream: "router/1",
  number,
  shards: [0],
  reopened: [],
  remainingMs: 1_000,
}));
assert(firstCommand !== undefined && secondCommand !== undefined);

Deno.test("RabbitRouterLink has one router among many that begin at once, on a quorum queue too, and logs no refusal", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  const quorum = { durable: true, arguments: { "x-queue-type": "quorum" } };
  await sender.channel.assertQueue("gateway.send", quorum);
  const running = new Set(
    Array.from({ length: 6 }, () => ({ ...routerLink(rabbitUrl), heard: new HeardRouter() })),
  );
  for (const { link, heard } of running) link.start(heard);
  for (let turn = 1; running.size > 0; turn++) {
    sender.channel.sendToQueue("gateway.send", Buffer.from(`${turn}`));
    const router = await Promise.race([...running].map(async (each) => {
      await each.heard.count("command", 1);
      return each;
    }));
    running.delete(router);
    assert.deepEqual(await router.heard.bodies(1), [`${turn}`]);
    for (const other of running) assert.deepEqual(other.heard.all, []);
    router.heard.of("command")[0]?.acknowledge();
    await router.link.quiet();
    await router.link.close();
    assert.deepEqual(router.observations.of("broker.channel_lost"), []);
  }
});

Deno.test("RabbitRouterLink says that somebody else takes the commands, and takes them once he is gone", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  await sender.channel.assertQueue("gateway.send", { durable: true });
  const { consumerTag } = await sender.channel.consume("gateway.send", () => {});
  const { link, observations } = routerLink(rabbitUrl);
  const heard = new HeardRouter();
  link.start(heard);
  const [lost] = await observations.first("broker.channel_lost");
  assert.match(lost?.error ?? "", /ACCESS_REFUSED.*gateway\.send/);
  await sender.channel.cancel(consumerTag);
  sender.channel.sendToQueue("gateway.send", Buffer.from("first"));
  assert.deepEqual(await heard.bodies(1), ["first"]);
  assert.equal(observations.of("broker.channel_lost").length, 1, "said once");
  await link.close();
});

Deno.test("RabbitRouterLink begins anew when somebody has deleted the queue of the reports", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  const { link } = routerLink(rabbitUrl);
  const heard = new HeardRouter();
  link.start(heard);
  await heard.count("opened", 1);
  sender.channel.sendToQueue("gateway.send", Buffer.from("first"));
  await heard.bodies(1);
  await sender.channel.deleteQueue("gateway.send.reports");
  await heard.count("opened", 2);
  assert.deepEqual(await heard.bodies(2), ["first", "first"]);
  await link.close();
});

Deno.test("RabbitRouterLink and RabbitMemberLink pass over what none of them has written", async () => {
  const { rabbitUrl } = await testServers();
  await using stranger = await QueueReader.connect(rabbitUrl);
  const { link: router } = routerLink(rabbitUrl);
  const { link: member } = memberLink(rabbitUrl, "a");
  const [heardRouter, heardMember] = [new HeardRouter(), new HeardMember()];
  router.start(heardRouter);
  member.start(heardMember);
  await Promise.all([heardRouter.count("opened", 1), heardMember.count("opened", 1)]);
  const fates = { kind: "fates", member: "a", stream: "s" };
  const reports = [
    ...[
      "",
      "null",
      "[]",
      "{}",
      '{"kind":"forgot"}',
      '{"kind":"forgot","member":"a"}',
      '{"kind":"left","member":"a"}',
    ],
    ...[{}, { fates: [null] }, { fates: [{ number: 1, shards: "0", fate: "lost" }] }].map((more) =>
      JSON.stringify({ ...fates, ...more })
    ),
    JSON.stringify({ ...fates, fates: [{ number: -1, shards: "0", fate: "sent" }] }),
    JSON.stringify({ ...fates, fates: [{ number: 1, shards: "x", fate: "sent" }] }),
    JSON.stringify({ ...fates, fates: [{ number: 1, shards: "0", fate: { error: "bad", message: "" } }] }),
  ];
  for (const report of reports) stranger.channel.sendToQueue("gateway.send.reports", Buffer.from(report));
  const whole = { stream: "s", number: 1, shards: "0", remaining_ms: 5 };
  for (const missing of Object.keys(whole)) {
    const headers = { ...whole, [missing]: true };
    stranger.channel.sendToQueue("gateway.send.to.a", Buffer.from("{}"), { headers });
  }
  stranger.channel.sendToQueue("gateway.send.to.a", Buffer.from("{}"));
  await stranger.channel.checkQueue("gateway.send.reports"); // the broker has them all
  router.pass("a", firstCommand);
  await heardMember.count("passed", 1);
  member.report({ kind: "forgot", member: "a", stream: null });
  await heardRouter.count("reported", 1);
  assert.equal(heardMember.of("passed").length, 1);
  assert.deepEqual(heardRouter.of("reported"), [{ kind: "forgot", member: "a", stream: null }]);
  await router.close();
  await member.close();
});

Deno.test("RabbitMemberLink takes its queue over from a connection of which the broker does not know that it is lost", async () => {
  const { rabbitUrl } = await testServers();
  await using proxy = new TcpProxy(rabbitUrl);
  const { link: router } = routerLink(rabbitUrl);
  const { link: old } = memberLink(proxy.through(rabbitUrl), "a");
  const { link: member } = memberLink(rabbitUrl, "a");
  const [heardRouter, heardOld, heardMember] = [new HeardRouter(), new HeardMember(), new HeardMember()];
  router.start(heardRouter);
  old.start(heardOld);
  await Promise.all([heardRouter.count("opened", 1), heardOld.count("opened", 1)]);
  proxy.hold();
  router.pass("a", firstCommand);
  member.start(heardMember);
  await heardMember.count("opened", 1);
  router.pass("a", secondCommand);
  const received = await heardMember.count("passed", 1);
  assert.deepEqual(received.map(({ number }) => number), [2], "the queue is a new one");
  await member.close();
  await router.close();
  proxy.cut();
  await old.close();
});
