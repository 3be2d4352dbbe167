import assert from "node:assert/strict";
import { RabbitConnection } from "../gateway/adapters/rabbitmq/connection.ts";
import { RabbitPublisher } from "../gateway/adapters/rabbitmq/publisher.ts";
import { systemClock } from "../gateway/clock.ts";
import { readCommand } from "../gateway/commands/command.ts";
import { type SettingName, SETTINGS } from "../gateway/config/settings.ts";
import { COMMAND_OPCODES } from "../gateway/protocol/opcodes.ts";
import { Openings, outgoingEvent } from "./contracts/publisher_contract.ts";
import { ExampleRun } from "./example_run.ts";
import { codeSpans, Page } from "./markdown.ts";
import { testServers } from "./servers.ts";

const readme = await Page.read("README.md");
const contract = await Page.read("docs/contract.md");

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

const [example] = readme.codeBlocks("js");

Deno.test("README's example in JavaScript takes events from the service's queue, and drops repeats", async () => {
  assert(example !== undefined);
  const { rabbitUrl } = await testServers();
  const connection = new RabbitConnection({
    url: rabbitUrl,
    purpose: "publishing",
    clock: systemClock,
    dice: Math.random,
    observe: () => {},
  });
  const publisher = new RabbitPublisher(connection, {
    queues: ["gateway"],
    partitions: null,
    persistent: true,
    transientTypes: new Set(),
    ttlMs: 0,
    clock: systemClock,
    observe: () => {},
  });
  const openings = new Openings();
  publisher.start(openings);
  await openings.heardAtLeast(1);
  const event = (sequence: number, type: string, id: string) =>
    outgoingEvent(sequence, {
      type,
      body: new TextEncoder().encode(`{"t":"${type}","s":${sequence},"op":0,"d":{"id":"${id}"}}`),
    });
  const repeated = event(1, "MESSAGE_CREATE", "10");
  for (const each of [repeated, repeated, event(2, "READY", "20")]) publisher.publish(each, () => {});
  await using run = await ExampleRun.start(example, { RABBIT_URL: rabbitUrl });
  assert.deepEqual(await run.lines(2), ["shard 3 MESSAGE_CREATE 10", "shard 3 READY 20"]);
  await publisher.close();
});

Deno.test("README's commands are accepted", () => {
  const commands = readme.codeBlocks("json");
  assert(commands.length > 2);
  for (const command of commands) {
    const reading = readCommand(new TextEncoder().encode(command));
    assert(reading.ok, `${command}: ${reading.ok ? "" : reading.message}`);
  }
});

Deno.test("README names every gateway op that a command may send", () => {
  const [data] = readme.section("Sending commands").table("field").filter(([field]) => field === "`data`");
  const ops = [...data?.[1]?.matchAll(/(\d+) \(/g) ?? []].map(([, op]) => Number(op));
  assert.deepEqual(ops, [...COMMAND_OPCODES]);
});

/** README's list, docs/contract.md's list: the latter is held to the code by its own tests. */
const SAME_LISTS: Readonly<Record<string, readonly [readme: string[], contract: string[]]>> = {
  "code of a refusal": [
    codesIn(readme.section("Sending commands").table("code"), 0),
    codesIn(contract.section("Commands").table("code"), 0),
  ],
  "page of metrics and health": [
    codesIn(readme.section("Metrics and health").table("path"), 0),
    codesIn(contract.section("HTTP").table("path"), 0),
  ],
  "Redis key that is written for others": [
    codesIn(readme.section("Redis").table("key"), 0),
    codesIn(contract.section("Redis").table("key").filter(([, , mark]) => mark === ""), 0),
  ],
};

function codesIn(rows: readonly (readonly string[])[], column: number): string[] {
  return rows.flatMap((row) => codeSpans(row[column] ?? ""));
}

for (const [what, [ours, theirs]] of Object.entries(SAME_LISTS)) {
  Deno.test(`README names every ${what} of docs/contract.md, and no other`, () => {
    assert.deepEqual(ours.toSorted(), theirs.toSorted());
  });
}

Deno.test("README's settings exist, with the defaults that it says", () => {
  for (const [names = "", said = ""] of readme.table("setting")) {
    for (const name of codeSpans(names)) {
      assert(isSetting(name), name);
      const [code] = codeSpans(said);
      if (code !== undefined) assert.equal(code, SETTINGS[name].defaultText, name);
    }
  }
});

Deno.test("README's test command is the one of .ci/run", async () => {
  const script = await Deno.readTextFile(new URL("../.ci/run", import.meta.url));
  const command = script.trimEnd().split("\n").at(-1) ?? "";
  assert(readme.codeBlocks("sh").some((block) => block.split("\n").includes(command)), command);
});
