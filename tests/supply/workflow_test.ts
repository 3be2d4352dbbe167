import assert from "node:assert/strict";
import { parse } from "yaml";
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { Page } from "../markdown.ts";

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
}

interface Job {
  readonly "runs-on": string;
  readonly container: string;
  readonly "timeout-minutes": number;
  readonly steps: readonly Step[];
}

const PATH = ".github/workflows/ci.yaml";
const text = await Deno.readTextFile(`${PROJECT_FOLDER}/${PATH}`);
const workflow = parse(text);
const jobs = Object.values<Job>(workflow.jobs);
const commands = jobs.flatMap(({ steps }) => steps.flatMap(({ run = [] }) => run));

/** The README's two commands. */
const [readme = ""] = (await Page.read("README.md")).section("Two commands").codeBlocks("sh");
const README_COMMANDS = readme.trim().split("\n");

Deno.test("The workflow runs README's two commands, and the audit with the same Deno", () => {
  assert.equal(README_COMMANDS.length, 2);
  const [deno = ""] = /^.* task /.exec(README_COMMANDS[0] ?? "") ?? [];
  // The demo would run until Ctrl-C.
  const asRead = commands.map((command) => command.replace(/ --minutes \d+$/, ""));
  assert.deepEqual(asRead.sort(), [...README_COMMANDS, `${deno}audit`].sort());
});

Deno.test("The demo of the workflow ends by itself", () => {
  assert(commands.some((command) => /task demo --minutes \d+$/.test(command)), commands.join("\n"));
});

Deno.test("The workflow runs on push, pull request and schedule", () => {
  assert.deepEqual(Object.keys(workflow.on).sort(), ["pull_request", "push", "schedule"]);
  assert.deepEqual(workflow.on.push, { branches: ["main"] });
  const [{ cron }] = workflow.on.schedule;
  assert.match(cron, /^\d+ \d+ \* \* [0-6]$/);
});

Deno.test("The workflow may read this repository and nothing else, and leaves no credentials to what it runs", () => {
  assert.deepEqual(workflow.permissions, { contents: "read" });
  assert.deepEqual(jobs.filter((job) => "permissions" in job), []);
  assert(!text.includes("secrets."));
  const checkouts = jobs.flatMap(({ steps }) =>
    steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))
  );
  assert.equal(checkouts.length, jobs.length);
  for (const { with: inputs } of checkouts) assert.equal(inputs?.["persist-credentials"], false);
});

Deno.test("What the workflow takes from elsewhere is of one version", () => {
  const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, action = ""]) => action);
  assert.equal(
    uses.length,
    jobs.flatMap(({ steps }) => steps.filter(({ uses }) => uses !== undefined)).length,
  );
  // A commit, which cannot be moved, and for people the version that it is.
  for (const action of uses) assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  for (const job of jobs) {
    assert.match(job.container, /^node:\d+\.\d+\.\d+-[a-z]+$/);
    assert.match(job["runs-on"], /-\d+\.\d+$/);
  }
});

Deno.test("Every job of the workflow is bounded", () => {
  for (const job of jobs) assert(job["timeout-minutes"] > 0);
});
