import assert from "node:assert/strict";
import packageFile from "../../client/package.json" with { type: "json" };
import project from "../../deno.json" with { type: "json" };
import { denoEnvironment } from "../../harness/deno_program.ts";
import { NpmFolder } from "../../harness/npm_folder.ts";
import { onStage } from "../e2e/stage.ts";
import { HeardProgram } from "../heard_program.ts";
import type { RunningProgram } from "../program.ts";
import { InstalledClient } from "./installed_client.ts";

const installed = await InstalledClient.install([
  "client/template/.",
  "tests/client/consumer.mjs",
  "tests/client/typed_bot.ts.txt",
]);
Deno.test.afterAll(() => installed[Symbol.asyncDispose]());
const bun = await NpmFolder.install(new URL("./bun", import.meta.url));
Deno.test.afterAll(() => bun[Symbol.asyncDispose]());

type Start = (script: string, env: Readonly<Record<string, string>>) => RunningProgram;

/** What the client's README says that it is for, and how a script of the bot's is started on it. */
const RUNTIMES: Readonly<Record<string, Start>> = {
  Node: (script, env) => installed.start(script, env),
  Deno: (script, env) => {
    const permissions = ["--no-prompt", "--allow-net=127.0.0.1", "--allow-env=RABBIT_URL"];
    const deno = [Deno.execPath(), "run", "-q", ...permissions];
    return installed.startOn(deno, script, { ...denoEnvironment(), ...env });
  },
  Bun: (script, env) => installed.startOn([`${bun.path}/node_modules/.bin/bun`], script, env),
};

/** Runs a bot for as long as the test takes, then has it stop in good order. */
async function withBot(program: RunningProgram, test: (bot: HeardProgram) => Promise<void>): Promise<void> {
  await using bot = new HeardProgram(program);
  await test(bot);
  assert.equal(await bot.end(), 0);
  assert.equal(await bot.complaints, "");
}

Deno.test("The client's package has what it needs at run time, and its types; nothing else", async () => {
  const files = await installed.files();
  assert(files.includes("dist/mod.js") && files.includes("dist/mod.d.ts"));
  const others = files.filter((file) => !/^dist\/[a-z_]+\.(js|d\.ts)$/.test(file));
  assert.deepEqual(others, ["LICENSE", "README.md", "package.json"]);
});

Deno.test("The client's package has the versions of the project", () => {
  assert.equal(packageFile.version, project.version);
  assert.equal(project.imports.amqplib, `npm:amqplib@${packageFile.dependencies.amqplib}`);
  assert.equal(
    project.imports["discord-api-types/"],
    `npm:/discord-api-types@${packageFile.dependencies["discord-api-types"]}/`,
  );
});

Deno.test("The client's package brings types that tell events and commands apart", async () => {
  assert.deepEqual(await installed.checkTypes("typed_bot.ts"), { code: 0, text: "" });
});

for (const [name, start] of Object.entries(RUNTIMES)) {
  Deno.test(
    `The installed client has ${name} take a real gateway's events, and its commands carried out`,
    onStage({ simulator: { paused: true } }, async (stage) => {
      const { control } = stage.simulator;
      await stage.startConnected(1);
      const bot = start("consumer.mjs", { RABBIT_URL: stage.rabbitUrl });
      await withBot(bot, async (heard) => {
        const said = () => heard.lines.map((line) => JSON.parse(line));
        await heard.until(() => said().some(({ outcome }) => outcome !== undefined));
        control.dispatch("MESSAGE_CREATE", '{"id":"9007199254740993","content":"hello"}');
        await heard.until(() => said().some(({ name }) => name === "MESSAGE_CREATE"));
        assert.equal(heard.lines[0], JSON.stringify({ runtime: name }));
        assert.deepEqual(said().find(({ outcome }) => outcome !== undefined), { outcome: { ok: true } });
        assert.deepEqual(control.statistics.commands().map(({ op }) => op), [3]);
        const [session] = control.ledger.summary().sessions;
        assert(session !== undefined);
        const sent = control.ledger.page(session.session)
          .filter(({ t }) => t === "READY" || t === "GUILD_CREATE" || t === "MESSAGE_CREATE")
          .map(({ t, s }) => `${t} ${session.session}:${s} 0`);
        const seen = said().filter(({ id }) => id !== undefined)
          .map(({ name, id, shard }) => `${name} ${id} ${shard}`);
        assert.deepEqual(seen.toSorted(), sent.toSorted());
        assert.equal(said().find(({ name }) => name === "MESSAGE_CREATE").dataId, "9007199254740993");
      });
    }),
  );
}

Deno.test(
  "The template bot answers /ping, and nothing else",
  onStage({ simulator: { paused: true } }, async (stage) => {
    const { control, restUrl } = stage.simulator;
    await stage.startConnected(1);
    const bot = installed.start("bot.js", { RABBIT_URL: stage.rabbitUrl, API_URL: restUrl });
    await withBot(bot, async (heard) => {
      await heard.line("Answering /ping");
      const use = (id: string, type: number, data: unknown) =>
        control.dispatch("INTERACTION_CREATE", JSON.stringify({ id, token: `${id}/=`, type, data }));
      use("1", 2, { type: 1, name: "pong" });
      use("2", 3, { component_type: 2, custom_id: "ping" });
      use("3", 2, { type: 1, name: "ping" });
      await control.until(() => control.statistics.interactionAnswers().length > 0);
      assert.deepEqual(
        control.statistics.interactionAnswers().map(({ interactionId, body }) => [interactionId, body]),
        [
          ["3", { type: 4, data: { content: "Pong!" } }],
        ],
      );
    });
  }),
);
