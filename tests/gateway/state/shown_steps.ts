/**
 * Steps of the state cache as lines that a test can be read by.
 *
 * @module
 */
import type { Entity } from "../../../gateway/state/entity.ts";
import type { ChannelSelection, StateStep } from "../../../gateway/state/store.ts";

const decoder = new TextDecoder();

/** `set role:1:2 in guild_keys:1 for 5 ms, wants old: {"id":"2"}`. */
export function shownStep(step: StateStep): string {
  switch (step.step) {
    case "set":
      return `set ${shownEntity(step.entity)}${lifetime(step)}${want(step)}: ${decoder.decode(step.value)}`;
    case "merge": {
      const members = step.members.map((part, index) => (index % 2 === 0 ? "" : "=") + decoder.decode(part));
      const pairs = members.join(" ").replaceAll(" =", ":");
      return `merge ${shownEntity(step.entity)}${lifetime(step)}${want(step)}: ${pairs}`;
    }
    case "delete":
      return `delete ${shownEntity(step.entity)}${want(step)}`;
    case "clear":
      return `clear ${step.group}${exception(step.keepsMessagesOf)}`;
    case "clear_emojis":
      return `clear emojis of ${step.guild}${want(step)}`;
    case "mark":
      return `mark ${step.guild} as ${step.isBehind ? "behind" : "whole"}`;
    default:
      return step satisfies never;
  }
}

function shownEntity({ key, group }: Entity): string {
  return group === null ? key : `${key} in ${group}`;
}

function exception(keepsMessagesOf: ChannelSelection): string {
  if (keepsMessagesOf === "all") return " but all messages";
  return keepsMessagesOf.length === 0 ? "" : ` but messages of ${keepsMessagesOf.join(" ")}`;
}

function lifetime({ ttlMs }: { readonly ttlMs: number }): string {
  return ttlMs === 0 ? "" : ` for ${ttlMs} ms`;
}

function want({ wantsOld }: { readonly wantsOld: boolean }): string {
  return wantsOld ? ", wants old" : "";
}
