/**
 * A database's file, page by page, for tests that ruin one.
 *
 * @module
 */

const PAGE_BYTES = 4_096;

/** First byte of a page that holds rows of a table (SQLite docs, Database File Format, B-tree Pages). */
const TABLE_LEAF = 0x0d;

/** Makes the pages of rows for which this says so unreadable. */
export async function ruinRows(path: string, isChosen: (page: Uint8Array) => boolean): Promise<number> {
  const file = await Deno.readFile(path);
  let ruined = 0;
  // The first page has the file's own head.
  for (let start = PAGE_BYTES; start < file.length; start += PAGE_BYTES) {
    const page = file.subarray(start, start + PAGE_BYTES);
    if (page[0] !== TABLE_LEAF || !isChosen(page)) continue;
    page.fill(0xff, 0, 100);
    ruined++;
  }
  await Deno.writeFile(path, file);
  return ruined;
}

/** Whether a page holds this text. */
export function holds(page: Uint8Array, text: string): boolean {
  return new TextDecoder("latin1").decode(page).includes(text);
}
