import assert from "node:assert/strict";
import { Screen } from "../../harness/screen.ts";

/** A screen, and all that was written to it. */
function makeScreen(kind: { isTerminal: boolean; colors: boolean }, columns = 80) {
  const written: string[] = [];
  const screen = new Screen({ ...kind, columns: () => columns, write: (text) => void written.push(text) });
  return { screen, text: () => written.join("") };
}

Deno.test("Screen.live() rewrites one line on a terminal, and a line that stays takes its place", () => {
  const { screen, text } = makeScreen({ isTerminal: true, colors: false });
  screen.live("1 event");
  screen.live("2 events");
  screen.say("Stopping");
  assert.equal(text(), "\r\x1b[2K1 event\r\x1b[2K2 events\r\x1b[2KStopping\n");
});

Deno.test("Screen.live() keeps to one row of a narrow terminal", () => {
  const { screen, text } = makeScreen({ isTerminal: true, colors: false }, 6);
  screen.live("123456789");
  assert.equal(text(), "\r\x1b[2K12345");
});

Deno.test("Screen writes plain lines without control sequences where there is no terminal", () => {
  const { screen, text } = makeScreen({ isTerminal: false, colors: false });
  screen.live("1 event");
  screen.live("2 events");
  screen.say(`${screen.bold("Stop")}${screen.dim("ping")}`);
  assert.equal(text(), "1 event\n2 events\nStopping\n");
});

Deno.test("Screen.bold() and dim() colour where colours are wanted", () => {
  const { screen } = makeScreen({ isTerminal: true, colors: true });
  assert.deepEqual([screen.bold("a"), screen.dim("b")], ["\x1b[1ma\x1b[0m", "\x1b[2mb\x1b[0m"]);
});

Deno.test("Screen.rows() aligns the columns", () => {
  const { screen, text } = makeScreen({ isTerminal: false, colors: false });
  screen.rows([["sent", "1", "abc"], ["consumed", "100", "def"]]);
  assert.equal(text(), "  sent       1     abc\n  consumed   100   def\n");
});
