/**
 * Text from elsewhere (the network, the environment, an error) made fit to be part of one line.
 *
 * @module
 */

/** Control characters and whatever else breaks, hides or turns around a line where it is shown. */
const LINE_BREAKING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** Puts a space for every run of such characters, and cuts at `maxLength` UTF-16 units. */
export function oneLine(text: string, maxLength: number): string {
  // Cut first, so that a text of megabytes costs no more than a short one.
  const head = text.slice(0, maxLength).replace(LINE_BREAKING, " ").trim();
  return text.length > maxLength ? `${head}…` : head;
}
