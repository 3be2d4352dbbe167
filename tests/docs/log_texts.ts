/**
 * The texts of all lines of the log that ask for attention, read from the sources: what `deno task start` writes at
 * warn or error. What a text is made from at run time is `…` in it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { levelOf } from "../../gateway/adapters/log_phrases.ts";
import type { Observation } from "../../gateway/observation.ts";

export interface LogText {
  readonly level: "warn" | "error";
  readonly text: string;
  /** The source that has it. */
  readonly path: string;
}

/** A string, or a template with what is between its backticks. */
const LITERAL = /"((?:[^"\\]|\\.)*)"|`((?:[^`\\$]|\\.|\$(?!\{)|\$\{[^{}]*\})*)`/y;

/** Functions that hand on a message, as a line at warn; what they are called with is a text. */
const HEARERS = /(?<![\w.])(?:this\.#)?(?:warn|tellFault|tellLost)\(\s*(?=["`])/g;

/** Where an observation, an `Exit` or the dashboard's news is made with the text in it. */
const MESSAGES = [
  { level: "warn", pattern: /kind: "(?:service\.)?warning",\s*message:\s*(?=["`])/g },
  { level: "error", pattern: /status: EXIT_\w+,\s*message:\s*(?=["`])/g },
] as const;

/** Where the message has a name first. */
const NAMED_MESSAGE = /const message =\s*(?=["`])/g;
const USE_OF_NAMED = /kind: "(?:service\.)?warning", message \}/;

/** Where a line is made of a message that has its text elsewhere. */
const HANDED_ON =
  /(?<!readonly )kind: "(?:(?:service\.)?warning|service\.failed)"(?!,\s*(?:status: \w+,\s*)?message:\s*["`])/g;

/** What the log says of itself. */
const LOGS_OWN = /#line\("warn", (?=")/g;

/** One row of the table in `log_phrases.ts`. */
const PHRASES_PATH = "gateway/adapters/log_phrases.ts";
const ROW = /^ {2}"([\w.]+)": \{\s*level: (?:"(\w+)"|null),\s*text:([^]*?)\},\n(?= {2}"|\};)/gm;

export interface Reading {
  readonly texts: readonly LogText[];
  /** How many lines each source makes of a message that has its text elsewhere. */
  readonly handedOn: Readonly<Record<string, number>>;
}

/** @param sources The text of each source by its path. */
export function readLogTexts(sources: ReadonlyMap<string, string>): Reading {
  const texts: LogText[] = [];
  const handedOn: Record<string, number> = {};
  for (const [path, source] of sources) {
    if (path === "gateway/observation.ts") continue; // only says what there is
    if (path === PHRASES_PATH) {
      texts.push(...phrases(source));
      continue;
    }
    for (const { level, pattern } of MESSAGES) texts.push(...textsAfter(pattern, level, path, source));
    if (USE_OF_NAMED.test(source)) texts.push(...textsAfter(NAMED_MESSAGE, "warn", path, source));
    texts.push(...textsAfter(HEARERS, "warn", path, source));
    texts.push(...textsAfter(LOGS_OWN, "warn", path, source));
    const count = [...source.matchAll(HANDED_ON)].length;
    if (count > 0) handedOn[path] = count;
  }
  return { texts, handedOn };
}

function textsAfter(pattern: RegExp, level: LogText["level"], path: string, source: string): LogText[] {
  return [...source.matchAll(pattern)].map((match) => ({
    level,
    text: literalAt(source, match.index + match[0].length),
    path,
  }));
}

/** The literal that begins there, with those that are added to it. */
function literalAt(source: string, start: number): string {
  LITERAL.lastIndex = start;
  const [, plain, template] = LITERAL.exec(source) ??
    assert.fail(`no text at ${source.slice(start, start + 60)}`);
  const text = plain ?? template?.replaceAll(/\$\{[^{}]*\}/g, "…") ?? "";
  const [added] = /^\s*\+\s*(?=["`])/.exec(source.slice(LITERAL.lastIndex)) ?? [];
  return added === undefined ? text : text + literalAt(source, LITERAL.lastIndex + added.length);
}

function phrases(source: string): LogText[] {
  const rows = [...source.matchAll(ROW)];
  assert.equal(rows.length, [...source.matchAll(/^ {2}"[\w.]+": \{/gm)].length, "a row is not understood");
  return rows.flatMap(([, kind = "", level, words = ""]) => {
    assert.equal(levelOf({ kind } as Observation), level ?? null, kind);
    if (level !== "warn" && level !== "error") return [];
    const found = [...words.matchAll(new RegExp(LITERAL, "g"))];
    // A message is told as it comes; whoever makes it has its text.
    assert(found.length > 0 || words.includes("({ message }) => message"), `${kind} has no text`);
    return found.map(([literal]) => ({ level, text: literalAt(literal, 0), path: PHRASES_PATH }));
  });
}
