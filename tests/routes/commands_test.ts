import assert from "node:assert/strict";
import { ANSWER_TIMEOUT_MS } from "../../dashboard/commands/command_sender.ts";
import { QueueReader } from "../fakes/queue_reader.ts";
import { fakeGateway } from "../dashboard/fake_gateway.ts";
import { statusEntries, writeFleet } from "../dashboard/fleet/written_fleet.ts";
import { type DashboardRig, type TestBrowser, withDashboard } from "../dashboard/rig.ts";
import { becomeForeign } from "../dashboard/shard/shard_fixture.ts";
import { ManualClock } from "../fakes/manual_clock.ts";

const GUILD = "81384788765712384";

/** Sends a form that is acted upon; resolves with the page that follows. */
async function act(browser: TestBrowser, fields: Record<string, string>): Promise<string> {
  const response = await browser.post("/commands", fields);
  assert.equal(response.status, 303, await response.text());
  return await browser.page(response.headers.get("location") ?? "");
}

async function audited({ services }: DashboardRig): Promise<string[][]> {
  const { entries } = await services.audit.read({ count: 10 });
  return entries.map(({ who, role, address, action, shards, outcome }) => [
    who,
    role,
    address,
    action,
    shards,
    outcome,
  ]);
}

Deno.test("/commands sends a voice state to the shard of its guild, shows the reply, and writes it to the audit", async () => {
  await withDashboard(async (rig) => {
    await using gateway = await fakeGateway(rig.rabbitUrl, [{ ok: true }]);
    await rig.redis.set("gateway_shards", "16");
    const operator = await rig.signedIn("operator");
    const text = await act(operator, {
      form: "voice",
      guild: GUILD,
      channel: "127121515262115840",
      deaf: "yes",
    });
    assert.match(text, /class="notice done"[^>]*><b>Done<\/b> The gateway has carried it out\./);
    assert.deepEqual(JSON.parse(gateway.commands[0]?.content.toString() ?? ""), {
      op: 0,
      shard: 2,
      data: {
        op: 4,
        d: { guild_id: GUILD, channel_id: "127121515262115840", self_mute: false, self_deaf: true },
      },
    });
    assert.deepEqual(await audited(rig), [[
      "operator",
      "operator",
      "127.0.0.1",
      `Voice state in guild ${GUILD}: channel 127121515262115840`,
      "2",
      "Carried out",
    ]]);
    // Said once.
    assert.doesNotMatch(await operator.page("/commands"), /class="notice/);
  });
});

Deno.test("/commands sends a member request", async () => {
  await withDashboard(async ({ rabbitUrl, redis, signedIn }) => {
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
    await redis.set("gateway_shards", "16");
    const fields = {
      form: "members",
      guild: GUILD,
      ids: "1 2",
      presences: "yes",
      nonce: "n",
      query: "",
      limit: "",
    };
    await act(await signedIn("operator"), fields);
    assert.deepEqual(JSON.parse(gateway.commands[0]?.content.toString() ?? "").data, {
      op: 8,
      d: { guild_id: GUILD, user_ids: ["1", "2"], presences: true, nonce: "n" },
    });
  });
});

Deno.test("/commands sends JSON as it was typed, and shows why the gateway refused it", async () => {
  await withDashboard(async (rig) => {
    const refusal = {
      ok: false,
      error: "unknown_shard",
      message: "There is no shard 7 here: <send> one of 0",
    };
    await using gateway = await fakeGateway(rig.rabbitUrl, [refusal]);
    const typed = '{ "op": 0, "shard": 7,\r\n"data":{"op":31,"d":{"guild_ids":[18446744073709551615]}} }';
    const text = await act(await rig.signedIn("operator"), { form: "text", text: typed });
    assert.match(
      text,
      /class="notice refused" role="alert"><b>Refused<\/b> There is no shard 7 here: &lt;send> one of 0 \(unknown_shard\)\./,
    );
    assert.equal(gateway.commands[0]?.content.toString(), typed);
    assert.deepEqual((await audited(rig))[0]?.slice(3), [
      "Soundboard request",
      "7",
      "Refused, unknown_shard: There is no shard 7 here: <send> one of 0",
    ]);
  });
});

Deno.test("/commands says where it is not known whether a command was sent, and so does the audit", async () => {
  await withDashboard(async (rig) => {
    await rig.redis.set("gateway_shards", "16");
    const problem = "RabbitMQ did not confirm it in time";
    rig.services.commands.send = () => Promise.resolve({ kind: "unknown", problem });
    const text = await act(await rig.signedIn("operator"), { form: "text", text: '{"op":1,"shard":7}' });
    assert.match(
      text,
      /class="notice failed" role="alert"><b>[^<]+<\/b> It is not known whether it was sent: RabbitMQ did not confirm it in time\. Look before you send it again\./,
    );
    assert.equal((await audited(rig))[0]?.[5], `Not known whether it was sent: ${problem}`);
  });
});

Deno.test("/commands says what is wrong beside the field, keeps what was typed, and sends nothing", async () => {
  await withDashboard(async (rig) => {
    await using gateway = await fakeGateway(rig.rabbitUrl);
    await rig.redis.set("gateway_shards", "16");
    const operator = await rig.signedIn("operator");
    const voice = await operator.post("/commands", {
      form: "voice",
      guild: "my guild",
      channel: "12",
      mute: "yes",
    });
    assert.equal(voice.status, 400);
    const page = await voice.text();
    assert.match(
      page,
      /<input id="voice-guild" aria-describedby="voice-guild-hint voice-guild-problem" aria-invalid/,
    );
    assert.match(page, /id="voice-guild-problem">.*?Write the id of a guild, in digits/s);
    assert.match(page, /value="my guild"/);
    assert.match(page, /name="mute" value="yes" checked/);
    const typed = '{"op":5,"shard":99,"data":"</textarea>"}';
    const text = await (await operator.post("/commands", { form: "text", text: typed })).text();
    assert.match(text, /&quot;op&quot; is 0 for a gateway payload, 1 to reconnect/);
    assert.match(text, /There is no shard 99: they are 0 to 15/);
    assert.match(text, /&lt;\/textarea>/);
    assert.deepEqual(gateway.commands, []);
    assert.deepEqual(await audited(rig), []);
  });
});

Deno.test("/commands says that the number of shards is not known, and sends nothing to a guild", async () => {
  await withDashboard(async ({ signedIn }) => {
    const operator = await signedIn("operator");
    assert.match(await operator.page("/commands"), /The number of shards is not known yet/);
    const response = await operator.post("/commands", { form: "voice", guild: GUILD });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /so neither is the shard of this guild/);
  });
});

