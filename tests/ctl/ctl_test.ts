import assert from "node:assert/strict";
import { becomeForeign, lives, restartingGateway, writeDetails } from "../dashboard/shard/shard_fixture.ts";
import { fakeGateway } from "../dashboard/fake_gateway.ts";
import {
  FLEET_PART,
  replicaEntry,
  secondFields,
  statusEntries,
  writeFleet,
  writeLeases,
  writeReshard,
  writeStatuses,
} from "../dashboard/fleet/written_fleet.ts";
import { beforeDeadline } from "../deadline.ts";
import { API_TOKEN, runCtl, withTerminal } from "./terminal.ts";

Deno.test("ctl shards shows an aligned table, and with --json what the dashboard answers", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await writeFleet(redis, statusEntries(11, { 3: "Resuming" }));
    const { status, text, complaints } = await ctl(["shards"]);
    assert.deepEqual([status, complaints], [0, ""]);
    const lines = text.trimEnd().split("\n");
    assert.equal(lines.length, 12);
    assert.match(lines[0] ?? "", /^shard {2}status {5}latency +last ack {2}session$/);
    assert.match(lines[1] ?? "", /^ {4}0 {2}connected {4}40 ms {2}.* ago {2}01234567…$/);
    assert.match(lines[4] ?? "", /^ {4}3 {2}resuming {5}43 ms {2}.* ago {2}01234567…$/);
    assert.match(lines[11] ?? "", /^ {3}10 {2}connected {4}50 ms {2}/);
    const some = JSON.parse((await ctl(["shards", "--status", "resuming", "--json"])).text);
    assert.deepEqual(some.shards.map(({ shard }: { shard: number }) => shard), [3]);
    assert.equal((await ctl(["shards", "--status", "parked"])).text, "No such shards\n");
  });
});

Deno.test("ctl shard shows one shard with its life", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await writeFleet(redis, statusEntries(5));
    await writeDetails(redis, 3);
    const { status, text } = await ctl(["shard", "3"]);
    assert.equal(status, 0);
    assert.match(text, /^Shard 3 {2}connected since 2026-01-01 00:00:00\n/);
    assert.match(text, /\n {2}received {6}4,711\n {2}published {5}4,710\n {2}stored {8}4,709\n/);
    assert.match(text, /\n {2}events\/s {6}12.4, MESSAGE_CREATE 8.1, TYPING_START 2.25\n/);
    assert.match(text, /\ntime {17}what happened\n2026-01-01 00:00:00 {2}.*4009/);
    const unknown = await ctl(["shard", "5"]);
    assert.deepEqual([unknown.status, unknown.text], [1, ""]);
    assert.equal(unknown.complaints, "There is no such shard\n");
  });
});

Deno.test("ctl ends quietly where nobody reads on", async () => {
  const { status, complaints } = await runCtl(["help"], {
    written: () => {
      throw new Deno.errors.BrokenPipe();
    },
  });
  assert.deepEqual([status, complaints], [141, ""]);
});

Deno.test("ctl guild names the shard that a guild is on", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await redis.set("gateway_shards", "1024");
    assert.equal((await ctl(["guild", "1234567890123456789"])).text, "Shard 503\n");
  });
});

Deno.test("ctl restart asks, restarts one shard after the other, and shows how far that is", async () => {
  await withTerminal(async ({ redis, rabbitUrl, ctl }) => {
    await writeFleet(redis, statusEntries(8));
    await using gateway = await restartingGateway(
      rabbitUrl,
      ({ shard }) => lives(redis, shard, "disconnected", "connecting", "resumed"),
    );
    const questions: string[] = [];
    const { status, text, complaints } = await ctl(["restart", "3-4"], {
      ask: (question) => questions.push(question) > 0,
    });
    assert.deepEqual([status, complaints], [0, ""]);
    assert.deepEqual(questions, ["Restart shards 3-4, one after the other? Their sessions go on."]);
    assert.deepEqual(gateway.commands, [{ op: 1, shard: 3 }, { op: 1, shard: 4 }]);
    const lines = text.trimEnd().split("\n");
    assert.equal(lines.at(-1), "Finished: 2 of 2 back");
    for (const line of lines.slice(0, -1)) {
      assert.match(line, /^[012] of 2 back(?:, shard [34] is restarting)?$/);
    }
    assert.equal((await ctl(["restart", "status"])).text, "Finished: 2 of 2 back\n");
    const answer = JSON.parse((await ctl(["restart", "status", "--json"])).text);
    assert.equal(answer.restart.started_by, "api token");
  });
});

