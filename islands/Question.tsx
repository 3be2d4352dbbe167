/**
 * What is asked before something is done: what it is, what it costs, and the form that does it.
 *
 * @module
 */
import type { ComponentChildren } from "preact";

export interface QuestionProps {
  /** Whole sentences. */
  readonly lines: readonly string[];
  /** Where the form goes. */
  readonly action: string;
  /** Hidden fields of the form, the CSRF token among them. */
  readonly fields: Readonly<Record<string, string>>;
  /** Word on the button that does it. */
  readonly yes: string;
  readonly isDanger: boolean;
}

/** @param props.children How to leave it: comes first, so that Enter by accident does nothing. */
export function Question(
  { lines, action, fields, yes, isDanger, children }: QuestionProps & {
    readonly children: ComponentChildren;
  },
) {
  return (
    <form method="post" action={action} class="question">
      {lines.map((line) => <p key={line}>{line}</p>)}
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <div class="row">
        {children}
        <button type="submit" class={isDanger ? "danger" : ""}>{yes}</button>
      </div>
    </form>
  );
}
