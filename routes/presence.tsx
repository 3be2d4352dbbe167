/**
 * What the bot shows of itself on Discord.
 *
 * @module
 */
import type { Problem } from "../dashboard/commands/command_checks.ts";
import {
  ACTIVITY_TEXT_LENGTH,
  ACTIVITY_TYPES,
  checkPresence,
  type PresenceFields,
} from "../dashboard/commands/command_forms.ts";
import { readShardTotal } from "../dashboard/guild_shard.ts";
import { sendFor } from "./_command.ts";
import { readFields, Select, TextField } from "./_field.tsx";
import { ActionForm } from "./_form.tsx";
import { Island } from "./_island.tsx";
import { page } from "./_layout.tsx";
import { type PageContext, personOf, redirectWithNotice, type Route } from "./_route.ts";

const PATH = "/presence";
/** By which the preview finds what it shows. */
const FIELDSET = "presence-fields";

const FIRST: PresenceFields = { status: "online", type: "", name: "", state: "", url: "", shards: "all" };

const STATUS_CHOICES = [
  ["online", "Online"],
  ["idle", "Idle"],
  ["dnd", "Do not disturb"],
  ["invisible", "Invisible"],
] as const;

const TYPE_CHOICES = [
  ["", "No activity"],
  ...ACTIVITY_TYPES.map(([number, words]) => [String(number), words] as const),
] as const;

export const presence: Route = {
  /** The query fills the form in, as it was sent the last time. */
  async GET(context) {
    const query = new URL(context.req.url).searchParams;
    if (!query.has("status")) return presencePage(context, FIRST, []);
    const fields = fieldsFrom((name) => query.get(name) ?? "");
    const checked = checkPresence(fields, await readShardTotal(context.get("services").redis));
    return presencePage(context, fields, checked.ok ? [] : checked.problems);
  },

  async POST(context) {
    const field = await readFields(context);
    const fields = fieldsFrom(field);
    const checked = checkPresence(fields, await readShardTotal(context.get("services").redis));
    if (!checked.ok) return presencePage(context, fields, checked.problems, 400);
    if (field("do") === "preview") return presencePage(context, fields, []);
    const { notice } = await sendFor(context, checked);
    return await redirectWithNotice(context, `${PATH}?${new URLSearchParams({ ...fields })}`, {
      ...notice,
      text: `Presence ${fields.status}. ${notice.text}`,
    });
  },
};

function fieldsFrom(field: (name: string) => string): PresenceFields {
  return {
    status: field("status"),
    type: field("type"),
    name: field("name"),
    state: field("state"),
    url: field("url"),
    shards: field("shards"),
  };
}

function presencePage(
  context: PageContext,
  fields: PresenceFields,
  problems: readonly Problem[],
  status: 200 | 400 = 200,
): Response | Promise<Response> {
  const isOperator = personOf(context).role === "operator";
  const field = { form: "presence", problems };
  return page(
    context,
    { title: "Presence", styles: ["/static/forms.css"], status },
    <>
      <h1>Presence</h1>
      <div class="panels">
        <section class="panel">
          <h2>Presence to send</h2>
          <p class="muted">It replaces what the shards show now.</p>
          {!isOperator && <p class="muted">Only operators may send a presence.</p>}
          <ActionForm action={PATH} csrfToken={context.get("csrfToken")}>
            <fieldset id={FIELDSET} class="plain stack" disabled={!isOperator}>
              <legend class="sr">Presence</legend>
              <div class="columns">
                <Select
                  {...field}
                  name="status"
                  label="Status"
                  value={fields.status}
                  choices={STATUS_CHOICES}
                />
                <Select {...field} name="type" label="Activity" value={fields.type} choices={TYPE_CHOICES} />
              </div>
              <TextField
                {...field}
                name="name"
                label="Name"
                value={fields.name}
                maxLength={ACTIVITY_TEXT_LENGTH}
                hint="Of the game, song or show. A custom status has none."
              />
              <TextField
                {...field}
                name="state"
                label="State"
                value={fields.state}
                maxLength={ACTIVITY_TEXT_LENGTH}
                hint="A second line; of a custom status the whole text."
              />
              <TextField
                {...field}
                name="url"
                label="Stream"
                value={fields.url}
                hint="Only for streaming: https://twitch.tv/… or https://youtube.com/…"
              />
              <TextField
                {...field}
                name="shards"
                label="Shards"
                value={fields.shards}
                hint="all, or some: 0-3, 7"
              />
              <div class="row">
                <button type="submit" name="do" value="send">Send presence</button>
                {/* With script the preview follows what is written. */}
                <noscript>
                  <button type="submit" name="do" value="preview" class="quiet">Preview</button>
                </noscript>
              </div>
            </fieldset>
          </ActionForm>
        </section>
        <section class="panel">
          <h2>As Discord shows it</h2>
          <Island
            name="PresencePreview"
            props={{ fieldset: FIELDSET, fields, types: ACTIVITY_TYPES }}
          />
          <h3>How often</h3>
          <p>
            <span class="warn">! Five in 20 s, for each shard.</span>{" "}
            Discord drops what is more than that without a word. The gateway makes it wait instead, and sends
            the newest: a presence that is overtaken by a newer one is not sent at all.
          </p>
          <p class="muted">
            A presence outlives a resume, and the gateway sends the last one again in every new session.
          </p>
        </section>
      </div>
    </>,
  );
}
