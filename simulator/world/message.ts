import type {
  APIAttachment,
  APIEmbed,
  APIPoll,
  APIUserWithMember,
  GatewayMessageCreateDispatchData,
} from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import { BOT_MEMBER, memberUser, memberWithoutUser } from "./member.ts";
import type { Actor, Scene } from "./scene.ts";
import { snowflakeMs } from "./snowflake.ts";
import { handle, sentence, title } from "./text.ts";
import { timestamp } from "./timestamp.ts";

/** A message as MESSAGE_CREATE and MESSAGE_UPDATE carry it (Message Object with `guild_id`, `member` and `mentions`). */
export type Message = AsWritten<GatewayMessageCreateDispatchData>;

/** A single message in so many mentions the bot; as many are the bot's own, as Discord shows them to it too. */
const BOT_SHARE = 0.01;

/** A message written just now, or edited just now when `editedMs` is given. */
export function message(scene: Scene, editedMs: number | null = null): Message {
  const { detail } = scene;
  const ownWords = detail.chance(BOT_SHARE);
  const author = scene.actor();
  const channelId = scene.channelOf(author);
  const id = editedMs === null ? scene.newId() : scene.pastMessageId();
  const mentions = mentioned(scene, ownWords);
  const addressed = mentions.map((user) => `<@${user.id}> `).join("");
  const written: Message = {
    type: 0,
    tts: false,
    timestamp: timestamp(snowflakeMs(id)),
    pinned: false,
    mentions,
    mention_roles: [],
    mention_everyone: detail.chance(0.002),
    id,
    flags: 0,
    embeds: detail.chance(ownWords ? 0.5 : 0.08) ? [embed(scene)] : [],
    edited_timestamp: editedMs === null ? null : timestamp(editedMs),
    content: addressed + scene.message(),
    components: [],
    channel_id: channelId,
    channel_type: scene.direct ? 1 : 0,
    author: ownWords ? memberUser(scene.guild, BOT_MEMBER, scene.population, scene.bot) : author.user,
    attachments: detail.chance(0.09) ? [attachment(scene, channelId)] : [],
  };
  if (author.member !== null) {
    written.member = ownWords ? memberWithoutUser(scene.guild, BOT_MEMBER) : author.member;
    written.guild_id = scene.guild.id;
  }
  if (!ownWords && detail.chance(0.7)) written.nonce = scene.newId();
  if (detail.chance(0.12)) answer(scene, written);
  if (detail.chance(0.01)) written.poll = poll(scene);
  if (detail.chance(0.02)) {
    written.sticker_items = [{
      id: scene.guild.partId("sticker", 0),
      name: handle(scene.text),
      format_type: 1,
    }];
  }
  return written;
}

function mentioned(scene: Scene, ownWords: boolean): AsWritten<APIUserWithMember>[] {
  const { detail, guild } = scene;
  if (!ownWords && detail.chance(BOT_SHARE)) {
    const bot = memberUser(guild, BOT_MEMBER, scene.population, scene.bot);
    return [scene.direct ? bot : { ...bot, member: memberWithoutUser(guild, BOT_MEMBER) }];
  }
  if (scene.direct || !detail.chance(0.12)) return [];
  const member = scene.memberNumber();
  return [{ ...scene.memberUser(member), member: memberWithoutUser(guild, member) }];
}

/** Turns a message into a reply, with the message that it replies to (Message Types, Reply). */
function answer(scene: Scene, reply: Message): void {
  const earlier: Actor = scene.actor();
  const id = scene.pastMessageId();
  reply.type = 19;
  reply.message_reference = { type: 0, message_id: id, channel_id: reply.channel_id };
  if (reply.guild_id !== undefined) reply.message_reference.guild_id = reply.guild_id;
  reply.referenced_message = {
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
    channel_id: reply.channel_id,
    author: earlier.user,
    attachments: [],
  };
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
