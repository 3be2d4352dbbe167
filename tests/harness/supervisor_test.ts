import assert from "node:assert/strict";
import { Supervisor } from "../../harness/supervisor.ts";
import { processesOfGroup, shell, spawnDeno, waitUntilGone } from "./processes.ts";

/** A program that starts another one and says so in its log, which both then keep open. */
const PARENT = "sleep 1000 & echo started; wait";

Deno.test("Supervisor.end() ends the program with all that it started and removes the folder", async () => {
  const supervisor = await Supervisor.start();
  const leader = await supervisor.launch({ program: "sh", args: ["-c", PARENT], output: "log" });
  await shell('until grep -q started "$1"; do sleep 0.01; done', [supervisor.logPath]);
  const processIds = await processesOfGroup(leader);
  assert.equal(processIds.length, 2);
  await supervisor.end();
  await waitUntilGone({ processIds, paths: [supervisor.folder] });
});

Deno.test("Supervisor.end() is safe twice, and before a launch", async () => {
  const supervisor = await Supervisor.start();
  await Promise.all([supervisor.end(), supervisor.end()]);
  await supervisor.end();
  await waitUntilGone({ paths: [supervisor.folder] });
});

Deno.test("Supervisor.end() kills a program that will not hear TERM", async () => {
  const supervisor = await Supervisor.start();
  await supervisor.launch({
    program: "sh",
    args: ["-c", "trap '' TERM; echo deaf; sleep 1000"],
    output: "log",
  });
  await shell('until grep -q deaf "$1"; do sleep 0.01; done', [supervisor.logPath]);
  await supervisor.end();
  assert.equal((await supervisor.exited()).signal, "SIGKILL");
});

Deno.test("Supervisor.end() ends a stopped program in good order", async () => {
  const supervisor = await Supervisor.start();
  await supervisor.launch({ program: "sleep", args: ["1000"], output: "log" });
  await supervisor.signal("STOP");
  await supervisor.end();
  assert.equal((await supervisor.exited()).signal, "SIGTERM");
});

Deno.test("Supervisor leaves neither program nor folder when its owner is killed with SIGKILL", async () => {
  const owner = spawnDeno(new URL("../fixtures/harness/owner.ts", import.meta.url).pathname);
  const reader = owner.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const [processId, folder = ""] = ((await reader.read()).value ?? "").trim().split(" ");
  assert.ok((await Deno.stat(folder)).isDirectory);
  owner.kill("SIGKILL");
  await Promise.all([owner.status, reader.cancel(), owner.stderr.cancel()]);
  await waitUntilGone({ processIds: [Number(processId)], paths: [folder] });
});

Deno.test("supervise.sh removes the folder even where its owner ended before it read an answer", async () => {
  const script = new Deno.Command("sh", {
    args: [new URL("../../harness/supervise.sh", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const answers = script.stdout.getReader();
  const folder = new TextDecoder().decode((await answers.read()).value).trim();
  assert.ok((await Deno.stat(folder)).isDirectory);
  await answers.cancel();
  const commands = script.stdin.getWriter();
  await commands.write(new TextEncoder().encode("signal CONT\n"));
  await commands.close();
  await script.status;
  await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
});

Deno.test("Supervisor.launch() gives the program a process group of its own, which no terminal's Ctrl-C reaches", async () => {
  await using supervisor = await Supervisor.start();
  const leader = await supervisor.launch({ program: "sleep", args: ["1000"], output: "log" });
  assert.equal(await shell('ps -o pgid= -p "$1"', [String(leader)]), String(leader));
});

Deno.test("Supervisor.launch() hands the program the given environment and PATH, nothing else", async () => {
  await using supervisor = await Supervisor.start();
  await supervisor.launch({ program: "env", env: { COLOUR: "red" }, output: "log" });
  await supervisor.emptied();
  const names = (await supervisor.logTail()).split("\n").map((line) => line.split("=")[0]).sort();
  assert.deepEqual(names.filter((name) => name !== "_" && name !== "PWD"), ["COLOUR", "PATH"]);
});

Deno.test("Supervisor.launch() starts another program in the same folder after the first", async () => {
  await using supervisor = await Supervisor.start();
  await supervisor.launch({ program: "sh", args: ["-c", "echo first > kept; exit 3"], output: "log" });
  assert.deepEqual(await supervisor.exited(), { code: 3, signal: null });
  await supervisor.emptied();
  await supervisor.launch({ program: "cat", args: ["kept"], output: "log" });
  await supervisor.emptied();
  assert.equal(await supervisor.logTail(), "first");
});

Deno.test("Supervisor.logTail() has the last lines only, and is empty without a log", async () => {
  await using supervisor = await Supervisor.start();
  assert.equal(await supervisor.logTail(), "");
  await supervisor.launch({ program: "sh", args: ["-c", "echo 1; echo 2 >&2; echo 3"], output: "log" });
  await supervisor.emptied();
  assert.equal(await supervisor.logTail(2), "2\n3");
});

Deno.test("Supervisor.exited() rejects before a launch", async () => {
  await using supervisor = await Supervisor.start();
  await assert.rejects(supervisor.exited(), /none was launched/);
});
