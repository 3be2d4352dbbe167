import assert from "node:assert/strict";
import { BrokerHosts, splitBrokerUrls } from "../../../gateway/protocol/broker_url.ts";

Deno.test("splitBrokerUrls() parts whole URLs, and leaves the commas inside of one", () => {
  const urls = ["amqp://me:p,w@one/v", "AMQPS://two:5673", "amqp://three"];
  assert.deepEqual(splitBrokerUrls(urls.join(",")), urls);
  assert.deepEqual(splitBrokerUrls(urls.join(" ,\n ")), urls);
  assert.deepEqual(splitBrokerUrls("amqp://me:p,w@one"), ["amqp://me:p,w@one"]);
});

Deno.test("BrokerHosts reads each URL by itself, and names all hosts without their passwords", () => {
  const hosts = new BrokerHosts("amqp://me:p%2Fw@one/v?heartbeat=3,amqps://two,amqp://[::1]:5673");
  assert.equal(hosts.address, "one:5672, two:5671, [::1]:5673");
  assert.deepEqual([...hosts.round()], [
    { address: "one:5672", user: "me", password: "p/w", href: "amqp://me:p%2Fw@one/v?heartbeat=3" },
    { address: "two:5671", user: "guest", password: "guest", href: "amqps://two?heartbeat=10" },
    { address: "[::1]:5673", user: "guest", password: "guest", href: "amqp://[::1]:5673?heartbeat=10" },
  ]);
});

Deno.test("BrokerHosts.round() tries each once, and begins after the one that the last round was left at", () => {
  const hosts = new BrokerHosts("amqp://a,amqp://b,amqp://c");
  const tried = (atMost: number) => {
    const addresses = [];
    for (const { address } of hosts.round()) {
      addresses.push(address.slice(0, 1));
      if (addresses.length === atMost) break;
    }
    return addresses.join("");
  };
  assert.equal(tried(2), "ab");
  assert.equal(tried(9), "cab");
  assert.equal(tried(1), "c");
  assert.equal(tried(1), "a");
});
