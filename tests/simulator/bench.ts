import { HandClock } from "../../simulator/clock.ts";
import type { Control, SessionView } from "../../simulator/control.ts";
import type { Compression } from "../../simulator/encoder.ts";
import {
  DEFAULT_TOKEN,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../simulator/simulator.ts";
import { type Payload, RawClient } from "./raw_client.ts";

export const TOKEN = DEFAULT_TOKEN;
/** Every documented intent, and those that need no grant (Discord docs, Gateway Intents). */
export const ALL_INTENTS = 53_608_447;
export const FREE_INTENTS = 53_575_421;
export const GUILDS = 1 << 0;
export const GUILD_MEMBERS = 1 << 1;
export const GUILD_PRESENCES = 1 << 8;
export const MESSAGE_CONTENT = 1 << 15;
/** An IDENTIFY's intents where a test does not care and wants no GUILD_CREATE. */
export const NO_INTENTS = 0;

/** All three privileged intents granted. */
export const GRANTED = { guildMembersIntent: true, guildPresencesIntent: true, messageContentIntent: true };

/** What a test needs of a started simulator: time that it turns by hand, and clients that are cleared away after it. */
export class Bench {
  readonly simulator: Simulator;
  readonly clock: HandClock;
  readonly #clients: RawClient[] = [];

  private constructor(simulator: Simulator, clock: HandClock) {
    this.simulator = simulator;
    this.clock = clock;
  }

  /** Runs a test against a simulator of its own. */
  static async run(options: SimulatorOptions, test: (bench: Bench) => Promise<void>): Promise<void> {
    const clock = new HandClock();
    const simulator = await startSimulator({
      guilds: 6,
      largeGuildBytes: 0,
      identifyWindowMs: 0,
      trimReplay: true,
      clock,
      ...options,
    });
    const bench = new Bench(simulator, clock);
    try {
      await test(bench);
    } finally {
      await simulator.close();
      await Promise.all(bench.#clients.map((client) => client.ended));
    }
  }

  get control(): Control {
    return this.simulator.control;
  }

  /** Opens a connection without looking at what comes. */
  connect(
    url: string = this.simulator.gatewayUrl,
    options: { version?: string | null; compression?: Compression } = {},
  ): RawClient {
    const client = new RawClient(url, options);
    this.#clients.push(client);
    return client;
  }

  /** Opens a connection and takes its HELLO. */
  async greeted(url?: string, options: { compression?: Compression } = {}): Promise<RawClient> {
    const client = this.connect(url, options);
    await client.expect(10);
    return client;
  }

  /** A connection that has identified, its READY taken. `fields` are added to the IDENTIFY. */
  async ready(fields: Readonly<Record<string, unknown>> = {}, options: { compression?: Compression } = {}) {
    const client = await this.greeted(undefined, options);
    identify(client, fields);
    const ready = await client.dispatch("READY");
    return { client, ready, sessionId: String(ready.d.session_id) };
  }

  /** A connection on the resume URL that has asked to resume. */
  async resuming(
    sessionId: string,
    seq: number,
    options: { compression?: Compression } = {},
  ): Promise<RawClient> {
    const client = await this.greeted(this.simulator.resumeGatewayUrl, options);
    resume(client, sessionId, seq);
    return client;
  }

  /** The session as the simulator knows it; undefined once it is gone. */
  session(id: string): SessionView | undefined {
    return this.control.state().sessions.find((session) => session.id === id);
  }

  /** Waits until the server has noticed that a session's connection is gone. */
  detached(id: string): Promise<void> {
    return this.control.until(() => (this.session(id)?.connection ?? null) === null);
  }
}

export function identify(client: RawClient, fields: Readonly<Record<string, unknown>> = {}): void {
  client.send(2, { token: TOKEN, intents: NO_INTENTS, properties: {}, ...fields });
}

export function resume(client: RawClient, sessionId: string, seq: number, token = TOKEN): void {
  client.send(6, { token, session_id: sessionId, seq });
}

export function names(payloads: readonly Payload[]): (string | null)[] {
  return payloads.map((payload) => payload.t);
}

export function sequences(payloads: readonly Payload[]): (number | null)[] {
  return payloads.map((payload) => payload.s);
}
