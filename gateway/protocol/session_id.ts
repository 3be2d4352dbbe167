/**
 * Session ids, as Discord gives them and as the store gives them back.
 *
 * @module
 */

/** Discord's are 32 hexadecimal digits. With more than this and the sequence a `message_id` would not fit. */
const SESSION_ID = /^[\x21-\x7e]{1,200}$/;

/** True for 1 to 200 printable ASCII characters without a space. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}
