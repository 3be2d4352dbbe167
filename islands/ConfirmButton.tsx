/**
 * A button that asks first. Without script it is a link to a page that does.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { Question, type QuestionProps } from "./Question.tsx";

export interface ConfirmButtonProps {
  readonly label: string;
  /** Of the page that asks. */
  readonly href: string;
  readonly title: string;
  readonly question: QuestionProps;
  /** One of many: it does not call for being pressed. */
  readonly isQuiet?: boolean;
}

export function ConfirmButton({ label, href, title, question, isQuiet = false }: ConfirmButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isLive, setLive] = useState(false);
  useEffect(() => setLive(true), []);
  const look = question.isDanger ? "danger" : isQuiet ? "quiet" : "";
  if (!isLive) return <a class={`button ${look}`} href={href}>{label}</a>;
  return (
    <>
      <button type="button" class={look} aria-haspopup="dialog" onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-label={title}>
        <h2>{title}</h2>
        <Question {...question}>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>Cancel</button>
        </Question>
      </dialog>
    </>
  );
}
