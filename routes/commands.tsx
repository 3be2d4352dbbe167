/**
 * Commands to the gateway, and those that it refused.
 *
 * @module
 */
import {
  checkCommandText,
  type CheckedCommand,
  commandWords,
  type Problem,
} from "../dashboard/commands/command_checks.ts";
import {
  checkMemberRequest,
  checkVoiceState,
  type MemberRequestFields,
  type VoiceStateFields,
} from "../dashboard/commands/command_forms.ts";
import { excerptOf, type RejectedCommand } from "../dashboard/commands/rejected_commands.ts";
import { readShardTotal } from "../dashboard/guild_shard.ts";
import { bytes } from "../islands/amounts.ts";
import { Time } from "../islands/Time.tsx";
import type { ComponentChildren } from "preact";
import type { NamedCommand } from "../dashboard/commands/audited_send.ts";
import { sendFor } from "./_command.ts";
import { CheckBox, readFields, TextArea, TextField } from "./_field.tsx";
import { ActionForm } from "./_form.tsx";
import { page } from "./_layout.tsx";
import { type Notice, type PageContext, personOf, redirectWithNotice, type Route } from "./_route.ts";

const PATH = "/commands";
const REJECTED_SHOWN = 10;

const FORMS = ["voice", "members", "text"] as const;
type FormName = (typeof FORMS)[number];

/** All forms of the page as they are filled in, and what is wrong with one of them. */
interface Filled {
  readonly voice: VoiceStateFields;
  readonly members: MemberRequestFields;
  readonly text: string;
  readonly problems: { readonly [name in FormName]?: readonly Problem[] };
}

const EMPTY: Filled = {
  voice: { guild: "", channel: "", mute: false, deaf: false },
  members: { guild: "", query: "", ids: "", limit: "", presences: false, nonce: "" },
  text: "",
  problems: {},
};

export const commands: Route = {
  GET: (context) => commandsPage(context, EMPTY, 200),

  async POST(context) {
    const field = await readFields(context);
    if (field("form") === "again") return await sendAgain(context, field("id"));
    const form = FORMS.find((name) => name === field("form")) ?? "text";
    const total = await readShardTotal(context.get("services").redis);
    const { filled, checked } = readForm(form, field, total);
    if (!checked.ok) {
      return await commandsPage(context, { ...filled, problems: { [form]: checked.problems } }, 400);
    }
    return await send(context, checked, filled);
  },
};

function readForm(
  form: FormName,
  field: (name: string) => string,
  total: number | null,
): { filled: Filled; checked: CheckedCommand } {
  const isChecked = (name: string) => field(name) === "yes";
  switch (form) {
    case "voice": {
      const voice = {
        guild: field("guild"),
        channel: field("channel"),
        mute: isChecked("mute"),
        deaf: isChecked("deaf"),
      };
      return { filled: { ...EMPTY, voice }, checked: checkVoiceState(voice, total) };
    }
    case "members": {
      const members = {
        guild: field("guild"),
        query: field("query"),
        ids: field("ids"),
        limit: field("limit"),
        presences: isChecked("presences"),
        nonce: field("nonce"),
      };
      return { filled: { ...EMPTY, members }, checked: checkMemberRequest(members, total) };
    }
    case "text": {
      const text = field("text");
      return { filled: { ...EMPTY, text }, checked: checkCommandText(text, total) };
    }
  }
}

/** What was not sent is shown again, so that nobody has to write it a second time. */
async function send(context: PageContext, command: NamedCommand, filled: Filled): Promise<Response> {
  const { isSent, notice } = await sendFor(context, command);
  if (isSent) return await redirectWithNotice(context, PATH, notice);
  context.set("notice", notice);
  return await commandsPage(context, filled, 503);
}

async function sendAgain(context: PageContext, id: string): Promise<Response> {
  const rejected = await context.get("services").rejected.find(id);
  if (rejected === null || rejected.body === null) {
    const notice: Notice = { kind: "failed", text: "This command is not kept any more, so it was not sent." };
    return await redirectWithNotice(context, PATH, notice);
  }
  const { action, shards } = commandWords(rejected.body);
  const { notice } = await sendFor(context, { text: rejected.body, action: `${action}, sent again`, shards });
  return await redirectWithNotice(context, PATH, notice);
}

async function commandsPage(
  context: PageContext,
  filled: Filled,
  status: 200 | 400 | 503,
): Promise<Response> {
  const { rejected, redis } = context.get("services");
  const before = new URL(context.req.url).searchParams.get("before") ?? undefined;
  const [total, refused] = await Promise.all([
    readShardTotal(redis),
    rejected.read({ count: REJECTED_SHOWN, ...(before === undefined ? {} : { before }) }),
  ]);
  const forms = {
    csrfToken: context.get("csrfToken"),
    isOperator: personOf(context).role === "operator",
  };
  return await page(
    context,
    { title: "Commands", styles: ["/static/forms.css"], status },
    <>
      <h1>Commands</h1>
      {!forms.isOperator && <p class="muted">Only operators may send commands.</p>}
      {total === null && (
        <p class="notice warn">
          The number of shards is not known yet, so no guild has a shard: nothing has written it to Redis.
        </p>
      )}
      <div class="panels">
        <div>
          <VoiceStateForm {...forms} fields={filled.voice} problems={filled.problems.voice ?? []} />
          <TextForm {...forms} text={filled.text} problems={filled.problems.text ?? []} />
        </div>
        <MemberRequestForm {...forms} fields={filled.members} problems={filled.problems.members ?? []} />
      </div>
      <section class="panel">
        <h2 id="refused">Refused by the gateway</h2>
        {refused.commands.length === 0
          ? (
            <p class="empty">
              {before === undefined
                ? "Nothing was refused. The last 200 refused commands are shown here, whoever sent them."
                : "There is nothing older."}
            </p>
          )
          : (
            <ol class="refused">
              {refused.commands.map((command) => <Refused key={command.id} {...forms} command={command} />)}
            </ol>
          )}
        {(before !== undefined || refused.before !== null) && (
          <nav class="row" aria-label="Refused commands">
            {before !== undefined && <a href={PATH}>Newest</a>}
            {refused.before !== null && <a href={`${PATH}?before=${refused.before}#refused`}>Older</a>}
          </nav>
        )}
      </section>
    </>,
  );
}

