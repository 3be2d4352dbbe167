import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import { RabbitMemberLink } from "../../../../gateway/adapters/rabbitmq/member_link.ts";
import { RabbitRouterLink } from "../../../../gateway/adapters/rabbitmq/router_link.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import type { MemberLink, RouterLink } from "../../../../gateway/commands/links.ts";
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
