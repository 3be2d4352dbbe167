import assert from "node:assert/strict";
import fc from "fast-check";
import { gatewayConnectionUrl } from "../../../gateway/protocol/gateway_url.ts";

const parameters = { apiVersion: 10, compression: "zlib-stream", plainAllowed: true } as const;

Deno.test("gatewayConnectionUrl() adds version, encoding and compression, with a slash at the end or without", () => {
  const expected = "wss://gateway.discord.gg/?v=10&encoding=json&compress=zlib-stream";
  assert.equal(gatewayConnectionUrl("wss://gateway.discord.gg", parameters)?.href, expected);
  assert.equal(gatewayConnectionUrl("wss://gateway.discord.gg/", parameters)?.href, expected);
});

Deno.test("gatewayConnectionUrl() keeps host, port, path and what else was asked for", () => {
  assert.equal(
    gatewayConnectionUrl("ws://127.0.0.1:9001/gateway?region=eu", parameters)?.href,
    "ws://127.0.0.1:9001/gateway?region=eu&v=10&encoding=json&compress=zlib-stream",
  );
});

Deno.test("gatewayConnectionUrl() says each of its parameters once, over what the URL said", () => {
  const given = "wss://gateway.example/?v=6&encoding=etf&compress=zstd-stream&v=7";
  assert.equal(
    gatewayConnectionUrl(given, parameters)?.href,
    "wss://gateway.example/?v=10&encoding=json&compress=zlib-stream",
  );
  assert.equal(
    gatewayConnectionUrl(given, { apiVersion: 9, compression: "none", plainAllowed: true })?.href,
    "wss://gateway.example/?v=9&encoding=json",
  );
});

Deno.test("gatewayConnectionUrl() is null for what is no WebSocket URL", () => {
  for (
    const given of [
      "",
      " ",
      "gateway.discord.gg",
      "https://gateway.discord.gg",
      "http://a",
      "file:///a",
      "wss://",
    ]
  ) {
    assert.equal(gatewayConnectionUrl(given, parameters), null, given);
  }
});

Deno.test("gatewayConnectionUrl() sends no token in the clear, unless all of Discord is there", () => {
  const encryptedOnly = { ...parameters, plainAllowed: false };
  assert.equal(gatewayConnectionUrl("ws://elsewhere.example", encryptedOnly), null);
  assert.notEqual(gatewayConnectionUrl("wss://gateway.discord.gg", encryptedOnly), null);
  assert.equal(gatewayConnectionUrl("wss://user:password@elsewhere.example", parameters), null);
});

Deno.test("gatewayConnectionUrl() never throws, whatever it is given", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string().map((rest) => `wss://${rest}`),
  );
  fc.assert(fc.property(text, (given) => {
    const url = gatewayConnectionUrl(given, parameters);
    if (url !== null) assert.match(url.href, /^wss?:.*[?&]v=10&encoding=json&compress=zlib-stream/);
  }));
});
