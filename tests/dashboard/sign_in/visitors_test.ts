import assert from "node:assert/strict";
import { networkOf, Visitors } from "../../../dashboard/sign_in/visitors.ts";
import { withDashboard } from "../rig.ts";

const NO_HEADERS = { forwardedFor: undefined, forwardedProto: undefined };

function addressOf(
  remoteAddress: string | undefined,
  forwardedFor: string | undefined,
  proxies: string[],
): string {
  return new Visitors({ publicUrl: null, proxies }, () => {})
    .visitor({ remoteAddress, forwardedFor, forwardedProto: undefined }).address;
}

Deno.test("Visitors.visitor() takes the connection's address where no proxy is configured", () => {
  assert.equal(addressOf("198.51.100.7", "203.0.113.9", []), "198.51.100.7");
  assert.equal(addressOf("127.0.0.1", "203.0.113.9", []), "127.0.0.1");
  assert.equal(addressOf(undefined, "203.0.113.9", ["0.0.0.0/0"]), "unknown");
});

Deno.test("Visitors.visitor() believes X-Forwarded-For from a proxy, and only what stands right of invention", () => {
  const proxies = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];
  const cases = [
    ["127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
    ["fd12::7", "203.0.113.9,10.1.2.3", "203.0.113.9"],
    ["::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"],
    ["10.1.2.3", "::FFFF:203.0.113.9", "203.0.113.9"],
    ["10.1.2.3", "2001:DB8:0:0::1", "2001:db8::1"],
    // Some proxies append the visitor's port.
    ["10.1.2.3", "203.0.113.9:4711", "203.0.113.9"],
    ["10.1.2.3", "[2001:DB8::1]:443", "2001:db8::1"],
    ["10.1.2.3", "[2001:db8::1]", "2001:db8::1"],
    ["10.1.2.3", "1.1.1.1:1, 203.0.113.9:4711, 10.9.9.9:80", "203.0.113.9"],
    ["10.1.2.3", "203.0.113.9:", "10.1.2.3"],
    ["10.1.2.3", "203.0.113.9:80:80", "10.1.2.3"],
    ["10.1.2.3", "[203.0.113.9]]:80", "10.1.2.3"],
    // Whoever calls us themselves is no proxy.
    ["192.0.2.1", "203.0.113.9", "192.0.2.1"],
    // What is no address is not looked behind.
    ["10.1.2.3", "203.0.113.9, unknown", "10.1.2.3"],
    ["10.1.2.3", "203.0.113.9, <script>", "10.1.2.3"],
    ["10.1.2.3", "", "10.1.2.3"],
    ["10.1.2.3", undefined, "10.1.2.3"],
    ["10.1.2.3", "10.9.9.9", "10.1.2.3"],
  ] as const;
  for (const [remote, forwarded, address] of cases) {
    assert.equal(addressOf(remote, forwarded, proxies), address, `${remote} for ${forwarded}`);
  }
});

Deno.test("Visitors.visitor() warns once where X-Forwarded-For comes from whom it does not believe", () => {
  const warnings: string[] = [];
  const settings = { publicUrl: null, proxies: ["10.0.0.1"] };
  const visitors = new Visitors(settings, (message) => warnings.push(message));
  const warningsAfter = (remoteAddress: string | undefined, forwardedFor: string | undefined) => {
    visitors.visitor({ remoteAddress, forwardedFor, forwardedProto: "https" });
    return warnings.length;
  };
  assert.equal(warningsAfter("198.51.100.7", undefined), 0);
  assert.equal(warningsAfter("10.0.0.1", "203.0.113.9"), 0);
  assert.equal(warningsAfter(undefined, "203.0.113.9"), 0);
  assert.equal(warningsAfter("::ffff:198.51.100.7", "203.0.113.9\n[INFO] forged"), 1);
  assert.equal(warningsAfter("198.51.100.8", "203.0.113.9"), 1);
  const [line = ""] = warnings;
  assert.match(line, /X-Forwarded-For from 198\.51\.100\.7\. .*set DASHBOARD_PROXIES to it/);
  assert.doesNotMatch(line, /203\.0\.113\.9|\n/, "what the header says may be invented");
});

Deno.test("A dashboard tells whoever runs it of a proxy that it does not believe", async () => {
  await withDashboard(async ({ anybody, news }) => {
    anybody.remoteAddress = "10.0.0.2";
    for (let count = 1; count <= 2; count++) {
      await (await anybody.get("/sign_in", { "x-forwarded-for": "203.0.113.9" })).body?.cancel();
    }
    const [warning, ...more] = news.filter(({ kind }) => kind === "warning");
    assert(warning?.kind === "warning" && more.length === 0);
    assert.match(warning.message, /from 10\.0\.0\.2\./);
  }, { proxies: ["10.0.0.1"] });
});

Deno.test("Visitors.visitor() knows TLS by the public URL, or by what a proxy says", () => {
  const isByTls = (publicUrl: string | null, remoteAddress: string, forwardedProto: string | undefined) =>
    new Visitors({ publicUrl, proxies: ["10.0.0.1"] }, () => {})
      .visitor({ remoteAddress, forwardedFor: undefined, forwardedProto }).isByTls;
  assert(isByTls("https://shards.example", "192.0.2.1", undefined));
  assert(isByTls(null, "10.0.0.1", "https"));
  assert(isByTls(null, "10.0.0.1", "http, https"));
  assert(!isByTls(null, "10.0.0.1", "https, http"));
  assert(!isByTls(null, "10.0.0.1", undefined));
  assert(!isByTls(null, "192.0.2.1", "https"));
  assert(!isByTls("http://shards.example", "192.0.2.1", "https"));
});

Deno.test("Visitors.visitor() has one spelling for each address", () => {
  const visitors = new Visitors({ publicUrl: null, proxies: [] }, () => {});
  const spelled = (remoteAddress: string) => visitors.visitor({ ...NO_HEADERS, remoteAddress }).address;
  assert.equal(spelled("::ffff:127.0.0.1"), "127.0.0.1");
  assert.equal(spelled("::ffff:7f00:1"), "127.0.0.1");
  assert.equal(spelled("2001:0DB8::0001"), "2001:db8::1");
  assert.equal(spelled("fe80::1%eth0"), "fe80::1");
  assert.equal(spelled("::1"), "::1");
  assert.equal(spelled("no address"), "unknown");
});

Deno.test("networkOf() takes the first half of an IPv6 address, and the whole of any other", () => {
  assert.equal(networkOf("203.0.113.9"), "203.0.113.9");
  assert.equal(networkOf("unknown"), "unknown");
  assert.equal(networkOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.equal(networkOf("2001:db8::6"), "2001:db8:0:0::/64");
  assert.equal(networkOf("2001::3:4:5:6:7"), "2001:0:0:3::/64");
  assert.equal(networkOf("::1"), "0:0:0:0::/64");
});