Deno.test("/commands says that nobody has answered, and that the command waits", async () => {
  const clock = new ManualClock();
  await withDashboard(
    async (rig) => {
      await using gateway = await fakeGateway(rig.rabbitUrl, [undefined, { ok: true }]);
      const operator = await rig.signedIn("operator");
      const response = operator.post("/commands", { form: "text", text: '{"op":1,"shard":"all"}' });
      while (gateway.commands.length === 0) await new Promise((resolve) => setTimeout(resolve));
      // Once this one is answered, the broker has confirmed the one before.
      assert.deepEqual(await rig.services.commands.send({ op: 1, shard: 0 }), { kind: "accepted" });
      clock.advance(ANSWER_TIMEOUT_MS);
      assert.equal((await response).status, 303);
      assert.match(
        await operator.page("/commands"),
        /No answer within 10 s\. The command lies in queue gateway\.send/,
      );
      assert.deepEqual((await audited(rig))[0]?.slice(3), ["Restart", "all", "Sent, no answer in time"]);
    },
    {},
    clock,
  );
});

Deno.test("/commands shows the form again as it was where the command could not be sent", async () => {
  await withDashboard(async (rig) => {
    const operator = await rig.signedIn("operator");
    const response = await operator.post("/commands", { form: "text", text: '{"op":1,"shard":"all"}' });
    assert.equal(response.status, 503);
    const text = await response.text();
    assert.match(
      text,
      /class="notice failed" role="alert"><b>Failed<\/b> It was not sent: RabbitMQ at 127\.0\.0\.1:1 /,
    );
    assert.match(text, />\{&quot;op&quot;:1,&quot;shard&quot;:&quot;all&quot;\}<\/textarea>/);
    assert.match((await audited(rig))[0]?.[5] ?? "", /^Not sent: RabbitMQ at 127\.0\.0\.1:1 /);
  }, { rabbitUrl: "amqp://127.0.0.1:1" });
});

Deno.test("/commands shows what was refused and why, and sends it again unchanged", async () => {
  await withDashboard(async (rig) => {
    const { redis, rabbitUrl, signedIn } = rig;
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
    const body = '\ufeff{"op":1,\n"shard":[4,5],"data":{"mode":"identify"},"x":9007199254740993} \u202e<b>';
    const expired = ["reason", "expired", "message", "It waited <too> long", "bytes", "1500", "body", body];
    await redis.xadd("gateway:rejected", "1764000000000-0", ...expired);
    await redis.xadd("gateway:rejected", "1764000001000-0", "reason", "too_large", "bytes", "20480");
    const operator = await signedIn("operator");
    const page = await operator.page("/commands");
    assert.match(
      page,
      /20 KiB.*Its text was not kept.*2025-11-24 16:00:00.*expired.*1\.5 KiB.*It waited &lt;too> long/s,
    );
    assert.match(page, /&lt;b>/);
    assert.doesNotMatch(page, /\u202e/);
    assert.equal(page.match(/Send again/g)?.length, 1);
    assert.match(
      await act(operator, { form: "again", id: "1764000000000-0" }),
      /The gateway has carried it out/,
    );
    assert.equal(gateway.commands[0]?.content.toString(), body);
    // A byte order mark is not JSON, so nobody can say what this was to be.
    assert.deepEqual((await audited(rig))[0]?.slice(3), ["Command, sent again", "unknown", "Carried out"]);
  });
});

