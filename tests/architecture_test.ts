import assert from "node:assert/strict";

/**
 * Who may import what, as ARCHITECTURE.md says. A room is named by the longest prefix of a path that is here; it
 * may import from itself and from what its row names. `npm` stands for packages, `node` for Node's own modules.
 */
const ROOMS: { readonly [room: string]: readonly string[] } = {
  "main.ts": [
    "gateway",
    "gateway/adapters",
    "gateway/clock.ts",
    "gateway/identify",
    "gateway/observation.ts",
    "deno.json",
    "node",
  ],
  // The core, from the inside out.
  "gateway/clock.ts": [],
  "gateway/observation.ts": [],
  "gateway/failure.ts": [],
  "gateway/one_line.ts": [],
  "gateway/protocol": [],
  "gateway/shard": ["gateway/protocol", "gateway/clock.ts", "gateway/observation.ts"],
  "gateway/identify": ["gateway/clock.ts", "gateway/observation.ts"],
  "gateway/delivery": ["gateway/clock.ts"],
  "gateway/resume": ["gateway/clock.ts", "gateway/failure.ts", "gateway/observation.ts"],
  "gateway/commands": [
    "gateway/clock.ts",
    "gateway/delivery",
    "gateway/observation.ts",
    "gateway/protocol",
    "gateway/shard",
  ],
  "gateway/config": ["gateway/protocol", "gateway/shard", "gateway/one_line.ts"],
  // What joins them: service, hosted shard, status, news.
  "gateway": [
    "gateway/clock.ts",
    "gateway/commands",
    "gateway/config",
    "gateway/delivery",
    "gateway/failure.ts",
    "gateway/identify",
    "gateway/observation.ts",
    "gateway/one_line.ts",
    "gateway/protocol",
    "gateway/resume",
    "gateway/shard",
  ],
  // The edge: the only place that names packages.
  "gateway/adapters": [
    "gateway",
    "gateway/clock.ts",
    "gateway/commands",
    "gateway/config",
    "gateway/delivery",
    "gateway/failure.ts",
    "gateway/identify",
    "gateway/observation.ts",
    "gateway/one_line.ts",
    "gateway/protocol",
    "gateway/resume",
    "gateway/shard",
    "node",
    "npm",
  ],
  // Programs of their own. The simulator is a second reading of Discord's documentation: it knows no gateway.
  "simulator": ["node", "npm"],
  "harness": ["node", "npm"],
  "demo": ["harness", "simulator", "node", "npm"],
};

const ROOT = new URL("../", import.meta.url);
const IMPORT = /^\s*(?:import|export|\})[^"'`;=]*?\bfrom "([^"]+)"|^import "([^"]+)"/gm;

function roomOf(path: string): string | null {
  const rooms = Object.keys(ROOMS).filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.sort((one, other) => other.length - one.length)[0] ?? null;
}

/** The room that an import specifier leads to, or the specifier's own path where it leads to none. */
function targetOf(specifier: string, path: string): string {
  if (specifier.startsWith("node:")) return "node";
  if (!specifier.startsWith(".")) return "npm";
  const target = new URL(specifier, new URL(path, ROOT)).href.slice(ROOT.href.length);
  return roomOf(target) ?? target;
}

async function* sourcesIn(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* sourcesIn(`${path}/`);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

Deno.test("Every import leads where ARCHITECTURE.md allows it", async () => {
  const paths = ["main.ts"];
  for (const folder of ["gateway/", "simulator/", "harness/", "demo/"]) {
    for await (const path of sourcesIn(folder)) paths.push(path);
  }
  const faults: string[] = [];
  for (const path of paths) {
    const room = roomOf(path);
    assert(room !== null, `${path} is in no room`);
    const source = await Deno.readTextFile(new URL(path, ROOT));
    for (const [, from, bare] of source.matchAll(IMPORT)) {
      const specifier = from ?? bare ?? "";
      const target = targetOf(specifier, path);
      if (target !== room && !ROOMS[room]?.includes(target)) {
        const allowed = ROOMS[room]?.join(", ") || "nothing outside of it";
        faults.push(`Cannot import "${specifier}" in ${path}: ${room} may import ${allowed}`);
      }
    }
  }
  assert.deepEqual(faults, []);
});
