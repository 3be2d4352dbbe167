/**
 * A form that acts.
 *
 * @module
 */
import type { ComponentChildren } from "preact";

/** The field in which a form carries the CSRF token. */
export const CSRF_FIELD = "csrf";

export interface ActionFormProps {
  readonly action: string;
  readonly csrfToken: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A POST with the CSRF token of whoever is signed in. */
export function ActionForm({ action, csrfToken, class: className, children }: ActionFormProps) {
  return (
    <form method="post" action={action} class={className}>
      <input type="hidden" name={CSRF_FIELD} value={csrfToken} />
      {children}
    </form>
  );
}
