import assert from "node:assert/strict";
import { metricValue } from "../fakes/prometheus_text.ts";
import { readSamples } from "./monitoring_page.ts";
import { onStage } from "./stage.ts";

const CHOICE = { EVENTS_ALLOW: "MESSAGE_*,GUILD_*,RESUMED", EVENTS_DENY: "MESSAGE_DELETE,GUILD_ROLE_*" };

Deno.test(
  "Shardline publishes the events that are wanted, counts the others, and moves its sequence over all of them",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const typesOf = () => consumer.messages.map(({ fields }) => fields.routingKey);
    const gateway = await stage.startConnected(1, CHOICE);
    const names = ["MESSAGE_CREATE", "MESSAGE_DELETE", "TYPING_START", "GUILD_ROLE_UPDATE", "GUILD_UPDATE"];
    for (const name of names) control.dispatch(name, '{"id":"1"}');
    await consumer.until(() => typesOf().at(-1) === "GUILD_UPDATE");
    assert.deepEqual(typesOf().slice(-2), ["MESSAGE_CREATE", "GUILD_UPDATE"]);
    assert(!typesOf().includes("READY"));
    const samples = await readSamples(gateway);
    for (const type of ["READY", "MESSAGE_DELETE", "TYPING_START", "GUILD_ROLE_UPDATE"]) {
      const labels = { type, reason: "filtered" };
      assert.equal(metricValue(samples, "gateway_events_dropped_total", labels), 1, type);
    }
    // The last that came is one that nobody wanted: what is resumed is behind it.
    control.dispatch("TYPING_START", "{}");
    assert.equal(await gateway.end("SIGTERM"), 0);
    const before = consumer.messages.length;
    await stage.startConnected(1, CHOICE);
    await consumer.until(() => typesOf().at(-1) === "RESUMED");
    assert.equal(consumer.messages.length, before + 1, "nothing is replayed but RESUMED");
  }),
);

Deno.test(
  "Shardline counts what only its state cache gets as filtered, and not as published",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1, {
      STATE_ENABLED: "true",
      EVENTS_DENY: "CHANNEL_*,READY,GUILD_*",
    });
    const filtered = { type: "CHANNEL_UPDATE", reason: "filtered" };
    const published = "gateway_publish_seconds_count";
    for (const id of ["1", "2", "3"]) control.dispatch("CHANNEL_UPDATE", `{"id":"${id}"}`);
    control.dispatch("MESSAGE_CREATE", '{"id":"1","channel_id":"2"}');
    await consumer.until(() => consumer.messages.at(-1)?.fields.routingKey === "MESSAGE_CREATE");
    let samples = await readSamples(gateway);
    // The broker confirms about when it delivers.
    while ((metricValue(samples, published, {}) ?? 0) < consumer.messages.length) {
      samples = await readSamples(gateway);
    }
    assert.equal(metricValue(samples, published, {}), consumer.messages.length);
    assert.equal(metricValue(samples, "gateway_events_dropped_total", filtered), 3);
  }),
);
