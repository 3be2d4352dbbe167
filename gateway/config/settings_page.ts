/**
 * The text of `docs/settings.md`, made from the table of settings by `deno task docs`, which also wraps its lines.
 *
 * @module
 */
import { type Setting, SETTING_GROUPS } from "./settings.ts";

/** What every reader but that of a secret refuses; its answer says what it takes. */
const REFUSED = "\u0000";

const OPENING = `# Settings

<!-- Made from gateway/config/settings.ts by \`deno task docs\`: change it there. -->

Settings come from the environment, and with \`deno task start\` from the file \`.env\` too; where both name one,
the environment wins. [.env.example](../.env.example) has all of them. None is needed but \`BOT_TOKEN\`.

- A setting that is empty counts as missing. Names that are not on this page are passed over.
- Words are read in any case: \`true\`, \`yes\`, \`on\` and \`1\` are the same, and so are \`false\`, \`no\`, \`off\` and
  \`0\` where a setting is true or false.
- A secret is never shown or logged. In its place \`<NAME>_FILE\` may name a file that holds it;
  a line break at the end of that file does not count.
- A wrong value stops the start with exit status 78. All mistakes are named at once, one a line, on standard
  error, each with what the setting says, unless it is a secret, and what is expected.
- Settings are read once, at the start. Restarting the service resumes every session: see
  [what that costs](guarantees.md).

What each setting means to other programs is in [the contract](contract.md#environment).
`;

/** Every setting under its group's heading: what it is for, its default, and what is allowed. */
export function settingsPage(): string {
  const parts = [OPENING];
  for (const [heading, settings] of Object.entries(SETTING_GROUPS)) {
    parts.push(`## ${heading}\n`);
    for (const [name, setting] of Object.entries(settings)) parts.push(settingText(name, setting));
  }
  return parts.join("\n");
}

function settingText(name: string, setting: Setting<unknown>): string {
  const { sentence, defaultText, secret } = setting;
  const lines = [
    `- Default: ${defaultText === "" ? "none" : defaultText.split(",").map(code).join(", ")}`,
    `- Allowed: ${allowed(setting)}`,
    secret ? `- Secret: \`${name}_FILE\` may name a file that holds it` : null,
  ];
  return `### ${name}\n\n${marked(sentence)}\n\n${lines.filter((line) => line !== null).join("\n")}\n`;
}

function allowed({ read }: Setting<unknown>): string {
  const reading = read(REFUSED);
  return "expected" in reading ? marked(reading.expected) : "any text";
}

/** Names and URLs in a sentence as code: as text, Markdown would read something into them. */
function marked(text: string): string {
  return text.replaceAll(/[A-Z_]{6,}\*?|[a-z]+:\/\/[^\s,]*[^\s,.]/g, code);
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) Deno.stdout.writeSync(new TextEncoder().encode(settingsPage()));
