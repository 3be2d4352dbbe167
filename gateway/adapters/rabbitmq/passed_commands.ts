/**
 * What a fleet's members say to each other of commands, as messages of RabbitMQ.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { MessageProperties, Options } from "amqplib";
import { isCommandError } from "../../commands/command.ts";
import type { MemberReport, PassedCommand, PassedFate } from "../../commands/links.ts";
import { readShardRanges, writeShardRanges } from "./shard_ranges.ts";

/** Header that names the stream of a passed command. */
export const STREAM_HEADER = "stream";

/** What a command is passed on with; its body stays as it is. */
export function passingProperties(command: PassedCommand): Options.Publish {
  const { stream, number, shards, reopened, remainingMs } = command;
  return {
    contentType: "application/json",
    mandatory: true,
    headers: {
      [STREAM_HEADER]: stream,
      number,
      shards: writeShardRanges(shards),
      ...(reopened.length > 0 ? { reopened: writeShardRanges(reopened) } : {}),
      remaining_ms: Math.round(remainingMs),
    },
  };
}

/** Null for what no router has passed. */
export function readPassedCommand(
  { content, properties }: { content: Uint8Array; properties: MessageProperties },
): PassedCommand | null {
  const headers = properties.headers ?? {};
  const { [STREAM_HEADER]: stream, number, remaining_ms: remainingMs } = headers;
  const shards = readShardRanges(headers["shards"]);
  const reopened = readShardRanges(headers["reopened"] ?? "");
  if (typeof stream !== "string" || !isCount(number) || !isCount(remainingMs)) return null;
  if (shards === null || reopened === null) return null;
  return { body: content, stream, number, shards, reopened, remainingMs };
}

export function writeReport(report: MemberReport): Buffer {
  const written = report.kind === "forgot" ? report : {
    ...report,
    fates: report.fates.map((fate) => ({ ...fate, shards: writeShardRanges(fate.shards) })),
  };
  return Buffer.from(JSON.stringify(written));
}

/** Null for what no member has written. */
export function readReport(content: Uint8Array): MemberReport | null {
  const { kind, member, stream, fates } = parsed(content);
  if (typeof member !== "string") return null;
  if (kind === "forgot") {
    return stream === null || typeof stream === "string" ? { kind, member, stream } : null;
  }
  if (kind !== "fates" || typeof stream !== "string" || !Array.isArray(fates)) return null;
  const read = fates.map(readFate);
  return read.every((fate) => fate !== null) ? { kind, member, stream, fates: read } : null;
}

function readFate(written: unknown): PassedFate | null {
  if (!isObject(written)) return null;
  const { number, fate } = written;
  const shards = readShardRanges(written["shards"]);
  if (!isCount(number) || shards === null) return null;
  if (fate === "sent" || fate === "expired" || fate === "away") return { number, shards, fate };
  if (!isObject(fate)) return null;
  const { error, message } = fate;
  if (!isCommandError(error) || typeof message !== "string") return null;
  return { number, shards, fate: { ok: false, error, message } };
}

function parsed(content: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(content));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
