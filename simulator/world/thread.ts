/**
 * The threads of a guild.
 *
 * @module
 */

import type { APIThreadChannel, APIThreadMember } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { title } from "./text.ts";
import { timestamp } from "./timestamp.ts";

/** A thread in a text channel (Channel Object of type 11). */
export type Thread = AsWritten<APIThreadChannel>;

/** Somebody's place in a thread (Thread Member Object). */
export type ThreadMember = AsWritten<APIThreadMember>;

/** The `number`-th active thread of a guild, in [0, threadCount). */
export function guildThread(guild: Guild, number: number): Thread {
  const random = new Random(streamSeed(guild.seed, CONCERN.thread, guild.index, number));
  const messages = random.below(500);
  return {
    id: guild.partId("thread", number),
    guild_id: guild.id,
    parent_id: guild.textChannelId(random.below(guild.textCount)),
    owner_id: guild.userId(1 + random.below(guild.memberCount - 1)),
    type: 11,
    name: title(random, guild.script),
    last_message_id: guild.partId("thread", number),
    thread_metadata: {
      archived: false,
      archive_timestamp: timestamp(guild.startMs),
      auto_archive_duration: 4_320,
      locked: false,
      create_timestamp: timestamp(guild.startMs),
    },
    message_count: messages,
    total_message_sent: messages,
    member_count: random.between(1, 50),
    rate_limit_per_user: 0,
    flags: 0,
  };
}

/** All active threads of a guild. */
export function guildThreads(guild: Guild): Thread[] {
  return Array.from({ length: guild.threadCount }, (_, number) => guildThread(guild, number));
}

/** Somebody's place in a thread, since `joinedMs`. */
export function threadMember(threadId: string, userId: string, joinedMs: number): ThreadMember {
  return { id: threadId, user_id: userId, join_timestamp: timestamp(joinedMs), flags: 0 };
}
