/**
 * How a command ends where it cannot do as told: one line, and an exit status.
 *
 * @module
 */
import { EXIT_CONFIGURATION, EXIT_REFUSED } from "../gateway/exit.ts";

/** It was asked for, and was not done, or not all of it. */
export const EXIT_NOT_DONE = 1;
/** The command line means nothing: `EX_USAGE` of sysexits.h. */
export const EXIT_USAGE = 64;
/** Something that is needed is away: `EX_UNAVAILABLE` of sysexits.h. */
export const EXIT_UNAVAILABLE = 69;
/** As a shell reports a program that Ctrl-C ended. */
export const EXIT_INTERRUPTED = 130;
/** As a shell reports a program whose reader has gone: `ctl shards | head`. */
export const EXIT_UNREAD = 141;

/** Each status with when it is the one, for the help. */
export const EXIT_STATUSES: readonly (readonly [status: number, when: string])[] = [
  [0, "done; watch: ended by Ctrl-C"],
  [EXIT_NOT_DONE, "refused, or not all of it done"],
  [EXIT_USAGE, "the command line means nothing"],
  [EXIT_UNAVAILABLE, "the dashboard, or what it needs, cannot be reached or does not answer"],
  [EXIT_REFUSED, "there is no token, or the dashboard does not take it"],
  [EXIT_CONFIGURATION, "a setting is wrong"],
  [EXIT_INTERRUPTED, "Ctrl-C; a restart that has begun goes on"],
  [EXIT_UNREAD, "whoever read the output has gone"],
];

/** Why a command cannot do as told, in one line for whoever gave it. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** A command line that means nothing. */
export class UsageError extends CommandFailure {
  constructor(message: string) {
    super(`${message}; --help tells what there is`, EXIT_USAGE);
  }
}
