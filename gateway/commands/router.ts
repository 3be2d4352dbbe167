/**
 * Finds for each command of `gateway.send` the members of the fleet that hold its shards, passes it to them in order,
 * and answers it once. One member of a fleet does so at a time.
 *
 * A command is acknowledged only once it is known what became of it on every shard. So nothing is lost with the router
 * or with a member; what a member has sent and not reported when either dies is carried out twice.
 *
 * @module
 */
import { sleepUntil } from "../clock.ts";
import { SHARDS_MOST } from "../protocol/shard_count.ts";
import { addressedShards, type ReachableShards } from "./addressing.ts";
import { type CommandRefusal, readCommand } from "./command.ts";
import { CommandConclusion, type CommandConclusionOptions } from "./conclusion.ts";
import type { MemberReport, RouterLink, RouterLinkUser } from "./links.ts";
import { PassingStream } from "./passing_stream.ts";
import type { PassedOnCommand, RoutedCommand } from "./routed_command.ts";
import { ShardLine } from "./shard_line.ts";
import type { IncomingCommand } from "./source.ts";
import { CommandTally, EXPIRED, type SettledFate } from "./tally.ts";

/** All shards of the fleet, held by somebody or not, and who holds which, as far as this process knows. */
export interface FleetShards extends ReachableShards {
  readonly total: number;
  /** The member that holds the shard; null where nobody does. */
  holderOf(shard: number): string | null;
  /** The members that live of the replica with this name: one, as a rule. */
  membersOf(replica: string): readonly string[];
}

export interface CommandRouterOptions extends CommandConclusionOptions {
  /** Id of this process among all that ever were: names streams that begin here. */
  readonly member: string;
  readonly link: RouterLink;
  readonly fleet: FleetShards;
}

/** How often it is looked for what has expired, what has moved, and who is back. */
const LOOK_MS = 250;
/**
 * A member that gives a shard away reports at once what it has not sent. One that has not by now is dead, or does not
 * hear us: its commands go to the new holder.
 */
const MOVE_MAX_MS = 2_000;
/** A member whose queue is not there is asked again after this, should it not say that it is back. */
const ABSENT_MS = 1_000;
/** A member lets a command expire by itself. One that has not by now never will. */
const OVERDUE_MS = 30_000;
/** Members answer within milliseconds; one that does not must not hold up a stop. */
const LETTING_GO_MAX_MS = 500;
/** A message names at most so many shards, for their ids have to fit into a header. */
const PART_SHARDS = 4_000;

const NO_SUCH_REPLICA: CommandRefusal = {
  ok: false,
  error: "unknown_replica",
  message: "The fleet has no such replica: send the REPLICA_NAME of one that runs",
};

export class CommandRouter implements RouterLinkUser {
  readonly #options: CommandRouterOptions;
  readonly #conclusion: CommandConclusion;
  readonly #commands = new Set<RoutedCommand>();
  /** Those that have commands. */
  readonly #lines = new Map<number, ShardLine>();
  /** By member; only those in which something is out. */
  readonly #streams = new Map<string, PassingStream>();
  /** Whom the places from {@link SHARDS_MOST} on stand for; see {@link #places}. */
  readonly #wholeMembers: string[] = [];
  /** Members without a queue, and until when they are not asked. */
  readonly #absentUntilMs = new Map<string, number>();
  #sequence = 0;
  #streamCount = 0;
  #cancelLook: (() => void) | null = null;
  /** Set while the place is handed over; aborted when every stream has ended. */
  #lettingGo: AbortController | null = null;
  #quiet: Promise<void> | null = null;

  constructor(options: CommandRouterOptions) {
    this.#options = options;
    this.#conclusion = new CommandConclusion(options);
  }

  start(): void {
    this.#options.link.start(this);
  }

