import assert from "node:assert/strict";

/** A one-line change of the core that breaks a promise. */
interface PlantedBug {
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly replaced: string;
  readonly by: string;
  /** What the simulation is to say of it. */
  readonly found: RegExp;
}

const BUGS: readonly PlantedBug[] = [
  {
    name: "heartbeats carry what was received",
    file: "gateway/shard/machine.ts",
    replaced: "const shared = this.#session?.shared ?? 0;",
    by: "const shared = this.#session?.received ?? 0;",
    found: /a heartbeat carried \S+, stored is \d+/,
  },
  {
    name: "RESUME carries what was received",
    file: "gateway/shard/machine.ts",
    replaced: "const { id, stored } = this.#session;",
    by: "const { id, received: stored } = this.#session;",
    found: /a RESUME carried \S+, stored is \d+/,
  },
  {
    name: "what was published counts as stored before it is",
    file: "gateway/hosted_shard.ts",
    replaced: "if (sequence <= point.sequence) return;",
    by: "this.stored(sessionId, sequence, { isShared: true }); if (sequence <= point.sequence) return;",
    found: /a (heartbeat|RESUME) carried \S+, stored is \d+/,
  },
  {
    name: "what waits for the broker is published the newest first",
    file: "gateway/delivery/outbox.ts",
    replaced: "[oldest] : [...lane.unsettled()]) {",
    by: "[oldest] : [...lane.unsettled()].reverse()) {",
    found: /reached the queue after/,
  },
  {
    name: "new events overtake those in the spool",
    file: "gateway/delivery/lane.ts",
    replaced: "(this.isSpooling ? this.#tail : this.#front).push(entry);",
    by: "this.#front.push(entry);",
    found:
      /reached the queue after|confirmed or spooled is|confirmed is|is lost|has not reached|before the cache has it/,
  },
  {
    name: "a socket that was left is still listened to",
    file: "gateway/shard/driver.ts",
    replaced: "if (epoch === this.#epoch) this.#feed(input);",
    by: "this.#feed(input);",
    found: /which Discord has never sent|confirmed is|confirmed or spooled is|though its session goes on/,
  },
  {
    name: "the broker's answers of an earlier connection count",
    file: "gateway/delivery/outbox.ts",
    replaced: "if (epoch !== this.#epoch || !entry.isInFlight) return;",
    by: "if (entry.event === null) return;",
    found: /the broker has never refused/,
  },
  {
    name: "a point is stored before its events are confirmed",
    file: "gateway/hosted_shard.ts",
    replaced: 'observe({ kind: "event.received",',
    by: 'this.published(delivered.sessionId, delivered.sequence); observe({ kind: "event.received",',
    found: /Redis holds \S+, confirmed is \d+/,
  },
  {
    name: "the spool's point is ahead of its events",
    file: "gateway/delivery/outbox.ts",
    replaced: "points.set(lane.shard, upTo(last, point));",
    by: "points.set(lane.shard, { ...upTo(last, point), sequence: last.sequence + 1 });",
    found: /the spool's point is \S+, confirmed or spooled is \d+/,
  },
  {
    name: "points that Redis refuses are not noted in the spool",
    file: "gateway/service.ts",
    replaced: "if (spooled) this.#outbox.notePoint(shard, { ...point, lost: spooled.lost });",
    by: "",
    found: /was written nowhere/,
  },
  {
    name: "a parked shard is not told of room",
    file: "gateway/delivery/outbox.ts",
    replaced: "this.#options.events.room();",
    by: "",
    found: /shard \d+ is not connected/,
  },
  {
    name: "more frames are sent than Discord takes",
    file: "gateway/shard/send_budget.ts",
    replaced: "const FRAMES_PER_WINDOW = 120;",
    by: "const FRAMES_PER_WINDOW = 240;",
    found: /121 frames within/,
  },
  {
    name: "silence is not noticed",
    file: "gateway/shard/machine.ts",
    replaced: "#silenceDue(nowMs: number): void {",
    by: "#silenceDue(nowMs: number): void { if (nowMs > 0) return;",
    found: /Redis holds \S+ of shard \d+, Discord is at/,
  },
  {
    name: "identifies are not spaced",
    file: "gateway/identify/queue.ts",
    replaced: "clock.nowMs() + spacingMs);",
    by: "clock.nowMs());",
    found: /two IDENTIFYs within/,
  },
  {
    name: "gaps are not told",
    file: "gateway/news.ts",
    replaced: "return notices.news(`shard.${observation.shard}.gap`",
    by: "return void (`shard.${observation.shard}.gap`",
    found: /the gap of \S+ of shard \d+ is not told|no gap|wait for the broker/,
  },
  {
    name: "events are published before the state cache has answered",
    file: "gateway/state/publisher.ts",
    replaced: "lane.isBusy = isLarge;",
    by: "if (!isLarge) this.#through(lane, item, null); lane.isBusy = isLarge;",
    found: /was published before the cache has it/,
  },
  {
    name: "what the state cache has already is written again",
    file: "gateway/state/publisher.ts",
    replaced: "if (this.#isWritten(item.event)) {",
    by: "if (item.event.sequence < 0) {",
    found: /carries old .*, and before it was/,
  },
  {
    name: "nothing waits while a guild is written in pieces",
    file: "gateway/state/publisher.ts",
    replaced: "lane.isBusy = isLarge;",
    by: "lane.isBusy = false;",
    found: /was published before the cache has it|carries old|and must (not )?be/,
  },
  {
    name: "a guild's parts are left where the guild is written anew",
    file: "gateway/state/writer.ts",
    replaced: "const old = await this.#forgetGuild(store, guild, listed);",
    by: "const old = null;",
    found: /was published before the cache has it|carries old|is kept, and must not be/,
  },
  {
    name: "nothing is asked before an event is published in a fleet",
    file: "gateway/fleet/fenced_publisher.ts",
    replaced: "if (this.#holds()) this.#publisher.publish",
    by: "if (this.#isOpen) this.#publisher.publish",
    found: /published \d+ ms after (its last renewal|process \d+ had taken)/,
  },
  {
    name: "a renewal counts at once, though Redis may forget it",
    file: "gateway/fleet/tenure.ts",
    replaced: "return oldest.answeredAtMs <= newest.sent.nowMs - FORGOTTEN_MAX_MS ? oldest : null;",
    by: "return newest;",
    found: /published \d+ ms after process \d+ had taken|was reported before/,
  },
  {
    name: "Redis takes points under whatever lease",
    file: "tests/sim/redis.ts",
    replaced: "return lease !== undefined && (",
    by: "return lease === undefined && (",
    found: /Redis holds|was stored|was given up|reported before/,
  },
  {
    name: "what was forgotten of a shard is written when it is taken again",
    file: "gateway/resume/keeper.ts",
    replaced: "if (this.#writing !== null) this.#forgotten.add(shard);",
    by: "",
    found: /was told: \d+ was stored|reported before|was given up/,
  },
  {
    name: "a folder's points count though others have run their shards since",
    file: "gateway/hosting.ts",
    replaced: "leases.isContinued(shard) && !this.#haveRun.has(shard)",
    by: "true",
    found: /was given up|was told: \d+ was stored/,
  },
  {
    name: "identify turns are taken without asking the fleet",
    file: "gateway/identify/queue.ts",
    replaced: "if (shared === null) this.#grant(",
    by: "if (shards.length >= 0) this.#grant(",
    found: /two IDENTIFYs within|beyond the daily budget/,
  },
  {
    name: "nobody is ever taken for dead",
    file: "gateway/fleet/neighbours.ts",
    replaced: "if (isGone) gone.add(id);",
    by: "",
    found: /is taken over by nobody|does not settle/,
  },
  {
    name: "the dead are waited for a second longer",
    file: "gateway/fleet/neighbours.ts",
    replaced: "const waitMs = ttlMs + TAKEN_AFTER_MS;",
    by: "const waitMs = ttlMs + TAKEN_AFTER_MS + 1_000;",
    found: /is taken over by nobody|is not resumed by/,
  },
];

