import assert from "node:assert/strict";
import { Server, type ServerKind } from "../../harness/server.ts";
import { shell, waitUntilGone } from "./processes.ts";

/** A server that is a shell script; it answers once the script has made the file `ready`. */
function scriptKind(script: string, seen: { folders: string[]; ports: number[] }): ServerKind {
  return {
    title: "Scripted",
    portCount: 1,
    launch: (folder, [port = 0]) => {
      seen.folders.push(folder);
      seen.ports.push(port);
      return { program: "sh", args: ["-c", script, "sh", String(seen.ports.length)] };
    },
    answers: async () => {
      const entries = await Array.fromAsync(Deno.readDir(seen.folders.at(-1) ?? ""));
      return entries.some(({ name }) => name === "ready");
    },
    portTaken: /port taken/,
  };
}

Deno.test("Server.start() rejects with the end of the log when the program ends before it answers", async () => {
  const seen = { folders: [], ports: [] };
  const start = Server.start(scriptKind("echo reading settings; echo no licence >&2; exit 7", seen));
  await assert.rejects(start, {
    message:
      "Cannot start Scripted: it ended with status 7. The end of its log:\nreading settings\nno licence",
  });
  await waitUntilGone({ paths: seen.folders });
  assert.equal(seen.ports.length, 1);
});

Deno.test("Server.start() takes other ports when somebody else was faster", async () => {
  const seen = { folders: [], ports: [] };
  const script = 'if [ "$1" -lt 3 ]; then echo port taken; exit 1; fi; touch ready; sleep 1000';
  await using server = await Server.start(scriptKind(script, seen));
  assert.equal(seen.ports.length, 3);
  assert.deepEqual(server.ports, seen.ports.slice(-1));
});

Deno.test("Server.start() gives up when no port will do", async () => {
  const seen = { folders: [], ports: [] };
  await assert.rejects(Server.start(scriptKind("echo port taken; exit 1", seen)), /port taken/);
  assert.equal(seen.ports.length, 5);
});

Deno.test("Server.restart() rejects with the log when the program does not come back", async () => {
  const seen = { folders: [], ports: [] };
  const script = 'if [ "$1" = 2 ]; then rm ready; echo disk full; exit 1; fi; touch ready; sleep 1000';
  await using server = await Server.start(scriptKind(script, seen));
  await server.kill();
  await shell('rm "$1"', [`${seen.folders.at(-1)}/ready`]);
  await assert.rejects(server.restart(), /disk full/);
});

Deno.test("Server.stop() is safe twice, and after kill()", async () => {
  const seen = { folders: [], ports: [] };
  const server = await Server.start(scriptKind("touch ready; sleep 1000", seen));
  await server.kill();
  await server.stop();
  await server.stop();
  await waitUntilGone({ paths: seen.folders });
});
