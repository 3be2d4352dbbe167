import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { faultsOf, readAnswers, readFindings } from "../../supply/audit.ts";
import { type CommandEnd, run } from "./command.ts";
import { readDenoLock } from "./locks.ts";

const ADVISORIES = "/-/npm/v1/security/advisories/bulk";
/** Those that docs/audit.md answers: without them there would be answers too many. */
const ANSWERED = [...readAnswers(await Deno.readTextFile(`${PROJECT_FOLDER}/docs/audit.md`)).keys()];

/** What a registry answers that knows of these advisories, all on one package. */
function knowing(advisories: readonly string[]): string {
  const ws = advisories.map((advisory, index) => ({
    id: index,
    url: `https://github.com/advisories/${advisory}`,
    title: "ws does what it should not",
    severity: "high",
    vulnerable_versions: "*",
    cwe: [],
    cvss: { score: 7.5, vectorString: null },
  }));
  return JSON.stringify(ws.length > 0 ? { ws } : {});
}

/**
 * The task's command in the machine's shell: the runner of tasks would fetch all packages from the registry that is
 * named here, which has none.
 */
const COMMAND = ["sh", "-c", `deno() { "$0" "$@"; }\n${project.tasks.audit.command}`, Deno.execPath()];

/** What the task says of a registry that answers so, and what the registry was asked. */
async function audit(status: number, answer: string): Promise<CommandEnd & { readonly asked: unknown }> {
  let asked: unknown;
  await using registry = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (new URL(request.url).pathname === ADVISORIES) asked = await request.json();
      return new Response(answer, { status });
    },
  );
  const env = { NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}/` };
  return { ...await run(COMMAND, { folder: PROJECT_FOLDER, env }), asked };
}

Deno.test("deno task audit asks for every package of deno.lock, and is content where no advisory is without answer", async () => {
  const { code, output, asked } = await audit(200, knowing(ANSWERED));
  assert.equal(code, 0, output);
  const { packages } = await readDenoLock();
  assert.deepEqual(
    Object.entries(asked as Record<string, string[]>).flatMap(([name, versions]) =>
      versions.map((version) => `${name}@${version}`)
    ).sort(),
    packages.map(({ name, version }) => `${name}@${version}`).sort(),
  );
});

Deno.test("deno task audit fails where an advisory is not answered, and names it", async () => {
  const { code, output } = await audit(200, knowing([...ANSWERED, "GHSA-aaaa-bbbb-cccc"]));
  assert.equal(code, 1);
  assert.match(output, /ws does what it should not/);
  assert.match(output, /\ndocs\/audit\.md does not answer GHSA-aaaa-bbbb-cccc\n$/);
});

Deno.test("deno task audit fails where the registry does not answer", async () => {
  const { code, output } = await audit(503, "");
  assert.equal(code, 1);
  assert.match(output, /^error: Failed to deserialize response/);
  assert.match(
    output,
    /\nCannot audit: that is no answer of deno audit; see that it can reach the registry\n$/,
  );
});

Deno.test("Findings that are not all understood are no findings", () => {
  const one = "╰ Info:       https://github.com/advisories/GHSA-aaaa-bbbb-cccc";
  assert.deepEqual(readFindings(`${one}\n\nFound 1 vulnerabilities\nSeverity: 1 low`), [
    "GHSA-aaaa-bbbb-cccc",
  ]);
  assert.equal(readFindings(`${one}\n\nFound 2 vulnerabilities\nSeverity: 2 low`), null);
  assert.equal(readFindings("╰ Info:       https://example.org/4\n\nFound 1 vulnerabilities"), null);
  assert.equal(readFindings("error: No known vulnerabilities found, for nobody was asked"), null);
  assert.equal(readFindings(""), null);
});

Deno.test("An advisory is answered by the text below its heading; an answer without an advisory is too much", () => {
  const answers = readAnswers(
    "# Advisories\n\nGHSA-xxxx-xxxx-xxxx is the form.\n\n" +
      "## GHSA-aaaa-bbbb-cccc: ws\n\nNot affected: we never call it.\n\n## GHSA-dddd-eeee-ffff: hono\n\n",
  );
  assert.deepEqual([...answers], [
    ["GHSA-aaaa-bbbb-cccc", "Not affected: we never call it."],
    ["GHSA-dddd-eeee-ffff", ""],
  ]);
  assert.deepEqual(faultsOf(["GHSA-aaaa-bbbb-cccc", "GHSA-dddd-eeee-ffff"], answers), [
    "docs/audit.md does not answer GHSA-dddd-eeee-ffff",
  ]);
  assert.deepEqual(faultsOf(["GHSA-dddd-eeee-ffff"], new Map([["GHSA-aaaa-bbbb-cccc", "So."]])), [
    "docs/audit.md does not answer GHSA-dddd-eeee-ffff",
    "docs/audit.md answers GHSA-aaaa-bbbb-cccc, which is not found any more: take it out",
  ]);
});
