/**
 * The fields of forms, with what is wrong beside each.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import type { Problem } from "../dashboard/commands/command_checks.ts";
import type { PageContext } from "./_route.ts";

/** The text fields of a form that was sent; one that is not there is empty. */
export async function readFields(context: PageContext): Promise<(name: string) => string> {
  const fields = await context.req.parseBody();
  return (name) => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
}

export interface FieldProps {
  /** Of its form, so that ids on a page are different. */
  readonly form: string;
  readonly name: string;
  readonly label: string;
  readonly problems: readonly Problem[];
  readonly hint?: string;
}

interface TextFieldProps extends FieldProps {
  readonly value: string;
  readonly digits?: boolean;
  readonly maxLength?: number;
}

export function TextField({ value, digits, maxLength, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      <input
        {...describedBy(field)}
        name={field.name}
        value={value}
        inputMode={digits ? "numeric" : undefined}
        maxLength={maxLength}
        autoComplete="off"
        spellcheck={false}
      />
    </Field>
  );
}

export function TextArea({ value, rows, ...field }: TextFieldProps & { readonly rows: number }) {
  return (
    <Field {...field}>
      <textarea {...describedBy(field)} name={field.name} rows={rows} autoComplete="off" spellcheck={false}>
        {value}
      </textarea>
    </Field>
  );
}

interface SelectProps extends FieldProps {
  readonly value: string;
  readonly choices: readonly (readonly [value: string, words: string])[];
}

export function Select({ value, choices, ...field }: SelectProps) {
  return (
    <Field {...field}>
      <select {...describedBy(field)} name={field.name}>
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice} selected={choice === value}>{words}</option>
        ))}
      </select>
    </Field>
  );
}

export function CheckBox(
  { name, label, isChecked }: { readonly name: string; readonly label: string; readonly isChecked: boolean },
) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value="yes" checked={isChecked} /> {label}
    </label>
  );
}

function Field(props: FieldProps & { readonly children: ComponentChildren }) {
  const { label, hint, children } = props;
  const id = idOf(props);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {hint !== undefined && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      <Problems id={`${id}-problem`} texts={textsOf(props)} />
    </div>
  );
}

function Problems({ id, texts }: { readonly id: string; readonly texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <ul class="problem" id={id}>
      {texts.map((text) => (
        <li key={text}>
          <span aria-hidden="true">✕</span> {text}
        </li>
      ))}
    </ul>
  );
}

function describedBy(field: FieldProps) {
  const id = idOf(field);
  const isWrong = textsOf(field).length > 0;
  const described = [field.hint === undefined ? "" : `${id}-hint`, isWrong ? `${id}-problem` : ""];
  return {
    id,
    "aria-describedby": described.filter((part) => part !== "").join(" ") || undefined,
    "aria-invalid": isWrong ? true : undefined,
  };
}

function idOf({ form, name }: FieldProps): string {
  return `${form}-${name}`;
}

function textsOf({ name, problems }: FieldProps): string[] {
  return problems.filter(({ field }) => field === name).map(({ text }) => text);
}
