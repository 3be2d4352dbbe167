/**
 * What everything promises that carries the service's own messages.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NewsOutcome, Notices } from "../../gateway/delivery/notices.ts";

/** Notices with the broker behind them, open. */
export interface NoticesSubject extends AsyncDisposable {
  readonly notices: Notices;
  /** Takes the broker away until {@link back}. */
  away(): Promise<void>;
  back(): void;
  /** How much news waits at most while the broker is away. */
  readonly newsMax: number;
  /** What is in the queue of refused commands, once it is `count`. */
  rejections(count: number): Promise<{ body: Uint8Array; reason: string }[]>;
  /** What a queue bound to all news has got, once it is `count`. */
  news(count: number): Promise<{ routingKey: string; body: unknown }[]>;
  /** A queue that a client waits at, and what it has got, once it is `count`. */
  readonly clientQueue: string;
  replies(count: number): Promise<{ correlationId: string | undefined; body: unknown }[]>;
}

export function testNoticesContract(name: string, start: () => Promise<NoticesSubject>): void {
  Deno.test(`${name} notices store a refused command as it came, with the reason`, async () => {
    await using subject = await start();
    const body = new Uint8Array([0x7b, 0xff, 0x00, 0x7d]);
    await subject.notices.reject(body, "not_json");
    await subject.notices.reject(new Uint8Array(), "too_late");
    const rejections = await subject.rejections(2);
    assert.deepEqual(rejections.map(({ body, reason }) => ({ body: [...body], reason })), [
      { body: [...body], reason: "not_json" },
      { body: [], reason: "too_late" },
    ]);
  });

  Deno.test(`${name} notices store a refused command once the broker is back`, async () => {
    await using subject = await start();
    await subject.away();
    let isStored = false;
    const stored = subject.notices.reject(new TextEncoder().encode("first"), "not_json").then(() =>
      isStored = true
    );
    const storedToo = subject.notices.reject(new TextEncoder().encode("second"), "not_json");
    await Promise.resolve();
    assert.equal(isStored, false);
    subject.back();
    await Promise.all([stored, storedToo]);
    const bodies = (await subject.rejections(2)).map(({ body }) => new TextDecoder().decode(body));
    assert.deepEqual(bodies, ["first", "second"]);
  });

  Deno.test(`${name} notices answer a client under its correlation id`, async () => {
    await using subject = await start();
    subject.notices.reply(subject.clientQueue, "c-1", { ok: true });
    subject.notices.reply(subject.clientQueue, undefined, { ok: false, error: "not_json", message: "ü" });
    assert.deepEqual(await subject.replies(2), [
      { correlationId: "c-1", body: { ok: true } },
      { correlationId: undefined, body: { ok: false, error: "not_json", message: "ü" } },
    ]);
  });

  Deno.test(`${name} notices publish news in order`, async () => {
    await using subject = await start();
    subject.notices.news("shard.0.status", { shard: 0, status: "Connected" });
    subject.notices.news("shard.1.gap", { shard: 1 });
    assert.deepEqual(await subject.news(2), [
      { routingKey: "shard.0.status", body: { shard: 0, status: "Connected" } },
      { routingKey: "shard.1.gap", body: { shard: 1 } },
    ]);
  });

  Deno.test(`${name} notices answer a client once the broker is back`, async () => {
    await using subject = await start();
    await subject.away();
    subject.notices.reply(subject.clientQueue, "c-1", { ok: true });
    subject.notices.reply(subject.clientQueue, "c-2", { ok: true });
    subject.back();
    assert.deepEqual((await subject.replies(2)).map(({ correlationId }) => correlationId), ["c-1", "c-2"]);
  });

  Deno.test(`${name} notices say once that news is confirmed, and not before the broker is back`, async () => {
    await using subject = await start();
    await subject.away();
    const outcomes: NewsOutcome[] = [];
    subject.notices.news("shard.0.gap", { shard: 0 }, (outcome) => outcomes.push(outcome));
    subject.notices.news("shard.0.status", { shard: 0 });
    assert.deepEqual(outcomes, []);
    const confirmed = new Promise<NewsOutcome>((resolve) =>
      subject.notices.news("shard.1.gap", { shard: 1 }, resolve)
    );
    subject.back();
    assert.equal(await confirmed, "confirmed");
    assert.deepEqual(outcomes, ["confirmed"]);
    const news = await subject.news(3);
    assert.deepEqual(news.map(({ routingKey }) => routingKey), [
      "shard.0.gap",
      "shard.0.status",
      "shard.1.gap",
    ]);
  });

  Deno.test(`${name} notices drop the oldest news past a bound, and what somebody waits for last`, async () => {
    await using subject = await start();
    const { notices, newsMax } = subject;
    await subject.away();
    const outcomes: string[] = [];
    const all: Promise<void>[] = [];
    const tell = (number: number) => notices.news("shard.0.status", { number });
    const tellAwaited = (number: number) =>
      all.push(
        new Promise((resolve) =>
          notices.news("shard.0.gap", { number }, (outcome) => {
            outcomes.push(`${number} ${outcome}`);
            resolve();
          })
        ),
      );
    tellAwaited(0);
    for (let number = 1; number <= newsMax; number++) tell(number); // 1 goes
    assert.deepEqual(outcomes, []);
    for (let number = 1; number < newsMax; number++) tellAwaited(newsMax + number); // 2 to newsMax go
    assert.deepEqual(outcomes, []);
    tellAwaited(2 * newsMax);
    assert.deepEqual(outcomes, ["0 dropped"]);
    subject.back();
    await Promise.all(all);
    const kept = Array.from({ length: newsMax }, (_, index) => newsMax + 1 + index);
    assert.deepEqual(outcomes, ["0 dropped", ...kept.map((number) => `${number} confirmed`)]);
    assert.deepEqual(
      (await subject.news(newsMax)).map(({ body }) => body),
      kept.map((number) => ({ number })),
    );
  });
}
