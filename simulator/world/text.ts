/**
 * What people write, in the scripts they write it in. Words are strung together at random: the meaning is
 * nonsense, the bytes are those of real traffic.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** One way of writing: its words, what stands between them and what ends a sentence. */
interface Script {
  /** The locale that Discord would name, for guilds and interactions. */
  readonly locale:
    | "en-US"
    | "de"
    | "ru"
    | "ar"
    | "he"
    | "hi"
    | "zh-CN"
    | "ja"
    | "ko"
    | "th"
    | "el"
    | "vi";
  readonly words: readonly string[];
  readonly separator: "" | " ";
  readonly stop: string;
}

/**
 * The scripts of the simulated Discord. Locales are those of Discord's reference; Discord itself knows no
 * `ar` or `he`.
 */
export const SCRIPTS = {
  latin: {
    locale: "en-US",
    words: words(
      "so anyone up for a raid tonight the new patch is wild lol does it even run on linux see you at nine " +
        "I think that build works fine but check the logs first thanks again everyone brb grabbing coffee",
    ),
    separator: " ",
    stop: ".",
  },
  german: {
    locale: "de",
    words: words(
      "heute Abend früh schön größer Straße müssen wir das noch prüfen übrigens Grüße läuft",
    ),
    separator: " ",
    stop: "!",
  },
  cyrillic: {
    locale: "ru",
    words: words("привет как дела сегодня вечером играем кто с нами спасибо всё работает Ёлка щас объясню"),
    separator: " ",
    stop: ".",
  },
  arabic: {
    locale: "ar",
    words: words("مرحبا كيف الحال اليوم هل تلعب معنا شكرا جزيلا السلام عليكم نعم غدا إن شاء الله ١٢٣"),
    separator: " ",
    stop: "؟",
  },
  hebrew: {
    locale: "he",
    words: words("שלום מה נשמע היום משחקים הערב תודה רבה כולם בסדר גמור שָׁלוֹם"),
    separator: " ",
    stop: ".",
  },
  devanagari: {
    locale: "hi",
    words: words("नमस्ते कैसे हो आज रात खेलेंगे धन्यवाद सब ठीक है क्या हुआ दोस्त ज़रूर"),
    separator: " ",
    stop: "।",
  },
  chinese: {
    locale: "zh-CN",
    words: words("你好 今天 晚上 一起 玩 吗 谢谢 大家 没问题 更新 服务器 𠮷 喜欢"),
    separator: "",
    stop: "。",
  },
  japanese: {
    locale: "ja",
    words: words("こんにちは 今日は 夜に ゲーム しよう ありがとう ございます サーバー 落ちた 了解 ﾊﾝｶｸ 草"),
    separator: "",
    stop: "。",
  },
  korean: {
    locale: "ko",
    words: words("안녕하세요 오늘 저녁에 같이 게임해요 감사합니다 서버 괜찮아요 ㅋㅋㅋ 네"),
    separator: " ",
    stop: ".",
  },
  thai: {
    locale: "th",
    words: words("สวัสดี วันนี้ เล่นเกม กันไหม ขอบคุณ มาก ครับ ค่ะ ได้เลย เซิร์ฟเวอร์"),
    separator: "",
    stop: " ",
  },
  greek: {
    locale: "el",
    words: words("γεια σας τι κάνετε σήμερα παίζουμε απόψε ευχαριστώ πολύ όλα καλά"),
    separator: " ",
    stop: ";",
  },
  vietnamese: {
    locale: "vi",
    words: words("xin chào hôm nay chơi không cảm ơn nhiều lắm được rồi tối nay đường Nguyễn"),
    separator: " ",
    stop: ".",
  },
} as const satisfies Record<string, Script>;

/** The name of a row of {@link SCRIPTS}. */
export type ScriptName = keyof typeof SCRIPTS;

/**
 * Names of {@link SCRIPTS}, the commoner ones repeated, so that a fair pick has roughly Discord's languages.
 */
const SCRIPT_DRAW: readonly ScriptName[] = [
  ..."latin latin latin latin latin latin latin latin german german cyrillic cyrillic arabic hebrew".split(
    " ",
  ),
  ..."devanagari chinese japanese japanese korean thai greek vietnamese".split(" "),
] as ScriptName[];

