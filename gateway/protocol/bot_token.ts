/**
 * What a bot token says of its bot.
 *
 * @module
 */

/** Snowflakes have at most 20 digits (Discord reference, Snowflakes). */
const USER_ID = /^\d{1,20}$/;

/**
 * The user id of the bot, in decimal; null where the token does not tell. Discord documents no format of its tokens:
 * that the first of the segments between dots is the id in base64 is seen in all of them, and relied upon by libraries.
 * It proves nothing of the token being valid.
 */
export function botId(token: string): string | null {
  const [segment = ""] = token.split(".");
  try {
    // atob takes base64 with and without padding.
    const id = atob(segment.replaceAll("-", "+").replaceAll("_", "/"));
    return USER_ID.test(id) ? id : null;
  } catch {
    return null; // not base64
  }
}
