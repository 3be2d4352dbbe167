/**
 * The broker between a fleet's members in memory: `gateway.send`, the queue of each member, and that of the reports.
 *
 * Whatever is on its way lies in a lane, in order. It arrives by itself, or, where the test takes the broker in hand,
 * when the test lets the first of a lane arrive.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  MemberLink,
  MemberLinkUser,
  MemberReport,
  PassedCommand,
  RouterLink,
  RouterLinkUser,
} from "../../gateway/commands/links.ts";
import type { IncomingCommand } from "../../gateway/commands/source.ts";
import type { SentProperties } from "./memory_command_source.ts";

interface Message {
  readonly body: Uint8Array;
  readonly properties: SentProperties;
}

export class MemoryCommandBroker {
  /** Sent and not acknowledged, the oldest first. */
  #messages: Message[] = [];
  readonly #lanes = new Map<string, (() => void)[]>();
  readonly #queues = new Map<string, MemoryMemberLink>();
  readonly #candidates: MemoryRouterLink[] = [];
  #router: MemoryRouterLink | null = null;
  #isInHand = false;

  /** From now on nothing arrives but by {@link arrive}. */
  takeInHand(): void {
    this.#isInHand = true;
  }

  /** Lanes in which something is on its way. */
  get lanes(): string[] {
    return [...this.#lanes].filter(([, waiting]) => waiting.length > 0).map(([lane]) => lane);
  }

  /** The first of a lane arrives. */
  arrive(lane: string): void {
    this.#lanes.get(lane)?.shift()?.();
  }

  /** The first of a lane never arrives. */
  lose(lane: string): void {
    this.#lanes.get(lane)?.shift();
  }

  /** Bodies of `gateway.send` that are not acknowledged, the oldest first. */
  get unacknowledged(): string[] {
    return this.#messages.map(({ body }) => new TextDecoder().decode(body));
  }

  send(command: unknown, properties: SentProperties = {}): void {
    const text = typeof command === "string" ? command : JSON.stringify(command);
    const message = { body: new TextEncoder().encode(text), properties };
    this.#messages.push(message);
    this.#router?.take(message);
  }

  router(): MemoryRouterLink {
    return new MemoryRouterLink(this);
  }

  member(member: string): MemoryMemberLink {
    return new MemoryMemberLink(this, member);
  }

  // For the links.

  get messages(): readonly Message[] {
    return this.#messages;
  }

  queueOf(member: string): MemoryMemberLink | null {
    return this.#queues.get(member) ?? null;
  }

  get currentRouter(): MemoryRouterLink | null {
    return this.#router;
  }

  acknowledge(message: Message): void {
    this.#messages = this.#messages.filter((other) => other !== message);
  }

  onTheWay(lane: string, arrive: () => void): void {
    const waiting = this.#lanes.get(lane) ?? [];
    this.#lanes.set(lane, waiting);
    waiting.push(arrive);
    if (!this.#isInHand) queueMicrotask(() => this.arrive(lane));
  }

  empty(lane: string): void {
    this.#lanes.set(lane, []);
  }

  declare(member: string, link: MemoryMemberLink): void {
    this.#queues.set(member, link);
    this.empty(`to ${member}`);
  }

  delete(member: string, link: MemoryMemberLink): void {
    if (this.#queues.get(member) !== link) return;
    this.#queues.delete(member);
    this.empty(`to ${member}`);
  }

  apply(link: MemoryRouterLink): void {
    this.#candidates.push(link);
    this.onTheWay("router", () => this.#elect());
  }

  resign(link: MemoryRouterLink): void {
    const at = this.#candidates.indexOf(link);
    if (at >= 0) this.#candidates.splice(at, 1);
    if (this.#router !== link) return;
    this.#router = null;
    for (const lane of ["commands", "reports", "returns"]) this.empty(lane);
    this.onTheWay("router", () => this.#elect());
  }

  #elect(): void {
    if (this.#router !== null) return;
    this.#router = this.#candidates.shift() ?? null;
    this.#router?.elected();
  }
}

export class MemoryRouterLink implements RouterLink {
  readonly #broker: MemoryCommandBroker;
  #user: RouterLinkUser | null = null;
  /** Counts openings. */
  #opening = 0;
  #isOver = false;

  constructor(broker: MemoryCommandBroker) {
    this.#broker = broker;
  }

  get isOpen(): boolean {
    return this.#broker.currentRouter === this;
  }

  start(user: RouterLinkUser): void {
    assert.equal(this.#user, null, "a link is started once");
    this.#user = user;
    if (!this.#isOver) this.#broker.apply(this);
  }

  pass(member: string, command: PassedCommand): void {
    if (!this.isOpen) return;
    const queue = this.#broker.queueOf(member);
    if (queue !== null) return queue.passed(structuredClone(command));
    this.#broker.onTheWay("reports", () => this.#user?.returned(member, command.stream));
  }

  /** The channel is lost; it applies again, behind all others. */
  interrupt(): void {
    const wasOpen = this.isOpen;
    this.#broker.resign(this);
    if (wasOpen) this.#user?.closed();
    if (!this.#isOver) this.#broker.apply(this);
  }

  /** The process is dead. */
  kill(): void {
    this.#user = null;
    this.#broker.resign(this);
  }

  quiet(): Promise<void> {
    this.#isOver = true;
    const wasOpen = this.isOpen;
    this.#broker.resign(this);
    if (wasOpen) this.#user?.closed();
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.quiet();
  }

  // For the broker.

  elected(): void {
    this.#opening += 1;
    this.#user?.opened();
    for (const message of this.#broker.messages) this.take(message);
  }

  take(message: Message): void {
    this.#broker.onTheWay("commands", () => this.#user?.command(this.#incoming(message)));
  }

  hear(report: MemberReport): void {
    this.#user?.reported(report);
  }

  #incoming({ body, properties }: Message, opening = this.#opening): IncomingCommand {
    const isCurrent = () => this.isOpen && opening === this.#opening;
    const message = this.#broker.messages.find((other) => other.body === body);
    return {
      body,
      replyTo: properties.replyTo,
      correlationId: properties.correlationId,
      sentAtMs: properties.sentAtMs,
      acknowledge: () => {
        if (isCurrent() && message !== undefined) this.#broker.acknowledge(message);
      },
      get current() {
        return isCurrent();
      },
    };
  }
}

export class MemoryMemberLink implements MemberLink {
  readonly #broker: MemoryCommandBroker;
  readonly #member: string;
  #user: MemberLinkUser | null = null;
  #isOver = false;
  #isClosed = false;

  constructor(broker: MemoryCommandBroker, member: string) {
    this.#broker = broker;
    this.#member = member;
  }

  start(user: MemberLinkUser): void {
    assert.equal(this.#user, null, "a link is started once");
    this.#user = user;
    this.#openLater();
  }

  report(report: MemberReport): void {
    if (this.#isClosed) return;
    const { currentRouter } = this.#broker;
    if (currentRouter === null) return;
    const sent = structuredClone(report);
    this.#broker.onTheWay("reports", () => currentRouter.hear(sent));
  }

  /** The channel is lost, and the queue with it; another is opened. */
  interrupt(): void {
    const wasOpen = this.#broker.queueOf(this.#member) === this;
    this.#broker.delete(this.#member, this);
    if (wasOpen) this.#user?.closed();
    if (wasOpen) this.#openLater();
  }

  /** The process is dead. */
  kill(): void {
    this.#user = null;
    this.#isOver = true;
    this.#isClosed = true;
    this.#broker.delete(this.#member, this);
  }

  quiet(): Promise<void> {
    this.#isOver = true;
    this.#broker.delete(this.#member, this);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.quiet();
    this.#isClosed = true;
  }

  // For the broker.

  passed(command: PassedCommand): void {
    this.#broker.onTheWay(`to ${this.#member}`, () => this.#user?.passed(command));
  }

  #openLater(): void {
    this.#broker.onTheWay(`open ${this.#member}`, () => {
      if (this.#isOver) return;
      this.#broker.declare(this.#member, this);
      this.#user?.opened();
    });
  }
}
