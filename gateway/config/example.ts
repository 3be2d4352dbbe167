/**
 * The text of `.env.example`, made from the table of settings:
 * `deno run gateway/config/example.ts > .env.example`.
 *
 * @module
 */
import { SETTING_GROUPS, SETTINGS } from "./settings.ts";

/** Every setting with its sentence and its default, all of them commented out but the token. */
export function exampleEnvironment(): string {
  const lines = [
    "# Copy this file to .env and give it a token; every other setting has a default that works.",
    "# Instead of a secret, <NAME>_FILE may give the path of a file that holds it:",
    `# ${Object.entries(SETTINGS).filter(([, setting]) => setting.secret).map(([name]) => name).join(", ")}.`,
  ];
  for (const [heading, settings] of Object.entries(SETTING_GROUPS)) {
    lines.push("", `## ${heading}`);
    for (const [name, setting] of Object.entries(settings)) {
      const comment = name === "BOT_TOKEN" ? "" : "#";
      lines.push("", `# ${setting.sentence}`, `${comment}${name}=${setting.defaultText}`);
    }
  }
  return lines.join("\n") + "\n";
}

if (import.meta.main) Deno.stdout.writeSync(new TextEncoder().encode(exampleEnvironment()));
