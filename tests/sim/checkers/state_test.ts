import assert from "node:assert/strict";
import { type Dispatch, Ledger, type Session } from "../ledger.ts";
import { StateChecker } from "./state.ts";

/** Of shard 0 of 2. */
const CHANNEL = String(2n << 22n);
const KEY = `message:${CHANNEL}:1`;

const encoder = new TextEncoder();
const message = (mark: number) => ({ id: "1", channel_id: CHANNEL, mark });

/** One session of shard 0, and a cache into which the test puts what it likes. */
class Rig {
  readonly ledger = new Ledger();
  readonly reports: string[] = [];
  readonly kept = new Map<string, string>();
  readonly checker: StateChecker;
  session: Session;

  constructor() {
    const { kept } = this;
    this.checker = new StateChecker((what) => this.reports.push(what), {
      kept: {
        get keys() {
          return kept.keys();
        },
        text: (key) => kept.get(key) ?? null,
        named: (set) =>
          [...kept.keys()].filter((key) =>
            set === `channel_keys:${key.split(":")[1]}` || set === "message_keys"
          ),
      },
      shardsTotal: 2,
      botId: "9",
      isOldTold: true,
      bodyMaxBytes: 1_000,
      dispatch: (session, sequence) => this.ledger.dispatch(session, sequence),
    });
    this.session = this.begin("a");
  }

  begin(id: string): Session {
    return this.session = this.ledger.begin({ id, shard: 0, total: 2, intents: 0 });
  }

  dispatch(type: string, mark: number): Dispatch {
    const body = encoder.encode(JSON.stringify({ t: type, d: message(mark) }));
    const dispatch = this.ledger.append(this.session, { type, body, isReplayable: true });
    dispatch.receivedAtMs = 10;
    this.checker.dispatched(dispatch, mark);
    this.checker.opened(this.session);
    return dispatch;
  }

  keep(mark: number): void {
    this.kept.set(KEY, JSON.stringify(message(mark)));
  }

  /** What the checker says of it where it is published with this as `old`. */
  published({ session: { id, shard }, sequence, type, body }: Dispatch, old?: unknown): string[] {
    const text = new TextDecoder().decode(body).slice(0, -1);
    const sent = encoder.encode(old === undefined ? `${text}}` : `${text},"old":${JSON.stringify(old)}}`);
    const event = { shard, session: id, sequence, type: String(type), body: sent };
    this.checker.published({ ...event, receivedAtMs: 0, partition: null, trace: null });
    return this.reports;
  }
}

Deno.test("StateChecker takes an event that the cache has, and one that has been overwritten or deleted since", () => {
  const rig = new Rig();
  const created = rig.dispatch("MESSAGE_CREATE", 1);
  rig.keep(1);
  assert.deepEqual(rig.published(created), []);
  rig.dispatch("MESSAGE_UPDATE", 2);
  rig.keep(2);
  assert.deepEqual(rig.published(created), []);
  rig.dispatch("MESSAGE_DELETE", 3);
  rig.kept.clear();
  assert.deepEqual(rig.published(created), []);
});

Deno.test("StateChecker reports an event that is published before the cache has written, changed or deleted", () => {
  const rig = new Rig();
  const created = rig.dispatch("MESSAGE_CREATE", 1);
  assert.match(rig.published(created)[0] ?? "", /MESSAGE_CREATE a:1 was published before the cache has it/);
  rig.keep(1);
  const updated = rig.dispatch("MESSAGE_UPDATE", 2);
  assert.match(rig.published(updated, message(1))[1] ?? "", /MESSAGE_UPDATE a:2 was published before/);
  const deleted = rig.dispatch("MESSAGE_DELETE", 3);
  assert.match(rig.published(deleted, message(2))[2] ?? "", /MESSAGE_DELETE a:3 was published before/);
});

Deno.test("StateChecker reports an old that is not what was there, and lets it be missing only where it was in trouble", () => {
  const rig = new Rig();
  rig.dispatch("MESSAGE_CREATE", 1);
  const updated = rig.dispatch("MESSAGE_UPDATE", 2);
  rig.keep(2);
  assert.deepEqual(rig.published(updated, message(1)), []);
  assert.match(rig.published(updated)[0] ?? "", /carries old null/);
  assert.match(rig.published(updated, message(2))[1] ?? "", /carries old .*"mark":2/);
  rig.checker.troubled(20);
  assert.equal(rig.published(updated).length, 2);
  assert.match(rig.published(updated, message(2))[2] ?? "", /carries old .*"mark":2/);
});

Deno.test("StateChecker holds the cache in the end against the sessions that go on", () => {
  const rig = new Rig();
  rig.dispatch("MESSAGE_CREATE", 1);
  rig.keep(1);
  assert.equal(rig.checker.finish([rig.session]), 1);
  assert.deepEqual(rig.reports, []);
  rig.keep(0);
  rig.checker.finish([rig.session]);
  assert.match(rig.reports[0] ?? "", /"mark":0\}, and must be .*"mark":1/);
  rig.kept.clear();
  rig.checker.finish([rig.session]);
  assert.match(rig.reports[1] ?? "", /is null, and must be/);
  assert.match(rig.reports[2] ?? "", /message_keys names , and must name message/);
  rig.begin("b");
  rig.dispatch("TYPING_START", 2);
  rig.keep(1);
  rig.checker.finish([rig.session]);
  assert.match(rig.reports.at(-1) ?? "", /is kept, and must not be/);
});