Deno.test("ctl restart says what new sessions cost, and does nothing where the answer is no", async () => {
  await withTerminal(async ({ redis, services, ctl }) => {
    await writeFleet(redis, statusEntries(8));
    const questions: string[] = [];
    const no = (question: string) => questions.push(question) === 0;
    const { status, complaints } = await ctl(["restart", "all", "--new-session"], { ask: no });
    assert.deepEqual([status, complaints], [1, "Nothing was restarted\n"]);
    assert.deepEqual(questions, [
      "Restart all 8 shards with new sessions, one after the other? " +
      "Each costs one of the 987 identifies that are left, and events in between are lost.",
    ]);
    const unasked = await ctl(["restart", "all"]);
    assert.equal(unasked.status, 64);
    assert.match(unasked.complaints, /^restart: give --yes, because there is no terminal to ask/);
    assert.equal(await services.restarts.read(), null);
  });
});

Deno.test("ctl restart tells with its status that shards are not back, or that nothing can be restarted", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await writeFleet(redis, statusEntries(2));
    // No gateway takes the commands.
    const { status, text } = await ctl(["restart", "all", "--yes", "--json"]);
    assert.equal(status, 1);
    const { restart } = JSON.parse(text);
    assert.deepEqual([restart.state, restart.missing_shards], ["finished", [0, 1]]);
    assert.equal((await ctl(["restart", "status"])).text, "Finished: 0 of 2 back, not back: 0-1\n");
    const stopped = await ctl(["restart", "stop"]);
    assert.deepEqual([stopped.status, stopped.text], [1, ""]);
    await becomeForeign(redis);
    const foreign = await ctl(["restart", "all", "--yes"]);
    assert.equal(foreign.status, 1);
    assert.match(foreign.complaints, /it would shut it down for good\n$/);
  });
});

Deno.test("ctl restart goes on in the dashboard after Ctrl-C, until ctl restart stop", async () => {
  await withTerminal(async ({ redis, rabbitUrl, services, ctl }) => {
    await writeFleet(redis, statusEntries(2));
    assert.equal((await ctl(["restart", "status"])).text, "There was none yet\n");
    await using _gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    const interrupt = new AbortController();
    const { status, complaints } = await ctl(["restart", "all", "--yes"], {
      interrupted: interrupt.signal,
      written: () => interrupt.abort(),
    });
    assert.equal(status, 130);
    assert.equal(complaints, "The restart goes on; deno task ctl restart stop ends it\n");
    assert.equal((await services.restarts.read())?.state, "running");
    const stopped = await ctl(["restart", "stop"]);
    assert.deepEqual([stopped.status, stopped.text], [0, "It stops: no further shard has its turn\n"]);
    await services.restarts.idle();
    assert.match((await ctl(["restart", "status"])).text, /^Stopped by api token: 0 of 2 back\n$/);
  });
});

Deno.test("ctl replicas shows each process, and shards that nobody holds; ctl drain and undrain tell one what to do", async () => {
  await withTerminal(async ({ redis, rabbitUrl, ctl }) => {
    assert.equal((await ctl(["replicas"])).text, "No replica has left word of itself\n");
    await writeFleet(redis, statusEntries(4), FLEET_PART);
    await redis.hset("gateway:replicas", "beta b", replicaEntry(4, { stopped: true }));
    await writeLeases(redis, { "m-alpha": { shards: [0, 1, 3] } });
    const lines = (await ctl(["replicas"])).text.trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^replica +state +version +shards +events\/s +unconfirmed +spooled +heard$/);
    assert.match(lines[1] ?? "", /^alpha \(lead\) +running +0\.1\.0 +4 +- +12 +3 +\d+ s ago$/);
    assert.match(lines[2] ?? "", /^beta b +stopped +0\.1\.0 /);
    assert.deepEqual(lines.slice(3), ["", "Held by nobody: 2 (1)"]);
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, { ok: true }]);
    assert.equal((await ctl(["drain", "alpha"])).text, "It hands its shards over, and takes none\n");
    assert.equal((await ctl(["undrain", "alpha"])).text, "It takes shards again\n");
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 3, replica: "alpha", data: { drain: true } },
      { op: 3, replica: "alpha", data: { drain: false } },
    ]);
    const stopped = await ctl(["drain", "beta b"]);
    assert.deepEqual([stopped.status, stopped.complaints], [1, "It has stopped\n"]);
  });
});

