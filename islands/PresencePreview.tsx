/**
 * A presence as Discord would show it in the list of a server's members, while it is being written.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";

/** As the form has them. */
export interface PreviewFields {
  readonly status: string;
  /** Number of an activity type; empty: no activity. */
  readonly type: string;
  readonly name: string;
  readonly state: string;
}

export interface PresencePreviewProps {
  /** Id of the set of fields that is followed. */
  readonly fieldset: string;
  readonly fields: PreviewFields;
  /** What Discord says before the name of an activity, by type. */
  readonly types: readonly (readonly [number: number, words: string])[];
}

const STREAMING = "1";
const CUSTOM = "4";

/** Whoever is invisible is shown as offline. */
const LOOKS: Readonly<Record<string, readonly [look: string, glyph: string, words: string]>> = {
  online: ["good", "●", "Online"],
  idle: ["warn", "☾", "Idle"],
  dnd: ["bad", "⊖", "Do not disturb"],
  invisible: ["muted", "○", "Offline"],
};

export function PresencePreview({ fieldset, fields: first, types }: PresencePreviewProps) {
  const fields = useForm(fieldset, first);
  const isShown = fields.status !== "invisible";
  const [look, glyph, words] = isShown && fields.type === STREAMING
    ? ["streaming", "▶", "Streaming"]
    : LOOKS[fields.status] ?? ["muted", "○", "Offline"];
  return (
    <div class="presence">
      <span class="avatar" aria-hidden="true">
        <span class={`dot ${look}`}>{glyph}</span>
      </span>
      <div>
        <p class="who">
          <b>Your bot</b> <span class="badge">APP</span> <span class={`word ${look}`}>{words}</span>
        </p>
        {isShown
          ? <Activity {...fields} types={types} />
          : <p class="muted">Nothing is shown of an activity</p>}
      </div>
    </div>
  );
}

function Activity({ type, name, state, types }: PreviewFields & Pick<PresencePreviewProps, "types">) {
  if (type === "") return <p class="muted">No activity</p>;
  if (type === CUSTOM) return <p class="activity">{state || "…"}</p>;
  const words = types.find(([number]) => String(number) === type)?.[1] ?? "";
  return (
    <>
      <p class="activity">
        {words} <b>{name || "…"}</b>
      </p>
      {state !== "" && <p class="activity muted">{state}</p>}
    </>
  );
}

/** What the form says now. */
function useForm(id: string, first: PreviewFields): PreviewFields {
  const [fields, setFields] = useState(first);
  useEffect(() => {
    const fieldset = document.getElementById(id);
    if (!(fieldset instanceof HTMLFieldSetElement) || fieldset.disabled || fieldset.form === null) return;
    const { form } = fieldset;
    const read = () => {
      const data = new FormData(form);
      const text = (name: string) => String(data.get(name) ?? "");
      setFields({ status: text("status"), type: text("type"), name: text("name"), state: text("state") });
    };
    // A browser that comes back to a page fills its fields in again.
    read();
    form.addEventListener("input", read);
    return () => form.removeEventListener("input", read);
  }, []);
  return fields;
}
