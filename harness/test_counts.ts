/**
 * How many tests passed and failed, read from the JUnit file that `deno test` writes.
 *
 * @module
 */

/** Tests that ran; the steps of a test are part of it, and what was filtered out did not run. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Reads a JUnit file of `deno test`.
 *
 * @param junit The file's text; empty where the run ended before it could write one.
 * @param exitCode Of `deno test`. A file that cannot be loaded, or does not type-check, is in no JUnit file and only
 * shows here: it counts as one failure where there is no other.
 */
export function countTests(junit: string, exitCode: number): TestCounts {
  let passed = 0;
  let failed = 0;
  for (const [suite] of junit.matchAll(/<testsuite .*?<\/testsuite>/gs)) {
    const cases = [...suite.matchAll(/<testcase name="(.*?)".*?<\/testcase>/gs)]
      .map(([text, name]) => ({ text, name: name ?? "" }));
    const names = new Set(cases.map(({ name }) => name));
    for (const { text, name } of cases) {
      if (isStep(name, names) || text.includes("<skipped/>")) continue;
      if (/<(failure|error) /.test(text)) failed++;
      else passed++;
    }
  }
  if (exitCode !== 0 && failed === 0) failed = 1;
  return { passed, failed };
}

/** A step is named `<test> > <step>`, as XML text, beside a test of that name. */
function isStep(name: string, names: ReadonlySet<string>): boolean {
  const separator = " &gt; ";
  for (let end = name.indexOf(separator); end >= 0; end = name.indexOf(separator, end + 1)) {
    if (names.has(name.slice(0, end))) return true;
  }
  return false;
}
