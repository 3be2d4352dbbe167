import assert from "node:assert/strict";
import { codeSpans, Page } from "./markdown.ts";

/** A room is named by the longest of these prefixes of a path. */
const ROOMS = roomsOf((await Page.read("ARCHITECTURE.md")).section("Who may import what").table("room"));

const ROOT = new URL("../", import.meta.url);
const IMPORT = /^\s*(?:import|export|\})[^"'`;=]*?\bfrom "([^"]+)"|^import "([^"]+)"/gm;

/** What each room may import: rooms, files, `npm` for packages and `node` for Node's own modules. */
function roomsOf(rows: readonly (readonly string[])[]): ReadonlyMap<string, readonly string[]> {
  const rooms = rows.flatMap(([names = ""]) => codeSpans(names).map(roomNamed));
  const core = rooms.filter((room) => room.startsWith("gateway") && !room.startsWith("gateway/adapters"));
  const targets = (item: string): readonly string[] => {
    if (item === "nothing") return [];
    if (item === "the core") return core;
    if (item === "packages") return ["npm"];
    if (item === "Node's modules") return ["node"];
    const [name] = codeSpans(item);
    assert(name !== undefined, `ARCHITECTURE.md lets a room import "${item}", which no test understands`);
    return [rooms.find((room) => room === `gateway/${name}`) ?? name];
  };
  return new Map(rows.flatMap(([names = "", allowed = ""]) => {
    // What follows a colon is said for people.
    const items = allowed.replace(/:.*$/, "").split(", ");
    return codeSpans(names).map((name) => [roomNamed(name), items.flatMap(targets)] as const);
  }));
}

/** The files that lie in `gateway` itself are its room; the other rooms in it have rows of their own. */
function roomNamed(name: string): string {
  return name.replace(/\/\*\.ts$/, "");
}

function roomOf(path: string): string | null {
  const rooms = [...ROOMS.keys()].filter((room) => path === room || path.startsWith(`${room}/`));
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

/** The files of this program, from the project's folder; tests are not among them. */
async function sources(): Promise<string[]> {
  const paths = ["main.ts", "worker.ts", "create_service.ts", "dashboard.ts", "dashboard_settings.ts"];
  const folders = [
    "gateway",
    "dashboard",
    "routes",
    "islands",
    "ctl",
    "client",
    "simulator",
    "harness",
    "demo",
    "chaos",
    "bench",
    "supply",
    "deploy",
  ];
  for (const folder of folders.map((name) => `${name}/`)) {
    for await (const path of sourcesIn(folder)) paths.push(path);
  }
  return paths;
}

Deno.test("Every import leads where ARCHITECTURE.md allows it", async () => {
  const faults: string[] = [];
  for (const path of await sources()) {
    const room = roomOf(path);
    assert(room !== null, `${path} is in no room`);
    const source = await Deno.readTextFile(new URL(path, ROOT));
    for (const [, from, bare] of source.matchAll(IMPORT)) {
      const specifier = from ?? bare ?? "";
      const target = targetOf(specifier, path);
      if (target !== room && !ROOMS.get(room)?.includes(target)) {
        const allowed = ROOMS.get(room)?.join(", ") || "nothing outside of it";
        faults.push(`Cannot import "${specifier}" in ${path}: ${room} may import ${allowed}`);
      }
    }
  }
  assert.deepEqual(faults, []);
});

Deno.test("ARCHITECTURE.md lets rooms import what is there", async () => {
  const named = new Set([...ROOMS].flatMap(([room, allowed]) => [room, ...allowed]));
  for (const name of named) {
    if (name === "npm" || name === "node") continue;
    await Deno.stat(new URL(name, ROOT)).catch(() => assert.fail(`${name} is not there`));
  }
});

Deno.test("Every source says at its head what lives there", async () => {
  for (const path of await sources()) {
    const source = await Deno.readTextFile(new URL(path, ROOT));
    assert.match(source, /^\/\*\*\n( \*.*\n)+? \* @module\n \*\/\n/, path);
  }
});
