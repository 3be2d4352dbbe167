/**
 * Reads from a page of documentation what tests hold it to: sections, tables, code.
 *
 * @module
 */
import assert from "node:assert/strict";

/** A request to the simulator's control API, as `fetch` takes it. */
export interface ControlRequest {
  /** The line of the page. */
  readonly line: string;
  /** Its path below the control API. */
  readonly path: string;
  readonly method: string;
  readonly body?: string;
}

export class Page {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** A page of this project, by its path from the project's folder. */
  static async read(path: string): Promise<Page> {
    return new Page(await Deno.readTextFile(new URL(`../${path}`, import.meta.url)));
  }

  /** From this heading to the next of the same rank or a higher one. */
  section(heading: string): Page {
    const lines = this.text.split("\n");
    const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
    assert(start >= 0, `there is no heading "${heading}"`);
    const rank = lines[start]?.indexOf(" ") ?? 0;
    const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= rank);
    return new Page(lines.slice(start, length < 0 ? undefined : start + 1 + length).join("\n"));
  }

  /** The rows of the table whose first column has this heading, without the row of headings. */
  table(firstColumn: string): string[][] {
    const rows: string[][] = [];
    let inside = false;
    for (const line of this.text.split("\n")) {
      const cells = cellsOf(line);
      if (cells === null) inside = false;
      else if (inside) rows.push(cells);
      else inside = cells[0] === firstColumn;
    }
    assert(rows.length > 1, `there is no table of "${firstColumn}"`);
    return rows.slice(1); // the line below the headings
  }

  /** The texts of the blocks in this language. */
  codeBlocks(language: string): string[] {
    return [...this.text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
      .filter(([, found]) => found === language)
      .map(([, , code = ""]) => code);
  }

  /** The lines of blocks of shell commands. */
  commands(): string[] {
    return this.codeBlocks("sh").flatMap((code) => code.split("\n")).filter((line) => line !== "");
  }

  /**
   * The requests to the simulator that the page makes by `curl $C/…`.
   *
   * @param variables What stands for other variables of the shell.
   */
  controlRequests(variables: Readonly<Record<string, string>> = {}): ControlRequest[] {
    const valueOf = (name: string) => variables[name] ?? assert.fail(`nothing stands for $${name}`);
    return this.commands().filter((line) => /^curl .*\$C\//.test(line)).map((line) => {
      const text = line.replaceAll(/\$([A-Z]{2,})/g, (_, name) => valueOf(name));
      const [, method, path = ""] = /^curl (?:-X (\S+) )?"?\$C(\/[^"\s]*)/.exec(text) ?? assert.fail(line);
      // One word of the shell, quoted in parts.
      const body = / -d ((?:'[^']*'|[^\s'])+)/.exec(text)?.[1]?.replaceAll("'", "");
      return {
        line,
        path,
        method: method ?? (body === undefined ? "GET" : "POST"),
        ...(body !== undefined && { body }),
      };
    });
  }

  /** What stands between backticks in running text and in tables. */
  codeSpans(): string[] {
    return codeSpans(this.#prose);
  }

  /** The targets of links. */
  links(): string[] {
    return [...this.#prose.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target);
  }

  get #prose(): string {
    return this.text.replaceAll(/^```.*?^```$/gms, "");
  }
}

export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

/** The cells of one line of a table; null where it is none. */
function cellsOf(line: string): string[] | null {
  if (!line.startsWith("|")) return null;
  return line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
