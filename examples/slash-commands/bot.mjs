/**
 * A slash-command bot behind Shardline that may be killed at any moment. Settings are in README.md.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { REST } from "@discordjs/rest";
import { InteractionResponseType, InteractionType, Routes } from "discord-api-types/v10";
import { ShardlineClient } from "shardline-client";

const REPORT_MS = Number(process.env.REPORT_MS ?? 5_000);

/** Discord docs, JSON Error Codes: the three seconds are over; the interaction has its answer. */
const UNKNOWN_INTERACTION = 10_062;
const ALREADY_ANSWERED = 40_060;

const say = (line) => process.stdout.write(`${line}\n`);

/** An interaction brings a token of its own: the bot's is not needed. */
const rest = new REST({ api: process.env.API_URL ?? "https://discord.com/api" });

const client = new ShardlineClient({
  url: process.env.RABBIT_URL,
  // Durable, and the bot's own: what comes while no bot runs waits in it.
  queue: process.env.QUEUE ?? "slash-commands",
  bind: ["INTERACTION_CREATE"],
  onError: ({ message }) => process.stderr.write(`${message}\n`),
});

const commands = {
  /** Answers at once. */
  async hello(interaction) {
    const { username } = interaction.member?.user ?? interaction.user;
    const data = { content: `Hello, ${username}!` };
    await answer(interaction, { type: InteractionResponseType.ChannelMessageWithSource, data });
  },

  /** Says at once that it works, which leaves it 15 minutes for its message. */
  async report(interaction) {
    const { application_id, token } = interaction;
    const isInTime = await answer(interaction, {
      type: InteractionResponseType.DeferredChannelMessageWithSource,
    });
    if (!isInTime) return;
    const content = await report(interaction);
    await rest.patch(Routes.webhookMessage(application_id, token), { body: { content }, auth: false });
    say(`finished ${nameOf(interaction)}`);
  },
};

client.on("INTERACTION_CREATE", async (interaction) => {
  if (interaction.type !== InteractionType.ApplicationCommand) return;
  await commands[interaction.data.name]?.(interaction);
});

/**
 * Gives an interaction its first answer; false where Discord no longer takes one. An interaction that is answered
 * already was so by this bot, which was killed before it could acknowledge the event: it goes on from there.
 */
async function answer(interaction, body) {
  const { id, token } = interaction;
  try {
    await rest.post(Routes.interactionCallback(id, token), { body, auth: false });
    say(`answered ${nameOf(interaction)}`);
  } catch (error) {
    if (error.code === UNKNOWN_INTERACTION) {
      say(`too late for ${nameOf(interaction)}`);
      return false;
    }
    if (error.code !== ALREADY_ANSWERED) throw error;
    say(`already answered ${nameOf(interaction)}`);
  }
  return true;
}

/** Long work. It may be begun twice, so what it changes elsewhere should bear the interaction's id. */
async function report({ id }) {
  await wait(REPORT_MS);
  return `Report ${id} is ready.`;
}

function nameOf({ id, data }) {
  return `/${data.name} ${id}`;
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => client.stop());
}

await client.start();
say("listening");