interface FormProps {
  readonly csrfToken: string;
  readonly isOperator: boolean;
}

interface FormPanelProps extends FormProps {
  /** Which form was sent. */
  readonly form: string;
  readonly title: string;
  readonly submit: string;
  readonly children: ComponentChildren;
}

function FormPanel({ csrfToken, isOperator, form, title, submit, children }: FormPanelProps) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      <ActionForm action={PATH} csrfToken={csrfToken}>
        <input type="hidden" name="form" value={form} />
        <fieldset class="plain stack" disabled={!isOperator}>
          <legend class="sr">{title}</legend>
          {children}
          <div class="row">
            <button type="submit">{submit}</button>
          </div>
        </fieldset>
      </ActionForm>
    </section>
  );
}

function VoiceStateForm({ fields, problems, ...props }: FormProps & {
  readonly fields: VoiceStateFields;
  readonly problems: readonly Problem[];
}) {
  const field = { form: "voice", problems };
  return (
    <FormPanel {...props} form="voice" title="Voice state" submit="Send voice state">
      <TextField
        {...field}
        name="guild"
        label="Guild id"
        digits
        value={fields.guild}
        hint="It goes to the shard that this guild is on."
      />
      <TextField
        {...field}
        name="channel"
        label="Channel id"
        digits
        value={fields.channel}
        hint="Empty: leave the channel."
      />
      <div class="row">
        <CheckBox name="mute" label="Muted" isChecked={fields.mute} />
        <CheckBox name="deaf" label="Deafened" isChecked={fields.deaf} />
      </div>
      <General problems={problems} />
    </FormPanel>
  );
}

function MemberRequestForm({ fields, problems, ...props }: FormProps & {
  readonly fields: MemberRequestFields;
  readonly problems: readonly Problem[];
}) {
  const field = { form: "members", problems };
  return (
    <FormPanel {...props} form="members" title="Member request" submit="Request members">
      <TextField
        {...field}
        name="guild"
        label="Guild id"
        digits
        value={fields.guild}
        hint="The answer comes as GUILD_MEMBERS_CHUNK events, to whoever consumes them."
      />
      <div class="columns">
        <TextField
          {...field}
          name="query"
          label="Names that begin with"
          value={fields.query}
          hint="Empty, and no ids: all members."
        />
        <TextField
          {...field}
          name="limit"
          label="Limit"
          digits
          value={fields.limit}
          hint="1 to 100 for a name; 0 or empty for all."
        />
      </div>
      <TextField
        {...field}
        name="ids"
        label="Or user ids"
        value={fields.ids}
        hint="Up to 100, with spaces or commas between them."
      />
      <TextField
        {...field}
        name="nonce"
        label="Nonce"
        value={fields.nonce}
        hint="Comes back with the answer; 32 bytes at most."
      />
      <div class="row">
        <CheckBox name="presences" label="With presences" isChecked={fields.presences} />
      </div>
      <General problems={problems} />
    </FormPanel>
  );
}

function TextForm({ text, problems, ...props }: FormProps & {
  readonly text: string;
  readonly problems: readonly Problem[];
}) {
  return (
    <FormPanel {...props} form="text" title="JSON" submit="Send command">
      <TextArea
        form="text"
        name="text"
        label="Command"
        rows={8}
        value={text}
        problems={problems}
        hint={'Sent as it is: {"op": 0, "shard": 0, "data": {"op": 31, "d": {"guild_ids": ["…"]}}}. ' +
          '"shard" may be a list or "all"; "op": 1 reconnects.'}
      />
    </FormPanel>
  );
}

/** What is wrong with a command as a whole. */
function General({ problems }: { readonly problems: readonly Problem[] }) {
  const texts = problems.filter(({ field }) => field === "text").map(({ text }) => text);
  return texts.length === 0 ? null : <p class="problem">✕ {texts.join("; ")}</p>;
}

function Refused({ csrfToken, isOperator, command }: FormProps & { readonly command: RejectedCommand }) {
  const { id, atMs, reason, message, bytes: length, body } = command;
  return (
    <li>
      <p class="row">
        <Time atMs={atMs} />
        <span class="badge bad">{reason}</span>
        {length !== null && <span class="muted">{bytes(length)}</span>}
      </p>
      <p>{message}</p>
      {body === null
        ? <p class="muted">Its text was not kept: it is larger than 16 KiB, or no text at all.</p>
        : (
          <>
            <div class="text" tabIndex={0} role="region" aria-label={`Refused command ${id}`}>
              <code>{excerptOf(body)}</code>
            </div>
            <ActionForm action={PATH} csrfToken={csrfToken}>
              <input type="hidden" name="form" value="again" />
              <input type="hidden" name="id" value={id} />
              <button type="submit" class="quiet" disabled={!isOperator}>
                Send again
              </button>
            </ActionForm>
          </>
        )}
    </li>
  );
}