Deno.test("ctl reshard asks, and has a change of the number of shards begun, or given up", async () => {
  await withTerminal(async ({ redis, rabbitUrl, ctl }) => {
    await writeFleet(redis, statusEntries(16));
    const refusal = { ok: false, error: "cannot_reshard", message: "A shard is not connected" };
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, refusal, { ok: true }]);
    const questions: string[] = [];
    const no = await ctl(["reshard", "32"], { ask: (question) => questions.push(question) === 0 });
    assert.deepEqual([no.status, no.complaints], [1, "Nothing was changed\n"]);
    assert.deepEqual(questions, [
      "Change from 16 shards to 32? That costs 32 identifies, of 987 that are left. " +
      "Both run meanwhile, and events go on.",
    ]);
    assert.equal(gateway.commands.length, 0);
    const begun = await ctl(["reshard", "32"], { ask: () => true });
    assert.deepEqual([begun.status, begun.text], [
      0,
      "It has begun; deno task ctl replicas shows how far it is, and reshard --abandon gives it up\n",
    ]);
    const refused = await ctl(["reshard", "8", "--yes"]);
    assert.deepEqual([refused.status, refused.complaints], [1, "A shard is not connected\n"]);
    const none = await ctl(["reshard", "--abandon"]);
    assert.deepEqual([none.status, none.complaints], [1, "No change of the number of shards is under way\n"]);
    await writeReshard(redis);
    assert.equal((await ctl(["reshard", "--abandon"])).text, "It is given up\n");
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 2, data: { total: 32 } },
      { op: 2, data: { total: 8 } },
      { op: 2, data: { abandon: true } },
    ]);
  });
});

Deno.test("ctl replicas shows how far a change of the number of shards is", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await writeFleet(redis, statusEntries(16));
    const shown = async () => (await ctl(["replicas"])).text.trimEnd().split("\n").slice(2);
    assert.deepEqual(await shown(), []);
    await writeReshard(redis);
    assert.deepEqual(await shown(), [
      "",
      "Shards 16 → 32: the new sessions come up beside the old ones. Their events are not published yet.",
      "20 of 32 new shards are ready",
      "",
      "replica  ready  waits for",
      "alpha        8  3 events wait in the spool",
      "beta        12  nothing",
    ]);
    await writeReshard(redis, { phase: "done", bank: "a" });
    assert.deepEqual(await shown(), ["", "Shards 16 → 32 done, set SHARDS_TOTAL=32."]);
  });
});

Deno.test("ctl presence and ctl command send what they are told, and say what came of it", async () => {
  await withTerminal(async ({ redis, rabbitUrl, ctl }) => {
    await writeFleet(redis, statusEntries(4));
    const refusal = { ok: false, error: "unknown_shard", message: "Shard 1 is not run here" };
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, refusal]);
    const shown = await ctl(["presence", "--status", "idle", "--activity", "watching you"]);
    assert.deepEqual([shown.status, shown.text], [0, "The gateway has carried it out\n"]);
    const refused = await ctl(["command", '{"op":1,"shard":1}']);
    assert.deepEqual([refused.status, refused.text, refused.complaints], [
      1,
      "",
      "Shard 1 is not run here\n",
    ]);
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      {
        op: 0,
        shard: "all",
        data: {
          op: 3,
          d: { since: null, activities: [{ name: "you", type: 3 }], status: "idle", afk: false },
        },
      },
      { op: 1, shard: 1 },
    ]);
    const wrong = await ctl(["command", '{"op":9}']);
    assert.equal(wrong.status, 1);
    assert.match(
      wrong.complaints,
      /^"shard" is an integer.*; "op" is 0 for a gateway payload, 1 to reconnect, 2 to change .*, 3 to drain a replica\n$/,
    );
  });
});

Deno.test("ctl command says with status 69 where there is no gateway", async () => {
  await withTerminal(async ({ ctl }) => {
    const { status, complaints } = await ctl(["command", '{"op":1,"shard":1}']);
    assert.equal(status, 69);
    assert.match(complaints, /^It was not sent: .*no gateway has run on this RabbitMQ yet\n$/);
  });
});

Deno.test("ctl queues, rejected and audit show tables, whatever stands in them", async () => {
  await withTerminal(async ({ redis, services, ctl }) => {
    assert.match(
      (await ctl(["queues"])).text,
      /^queue +ready {2}consumers {2}last minute {2}state\ngateway +- +- +- +\S/m,
    );
    assert.equal((await ctl(["rejected"])).text, "The gateway has refused no command\n");
    assert.equal((await ctl(["audit"])).text, "Nobody has done anything\n");
    const fields = ["reason", "not_json", "message", "It is not JSON", "bytes", "9", "body", "\x1b[2J{\n"];
    await redis.xadd("gateway:rejected", "1767225600000-0", ...fields);
    assert.equal(
      (await ctl(["rejected"])).text,
      "time                 reason    why             command\n" +
        "2026-01-01 00:00:00  not_json  It is not JSON  [2J{\n",
    );
    const entry = { who: "anna", role: "operator", address: "192.0.2.7", shards: "all" };
    await services.audit.record({ ...entry, action: "Presence idle", outcome: "Carried out" });
    assert.match(
      (await ctl(["audit"])).text,
      /\n\S+ \S+ {2}anna {2}192\.0\.2\.7 {2}Presence idle {2}all +Carried out\n$/,
    );
  });
});

