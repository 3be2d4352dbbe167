/**
 * The bot itself, as Discord knows it.
 *
 * @module
 */

import type { APIUser } from "discord-api-types/v10";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { snowflake } from "./snowflake.ts";

/** How long before the start of the simulation the bot's application was made, in milliseconds. */
export const BOT_AGE_MS = 400 * 24 * 3_600_000;

/**
 * `flags` of the application: all three privileged intents granted without the limits of small bots, and
 * slash commands registered (Discord reference, Application Flags: 1<<12, 1<<14, 1<<18, 1<<23).
 */
const APPLICATION_FLAGS = (1 << 12) | (1 << 14) | (1 << 18) | (1 << 23);

/** The bot that connects to the simulator: its user and its application share one id, as on Discord. */
export class Bot {
  readonly id: string;
  /** Its one slash command. */
  readonly commandId: string;
  /** The one thing that it sells. */
  readonly skuId: string;
  readonly user: APIUser;
  readonly application: { readonly id: string; readonly flags: number };

  constructor(seed: number, startMs: number) {
    const random = new Random(streamSeed(seed, CONCERN.bot));
    this.id = snowflake(startMs - BOT_AGE_MS, 0).toString();
    this.commandId = snowflake(startMs - BOT_AGE_MS + 1, 0).toString();
    this.skuId = snowflake(startMs - BOT_AGE_MS + 2, 0).toString();
    this.application = { id: this.id, flags: APPLICATION_FLAGS };
    this.user = {
      id: this.id,
      username: "simulated-bot",
      discriminator: String(random.between(1, 9_999)).padStart(4, "0"),
      global_name: null,
      avatar: random.hex(32),
      bot: true,
      verified: true,
      mfa_enabled: true,
      email: null,
      flags: 65_536,
      public_flags: 65_536,
    };
  }
}
