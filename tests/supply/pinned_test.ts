import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { readDenoLock, readNpmLock, readRequested, versionsOf } from "./locks.ts";

/** One version of a package, and no range. */
const EXACT = /^npm:(?:@[^/@]+\/)?[^/@]+@\d+\.\d+\.\d+$/;
/** SHA-512 in Base64: 64 bytes. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;

const lock = await readDenoLock();
/** Where npm installs something: what is asked for, and what is locked. */
const NPM_FILES = [
  ["bench/contenders/npm.json", "bench/contenders/npm-lock.json"],
  ["client/package.json", "client/package-lock.json"],
  ["tests/docs/simulator_bot/npm.json", "tests/docs/simulator_bot/npm-lock.json"],
] as const;
/** What npm fetches to run something with, as Node is there to run something with: no part of anything. */
const RUNTIMES_LOCK = "tests/client/bun/npm-lock.json";

Deno.test("Every import in deno.json is of one version, and locked", () => {
  // `npm:/package@1.2.3/` is how a package's modules are imported by their paths, `npm:package@1.2.3/path` one of them.
  const requests = Object.values(project.imports).filter((import_) => !import_.startsWith("./")).map((
    import_,
  ) => import_.replace(/^npm:\//, "npm:").replace(/^(npm:(?:@[^/]+\/)?[^/@]+@[^/]+)\/.*$/, "$1"));
  assert.deepEqual(requests.filter((request) => !EXACT.test(request)), []);
  assert.deepEqual([...new Set(requests)].sort(), [...lock.requested].sort());
});

Deno.test("deno.lock has one version for each request, and each request is for one version", () => {
  assert.deepEqual(Object.keys(lock.specifiers).filter((specifier) => !EXACT.test(specifier)), []);
  assert.deepEqual(Object.keys(lock.specifiers).sort(), [...lock.requested].sort());
  assert.deepEqual(
    Object.entries(lock.specifiers).filter(([specifier, version]) =>
      !specifier.endsWith(`@${version.replace(/_.*$/, "")}`)
    ),
    [],
  );
});

Deno.test("Every package comes from npm's registry, with its integrity", async () => {
  assert.deepEqual(lock.elsewhere, []);
  const npmLocks = await Promise.all(
    [...NPM_FILES.map(([, path]) => path), RUNTIMES_LOCK].map(async (path) =>
      [path, await readNpmLock(path)] as const
    ),
  );
  for (const [file, packages] of [["deno.lock", lock.packages] as const, ...npmLocks]) {
    assert(packages.length > 0, file);
    assert.deepEqual(packages.filter(({ integrity = "" }) => !INTEGRITY.test(integrity)), [], file);
  }
});

for (const [requests, lockFile] of NPM_FILES) {
  Deno.test(`${requests} asks for exact versions`, async () => {
    const versions = Object.values(await readRequested(requests));
    assert(versions.length > 0);
    assert.deepEqual(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version)), []);
  });

  Deno.test(`The packages of ${lockFile} are in deno.lock too, so that who looks there has seen them all`, async () => {
    const ours = versionsOf(lock.packages);
    const theirs = versionsOf(await readNpmLock(lockFile));
    assert.deepEqual(theirs.filter((version) => !ours.includes(version)), []);
  });
}