Deno.test("ctl watch shows how the fleet is and each change, until Ctrl-C", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await writeFleet(redis, statusEntries(3));
    const second = Math.floor(Date.now() / 1_000) - 1;
    await redis.xadd("gateway:history:alpha", `${second * 1_000}-0`, ...secondFields({ events: "1512" }));
    const interrupt = new AbortController();
    let seen = "";
    let [isChanged, isResharding] = [false, false];
    const watching = ctl(["watch"], {
      interrupted: interrupt.signal,
      written: (text) => {
        seen = text;
        if (!isChanged && text.includes("3 connected")) {
          isChanged = true;
          void writeStatuses(redis, statusEntries(3, { 1: "Resuming" }));
        }
        if (!isResharding && text.includes("1 resuming")) {
          isResharding = true;
          void writeReshard(redis);
        }
        if (text.includes("20 ready")) interrupt.abort();
      },
    });
    const { status, text, complaints } = await beforeDeadline(watching, () => seen);
    assert.deepEqual([status, complaints], [0, ""]);
    assert.match(
      text,
      /^\S+ \S+ {2}3 connected · 1,512 events\/s · delay 1\.25 ms, p99 8 ms · 12 unconfirmed · 3 spooled\n/,
    );
    assert.match(
      text,
      /\n\S+ \S+ {2}shard 1 {2}resuming, was connected\n\S+ \S+ {2}2 connected, 1 resuming · /,
    );
    assert.match(text, / · 16 → 32: 20 ready · 3 spooled\n/);
  });
});

Deno.test("ctl watch --json has a line for each message", async () => {
  await withTerminal(async ({ redis, ctl }) => {
    await writeFleet(redis, statusEntries(3));
    const interrupt = new AbortController();
    const watching = ctl(["watch", "--json"], {
      interrupted: interrupt.signal,
      written: () => interrupt.abort(),
    });
    const { status, text } = await beforeDeadline(watching, () => "nothing");
    assert.equal(status, 0);
    const [line = ""] = text.split("\n");
    const { event, total, changes } = JSON.parse(line);
    assert.deepEqual([event, total, changes], ["fleet", 3, []]);
  });
});

Deno.test("ctl watch waits for a dashboard that goes away while it watches", async () => {
  await withTerminal(async ({ redis, services, ctl }) => {
    await writeFleet(redis, statusEntries(3));
    const interrupt = new AbortController();
    let seen = "";
    const watching = ctl(["watch"], {
      interrupted: interrupt.signal,
      written: (text) => {
        seen = text;
        if (text.includes("Trying again")) interrupt.abort();
        else services.live.stop();
      },
    });
    const { status } = await beforeDeadline(watching, () => seen);
    assert.equal(status, 0);
    assert.match(
      seen,
      /\nCannot reach the dashboard at http:\S+: .*it has ended the stream\)\. Trying again\n$/,
    );
  });
});

Deno.test("ctl says in one line that the dashboard cannot be reached, or is none", async () => {
  const settings = { DASHBOARD_API_TOKEN: API_TOKEN };
  // Held by nobody since the listener was closed.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  listener.close();
  for (const command of ["shards", "watch"]) {
    const { status, text, complaints } = await runCtl([command, "--url", url], { settings });
    assert.deepEqual([status, text], [69, ""]);
    assert.match(complaints, /^Cannot reach the dashboard at http:\S+: start it, or say [^\n]+\n$/);
  }
  for (const status of [200, 303, 503]) {
    const body = new Response("<html>", { status, headers: { location: "http://127.0.0.1:1/" } });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => body.clone());
    const { port } = server.addr;
    const answer = await runCtl(["queues", "--url", `http://127.0.0.1:${port}`], { settings });
    assert.equal(answer.status, 69);
    assert.match(answer.complaints, /^What answers at http:\S+ is no dashboard[^\n]+\n$/);
    await server.shutdown();
  }
});

Deno.test("ctl says in one line that the token is wrong, without it, and what to do", async () => {
  await withTerminal(async ({ ctl }) => {
    const settings = { DASHBOARD_API_TOKEN: "another-token" };
    const wrong = await ctl(["shards"], { settings });
    assert.equal(wrong.status, 77);
    assert.match(
      wrong.complaints,
      /^The dashboard at http:\S+ does not take the token: [^\n]+; give both the same DASHBOARD_API_TOKEN\n$/,
    );
    assert(!wrong.complaints.includes("another-token"));
    for (let attempt = 0; attempt < 4; attempt++) await ctl(["shards"], { settings });
    const late = await ctl(["shards"]);
    assert.equal(late.status, 77);
    assert.match(late.complaints, /^Too many wrong tokens/);
  });
});
