/**
 * The body of POST /channels/{id}/messages, checked as Discord documents it (Message resource, Create Message, Embed
 * Limits).
 *
 * @module
 */

type JsonObject = Readonly<Record<string, unknown>>;

/** Faults of a form by path, each with a code and words: the `errors` of error 50035. */
export interface FormErrors {
  [key: string]: FormErrors | { code: string; message: string }[];
}

const CONTENT_MAX = 2_000;
const EMBEDS_MAX = 10;
const NONCE_MAX = 25;
const STICKERS_MAX = 3;
/** Characters over all embeds of a message. */
const EMBEDS_TEXT_MAX = 6_000;
const FIELDS_MAX = 25;
const EMBED_TEXT_MAX = {
  title: 256,
  description: 4_096,
  name: 256,
  value: 1_024,
  footer: 2_048,
  author: 256,
};
/** Flags that a bot may set: SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, IS_VOICE_MESSAGE, IS_COMPONENTS_V2. */
const FLAGS_ALLOWED = (1 << 2) | (1 << 12) | (1 << 13) | (1 << 15);

/** Adds up faults under their paths. */
class Faults {
  readonly errors: FormErrors = {};
  found = false;

  add(path: readonly (string | number)[], code: string, message: string): void {
    this.found = true;
    let place = this.errors;
    for (const step of path) place = (place[step] ??= {}) as FormErrors;
    const leaves = place._errors ?? [];
    place._errors = [...(leaves as { code: string; message: string }[]), { code, message }];
  }

  /** A text of at most so many characters, or nothing. Returns its length after trimming. */
  text(path: readonly (string | number)[], value: unknown, most: number, required = false): number {
    if (value === undefined || value === null) {
      if (required) this.add(path, "BASE_TYPE_REQUIRED", "This field is required");
      return 0;
    }
    if (typeof value !== "string") {
      this.add(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.");
      return 0;
    }
    const length = [...value.trim()].length;
    if (required && length === 0) this.add(path, "BASE_TYPE_REQUIRED", "This field is required");
    if (length > most) {
      this.add(path, "BASE_TYPE_MAX_LENGTH", `Must be ${most} or fewer in length.`);
    }
    return length;
  }

  /** A list of at most so many items, or nothing. */
  list(path: readonly (string | number)[], value: unknown, most: number): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) {
      this.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
      return [];
    }
    if (value.length > most) {
      this.add(path, "BASE_TYPE_MAX_LENGTH", `Must be ${most} or fewer in length.`);
    }
    return value;
  }
}

function checkEmbed(faults: Faults, embed: unknown, index: number): number {
  const path = ["embeds", index];
  if (!isObject(embed)) {
    faults.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
    return 0;
  }
  let length = faults.text([...path, "title"], embed.title, EMBED_TEXT_MAX.title);
  length += faults.text([...path, "description"], embed.description, EMBED_TEXT_MAX.description);
  if (isObject(embed.footer)) {
    length += faults.text([...path, "footer", "text"], embed.footer.text, EMBED_TEXT_MAX.footer, true);
  }
  if (isObject(embed.author)) {
    length += faults.text([...path, "author", "name"], embed.author.name, EMBED_TEXT_MAX.author, true);
  }
  for (const [number, field] of faults.list([...path, "fields"], embed.fields, FIELDS_MAX).entries()) {
    const place = [...path, "fields", number];
    const { name, value } = isObject(field) ? field : {};
    length += faults.text([...place, "name"], name, EMBED_TEXT_MAX.name, true);
    length += faults.text([...place, "value"], value, EMBED_TEXT_MAX.value, true);
  }
  return length;
}

/** What is wrong with the form, or null. */
export function checkMessageForm(form: JsonObject): FormErrors | null {
  const faults = new Faults();
  faults.text(["content"], form.content, CONTENT_MAX);
  const { nonce, flags, tts } = form;
  if (typeof nonce === "string" && nonce.length > NONCE_MAX) {
    faults.add(["nonce"], "BASE_TYPE_MAX_LENGTH", `Must be ${NONCE_MAX} or fewer in length.`);
  } else if (nonce !== undefined && nonce !== null && typeof nonce !== "string" && !Number.isInteger(nonce)) {
    faults.add(["nonce"], "STRING_TYPE_CONVERT", "Could not interpret value as string.");
  }
  if (flags !== undefined && flags !== null && (!isInteger(flags) || (flags & ~FLAGS_ALLOWED) !== 0)) {
    faults.add(["flags"], "BITWISE_INVALID", "Invalid value or flag not allowed.");
  }
  if (tts !== undefined && typeof tts !== "boolean") {
    faults.add(["tts"], "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
  }
  faults.list(["sticker_ids"], form.sticker_ids, STICKERS_MAX);
  const embeds = faults.list(["embeds"], form.embeds, EMBEDS_MAX);
  const lengths = embeds.map((embed, index) => checkEmbed(faults, embed, index));
  if (lengths.reduce((sum, length) => sum + length, 0) > EMBEDS_TEXT_MAX) {
    faults.add(
      ["embeds"],
      "MAX_EMBED_SIZE_EXCEEDED",
      `Embed size exceeds maximum size of ${EMBEDS_TEXT_MAX}`,
    );
  }
  return faults.found ? faults.errors : null;
}

/** True where the form has nothing to show: error 50006. */
export function isEmptyMessage(form: JsonObject, fileCount: number): boolean {
  const filled = (value: unknown) => Array.isArray(value) && value.length > 0;
  return !(typeof form.content === "string" && form.content.trim() !== "") && fileCount === 0 &&
    !filled(form.embeds) && !filled(form.components) && !filled(form.sticker_ids) && !isObject(form.poll) &&
    !isObject(form.shared_client_theme);
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
