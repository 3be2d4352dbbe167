import assert from "node:assert/strict";
import { denoEnvironment } from "../../../../harness/deno_program.ts";
import { SqliteSpool } from "../../../../gateway/adapters/spool/sqlite_spool.ts";
import { contentsOf, spoolWrite } from "../../../contracts/spool_contract.ts";
import { batchAfter, eventAt, isEndOfBatch, pointsAfter, SHARDS } from "./spool_batches.ts";

const ROOT = decodeURIComponent(new URL("../../../..", import.meta.url).pathname);
const SCRIPTS = "tests/gateway/adapters/spool/";
const EVERYTHING = Number.MAX_SAFE_INTEGER;

/** How many events the killed process leaves unconfirmed: enough for the file to grow and to shrink. */
const BACKLOG = 400;

/** After how many writes each process is killed. */
const KILLED_AFTER = [1, 40, 3, 100, 2, 17, 250, 1];

/** Starts the process; what the shell does first is up to the test. */
function startProcess(
  folder: string,
  script: string,
  args: readonly string[],
  first = "",
): Deno.ChildProcess {
  const run = ["run", "-q", "--no-prompt", "--no-check", "--allow-read", `--allow-write=${folder}`];
  return new Deno.Command("sh", {
    args: ["-c", `${first}exec "$@"`, "sh", Deno.execPath(), ...run, SCRIPTS + script, ...args],
    cwd: ROOT,
    clearEnv: true,
    env: denoEnvironment(),
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Lets no file grow beyond that many blocks of 512 bytes, or of 1 KiB in some shells: writing fails, as on a full disk. */
function filesOfAtMost(blocks: number): string {
  return `trap "" XFSZ; ulimit -f ${blocks}; `;
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function readWritten(line: string): number {
  const [, lastPosition] = line.match(/^written (\d+)$/) ?? assert.fail(line);
  return Number(lastPosition);
}

/** Kills the process in the middle of its work; resolves with the last position it said was durable. */
async function writtenUntilKilled(child: Deno.ChildProcess, writes: number): Promise<number> {
  let last = 0;
  let count = 0;
  for await (const line of linesOf(child.stdout)) {
    last = readWritten(line);
    if (++count === writes) child.kill("SIGKILL");
  }
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL");
  return last;
}

/** What the next process finds: whole batches, from some position on without a gap, with their points. */
async function assertWhole(folder: string, reported: number, backlog: number): Promise<void> {
  const spool = new SqliteSpool({ folders: () => [folder], clock: { wallMs: () => 0 } });
  try {
    const { lanes, points, lastPosition } = contentsOf(await spool.open({ bot: "1" }));
    assert(lastPosition >= reported, `${lastPosition} is below ${reported}`);
    assert(isEndOfBatch(lastPosition), `a batch was cut at ${lastPosition}`);
    assert.deepEqual(points, pointsAfter(lastPosition));
    const confirmed = Math.max(0, lastPosition - backlog);
    for (let shard = 0; shard < SHARDS; shard++) {
      const { events } = await spool.read(shard, 0, EVERYTHING);
      const expected = Array.from(
        { length: lastPosition - confirmed },
        (_, place) => eventAt(confirmed + 1 + place),
      )
        .filter(({ event }) => event.shard === shard);
      assert.deepEqual(events, expected);
      assert.equal(lanes.get(shard)?.events ?? 0, expected.length);
    }
  } finally {
    await spool.close();
  }
}

Deno.test("SqliteSpool has everything that was durable, and nothing by halves, when its process is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spool_test_" });
  try {
    let before = 0;
    for (const writes of KILLED_AFTER) {
      const reported = await writtenUntilKilled(
        startProcess(folder, "spool_process.ts", [folder, String(BACKLOG)]),
        writes,
      );
      assert(reported > before);
      before = reported;
      await assertWhole(folder, reported, BACKLOG);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("SqliteSpool keeps what it had when the disk takes no more, and takes the same write later", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spool_test_" });
  try {
    const child = startProcess(
      folder,
      "spool_process.ts",
      [folder, String(EVERYTHING)],
      filesOfAtMost(40_960),
    );
    const lines: string[] = [];
    for await (const line of linesOf(child.stdout)) lines.push(line);
    await child.status;
    assert.equal(lines.pop(), "refused disk I/O error");
    const lastPosition = readWritten(lines.pop() ?? "");
    await assertWhole(folder, lastPosition, EVERYTHING);

    const spool = new SqliteSpool({ folders: () => [folder], clock: { wallMs: () => 0 } });
    assert.equal(contentsOf(await spool.open({ bot: "1" })).lastPosition, lastPosition);
    await spool.begin({ total: SHARDS, keepPoints: true });
    const events = batchAfter(lastPosition);
    const end = events.at(-1)?.position ?? 0;
    await spool.write(spoolWrite({ events, points: pointsAfter(end) }));
    await spool.close();
    await assertWhole(folder, end, EVERYTHING);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("SpoolDatabase removes what is confirmed when the disk takes no more, by giving up its reserve", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spool_test_" });
  try {
    const path = `${folder}/spool.db`;
    const child = startProcess(folder, "full_disk_process.ts", [path], filesOfAtMost(2_048));
    const lines: string[] = [];
    for await (const line of linesOf(child.stdout)) lines.push(line);
    await child.status;
    assert.deepEqual(lines, ["refused Error: disk I/O error", "reserve true", "emptied", "written"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