  /** Somebody holds a shard now, or holds it no longer, or the shards are others. */
  holdersChanged(): void {
    for (const line of this.#lines.values()) line.askAgain();
    this.#look();
  }

  /**
   * Lets another route. Members first report what they have sent and let go of the rest, so that nothing is sent twice.
   * Safe twice.
   */
  quiet(): Promise<void> {
    this.#quiet ??= this.#letGo();
    return this.#quiet;
  }

  // RouterLinkUser

  opened(): void {}

  closed(): void {
    this.#lettingGo?.abort();
    this.#commands.clear();
    this.#lines.clear();
    this.#streams.clear();
    this.#wholeMembers.length = 0;
    this.#absentUntilMs.clear();
    this.#cancelLook?.();
    this.#cancelLook = null;
  }

  command(incoming: IncomingCommand): void {
    if (this.#lettingGo !== null) return; // it comes to the next router
    const conclusion = this.#conclusion;
    const { clock } = this.#options;
    const reading = readCommand(incoming.body);
    if (!reading.ok) return conclusion.refuse(incoming, reading);
    const { command } = reading;
    if (command.kind === "reshard") return conclusion.reshard(incoming, command);
    const shards = this.#places(command);
    if ("ok" in shards) return conclusion.refuse(incoming, shards);
    const remainingMs = conclusion.remainingMs(incoming);
    if (remainingMs <= 0) return conclusion.refuse(incoming, EXPIRED);
    const routed: RoutedCommand = {
      incoming,
      command,
      shards,
      sequence: this.#sequence++,
      expiresAtMs: clock.nowMs() + remainingMs,
      tally: new CommandTally(shards.length),
    };
    this.#commands.add(routed);
    const lines = shards.map((shard) => this.#line(shard));
    for (const line of lines) line.push(routed);
    this.#passOn(lines);
    this.#lookLater();
  }

  reported(report: MemberReport): void {
    const { member } = report;
    const stream = this.#streams.get(member);
    if (report.kind === "forgot") {
      if (report.stream === null) this.#absentUntilMs.delete(member);
      else if (report.stream !== stream?.id) return;
      this.#takeBack(stream);
      return this.#passOn(this.#lines.values());
    }
    if (stream?.id !== report.stream) return;
    const returned = new Set<ShardLine>();
    const retryAtMs = this.#options.clock.nowMs() + LOOK_MS;
    for (const { number, shards, fate } of report.fates) {
      const part = stream.part(number);
      if (part === null) continue;
      for (const shard of shards) {
        const line = this.#lines.get(shard);
        if (line === undefined) continue;
        if (fate === "away") {
          if (!line.away(part, this.#holderOf(shard) === member ? retryAtMs : -Infinity)) continue;
          stream.wentAway(shard);
        } else {
          if (!line.settled(part)) continue;
          this.#settle(part.command, fate);
        }
        stream.closeShard(part);
        returned.add(line);
      }
    }
    this.#dropEmpty(stream);
    this.#passOn(returned);
  }

  returned(member: string, streamId: string): void {
    const stream = this.#streams.get(member);
    if (stream?.id !== streamId) return;
    this.#absentUntilMs.set(member, this.#options.clock.nowMs() + ABSENT_MS);
    this.#takeBack(stream);
    this.#noticeEnd();
  }

  /**
   * What the command is for: its shards; of one for whole members the places beyond all shards that stand for them, so
   * that it goes the same way.
   */
  #places(command: PassedOnCommand): readonly number[] | CommandRefusal {
    const { fleet } = this.#options;
    if (command.kind === "drain") {
      const members = fleet.membersOf(command.replica);
      return members.length > 0 ? members.map((member) => this.#placeOf(member)) : NO_SUCH_REPLICA;
    }
    return addressedShards(command.shards, fleet);
  }

  #placeOf(member: string): number {
    const at = this.#wholeMembers.indexOf(member);
    return SHARDS_MOST + (at < 0 ? this.#wholeMembers.push(member) - 1 : at);
  }

  #holderOf(place: number): string | null {
    return this.#wholeMembers[place - SHARDS_MOST] ?? this.#options.fleet.holderOf(place);
  }

  /** Passes on what may be passed on by now, in order. */
  #passOn(lines: Iterable<ShardLine>): void {
    if (this.#lettingGo !== null) return this.#noticeEnd();
    const nowMs = this.#options.clock.nowMs();
    const ready: { command: RoutedCommand; member: string; line: ShardLine }[] = [];
    for (const line of lines) {
      if (line.isEmpty) {
        this.#lines.delete(line.shard);
        continue;
      }
      const member = this.#holderOf(line.shard);
      if (member === null || this.#absentUntilMs.has(member)) continue;
      if (!line.isReadyFor(this.#streams.get(member) ?? null, nowMs)) continue;
      for (const command of line.takeWaiting()) ready.push({ command, member, line });
    }
    ready.sort((one, other) => one.command.sequence - other.command.sequence);
    for (let at = 0; at < ready.length;) {
      const command = ready[at]?.command;
      const linesOf = new Map<string, ShardLine[]>();
      for (let next = ready[at]; next !== undefined && next.command === command; next = ready[++at]) {
        const lines = linesOf.get(next.member);
        if (lines === undefined) linesOf.set(next.member, [next.line]);
        else lines.push(next.line);
      }
      if (command === undefined) return;
      for (const [member, lines] of linesOf) this.#pass(member, command, lines);
    }
  }

  #pass(member: string, command: RoutedCommand, lines: readonly ShardLine[]): void {
    const { link, clock } = this.#options;
    const stream = this.#stream(member);
    for (let at = 0; at < lines.length; at += PART_SHARDS) {
      const some = lines.slice(at, at + PART_SHARDS);
      const shards = some.map(({ shard }) => shard);
      const { part, reopened } = stream.add(command, shards);
      for (const line of some) line.passed(part);
      link.pass(member, {
        body: command.incoming.body,
        stream: stream.id,
        number: part.number,
        shards,
        reopened,
        remainingMs: Math.max(0, command.expiresAtMs - clock.nowMs()),
      });
    }
  }

  #settle(command: RoutedCommand, fate: SettledFate): void {
    const { tally, incoming } = command;
    tally.add(fate);
    const { outcome } = tally;
    if (outcome === null) return;
    this.#commands.delete(command);
    if (outcome.ok) this.#conclusion.carriedOut(incoming, command.command, tally.shardCount);
    else this.#conclusion.refuse(incoming, outcome);
  }

  /** Nothing will be heard any more of what is out in this stream. */
  #takeBack(stream: PassingStream | undefined): void {
    if (stream === undefined) return;
    for (const { shards } of stream.parts) {
      for (const shard of shards) {
        const line = this.#lines.get(shard);
        if (line?.stream === stream) line.takeBack();
      }
    }
    this.#streams.delete(stream.member);
  }

  async #letGo(): Promise<void> {
    const { link, clock } = this.#options;
    const lettingGo = new AbortController();
    const untilMs = clock.nowMs() + LETTING_GO_MAX_MS;
    this.#lettingGo = lettingGo;
    for (const stream of this.#streams.values()) {
      const end = { body: new Uint8Array(), number: stream.end(), shards: [], reopened: [], remainingMs: 0 };
      link.pass(stream.member, { ...end, stream: stream.id });
    }
    this.#noticeEnd();
    await sleepUntil(clock, untilMs, lettingGo.signal);
    const refused = new AbortController();
    this.#conclusion.done().then(() => refused.abort());
    await sleepUntil(clock, untilMs, refused.signal);
    await link.quiet();
  }

  #noticeEnd(): void {
    if (this.#streams.size === 0) this.#lettingGo?.abort();
  }

  #look(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [member, untilMs] of this.#absentUntilMs) {
      if (untilMs <= nowMs) this.#absentUntilMs.delete(member);
    }
    for (const line of this.#lines.values()) {
      for (const command of line.takeExpired(nowMs)) this.#settle(command, "expired");
      const { stream } = line;
      if (line.movedForMs(this.#holderOf(line.shard), nowMs) < MOVE_MAX_MS || stream === null) continue;
      for (const part of line.takeBack()) stream.closeShard(part);
      this.#dropEmpty(stream);
    }
    for (const command of [...this.#commands]) {
      if (command.expiresAtMs + OVERDUE_MS <= nowMs) this.#giveUp(command);
    }
    this.#passOn(this.#lines.values());
  }

  #giveUp(command: RoutedCommand): void {
    for (const shard of command.shards) {
      const part = this.#lines.get(shard)?.remove(command);
      if (part === undefined) continue;
      if (part !== null) {
        part.stream.closeShard(part);
        this.#dropEmpty(part.stream);
      }
      this.#settle(command, "expired");
    }
  }

  #lookLater(): void {
    if (this.#cancelLook !== null || this.#lines.size === 0) return;
    const { clock } = this.#options;
    this.#cancelLook = clock.schedule(clock.nowMs() + LOOK_MS, () => {
      this.#cancelLook = null;
      this.#look();
      this.#lookLater();
    });
  }

  #line(shard: number): ShardLine {
    let line = this.#lines.get(shard);
    if (line === undefined) this.#lines.set(shard, line = new ShardLine(shard));
    return line;
  }

  #stream(member: string): PassingStream {
    let stream = this.#streams.get(member);
    if (stream === undefined) {
      stream = new PassingStream(`${this.#options.member}/${++this.#streamCount}`, member);
      this.#streams.set(member, stream);
    }
    return stream;
  }

  #dropEmpty(stream: PassingStream): void {
    if (stream.isEmpty && this.#streams.get(stream.member) === stream) this.#streams.delete(stream.member);
  }
}
