/**
 * A fleet in memory: members with shards that send when they are told to, a router in each, and the broker in between.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Clock } from "../../../gateway/clock.ts";
import { CommandDispatcher } from "../../../gateway/commands/dispatcher.ts";
import type { MemberLink, RouterLink } from "../../../gateway/commands/links.ts";
import { CommandMember } from "../../../gateway/commands/member.ts";
import { CommandRouter, type FleetShards } from "../../../gateway/commands/router.ts";
import type { Observation } from "../../../gateway/observation.ts";
import type { ShardCommand } from "../../../gateway/shard/command_queue.ts";
import type { Notices } from "../../../gateway/delivery/notices.ts";
import { AskedResharding } from "../../fakes/asked_resharding.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import {
  MemoryCommandBroker,
  type MemoryMemberLink,
  type MemoryRouterLink,
} from "../../fakes/memory_command_links.ts";
import { MemoryNotices } from "../../fakes/memory_notices.ts";

export const TTL_MS = 600_000;

/** Who holds which shard, the same for all. */
export class FleetView implements FleetShards {
  readonly holders = new Map<number, string | null>();
  /** Ids of the members that live, as far as is known. */
  readonly living: string[] = [];

  /** @param total Number of shards, held by nobody at first. */
  constructor(readonly total: number) {
    for (let shard = 0; shard < total; shard++) this.holders.set(shard, null);
  }

  keys(): Iterable<number> {
    return this.holders.keys();
  }

  has(shard: number): boolean {
    return this.holders.has(shard);
  }

  holderOf(shard: number): string | null {
    return this.holders.get(shard) ?? null;
  }

  /** Replica r-a has the member a. */
  membersOf(replica: string): readonly string[] {
    return this.living.filter((member) => replica === `r-${member}`);
  }
}

export class FleetRig {
  readonly clock = new ManualClock();
  readonly broker = new MemoryCommandBroker();
  readonly notices = new MemoryNotices();
  readonly fleet: FleetView;
  readonly members = new Map<string, RigMember>();
  readonly observed: Observation[] = [];
  readonly resharding = new AskedResharding();
  /** Every frame that any shard sent, as `shard name`. */
  readonly frames: string[] = [];
  readonly #links = new Map<string, { router: MemoryRouterLink; member: MemoryMemberLink }>();

  constructor(shardCount: number, ...members: string[]) {
    this.fleet = new FleetView(shardCount);
    for (const member of members) this.join(member);
  }

  join(name: string): RigMember {
    assert(!this.members.has(name), "a member's id is of one process only");
    const links = { router: this.broker.router(), member: this.broker.member(name) };
    this.fleet.living.push(name);
    const member = new RigMember(this, name, links);
    this.members.set(name, member);
    this.#links.set(name, links);
    return member;
  }

  links(name: string): { router: MemoryRouterLink; member: MemoryMemberLink } {
    return this.#links.get(name) ?? assert.fail(`there is no member ${name}`);
  }

  /** The process is dead, and others do not know it yet. */
  kill(name: string): void {
    const { router, member } = this.links(name);
    router.kill();
    member.kill();
    this.member(name).forget();
    this.members.delete(name);
    this.#links.delete(name);
  }

  member(name: string): RigMember {
    return this.members.get(name) ?? assert.fail(`there is no member ${name}`);
  }

  /** The shard goes to this member, or to nobody, and everybody hears of it. */
  move(shard: number, name: string | null): void {
    const before = this.fleet.holderOf(shard);
    if (before !== null) this.members.get(before)?.lose(shard);
    if (name !== null) this.member(name).gain(shard);
    this.assign(shard, name);
  }

  /** Everybody hears that this member holds the shard, whatever it knows of that itself. */
  assign(shard: number, name: string | null): void {
    this.fleet.holders.set(shard, name);
    for (const { router } of this.members.values()) router.holdersChanged();
  }

