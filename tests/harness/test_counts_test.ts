import assert from "node:assert/strict";
import { countTests } from "../../harness/test_counts.ts";

/** As `deno test` writes it. */
function junit(...cases: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="${cases.length}" failures="0" errors="0" time="0.007">
    <testsuite name="./a_test.ts" tests="${cases.length}" disabled="0" errors="0" failures="0">
        ${cases.join("\n        ")}
    </testsuite>
</testsuites>`;
}

function testCase(name: string, inside = ""): string {
  return `<testcase name="${name}" classname="./a_test.ts" time="0.001" line="1" col="6">
            ${inside}
        </testcase>`;
}

const FAILURE = '<failure message="Uncaught Error: x">Error: x &lt;skipped/&gt;</failure>';

Deno.test("countTests() counts tests that passed, failed and were cancelled", () => {
  const text = junit(testCase("a"), testCase("b", FAILURE), testCase("c", '<error message="Cancelled"/>'));
  assert.deepEqual(countTests(text, 1), { passed: 1, failed: 2 });
});

Deno.test("countTests() counts neither steps nor tests that did not run", () => {
  const text = junit(
    testCase("a"),
    testCase("a &gt; first"),
    testCase("a &gt; first &gt; inner", FAILURE),
    testCase("left out", "<skipped/>"),
    testCase("1 &gt; 0"),
  );
  assert.deepEqual(countTests(text, 0), { passed: 2, failed: 0 });
});

Deno.test("countTests() adds up the files", () => {
  assert.deepEqual(countTests(junit(testCase("a")) + junit(testCase("a"), testCase("b", FAILURE)), 1), {
    passed: 2,
    failed: 1,
  });
});

Deno.test("countTests() counts a file that cannot be loaded as a failure", () => {
  assert.deepEqual(countTests(junit(testCase("a")), 1), { passed: 1, failed: 1 });
  assert.deepEqual(countTests("", 1), { passed: 0, failed: 1 });
});
