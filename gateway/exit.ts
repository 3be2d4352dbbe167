/**
 * How the process ends where it cannot go on.
 *
 * @module
 */
import { closeCode } from "./protocol/close_codes.ts";
import { privilegedIntentNames } from "./protocol/intents.ts";

export interface Exit {
  readonly status: number;
  /** One line: what happened, and what to do. */
  readonly message: string;
}

/** A fault of the program itself: `EX_SOFTWARE` of sysexits.h. */
export const EXIT_SOFTWARE = 70;
/** The number of shards was changed without it, more than once: it is to be started again, `EX_TEMPFAIL` of sysexits.h. */
export const EXIT_OUTDATED = 75;
/** Token or intents refused: `EX_NOPERM` of sysexits.h. */
export const EXIT_REFUSED = 77;
/** A setting is wrong: `EX_CONFIG` of sysexits.h. */
export const EXIT_CONFIGURATION = 78;

const AUTHENTICATION_FAILED = 4004;
const DISALLOWED_INTENTS = 4014;

const ADVICE: ReadonlyMap<number, string> = new Map([
  [4010, "check SHARDS_TOTAL, SHARDS_START and SHARDS_END: large bots need a multiple of Discord's number"],
  [
    4011,
    "a shard would hold more than 2500 guilds: raise SHARDS_TOTAL, or unset it to take Discord's number",
  ],
  [4012, "check API_VERSION: 10 is current"],
  [4013, "check INTENTS: it holds a bit that Discord does not know"],
]);

/** The exit for a close code that no reconnect can help with. */
export function exitOfCloseCode(code: number, intents: number): Exit {
  if (code === AUTHENTICATION_FAILED) {
    return {
      status: EXIT_REFUSED,
      message: "Discord refused the token (close code 4004): copy it anew from the Developer Portal, Bot, " +
        "into BOT_TOKEN",
    };
  }
  if (code === DISALLOWED_INTENTS) {
    const asked = privilegedIntentNames(intents).join(", ") || "none of those known here";
    return {
      status: EXIT_REFUSED,
      message: `Discord refused the intents (close code 4014), privileged ones asked for: ${asked}. ` +
        "Switch them on in the Developer Portal, Bot, or leave them out of INTENTS",
    };
  }
  const advice = ADVICE.get(code) ?? "check the settings";
  return {
    status: EXIT_CONFIGURATION,
    message: `Discord refused the connection (close code ${code}, ${closeCode(code).meaning}): ${advice}`,
  };
}
