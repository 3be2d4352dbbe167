import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../../../simulator/world/random.ts";
import {
  EMOJI,
  handle,
  messageText,
  pickScript,
  type ScriptName,
  SCRIPTS,
  sentence,
  title,
} from "../../../simulator/world/text.ts";

const SCRIPT_NAMES = Object.keys(SCRIPTS) as ScriptName[];
const randoms = fc.integer().map((state) => new Random(state));

/** A character that only text in this script has. */
const SIGN_OF = {
  latin: /\p{Script=Latin}/u,
  german: /[äöüßÄÖÜ]/u,
  cyrillic: /\p{Script=Cyrillic}/u,
  arabic: /\p{Script=Arabic}/u,
  hebrew: /\p{Script=Hebrew}/u,
  devanagari: /\p{Script=Devanagari}/u,
  chinese: /\p{Script=Han}/u,
  japanese: /\p{Script=Hiragana}/u,
  korean: /\p{Script=Hangul}/u,
  thai: /\p{Script=Thai}/u,
  greek: /\p{Script=Greek}/u,
  vietnamese: /[ăâđêôơưĐ\u1ea0-\u1ef9]/u,
} satisfies Record<ScriptName, RegExp>;

for (const script of SCRIPT_NAMES) {
  Deno.test(`sentence() in ${script} is written in that script`, () => {
    fc.assert(fc.property(randoms, (random) => {
      assert.match(sentence(random, script, 40), SIGN_OF[script]);
    }));
  });
}

Deno.test("messageText() is well-formed, not empty, at most 1950 characters", () => {
  fc.assert(
    fc.property(randoms, fc.constantFrom(...SCRIPT_NAMES), (random, script) => {
      const text = messageText(random, script);
      assert.ok(text.length > 0);
      assert.ok(text.isWellFormed(), "half a surrogate pair");
      assert.ok(text.length <= 1_950);
      assert.equal(
        JSON.parse(new TextDecoder().decode(new TextEncoder().encode(JSON.stringify(text)))),
        text,
      );
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("messageText() comes upon everything that careless readers stumble over", () => {
  const random = new Random(1);
  let written = "";
  for (let call = 0; call < 20_000; call++) {
    written += JSON.stringify(messageText(random, pickScript(random)));
  }
  const awkward = {
    "an escaped quotation mark": /\\"/,
    "an escaped backslash": /\\\\/,
    "an escaped line feed": /\\n/,
    "an escaped tab": /\\t/,
    "an escaped control character": /\\u0007/,
    "an escaped null": /\\u0000/,
    "a line separator": /\u2028/,
    "a joined emoji": /👨‍👩‍👧‍👦/,
    "a flag": /🇯🇵/,
    "a surrogate pair that is no emoji": /𠮷/,
    "something like a frame": /\\"op\\":9/,
    "a long paragraph": /[^"]{500}/,
  };
  for (const [name, pattern] of Object.entries(awkward)) assert.match(written, pattern, name);
  for (const script of SCRIPT_NAMES) assert.match(written, SIGN_OF[script], script);
  for (const emoji of EMOJI) assert.ok(written.includes(emoji), emoji);
});

Deno.test("pickScript() comes upon every script, Latin most often", () => {
  const random = new Random(2);
  const counts = new Map<ScriptName, number>();
  for (let call = 0; call < 5_000; call++) {
    const script = pickScript(random);
    counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  assert.equal(counts.size, SCRIPT_NAMES.length);
  assert.equal([...counts].sort((a, b) => b[1] - a[1])[0]?.[0], "latin");
});

Deno.test("handle() has only characters that Discord allows in a username, at most 32", () => {
  fc.assert(fc.property(randoms, (random) => assert.match(handle(random), /^[a-z0-9_]{2,32}$/)));
});

Deno.test("title() is short enough for a nickname", () => {
  fc.assert(fc.property(randoms, fc.constantFrom(...SCRIPT_NAMES), (random, script) => {
    const characters = Array.from(title(random, script)).length;
    assert.ok(characters >= 1 && characters <= 32);
  }));
});