Deno.test("/commands restarts no shard of another service, typed or sent again, and sends it what is for one shard", async () => {
  await withDashboard(async (rig) => {
    await using twilight = await QueueReader.connect(rig.rabbitUrl);
    await twilight.channel.assertQueue("gateway.send", { durable: true });
    await writeFleet(rig.redis, statusEntries(2));
    await becomeForeign(rig.redis);
    const restart = ' {"op":1.0, "shard":1}';
    await rig.redis.xadd("gateway:rejected", "5-0", "reason", "expired", "body", restart);
    const operator = await rig.signedIn("operator");
    for (const fields of [{ form: "text", text: restart }, { form: "again", id: "5-0" }]) {
      assert.match(await act(operator, fields), /<b>Refused<\/b> Another service runs these shards: /);
    }
    assert.match((await audited(rig))[0]?.[5] ?? "", /^Refused, foreign_service: Another service /);
    const all = '{"op":0,"shard":"all","data":{"op":8,"d":{"guild_id":"1","query":"","limit":0}}}';
    assert.match(await act(operator, { form: "text", text: all }), /takes one at a time: name one/);
    const request = '{"op":0,"shard":1,"data":{"op":8,"d":{"guild_id":"1","query":"","limit":0}}}';
    assert.match(await act(operator, { form: "text", text: request }), /It is sent\./);
    assert.equal((await audited(rig))[0]?.[5], "Sent");
    const [first] = await twilight.read("gateway.send", 1);
    assert.equal(first?.content.toString(), request, "and nothing before it");
  });
});

Deno.test("/commands does not send again what is not kept", async () => {
  await withDashboard(async (rig) => {
    await rig.redis.xadd("gateway:rejected", "5-0", "reason", "too_large", "bytes", "20480");
    const operator = await rig.signedIn("operator");
    for (const id of ["5-0", "4-0", "-", ""]) {
      assert.match(await act(operator, { form: "again", id }), /This command is not kept any more/);
    }
    assert.deepEqual(await audited(rig), []);
  });
});

Deno.test("/commands shows refused commands page by page, and says so where there are none", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const viewer = await signedIn("viewer");
    assert.match(await viewer.page("/commands"), /Nothing was refused\./);
    for (let number = 1; number <= 11; number++) {
      await redis.xadd(
        "gateway:rejected",
        `${number}-0`,
        "reason",
        "invalid",
        "message",
        `Number ${number}.`,
      );
    }
    const first = await viewer.page("/commands");
    assert(first.includes("Number 11.") && !first.includes("Number 1."));
    const [, older] = first.match(/href="(\/commands\?before=[^"#]+)#refused">Older/) ?? [];
    const second = await viewer.page(older ?? "");
    assert(second.includes("Number 1.") && !second.includes("Number 2."));
    assert.match(second, />Newest</);
  });
});

Deno.test("/commands gives a viewer nothing to press, and does nothing for one who presses it all the same", async () => {
  await withDashboard(async ({ rabbitUrl, redis, signedIn }) => {
    await using gateway = await fakeGateway(rabbitUrl);
    await redis.xadd("gateway:rejected", "5-0", "reason", "expired", "body", "{}");
    const viewer = await signedIn("viewer");
    const page = await viewer.page("/commands");
    assert.match(page, /Only operators may send commands/);
    const [main = ""] = page.match(/<main.*<\/main>/s) ?? [];
    assert.equal(main.match(/<fieldset class="plain stack" disabled/g)?.length, 3);
    const buttons = main.replace(/<fieldset[^>]* disabled.*?<\/fieldset>/gs, "").match(/<button[^>]*>/g) ??
      [];
    assert.deepEqual(buttons.filter((button) => !button.includes("disabled")), []);
    assert.equal(buttons.length, 1);
    for (const fields of [{ form: "text", text: '{"op":1,"shard":"all"}' }, { form: "again", id: "5-0" }]) {
      assert.equal((await viewer.post("/commands", fields)).status, 403);
    }
    const operator = await signedIn("operator");
    assert.equal((await operator.post("/commands", { form: "again", id: "5-0", csrf: "x" })).status, 403);
    assert.deepEqual(gateway.commands, []);
  });
});

Deno.test("/commands says where the audit could not be written, and what came of the command all the same", async () => {
  await withDashboard(async ({ rabbitUrl, redis, signedIn, news }) => {
    await using _gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
    await redis.set("gateway:audit", "something else");
    const text = await act(await signedIn("operator"), { form: "text", text: '{"op":1,"shard":0}' });
    assert.match(
      text,
      /class="notice done".*carried it out\. It could not be written to the audit; the log has it\./,
    );
    assert(news.some((item) => item.kind === "warning" && /Restart.*Carried out/.test(item.message)));
  });
});
