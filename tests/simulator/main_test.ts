import assert from "node:assert/strict";

const FREE_PORTS = ["--port", "0", "--resume-port", "0"];

function simulate(...args: string[]): Deno.ChildProcess {
  return new Deno.Command("sh", {
    // Tests may run nothing but the shell; the permissions are those of `deno task simulate`.
    args: [
      "-c",
      'exec "$@"',
      "sh",
      Deno.execPath(),
      "run",
      "-q",
      "--no-prompt",
      "-P=simulator",
      "simulator/main.ts",
      ...args,
    ],
    cwd: decodeURIComponent(new URL("../..", import.meta.url).pathname),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads what a process prints until the pattern is there. */
async function printed(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    const match = pattern.exec(text);
    if (match !== null) return match;
  }
  throw new Error(`Expected ${pattern}, got: ${text}`);
}

Deno.test("simulate prints its addresses, runs until it is told to stop, and exits with 0", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child = simulate(...FREE_PORTS, "--rate", "200");
    const [, control] = await printed(child.stdout, /control API +(\S+)/);
    const state = await (await fetch(`${control}/state`)).json();
    assert.deepEqual(state.sessions, []);
    child.kill(signal);
    assert.equal((await child.status).code, 0);
    await child.stderr.cancel();
  }
});

Deno.test("simulate --help prints the help and exits with 0", async () => {
  const { code, stdout } = await simulate("--help").output();
  assert.equal(code, 0);
  assert.match(new TextDecoder().decode(stdout), /Usage: deno task simulate/);
});

Deno.test("simulate with a wrong flag says so in one line and exits with 64", async () => {
  for (
    const args of [["--nonsense"], ["--guilds", "0"], ["--send-limit", "0"], ["--mix", "NOTHING=1"], [
      "--person",
      "1=ada",
    ]]
  ) {
    const { code, stdout, stderr } = await simulate(...FREE_PORTS, ...args).output();
    assert.equal(code, 64, args.join(" "));
    assert.equal(stdout.length, 0);
    assert.equal(
      new TextDecoder().decode(stderr).trim().split("\n").length,
      1,
      new TextDecoder().decode(stderr),
    );
  }
});

Deno.test("simulate on a port that is taken says so and exits with 1", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stderr } = await simulate("--port", "0", "--resume-port", String(port)).output();
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    new RegExp(`^Cannot listen on 127.0.0.1:${port}: .*in use`, "im"),
  );
});
