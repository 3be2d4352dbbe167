/**
 * A member's side of the commands of a fleet: takes what the router passes to it, hands it to the shards of this
 * process, and reports what became of it.
 *
 * @module
 */
import { type CommandRefusal, readCommand } from "./command.ts";
import type { CommandDispatcher } from "./dispatcher.ts";
import type { MemberLink, MemberLinkUser, PassedCommand, PassedFate } from "./links.ts";

export interface CommandMemberOptions {
  /** Id of this process. */
  readonly member: string;
  readonly link: MemberLink;
  readonly dispatcher: Pick<CommandDispatcher, "runs" | "carryOut">;
  /** From now on this process hands its shards over and takes none; or takes some again. */
  readonly drain: (isDrained: boolean) => void;
}

interface ReceivedStream {
  readonly id: string;
  /** The number of what comes next. */
  next: number;
  /** Shards of which something was reported as away: what comes behind it must not overtake it. */
  readonly away: Set<number>;
}

interface GatheredFate {
  readonly number: number;
  readonly shards: number[];
  readonly fate: PassedFate["fate"];
}

/** Whoever routes carries it out by itself. */
const NOT_PASSED_ON: CommandRefusal = {
  ok: false,
  error: "cannot_reshard",
  message: "The command came to a member of the fleet: send it to gateway.send",
};

export class CommandMember implements MemberLinkUser {
  readonly #options: CommandMemberOptions;
  #hadQueue = false;
  #stream: ReceivedStream | null = null;
  /** One of which something is missing: the router knows, and passes all of it again in another. */
  #brokenStream: string | null = null;
  /** Not reported yet. */
  #fates: GatheredFate[] = [];

  constructor(options: CommandMemberOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.link.start(this);
  }

  /** Takes nothing more, and gives back what no shard has sent. */
  async quiet(): Promise<void> {
    this.#report();
    this.#stream = null;
    await this.#options.link.quiet();
    this.#sayForgot(null);
  }

  // MemberLinkUser

  opened(): void {
    // Whatever was passed to the first queue before there was one came back to the router.
    if (this.#hadQueue) this.#sayForgot(null);
    this.#hadQueue = true;
  }

  closed(): void {
    this.#brokenStream = this.#stream?.id ?? this.#brokenStream;
    this.#stream = null;
    this.#fates = [];
  }

  passed(passed: PassedCommand): void {
    const stream = this.#streamOf(passed);
    if (stream === null) return;
    stream.next += 1;
    const { number, shards } = passed;
    if (shards.length === 0) return this.#end(stream);
    for (const shard of passed.reopened) stream.away.delete(shard);
    const settled = (shard: number, fate: PassedFate["fate"]) => {
      if (fate === "away") stream.away.add(shard);
      this.#gather(number, shard, fate);
    };
    const reading = readCommand(passed.body);
    // The router has read it too; another version of it may have read it otherwise.
    if (!reading.ok) return shards.forEach((shard) => settled(shard, reading));
    const { command } = reading;
    if (command.kind === "drain") {
      this.#options.drain(command.isDrained);
      return shards.forEach((place) => settled(place, "sent"));
    }
    if (command.kind === "reshard") return shards.forEach((place) => settled(place, NOT_PASSED_ON));
    const ours: number[] = [];
    for (const shard of shards) {
      if (stream.away.has(shard) || !this.#options.dispatcher.runs(shard)) settled(shard, "away");
      else ours.push(shard);
    }
    this.#options.dispatcher.carryOut(command, ours, {
      remainingMs: passed.remainingMs,
      isCurrent: () => stream === this.#stream,
      settled,
    });
  }

  /** The stream that it is the next of; null where something is missing before it. */
  #streamOf({ stream, number }: PassedCommand): ReceivedStream | null {
    if (stream !== this.#stream?.id && number === 1) {
      this.#stream = { id: stream, next: 1, away: new Set() };
      this.#fates = [];
    }
    if (stream === this.#stream?.id && number === this.#stream.next) return this.#stream;
    if (stream === this.#brokenStream) return null;
    this.#brokenStream = stream;
    this.#stream = null;
    this.#fates = [];
    this.#sayForgot(stream);
    return null;
  }

  #end({ id }: ReceivedStream): void {
    this.#report();
    this.#stream = null;
    this.#sayForgot(id);
  }

  #sayForgot(stream: string | null): void {
    const { link, member } = this.#options;
    link.report({ kind: "forgot", member, stream });
  }

  #gather(number: number, shard: number, fate: PassedFate["fate"]): void {
    if (this.#fates.length === 0) queueMicrotask(() => this.#report());
    const last = this.#fates.at(-1);
    if (last?.number === number && last.fate === fate) last.shards.push(shard);
    else this.#fates.push({ number, shards: [shard], fate });
  }

  /** All of a turn in one message: a command for all shards is sent on most of them at once. */
  #report(): void {
    const { link, member } = this.#options;
    const fates = this.#fates;
    const stream = this.#stream;
    this.#fates = [];
    if (stream !== null && fates.length > 0) link.report({ kind: "fates", member, stream: stream.id, fates });
  }
}