/** Each is found within so many seeds. */
const SEEDS_MOST = 300;
/** What the simulation needs of the tree. */
const NEEDED = ["gateway/", "tests/sim/", "tests/fakes/", "tests/state/model.ts", "deno.json"];

const ROOT = new URL("../../", import.meta.url);

async function copy(path: string, into: string): Promise<void> {
  if (!path.endsWith("/")) {
    const [folder = ""] = /^.*\//.exec(path) ?? [];
    await Deno.mkdir(`${into}/${folder}`, { recursive: true });
    return await Deno.copyFile(new URL(path, ROOT), `${into}/${path}`);
  }
  await Deno.mkdir(`${into}/${path}`, { recursive: true });
  for await (const entry of Deno.readDir(new URL(path, ROOT))) {
    await copy(`${path}${entry.name}${entry.isDirectory ? "/" : ""}`, into);
  }
}

async function plant({ file, replaced, by }: PlantedBug, tree: string): Promise<void> {
  const source = await Deno.readTextFile(`${tree}/${file}`);
  assert.equal(source.split(replaced).length, 2, `${file} holds exactly once: ${replaced}`);
  await Deno.writeTextFile(`${tree}/${file}`, source.replace(replaced, () => by));
}

/** Runs seeds from the first on until one fails; what it then says last. */
async function simulate(tree: string): Promise<{ code: number; said: string }> {
  const command = new Deno.Command("sh", {
    args: [
      ...["-c", 'exec "$@"', "sh", Deno.execPath(), "run", "-q", "--no-check", "--no-lock", "--cached-only"],
      ...["tests/sim/main.ts", "--seed", "1", "--runs", String(SEEDS_MOST)],
    ],
    cwd: tree,
    stdout: "null",
    stderr: "piped",
  });
  const { code, stderr } = await command.output();
  return { code, said: new TextDecoder().decode(stderr) };
}

for (const bug of BUGS) {
  Deno.test(`runWorld() finds it where ${bug.name}`, async () => {
    const tree = await Deno.makeTempDir({ prefix: "planted_bug_" });
    try {
      for (const path of NEEDED) await copy(path, tree);
      await plant(bug, tree);
      const { code, said } = await simulate(tree);
      const failure = /^seed (\d+): (.*)$/m.exec(said);
      assert.equal(code, 1, said);
      assert.match(failure?.[2] ?? said, bug.found);
    } finally {
      await Deno.remove(tree, { recursive: true });
    }
  });
}
