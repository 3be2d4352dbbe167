/**
 * Events of threads and of who is in them.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { BOT_MEMBER, guildMember } from "../member.ts";
import type { Scene } from "../scene.ts";
import { guildThread, guildThreads, type Thread, threadMember } from "../thread.ts";
import { timestamp } from "../timestamp.ts";

/** One in so many changes of a thread's members adds the bot. */
const OWN_SHARE = 0.2;

function thread(scene: Scene): Thread {
  return guildThread(scene.guild, scene.place.below(scene.guild.threadCount));
}

export function threadCreate(scene: Scene): EventData<"THREAD_CREATE"> {
  const data: EventData<"THREAD_CREATE"> = {
    ...thread(scene),
    id: scene.newId(),
    last_message_id: null,
    message_count: 0,
    member_count: 1,
    total_message_sent: 0,
    newly_created: true,
  };
  data.thread_metadata = {
    archived: false,
    archive_timestamp: timestamp(scene.nowMs),
    auto_archive_duration: 4_320,
    locked: false,
    create_timestamp: timestamp(scene.nowMs),
  };
  return data;
}

export function threadUpdate(scene: Scene): EventData<"THREAD_UPDATE"> {
  return thread(scene);
}

export function threadDelete(scene: Scene): EventData<"THREAD_DELETE"> {
  const { id, guild_id = scene.guild.id, parent_id = scene.textChannelId(), type } = thread(scene);
  return { id, guild_id, parent_id, type };
}

export function threadListSync(scene: Scene): EventData<"THREAD_LIST_SYNC"> {
  const threads = guildThreads(scene.guild);
  return {
    guild_id: scene.guild.id,
    threads,
    members: threads.map(({ id }) => threadMember(id, scene.bot.id, scene.guild.startMs)),
  };
}

/** The bot's own place in a thread. */
export function threadMemberUpdate(scene: Scene): EventData<"THREAD_MEMBER_UPDATE"> {
  return { ...threadMember(thread(scene).id, scene.bot.id, scene.nowMs), guild_id: scene.guild.id };
}

/** Somebody, now and then the bot, comes into a thread; somebody else may leave it. */
export function threadMembersUpdate(scene: Scene): EventData<"THREAD_MEMBERS_UPDATE"> {
  const { guild, detail } = scene;
  const number = detail.chance(OWN_SHARE) ? BOT_MEMBER : scene.memberNumber();
  const { id, member_count = 1 } = thread(scene);
  const member = guildMember(guild, number, scene.population, scene.bot);
  // `presence` belongs here by the docs of this event, though discord-api-types does not know it.
  const added = { ...threadMember(id, member.user.id, scene.nowMs), member, presence: null };
  const data: EventData<"THREAD_MEMBERS_UPDATE"> = {
    id,
    guild_id: guild.id,
    member_count,
    added_members: [added],
  };
  if (detail.chance(0.2)) data.removed_member_ids = [scene.memberId()];
  return data;
}
