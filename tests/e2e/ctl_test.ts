import assert from "node:assert/strict";
import { linesOf, type ProgramEnd, runProgram, startProgram } from "../program.ts";
import { onStage, type Stage } from "./stage.ts";

const API_TOKEN = "api-token-that-nobody-may-see";

const TWO_SHARDS = { recommendedShards: 2, maxConcurrency: 2 };

/** `deno task ctl`, at a running service with two shards. */
interface Terminal {
  readonly stage: Stage;
  readonly env: Readonly<Record<string, string>>;
  ctl(...args: readonly string[]): Promise<ProgramEnd>;
}

function atTerminal(play: (terminal: Terminal) => Promise<void>): () => Promise<void> {
  return onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const gateway = await stage.startConnected(2, {
      ROLE: "all",
      DASHBOARD_PORT: "0",
      DASHBOARD_API_TOKEN: API_TOKEN,
    });
    const { message } = await gateway.line(({ message }) =>
      message.startsWith("The dashboard is served on ")
    );
    const env = { DASHBOARD_URL: message.split(" ").at(-1) ?? "", DASHBOARD_API_TOKEN: API_TOKEN };
    await play({
      stage,
      env,
      async ctl(...args) {
        const end = await runProgram("ctl/ctl.ts", "ctl", { args, env });
        assert(!`${end.text}${end.complaints}`.includes(API_TOKEN));
        return end;
      },
    });
  });
}

Deno.test(
  "deno task ctl shows the shards, restarts them one after the other, and sends a presence to each",
  atTerminal(async ({ stage, ctl }) => {
    const { control } = stage.simulator;
    await (await stage.board()).until(({ statuses }) =>
      statuses?.length === 2 && statuses.every(({ status }) => status === "Connected")
    );
    const shards = await ctl("shards");
    assert.equal(shards.code, 0, shards.complaints);
    assert.match(shards.text, /^shard +status[^\n]*\n +0 +connected [^\n]*\n +1 +connected [^\n]*\n$/);

    const restart = await ctl("restart", "0-1", "--yes");
    assert.equal(restart.code, 0, restart.complaints);
    assert.match(restart.text, /\nFinished: 2 of 2 back\n$/);
    assert.deepEqual(control.state().statistics.resumesByShard, { 0: 1, 1: 1 });
    assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 1, 1: 1 });

    const presence = await ctl("presence", "--status", "idle", "--activity", "watching the tide");
    assert.deepEqual(presence, { code: 0, text: "The gateway has carried it out\n", complaints: "" });
    await control.until(() => control.statistics.commands().length >= 2);
    const sent = control.statistics.commands().map(({ shard, text }) => [shard, JSON.parse(text).d]);
    const watching = {
      since: null,
      activities: [{ name: "the tide", type: 3 }],
      status: "idle",
      afk: false,
    };
    assert.deepEqual(new Map(sent.map(([shard, d]) => [shard, d])), new Map([[0, watching], [1, watching]]));
  }),
);

Deno.test(
  "deno task ctl watch --json tells of a shard that Discord cuts off, and ends well at Ctrl-C",
  atTerminal(async ({ stage, env }) => {
    const { control } = stage.simulator;
    const { child, exited } = startProgram("ctl/ctl.ts", "ctl", { args: ["watch", "--json"], env });
    const complaints = new Response(child.stderr).text();
    const messages: { event: string; changes: readonly { shard: number; status: string }[] }[] = [];
    for await (const lines of linesOf(child.stdout)) {
      if (messages.length === 0 && lines.length > 0) {
        // Away for long enough to be seen.
        control.inject({ fault: "greet-silence", count: 1 });
        control.inject({ fault: "reset", shard: 1 });
      }
      messages.push(...lines.map((line) => JSON.parse(line)));
      if (messages.some(({ changes }) => changes?.some(isAway))) child.kill("SIGINT");
    }
    assert.deepEqual([await exited, await complaints], [0, ""]);
    assert.equal(messages[0]?.event, "fleet");
  }),
);

function isAway({ shard, status }: { readonly shard: number; readonly status: string }): boolean {
  return shard === 1 && ["handshaking", "disconnected"].includes(status);
}
