/**
 * Asks again for a page that only says what is missing, and shows it once it is another. Until then it is left alone:
 * whoever reads it is not to begin anew every few seconds.
 *
 * @module
 */
import { useEffect } from "preact/hooks";

export interface RetryProps {
  readonly everySeconds: number;
  /** HTTP status that the page came with. */
  readonly status: number;
}

export function Retry({ everySeconds, status }: RetryProps) {
  useEffect(() => {
    const timer = setInterval(async () => {
      // Whether the server is there at all is part of the question.
      const response = await fetch(location.href, { method: "HEAD" }).catch(() => null);
      if (response !== null && response.status !== status) location.reload();
    }, everySeconds * 1_000);
    return () => clearInterval(timer);
  }, []);
  return null;
}
