/**
 * Messages: who writes what to whom, with attachments, embeds and mentions.
 *
 * @module
 */

import type {
  APIActionRowComponent,
  APIAttachment,
  APIButtonComponent,
  APIEmbed,
  APIPoll,
  APIUser,
  APIUserWithMember,
  GatewayMessageCreateDispatchData,
} from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import { BOT_MEMBER, memberUser, memberWithoutUser } from "./member.ts";
import type { Scene } from "./scene.ts";
import { snowflakeMs } from "./snowflake.ts";
import { guildSticker } from "./sticker.ts";
import { handle, sentence, title } from "./text.ts";
import { timestamp } from "./timestamp.ts";

/**
 * A message as MESSAGE_CREATE and MESSAGE_UPDATE carry it (Message Object with `guild_id`, `member` and
 * `mentions`).
 */
export type Message = AsWritten<GatewayMessageCreateDispatchData>;

/** One message in a hundred mentions the bot, and one is the bot's own: Discord sends it those too. */
const BOT_SHARE = 0.01;

/** A message written just now, or edited just now when `editedMs` is given. */
export function message(scene: Scene, editedMs: number | null = null): Message {
  const { detail, guild } = scene;
  const own = detail.chance(BOT_SHARE);
  const writer = scene.actor();
  const channelId = scene.channelOf(writer);
  const id = editedMs === null ? scene.newId() : scene.pastMessageId();
  const written = plainMessage(scene, id, channelId, own ? botUser(scene) : writer.user);
  written.channel_type = scene.direct ? 1 : 0;
  if (editedMs !== null) written.edited_timestamp = timestamp(editedMs);
  if (writer.member !== null) {
    written.member = own ? memberWithoutUser(guild, BOT_MEMBER) : writer.member;
    written.guild_id = guild.id;
  }
  written.mentions = mentioned(scene, own);
  for (const { id } of written.mentions) written.content = `<@${id}> ${written.content}`;
  written.mention_everyone = detail.chance(0.002);
  if (detail.chance(own ? 0.5 : 0.08)) written.embeds = [embed(scene)];
  if (detail.chance(0.09)) written.attachments = [attachment(scene, channelId)];
  if (own && detail.chance(0.5)) written.components = [buttons(scene)];
  if (!own && detail.chance(0.7)) written.nonce = scene.newId();
  if (detail.chance(0.12)) answer(scene, written);
  if (detail.chance(0.01)) written.poll = poll(scene);
  if (guild.stickerCount > 0 && detail.chance(0.05)) {
    const { id, name, format_type } = guildSticker(guild, detail.below(guild.stickerCount));
    written.sticker_items = [{ id, name, format_type }];
  }
  return written;
}

/** A message of the bot's own with buttons under it, as the interaction of pressing one of them shows it. */
export function messageWithButtons(scene: Scene, channelId: string): Message {
  const shown = plainMessage(scene, scene.pastMessageId(), channelId, botUser(scene));
  shown.embeds = [embed(scene)];
  shown.components = [buttons(scene)];
  return shown;
}

/** A message with nothing but text. */
function plainMessage(scene: Scene, id: string, channelId: string, author: APIUser): Message {
  return {
    type: 0,
    tts: false,
    timestamp: timestamp(snowflakeMs(id)),
    pinned: false,
    mentions: [],
    mention_roles: [],
    mention_everyone: false,
    id,
    flags: 0,
    embeds: [],
    edited_timestamp: null,
    content: scene.message(),
    components: [],
    channel_id: channelId,
    author,
    attachments: [],
  };
}

function botUser(scene: Scene): APIUser {
  return memberUser(scene.guild, BOT_MEMBER, scene.population, scene.bot);
}

function mentioned(scene: Scene, own: boolean): AsWritten<APIUserWithMember>[] {
  const { detail, guild } = scene;
  if (!own && detail.chance(BOT_SHARE)) {
    const bot = botUser(scene);
    return [scene.direct ? bot : { ...bot, member: memberWithoutUser(guild, BOT_MEMBER) }];
  }
  if (scene.direct || !detail.chance(0.12)) return [];
  const member = scene.memberNumber();
  return [{ ...scene.memberUser(member), member: memberWithoutUser(guild, member) }];
}

/** Turns a message into a reply, with the message that it replies to (Message Types, Reply). */
function answer(scene: Scene, reply: Message): void {
  const earlier = plainMessage(scene, scene.pastMessageId(), reply.channel_id, scene.actor().user);
  reply.type = 19;
  reply.message_reference = { type: 0, message_id: earlier.id, channel_id: reply.channel_id };
  if (reply.guild_id !== undefined) reply.message_reference.guild_id = reply.guild_id;
  reply.referenced_message = earlier;
}

function embed(scene: Scene): AsWritten<APIEmbed> {
  const { detail, text } = scene;
  const script = scene.script();
  const fields = [];
  for (let left = detail.below(5); left > 0; left--) {
    fields.push({
      name: title(text, script),
      value: sentence(text, script, text.between(1, 12)),
      inline: detail.chance(0.5),
    });
  }
  return {
    type: "rich",
    title: title(text, script),
    description: sentence(text, script, text.between(3, 40)),
    color: detail.below(0x1000000),
    timestamp: timestamp(scene.nowMs),
    fields,
    footer: { text: title(text, script) },
  };
}

function buttons(scene: Scene): AsWritten<APIActionRowComponent<APIButtonComponent>> {
  const { detail, text } = scene;
  const components: AsWritten<APIButtonComponent>[] = [];
  for (let left = detail.between(1, 5); left > 0; left--) {
    components.push({
      type: 2,
      style: 2,
      label: title(text, scene.guild.script),
      custom_id: `${handle(text)}:${detail.below(1_000)}`,
    });
  }
  return { type: 1, components };
}

function attachment(scene: Scene, channelId: string): APIAttachment {
  const { detail, text } = scene;
  const id = scene.newId();
  const filename = `${handle(text)}.png`;
  const path = `${channelId}/${id}/${filename}?ex=${detail.hex(8)}&is=${detail.hex(8)}&hm=${detail.hex(64)}&`;
  return {
    id,
    filename,
    size: detail.between(2_000, 8_000_000),
    url: `https://cdn.discordapp.com/attachments/${path}`,
    proxy_url: `https://media.discordapp.net/attachments/${path}`,
    width: detail.between(64, 3_840),
    height: detail.between(64, 2_160),
    content_type: "image/png",
    placeholder: detail.hex(32),
    placeholder_version: 1,
  };
}

function poll(scene: Scene): APIPoll {
  const { detail, text } = scene;
  const script = scene.script();
  const answers = [];
  for (let number = 1; number <= detail.between(2, 5); number++) {
    answers.push({ answer_id: number, poll_media: { text: title(text, script) } });
  }
  return {
    question: { text: sentence(text, script, text.between(2, 8)) },
    answers,
    expiry: timestamp(scene.nowMs + 86_400_000),
    allow_multiselect: detail.chance(0.3),
    layout_type: 1,
  };
}
