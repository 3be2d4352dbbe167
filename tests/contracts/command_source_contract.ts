/**
 * What every source of commands promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CommandSource, IncomingCommand } from "../../gateway/commands/source.ts";

/** What a sender may set besides the body. */
export interface SenderProperties {
  replyTo?: string;
  correlationId?: string;
  sentAtMs?: number;
}

/** A source with the queue behind it. */
export interface CommandSourceSubject extends AsyncDisposable {
  readonly source: CommandSource;
  /** Puts a message into the queue. */
  send(body: string, properties?: SenderProperties): Promise<void>;
  /** Takes the channel away. The next one comes by itself, or with {@link open}. */
  interrupt(): void;
  /** Lets a new channel open, where it does not do so by itself. */
  open(): void;
  /** Resolves with the first message in the queue, once nobody else is consuming it. */
  first(): Promise<string>;
}

/** A handler that remembers. */
export class ReceivedCommands {
  readonly all: IncomingCommand[] = [];
  #wake: (() => void)[] = [];

  readonly handle = (command: IncomingCommand): void => {
    this.all.push(command);
    for (const wake of this.#wake.splice(0)) wake();
  };

  get bodies(): string[] {
    return this.all.map(({ body }) => new TextDecoder().decode(body));
  }

  /** Resolves with the first that is as asked for. */
  async first(
    isWanted: (command: IncomingCommand, body: string, index: number) => boolean,
  ): Promise<IncomingCommand> {
    for (let index = 0;; index++) {
      while (index >= this.all.length) await new Promise<void>((resolve) => this.#wake.push(resolve));
      const command = this.all[index];
      assert(command !== undefined);
      if (isWanted(command, new TextDecoder().decode(command.body), index)) return command;
    }
  }

  /** Resolves with the one that comes as number `count`, from 1. */
  nth(count: number): Promise<IncomingCommand> {
    return this.first((_command, _body, index) => index === count - 1);
  }
}

export function testCommandSourceContract(name: string, start: () => Promise<CommandSourceSubject>): void {
  Deno.test(`${name} command source delivers in order, with what the sender set`, async () => {
    await using subject = await start();
    const received = new ReceivedCommands();
    subject.source.start(received.handle);
    await subject.send("first", { replyTo: "answers", correlationId: "c-1", sentAtMs: 1_700_000_000_000 });
    await subject.send("second");
    const second = await received.nth(2);
    const [first] = received.all;
    assert.deepEqual(received.bodies, ["first", "second"]);
    assert.equal(first?.replyTo, "answers");
    assert.equal(first?.correlationId, "c-1");
    assert.equal(first?.sentAtMs, 1_700_000_000_000);
    assert.equal(second.replyTo, undefined);
    assert.equal(second.correlationId, undefined);
    assert.equal(second.sentAtMs, undefined);
    assert.equal(second.current, true);
  });

  Deno.test(`${name} command source delivers again, on a new channel, what was not acknowledged`, async () => {
    await using subject = await start();
    const received = new ReceivedCommands();
    subject.source.start((command) => {
      received.handle(command);
      // Each time: an acknowledgement may be lost together with its channel.
      if (received.bodies.at(-1) === "done") command.acknowledge();
    });
    await subject.send("done");
    await subject.send("not done");
    const old = await received.nth(2);
    subject.interrupt();
    subject.open();
    const again = await received.first((command, body) => command !== old && body === "not done");
    assert.equal(old.current, false);
    assert.equal(again.current, true);
    old.acknowledge(); // of no effect, and no harm to the new channel
    await subject.send("later");
    await received.first((_command, body) => body === "later");
    assert.equal(again.current, true);
    await subject.source.close();
    assert.equal(await subject.first(), "not done");
  });

  Deno.test(`${name} command source bears a second acknowledgement of the same command`, async () => {
    await using subject = await start();
    const received = new ReceivedCommands();
    subject.source.start(received.handle);
    await subject.send("first");
    const first = await received.nth(1);
    first.acknowledge();
    first.acknowledge();
    await subject.send("second");
    const second = await received.nth(2);
    assert.equal(second.current, true);
    second.acknowledge();
    await subject.source.close();
    await subject.send("third");
    assert.equal(await subject.first(), "third");
  });

  Deno.test(`${name} command source delivers nothing after quiet(), and acknowledges until close()`, async () => {
    await using subject = await start();
    const received = new ReceivedCommands();
    subject.source.start(received.handle);
    await subject.send("before");
    const before = await received.nth(1);
    await subject.source.quiet();
    await subject.send("after");
    before.acknowledge();
    await subject.source.close();
    assert.deepEqual(received.bodies, ["before"]);
    assert.equal(before.current, false);
    assert.equal(await subject.first(), "after");
  });

  Deno.test(`${name} command source can be closed twice, and before its start`, async () => {
    await using subject = await start();
    await subject.source.close();
    await subject.source.close();
    const received = new ReceivedCommands();
    subject.source.start(received.handle);
    await subject.send("nobody is there");
    assert.equal(await subject.first(), "nobody is there");
    assert.deepEqual(received.bodies, []);
  });
}