  /** Replies as `correlationId ok`, or `correlationId error`. */
  get answers(): string[] {
    return this.notices.replies.map(({ correlationId, body }) =>
      `${correlationId} ${body.ok ? "ok" : body.error}`
    );
  }

  /** Has a bot send a command for these shards that carries its name as the text of the frame, and wait for an answer. */
  send(name: string, shard: unknown, properties: { sentAtMs?: number } = {}): void {
    const command = `{"op":0,"shard":${JSON.stringify(shard)},"data":{"op":8,"d":"${name}"}}`;
    this.broker.send(command, { replyTo: "answers", correlationId: name, ...properties });
  }
}

/** What members share. */
interface Surroundings {
  readonly clock: Clock;
  readonly notices: Notices;
  readonly fleet: FleetShards;
  readonly observed: Observation[];
  readonly resharding?: AskedResharding;
  readonly frames: string[];
  /** Called when a shard is given a command. */
  readonly heldMore?: () => void;
}

export class RigMember {
  readonly name: string;
  readonly router: CommandRouter;
  readonly member: CommandMember;
  readonly dispatcher: CommandDispatcher;
  readonly restarts: string[] = [];
  /** What it was told: to be drained, or no longer. */
  readonly drains: boolean[] = [];
  readonly #frames: string[];
  readonly #heldMore: () => void;
  readonly #held = new Map<number, ShardCommand[]>();
  readonly #shards = new Map<
    number,
    { submit(command: ShardCommand): void; restart(mode: string): void }
  >();

  constructor(surroundings: Surroundings, name: string, links: { router: RouterLink; member: MemberLink }) {
    const { clock, notices, fleet, observed, frames } = surroundings;
    this.name = name;
    this.#frames = frames;
    this.#heldMore = surroundings.heldMore ?? (() => {});
    const options = {
      clock,
      observe: (observation: Observation) => observed.push(observation),
      notices,
      refused: () => {},
      ttlMs: TTL_MS,
      reshard: (surroundings.resharding ?? new AskedResharding()).reshard,
    };
    this.dispatcher = new CommandDispatcher({ ...options, shards: this.#shards, total: () => fleet.total });
    this.member = new CommandMember({
      member: name,
      link: links.member,
      dispatcher: this.dispatcher,
      drain: (isDrained) => this.drains.push(isDrained),
    });
    this.router = new CommandRouter({ ...options, member: name, link: links.router, fleet });
    this.member.start();
    this.router.start();
  }

  /** Names of the commands that the shard holds. */
  held(shard: number): string[] {
    return this.#current(shard).map(nameOf);
  }

  get shards(): number[] {
    return [...this.#shards.keys()];
  }

  gain(shard: number): void {
    this.#held.set(shard, []);
    this.#shards.set(shard, {
      submit: (command) => {
        this.#held.get(shard)?.push(command);
        this.#heldMore();
      },
      restart: (mode) => this.restarts.push(`${shard} ${mode}`),
    });
  }

  lose(shard: number): void {
    this.#shards.delete(shard);
    this.#held.delete(shard);
    this.dispatcher.left(shard);
  }

  /** The shard sends the first of what it holds. */
  sendOne(shard: number): void {
    const command = this.#take(shard);
    if (command === undefined) return;
    this.#frames.push(`${shard} ${nameOf(command)}`);
    this.dispatcher.sent(command);
  }

  /** The shard lets the first of what it holds expire. */
  expireOne(shard: number): void {
    const command = this.#take(shard);
    if (command !== undefined) this.dispatcher.expired(command);
  }

  /** What it had in memory is gone, its timers too. */
  forget(): void {
    this.router.closed();
    this.#held.clear();
  }

  #current(shard: number): ShardCommand[] {
    return this.#held.get(shard)?.filter((command) => command.isCurrent()) ?? [];
  }

  #take(shard: number): ShardCommand | undefined {
    const [command, ...rest] = this.#current(shard);
    this.#held.set(shard, rest);
    return command;
  }
}

function nameOf({ text }: ShardCommand): string {
  return JSON.parse(text).d;
}
