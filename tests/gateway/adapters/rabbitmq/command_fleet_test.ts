import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import { RabbitMemberLink } from "../../../../gateway/adapters/rabbitmq/member_link.ts";
import { RabbitNotices } from "../../../../gateway/adapters/rabbitmq/notices.ts";
import { RabbitRouterLink } from "../../../../gateway/adapters/rabbitmq/router_link.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";
import { Observations } from "../../../fakes/observations.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { testServers } from "../../../servers.ts";
import { FleetView, RigMember } from "../../commands/fleet_rig.ts";

const ANSWERS = "shardline-test.answers";
const COMMANDS = "gateway.send";

/** A process of a fleet, without gateway: it holds commands until the test has a shard send one. */
class Process {
  readonly member: RigMember;
  readonly routerLink: RabbitRouterLink;
  readonly memberLink: RabbitMemberLink;
  readonly observations = new Observations();
  readonly #proxy: TcpProxy;
  readonly #publishing: RabbitConnection;
  #closed: Promise<void> | null = null;

  constructor(fleet: Fleet, rabbitUrl: string, name: string) {
    this.#proxy = new TcpProxy(rabbitUrl);
    const url = this.#proxy.through(rabbitUrl);
    const { observe } = this.observations;
    const shared = { url, clock: systemClock, dice: Math.random, observe };
    this.#publishing = new RabbitConnection({ ...shared, purpose: "publishing" });
    const consuming = new RabbitConnection({ ...shared, purpose: "consuming" });
    this.routerLink = new RabbitRouterLink(consuming, { clock: systemClock });
    this.memberLink = new RabbitMemberLink(consuming, { member: name });
    this.member = new RigMember(
      {
        clock: systemClock,
        notices: new RabbitNotices(this.#publishing, { clock: systemClock, observe }),
        fleet: fleet.view,
        observed: [],
        frames: fleet.frames,
        heldMore: () => fleet.wake(),
      },
      name,
      { router: this.routerLink, member: this.memberLink },
    );
    this.#publishing.start();
  }

  /** Nothing comes to the process any more; what is for it waits at the broker, or on the way. */
  hold(): void {
    this.#proxy.hold();
  }

  /** The network of the process is gone, and the process with it. */
  kill(): Promise<void> {
    this.#proxy.down();
    return this.close();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.member.forget();
    await Promise.all([this.routerLink.close(), this.#publishing.close()]);
    await this.#proxy[Symbol.asyncDispose]();
  }
}

class Fleet implements AsyncDisposable {
  readonly view: FleetView;
  readonly frames: string[] = [];
  readonly sender: QueueReader;
  readonly #rabbitUrl: string;
  readonly #processes = new Map<string, Process>();
  #waiting: (() => void)[] = [];

  private constructor(rabbitUrl: string, sender: QueueReader, shardCount: number) {
    this.#rabbitUrl = rabbitUrl;
    this.sender = sender;
    this.view = new FleetView(shardCount);
  }

  static async start(shardCount: number): Promise<Fleet> {
    const { rabbitUrl } = await testServers({ queues: [ANSWERS] });
    const sender = await QueueReader.connect(rabbitUrl);
    await sender.channel.assertQueue(COMMANDS, { durable: true });
    await sender.channel.assertQueue(ANSWERS, { durable: true });
    return new Fleet(rabbitUrl, sender, shardCount);
  }

  join(name: string, ...shards: number[]): Process {
    const process = new Process(this, this.#rabbitUrl, name);
    this.#processes.set(name, process);
    for (const shard of shards) process.member.gain(shard);
    this.assign(name, ...shards);
    return process;
  }

  assign(name: string, ...shards: number[]): void {
    for (const shard of shards) this.view.holders.set(shard, name);
    for (const { member } of this.#processes.values()) member.router.holdersChanged();
  }

  send(name: string, shard: unknown, properties: Options.Publish = {}): void {
    const body = `{"op":0,"shard":${JSON.stringify(shard)},"data":{"op":8,"d":"${name}"}}`;
    this.sender.channel.sendToQueue(COMMANDS, Buffer.from(body), {
      replyTo: ANSWERS,
      correlationId: name,
      ...properties,
    });
  }

  /** Resolves once the shard holds these and no others. */
  async holds({ member }: Process, shard: number, names: readonly string[]): Promise<void> {
    while (member.held(shard).join() !== names.join()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves once the shard holds anything. */
  async holdsAny({ member }: Process, shard: number): Promise<void> {
    while (member.held(shard).length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** All answers as `name ok`, once they are at least so many. */
  async answers(count: number): Promise<string[]> {
    const messages = await this.sender.read(ANSWERS, count);
    return messages.map(({ properties, content }) => {
      const { ok, error } = JSON.parse(content.toString());
      return `${properties.correlationId} ${ok ? "ok" : error}`;
    });
  }

  /** Resolves once all commands are acknowledged; `gateway.send` is then anybody's. */
  async done(): Promise<void> {
    for (const process of this.#processes.values()) await process.close();
    assert.equal((await this.sender.channel.checkQueue(COMMANDS)).messageCount, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.values()) await process.close();
    await this.sender[Symbol.asyncDispose]();
  }
}

Deno.test("A fleet carries out a list and all on several processes over RabbitMQ, and answers each once", async () => {
  await using fleet = await Fleet.start(3);
  const [a, b, c] = [fleet.join("a", 0), fleet.join("b", 1), fleet.join("c", 2)];
  fleet.send("list", [2, 1]);
  fleet.send("all", "all");
  await fleet.holds(a, 0, ["all"]);
  await fleet.holds(b, 1, ["list", "all"]);
  await fleet.holds(c, 2, ["list", "all"]);
  for (const [process, shard] of [[a, 0], [b, 1], [b, 1], [c, 2]] as const) process.member.sendOne(shard);
  assert.deepEqual(await fleet.answers(1), ["list ok"]);
  c.member.sendOne(2);
  assert.deepEqual(await fleet.answers(2), ["list ok", "all ok"]);
  fleet.sender.channel.sendToQueue(COMMANDS, Buffer.from("{"), { replyTo: ANSWERS, correlationId: "broken" });
  assert.deepEqual((await fleet.answers(3))[2], "broken not_json");
  const [rejected] = await fleet.sender.read("gateway.send.rejected", 1);
  assert.equal(rejected?.content.toString(), "{");
  await fleet.done();
});

Deno.test("A fleet keeps the order of a shard's commands over RabbitMQ while the shard moves to and fro", async () => {
  await using fleet = await Fleet.start(1);
  let [from, to] = [fleet.join("a", 0), fleet.join("b")];
  const names = Array.from({ length: 400 }, (_, index) => `c${index}`);
  const left = [...names];
  for (let move = 0; move < 8; move++) {
    for (const name of left.splice(0, 50)) fleet.send(name, 0);
    // The shard leaves while some are sent, some at the holder, some on their way.
    await fleet.holdsAny(from, 0);
    for (let count = 0; count < 7; count++) from.member.sendOne(0);
    from.member.lose(0);
    to.member.gain(0);
    fleet.assign(to.member.name, 0);
    [from, to] = [to, from];
  }
  while (fleet.frames.length < names.length) {
    await fleet.holdsAny(from, 0);
    while (from.member.held(0).length > 0) from.member.sendOne(0);
  }
  assert.deepEqual(fleet.frames, names.map((name) => `0 ${name}`));
  assert.deepEqual((await fleet.answers(names.length)).toSorted(), names.map((name) => `${name} ok`).sort());
  await fleet.done();
});

Deno.test("A fleet's next process routes when the one before leaves RabbitMQ, in order, and repeats nothing that it holds", async () => {
  await using fleet = await Fleet.start(2);
  const a = fleet.join("a", 0);
  fleet.send("one", 0);
  await fleet.holds(a, 0, ["one"]); // so a routes
  const b = fleet.join("b", 1);
  for (const name of ["two", "three"]) fleet.send(name, 1);
  await fleet.holds(b, 1, ["two", "three"]);
  a.member.sendOne(0);
  assert.deepEqual(await fleet.answers(1), ["one ok"]);
  await a.member.router.quiet();
  fleet.send("four", 1);
  fleet.send("five", 0);
  await fleet.holds(b, 1, ["two", "three", "four"]);
  await fleet.holds(a, 0, ["five"]);
  for (let count = 0; count < 3; count++) b.member.sendOne(1);
  a.member.sendOne(0);
  assert.deepEqual((await fleet.answers(5)).toSorted(), [
    "five ok",
    "four ok",
    "one ok",
    "three ok",
    "two ok",
  ]);
  assert.deepEqual(fleet.frames, ["0 one", "1 two", "1 three", "1 four", "0 five"]);
  await fleet.done();
});

Deno.test("A fleet loses no command with a process that is killed, with commands at its shards and in its queue", async () => {
  await using fleet = await Fleet.start(2);
  const a = fleet.join("a", 0);
  fleet.send("one", 0);
  await fleet.holds(a, 0, ["one"]); // so a routes
  const b = fleet.join("b", 1);
  for (const name of ["two", "three"]) fleet.send(name, [1]);
  fleet.send("both", "all");
  await fleet.holds(b, 1, ["two", "three", "both"]);
  b.member.sendOne(1);
  assert.deepEqual(await fleet.answers(1), ["two ok"]);
  b.hold();
  fleet.send("four", "all");
  await fleet.holds(a, 0, ["one", "both", "four"]); // so it is passed to b too
  await b.kill();
  fleet.send("five", 1); // nobody's, for now
  a.member.gain(1);
  fleet.assign("a", 1);
  await fleet.holds(a, 1, ["three", "both", "four", "five"]);
  for (let count = 0; count < 4; count++) a.member.sendOne(1);
  for (let count = 0; count < 3; count++) a.member.sendOne(0);
  const names = ["both", "five", "four", "one", "three", "two"];
  assert.deepEqual((await fleet.answers(6)).toSorted(), names.map((name) => `${name} ok`));
  await fleet.done();
});

Deno.test("A fleet loses no command with the process that routes", async () => {
  await using fleet = await Fleet.start(2);
  const a = fleet.join("a", 0);
  fleet.send("one", 0);
  await fleet.holds(a, 0, ["one"]); // so a routes
  const b = fleet.join("b", 1);
  fleet.send("two", 1);
  fleet.send("all", "all");
  await fleet.holds(b, 1, ["two", "all"]);
  await a.kill();
  b.member.gain(0);
  fleet.assign("b", 0);
  await fleet.holds(b, 0, ["one", "all"]);
  await fleet.holds(b, 1, ["two", "all"]);
  for (const shard of [0, 0, 1, 1]) b.member.sendOne(shard);
  assert.deepEqual((await fleet.answers(3)).toSorted(), ["all ok", "one ok", "two ok"]);
  assert.deepEqual(fleet.frames, ["0 one", "0 all", "1 two", "1 all"]);
  await fleet.done();
});
