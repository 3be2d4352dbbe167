/**
 * What every way between a fleet's router and its members promises.
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
import type { SenderProperties } from "./command_source_contract.ts";

/** One process's link. */
export interface LinkSubject<Link> {
  readonly link: Link;
  /** Takes its channel away. The next one comes by itself. */
  interrupt(): void;
}

/** A broker, and links to it. */
export interface CommandLinksSubject extends AsyncDisposable {
  router(): LinkSubject<RouterLink>;
  member(member: string): LinkSubject<MemberLink>;
  /** Puts a message into `gateway.send`. */
  send(body: string, properties?: SenderProperties): void;
}

type Heard<Events> = { [Name in keyof Events]: readonly [Name, Events[Name]] }[keyof Events];

/** Remembers what is heard, and waits for it. */
class Hearing<Events> {
  readonly all: Heard<Events>[] = [];
  #wake: (() => void)[] = [];

  hear<Name extends keyof Events>(name: Name, what: Events[Name]): void {
    this.all.push([name, what]);
    for (const wake of this.#wake.splice(0)) wake();
  }

  of<Name extends keyof Events>(name: Name): Events[Name][] {
    return this.all.filter(([other]) => other === name).map(([, what]) => what as Events[Name]);
  }

  /** All of a kind, once they are at least so many. */
  async count<Name extends keyof Events>(name: Name, count: number): Promise<Events[Name][]> {
    while (this.of(name).length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.of(name);
  }
}

interface RouterEvents {
  opened: null;
  command: IncomingCommand;
  reported: MemberReport;
  returned: string;
  closed: null;
}

export class HeardRouter extends Hearing<RouterEvents> implements RouterLinkUser {
  opened = () => this.hear("opened", null);
  closed = () => this.hear("closed", null);
  command = (incoming: IncomingCommand) => this.hear("command", incoming);
  reported = (report: MemberReport) => this.hear("reported", report);
  returned = (member: string, stream: string) => this.hear("returned", `${member} ${stream}`);

  async bodies(count: number): Promise<string[]> {
    return (await this.count("command", count)).map(({ body }) => new TextDecoder().decode(body));
  }
}

interface MemberEvents {
  opened: null;
  passed: PassedCommand;
  closed: null;
}

export class HeardMember extends Hearing<MemberEvents> implements MemberLinkUser {
  opened = () => this.hear("opened", null);
  closed = () => this.hear("closed", null);
  passed = (passed: PassedCommand) => this.hear("passed", passed);
}

function passedCommand(number: number, more: Partial<PassedCommand> = {}): PassedCommand {
  const body = new TextEncoder().encode(`command ${number}`);
  return { body, stream: "router/1", number, shards: [0], reopened: [], remainingMs: 60_000, ...more };
}

export function testCommandLinksContract(name: string, start: () => Promise<CommandLinksSubject>): void {
  const startRouter = (subject: CommandLinksSubject) => {
    const { link, interrupt } = subject.router();
    const heard = new HeardRouter();
    link.start(heard);
    return { link, interrupt, heard };
  };
  const startMember = (subject: CommandLinksSubject, member: string) => {
    const { link, interrupt } = subject.member(member);
    const heard = new HeardMember();
    link.start(heard);
    return { link, interrupt, heard };
  };

  Deno.test(`${name} router link delivers commands in order, with what the sender set`, async () => {
    await using subject = await start();
    subject.send("first", { replyTo: "answers", correlationId: "c-1", sentAtMs: 1_700_000_000_000 });
    const { heard } = startRouter(subject);
    await heard.bodies(1);
    subject.send("second");
    assert.deepEqual(await heard.bodies(2), ["first", "second"]);
    const [first, second] = heard.of("command");
    assert.deepEqual(
      [first?.replyTo, first?.correlationId, first?.sentAtMs],
      ["answers", "c-1", 1_700_000_000_000],
    );
    assert.deepEqual([second?.replyTo, second?.correlationId, second?.sentAtMs], Array(3).fill(undefined));
    assert.equal(second?.current, true);
    assert.deepEqual(heard.all[0], ["opened", null]);
  });

  Deno.test(`${name} router link is open for one process at a time; the next gets what is not acknowledged`, async () => {
    await using subject = await start();
    const one = startRouter(subject);
    await one.heard.count("opened", 1);
    const two = startRouter(subject);
    for (const body of ["first", "second", "third"]) subject.send(body);
    await one.heard.bodies(3);
    assert.deepEqual(two.heard.all, [], "two routers at once");
    one.heard.of("command")[1]?.acknowledge();
    await one.link.quiet();
    assert.deepEqual(one.heard.all.at(-1), ["closed", null]);
    assert.equal(one.heard.of("command")[0]?.current, false);
    assert.deepEqual(await two.heard.bodies(2), ["first", "third"]);
    for (const command of two.heard.of("command")) command.acknowledge();
    subject.send("fourth");
    await two.heard.bodies(3);
    await two.link.close();
    assert.equal(one.heard.of("command").length, 3);
  });

  Deno.test(`${name} router link, when its channel is lost, goes to somebody who waits for it`, async () => {
    await using subject = await start();
    const one = startRouter(subject);
    subject.send("first");
    const [old] = await one.heard.count("command", 1);
    one.interrupt();
    await one.heard.count("closed", 1);
    assert.equal(old?.current, false);
    const two = startRouter(subject);
    old?.acknowledge(); // of no effect
    // Either may be quicker.
    await Promise.race([two.heard.bodies(1), one.heard.bodies(2)]);
    assert.equal(one.heard.of("command").length + two.heard.of("command").length, 2);
    await one.link.close();
    assert.deepEqual(await two.heard.bodies(1), ["first"]);
  });

  Deno.test(`${name} links pass commands to a member in order, whole`, async () => {
    await using subject = await start();
    const { link, heard } = startRouter(subject);
    const member = startMember(subject, "host.1:7");
    await Promise.all([heard.count("opened", 1), member.heard.count("opened", 1)]);
    const passed = [
      passedCommand(1, { body: new Uint8Array([0xff, 0x00, 0x7b]), remainingMs: 0 }),
      passedCommand(2, { shards: [1, 2, 3, 7, 9, 10], reopened: [2, 7] }),
      passedCommand(3, { stream: "another/2", shards: Array.from({ length: 4_000 }, (_, id) => id * 3) }),
    ];
    for (const each of passed) link.pass("host.1:7", each);
    const received = await member.heard.count("passed", 3);
    assert.deepEqual(received.map((each) => ({ ...each, body: new Uint8Array(each.body) })), passed);
  });

  Deno.test(`${name} links tell the router what members report, in order, whole`, async () => {
    await using subject = await start();
    const { heard } = startRouter(subject);
    const member = startMember(subject, "a");
    await Promise.all([heard.count("opened", 1), member.heard.count("opened", 1)]);
    const reports: MemberReport[] = [
      { kind: "forgot", member: "a", stream: null },
      { kind: "forgot", member: "a", stream: "router/1" },
      {
        kind: "fates",
        member: "a",
        stream: "router/1",
        fates: [
          { number: 1, shards: [0, 1, 2, 5], fate: "sent" },
          { number: 2, shards: [1], fate: "expired" },
          { number: 2, shards: [3], fate: "away" },
          { number: 3, shards: [4], fate: { ok: false, error: "invalid", message: "No: send ü" } },
        ],
      },
    ];
    for (const report of reports) member.link.report(report);
    assert.deepEqual(await heard.count("reported", 3), reports);
  });

  Deno.test(`${name} links tell the router of a member without a queue`, async () => {
    await using subject = await start();
    const { link, heard } = startRouter(subject);
    await heard.count("opened", 1);
    link.pass("nobody", passedCommand(1, { stream: "router/9" }));
    assert.deepEqual(await heard.count("returned", 1), ["nobody router/9"]);
  });

  Deno.test(`${name} member link opens anew, empty, when its channel is lost`, async () => {
    await using subject = await start();
    const { link, heard } = startRouter(subject);
    const member = startMember(subject, "a");
    await Promise.all([heard.count("opened", 1), member.heard.count("opened", 1)]);
    link.pass("a", passedCommand(1));
    await member.heard.count("passed", 1);
    member.interrupt();
    await member.heard.count("opened", 2);
    assert.equal(member.heard.of("closed").length, 1);
    link.pass("a", passedCommand(2));
    const received = await member.heard.count("passed", 2);
    assert.deepEqual(received.map(({ number }) => number), [1, 2], "nothing comes twice");
  });

  Deno.test(`${name} member link gives its queue up when it is quiet, and still reports`, async () => {
    await using subject = await start();
    const { link, heard } = startRouter(subject);
    const member = startMember(subject, "a");
    await Promise.all([heard.count("opened", 1), member.heard.count("opened", 1)]);
    await member.link.quiet();
    link.pass("a", passedCommand(1));
    await heard.count("returned", 1);
    member.link.report({ kind: "forgot", member: "a", stream: null });
    await heard.count("reported", 1);
    await member.link.close();
    assert.deepEqual(member.heard.of("passed"), []);
  });

  Deno.test(`${name} links can be closed twice, and before their start`, async () => {
    await using subject = await start();
    const router = subject.router().link;
    await router.close();
    await router.close();
    router.start(new HeardRouter());
    const member = subject.member("a").link;
    await member.close();
    await member.close();
    const heardMember = new HeardMember();
    member.start(heardMember);
    subject.send("first");
    const other = startRouter(subject);
    await other.heard.bodies(1);
    other.link.pass("a", passedCommand(1));
    await other.heard.count("returned", 1);
    assert.deepEqual(heardMember.all, []);
  });
}
