import assert from "node:assert/strict";
import { exitOfCloseCode } from "../../gateway/exit.ts";
import { closeCode, knownCloseCodes } from "../../gateway/protocol/close_codes.ts";
import { codeSpans, Page } from "../markdown.ts";
import { type LogText, readLogTexts } from "./log_texts.ts";

const PATH = "docs/troubleshooting.md";
const page = await Page.read(PATH);

const ROOT = new URL("../../", import.meta.url);

/** What `deno task start` runs, browsers' part left out. */
async function sources(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const add = async (path: string) => texts.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  const addFolder = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
      if (isDirectory) await addFolder(`${folder}${name}/`);
      else if (/\.tsx?$/.test(name)) await add(`${folder}${name}`);
    }
  };
  for (const path of ["main.ts", "worker.ts", "create_service.ts", "dashboard.ts", "dashboard_settings.ts"]) {
    await add(path);
  }
  for (const folder of ["gateway/", "dashboard/", "routes/"]) await addFolder(folder);
  return texts;
}

const reading = readLogTexts(await sources());

/** The lines that a page has: their openings, where `…` ends them, and their levels. */
function linesOn({ text }: Page): { level: string; opening: string }[] {
  return text.split(/^### /m).flatMap((part) => {
    if (!/^\| line +\|/m.test(part)) return [];
    return new Page(part).table("line").map(([line = "", level = ""]) => ({
      level,
      opening: (codeSpans(line)[0] ?? assert.fail(`no line in ${line}`)).replace(/\s*…$/, ""),
    }));
  });
}

/** `-` before texts that the page lacks, `+` before lines that nothing writes. */
function differences(texts: readonly LogText[], lines: ReturnType<typeof linesOn>): string[] {
  const isOf = (text: LogText, line: { level: string; opening: string }) =>
    text.level === line.level && text.text.startsWith(line.opening);
  return [
    ...texts.filter((text) => !lines.some((line) => isOf(text, line))).map(({ text }) => `-${text}`),
    ...lines.filter((line) => !texts.some((text) => isOf(text, line))).map(({ opening }) => `+${opening}`),
  ];
}

Deno.test(`${PATH} has every line of the log at warn and error, at its level, and no other`, () => {
  const lines = linesOn(page);
  for (const { opening } of lines) assert(opening.length >= 8, `"${opening}" could be any line`);
  assert.deepEqual(differences(reading.texts, lines), []);
});

Deno.test("A line that the page lacks is found, and one that nothing writes", () => {
  const lines = linesOn(page);
  const lacking = lines.filter(({ opening }) => opening !== "Shard without answer");
  assert.deepEqual(differences(reading.texts, lacking), ["-Shard without answer"]);
  const invented = [...lines, { level: "warn", opening: "Shard with wings" }];
  assert.deepEqual(differences(reading.texts, invented), ["+Shard with wings"]);
  const otherLevel = lines.map((line) =>
    line.opening === "Stream ruined" ? { ...line, level: "error" } : line
  );
  assert.deepEqual(differences(reading.texts, otherLevel), ["-Stream ruined", "+Stream ruined"]);
});

/** Each of them is called with what `log_texts.ts` calls hearers, or has its text above, or in an `Exit`. */
Deno.test("Every line that is made of a message from elsewhere is known here, and where its texts are", () => {
  assert.deepEqual(reading.handedOn, {
    // Two servers', the dashboard thread's, and an `Exit`.
    "main.ts": 4,
    // The server's, and the teller's of faults.
    "dashboard.ts": 1,
    // The audit's, rolling restarts', visitors' and live pages'.
    "dashboard/services.ts": 4,
    "dashboard/queues/queue_watcher.ts": 1,
    "gateway/adapters/embed_queue.ts": 1,
  });
});

const NEXT = {
  resume: /^resumes(, after a pause and with a smaller budget)?$/,
  resume_once: /^resumes once, then begins a new session$/,
  identify: /^begins a new session$/,
} as const;

Deno.test(`${PATH} has every close code with its meaning and what follows, and no other`, () => {
  const rows = page.section("Close codes").table("code");
  const codes = rows.map(([code = ""]) => Number(code));
  assert.deepEqual(codes.slice(0, -1), knownCloseCodes());
  for (const [code = "", meaning, next = "", advice = ""] of rows) {
    const known = closeCode(Number(code)); // of "others" a number that is none
    assert.equal(meaning, known.meaning);
    if (known.next === "stop") {
      assert.equal(next, `ends with exit status ${exitOfCloseCode(Number(code), 0).status}`);
    } else assert.match(next, NEXT[known.next], code);
    assert.notEqual(advice, "", code);
  }
});
