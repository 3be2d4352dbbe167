/**
 * A shard's machine in a test's hands: says what Discord says, turns the clock, remembers the effects.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Observation } from "../../../gateway/observation.ts";
import type { ShardCommand } from "../../../gateway/shard/command_queue.ts";
import {
  type ShardEffect,
  type ShardInput,
  ShardMachine,
  type ShardStart,
} from "../../../gateway/shard/machine.ts";

const encoder = new TextEncoder();

export const SESSION = "0123456789abcdef0123456789abcdef";
export const RESUME_URL = "wss://resume.example";
export const HEARTBEAT_MS = 41_250;

export const fresh: ShardStart = {
  session: null,
  presence: null,
  presenceOutdated: false,
  replace: null,
};

export const stored: ShardStart = {
  ...fresh,
  session: { sessionId: SESSION, sequence: 40, resumeGatewayUrl: RESUME_URL },
};

type EffectOf<Kind extends ShardEffect["kind"]> = Extract<ShardEffect, { kind: Kind }>;

export class MachineRig {
  readonly machine: ShardMachine;
  nowMs = 0;
  dice = 0.5;
  /** At once, as the identify queue of a process does that runs alone. */
  turnsAreConfirmed = true;
  /** Effects of the last input. */
  effects: readonly ShardEffect[] = [];
  /** Effects of all inputs. */
  readonly history: ShardEffect[] = [];

  constructor({ silenceMinMs = null }: { silenceMinMs?: number | null } = {}) {
    this.machine = new ShardMachine({
      shard: 3,
      dice: () => this.dice,
      identifyFrame: () => "IDENTIFY",
      resumeFrame: (sessionId, sequence) => `RESUME ${sessionId} ${sequence}`,
      heartbeatFrame: (sequence) => `HEARTBEAT ${sequence}`,
      presenceFrame: (presence) => `PRESENCE ${presence}`,
      configuredPresence: "configured",
      silenceMinMs,
    });
  }

  put(input: ShardInput): this {
    this.effects = this.machine.handle(input, this.nowMs);
    this.history.push(...this.effects);
    const isAsked = this.effects.some(({ kind }) => kind === "turn_confirm");
    if (!isAsked || !this.turnsAreConfirmed) return this;
    const before = this.effects;
    this.put({ kind: "turn_confirmed" });
    this.effects = [...before, ...this.effects];
    return this;
  }

  /** A payload as Discord sends it. */
  say(payload: unknown): this {
    return this.put({ kind: "payload", bytes: encoder.encode(JSON.stringify(payload)) });
  }

  bytes(text: string): this {
    return this.put({ kind: "payload", bytes: encoder.encode(text) });
  }

  hello(heartbeat_interval: unknown = HEARTBEAT_MS): this {
    return this.say({ t: null, s: null, op: 10, d: { heartbeat_interval } });
  }

  ready(
    d: Record<string, unknown> = { session_id: SESSION, resume_gateway_url: RESUME_URL, guilds: [] },
  ): this {
    return this.say({ t: "READY", s: 1, op: 0, d });
  }

  dispatch(s: number, t: string | null = "MESSAGE_CREATE"): this {
    return this.say({ t, s, op: 0, d: { id: String(s) } });
  }

  acknowledge(): this {
    return this.say({ t: null, s: null, op: 11, d: null });
  }

  ended(code: number, cause: "peer" | "refused" | "ruined" = "peer"): this {
    return this.put({ kind: "ended", end: { code, reason: "", cause } });
  }

  /** Turns the clock and, where a deadline has come, tells the machine. */
  pass(ms: number): this {
    const untilMs = this.nowMs + ms;
    const all: ShardEffect[] = [];
    for (let dueMs; (dueMs = this.machine.nextDeadlineMs()) !== null && dueMs <= untilMs;) {
      this.nowMs = dueMs;
      all.push(...this.put({ kind: "due" }).effects);
    }
    this.nowMs = untilMs;
    this.effects = all;
    return this;
  }

  /** Turns the clock, while Discord acknowledges every heartbeat. */
  passAlive(ms: number): this {
    const untilMs = this.nowMs + ms;
    const all: ShardEffect[] = [];
    while (this.nowMs < untilMs) {
      this.pass(Math.min(untilMs, this.machine.nextDeadlineMs() ?? untilMs) - this.nowMs);
      all.push(...this.effects);
      if (this.sent.some((text) => text.startsWith("HEARTBEAT"))) this.acknowledge();
    }
    this.effects = all;
    return this;
  }

  /** From nothing to READY. */
  identified(start: ShardStart = fresh): this {
    return this.put({ kind: "start", start }).put({ kind: "turn" }).put({ kind: "opened" }).hello().ready();
  }

  /** From a stored session to RESUMED, whose sequence is 41. */
  resumed(start: ShardStart = stored): this {
    return this.put({ kind: "start", start }).put({ kind: "opened" }).hello().dispatch(41, "RESUMED");
  }

  command(fields: Partial<ShardCommand> = {}): ShardCommand {
    return {
      opcode: 4,
      text: "COMMAND",
      presence: null,
      expiresAtMs: Infinity,
      isCurrent: () => true,
      ...fields,
    };
  }

  submit(fields: Partial<ShardCommand> = {}): ShardCommand {
    const command = this.command(fields);
    this.put({ kind: "command", command });
    return command;
  }

  of<Kind extends ShardEffect["kind"]>(kind: Kind): EffectOf<Kind>[] {
    return this.effects.filter((effect): effect is EffectOf<Kind> => effect.kind === kind);
  }

  get sent(): string[] {
    return this.of("send").map((effect) => effect.text);
  }

  get targets(): string[] {
    return this.of("connect").map(({ target }) => target.kind === "main" ? "main" : target.url);
  }

  get delivered(): number[] {
    return this.of("deliver").map((effect) => effect.sequence);
  }

  /** What was observed of this kind in the whole history. */
  allObserved<Kind extends Observation["kind"]>(kind: Kind): Extract<Observation, { kind: Kind }>[] {
    return this.history.flatMap((effect) => effect.kind === "observe" ? [effect.observation] : [])
      .filter((seen): seen is Extract<Observation, { kind: Kind }> => seen.kind === kind);
  }

  observed(kind: string): boolean {
    return this.effects.some((effect) => effect.kind === "observe" && effect.observation.kind === kind);
  }

  get status(): string {
    const said = this.history.findLast((effect) =>
      effect.kind === "observe" && effect.observation.kind === "shard.status"
    );
    assert(said?.kind === "observe" && said.observation.kind === "shard.status");
    return said.observation.status;
  }

  /** Brings the machine from a pause to its next connection, whatever the pause. */
  reconnect(): this {
    if (this.targets.length > 0) return this;
    const dueMs = this.machine.nextDeadlineMs();
    assert(dueMs !== null, "the machine waits for nothing");
    return this.pass(dueMs - this.nowMs);
  }
}