/** Emoji, from one code unit to a family of eleven: keycaps, flags, skin tones and joined sequences. */
export const EMOJI: readonly string[] = [
  ..."😀 😂 🔥 👍 🎉 ❤️ ✅ 👀 💀 🙏 🤔 😭 ☕ 1️⃣ 🇯🇵 🇺🇦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👍🏽 👩‍💻 🧑🏿‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 ❤️‍🔥 🫠".split(" "),
];

/** Things that a careless reader of JSON stumbles over. Every one is legal in a message. */
const AWKWARD: readonly string[] = [
  'he said "no"',
  "C:\\new\\table",
  "\\\\server\\share",
  "line one\nline two",
  "tab\there",
  "```ts\nconst a = `${b}`;\n```",
  "||spoiler||",
  '{"op":9,"d":false,"t":"READY","s":1}',
  "bell\u0007 and escape\u001b[0m",
  "nul\u0000",
  "separators\u2028\u2029",
  "zero\u200bwidth\u200djoiner\ufeff",
  "\u202eright to left override",
  "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
  "</script><!-- ' -->",
  "1e400 NaN -0 0x1f 9007199254740993",
  "\ud835\udd18\ud835\udd2b\ud835\udd26\ud835\udd20\ud835\udd2c\ud835\udd21\ud835\udd22",
  "https://example.com/a?b=c&d=%22e%22#f",
];

/** Words of a name that people give to channels, roles, guilds and themselves. */
const NAME_WORDS: readonly string[] = words(
  "pixel nova ember raven frost luna echo drift byte mango tofu otter badger comet velvet crimson silent " +
    "lucky quantum turbo noodle willow cipher orbit zephyr kiwi maple bandit shadow sprout",
);

/**
 * Discord's limit of 2000 characters (Discord message docs, Create Message), less the room for a mention in
 * front.
 */
const TEXT_CHARACTERS_MAX = 1_950;

function words(text: string): readonly string[] {
  return text.split(" ");
}

/** The script that a person or guild writes in. */
export function pickScript(random: Random): ScriptName {
  return random.pick(SCRIPT_DRAW);
}

/** So many words of one script, ended as its sentences end. */
export function sentence(random: Random, script: ScriptName, wordCount: number): string {
  const { words, separator, stop }: Script = SCRIPTS[script];
  let text = random.pick(words);
  for (let written = 1; written < wordCount; written++) text += separator + random.pick(words);
  return text + stop;
}

/** A short name in plain letters: a user, a command, a slug. Only `[a-z0-9_]`. */
export function handle(random: Random): string {
  const base = `${random.pick(NAME_WORDS)}${random.chance(0.4) ? "_" : ""}${random.pick(NAME_WORDS)}`;
  return random.chance(0.5) ? `${base}${random.below(10_000)}` : base;
}

/** A name for show, now and then with an emoji or a quotation mark in it. Two or three words. */
export function title(random: Random, script: ScriptName): string {
  const { words, separator }: Script = SCRIPTS[script];
  const name = `${random.pick(words)}${separator}${random.pick(words)}`;
  if (random.chance(0.15)) return `${random.pick(EMOJI)} ${name}`;
  if (random.chance(0.05)) return `"${name}" \\ ${random.pick(NAME_WORDS)}`;
  return name;
}

/**
 * The text of a message: mostly a few words, sometimes a long paragraph, with emoji and now and then
 * something that trips careless readers. At most 1950 characters.
 */
export function messageText(random: Random, script: ScriptName): string {
  const kind = random.fraction();
  if (kind < 0.06) return random.pick(EMOJI).repeat(random.between(1, 5));
  if (kind < 0.12) return `${random.pick(AWKWARD)} ${sentence(random, script, random.between(1, 6))}`;
  if (kind < 0.14) return paragraph(random, script);
  const text = sentence(random, script, random.between(1, 14));
  return kind < 0.4 ? `${text} ${random.pick(EMOJI)}` : text;
}

function paragraph(random: Random, script: ScriptName): string {
  let text = sentence(random, script, 8);
  for (let left = random.between(4, 60); left > 0; left--) {
    const more = `${random.chance(0.2) ? "\n" : " "}${sentence(random, script, random.between(4, 16))}`;
    if (text.length + more.length > TEXT_CHARACTERS_MAX) break;
    text += more;
  }
  return text;
}
