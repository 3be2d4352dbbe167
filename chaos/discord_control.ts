/**
 * The simulated Discord's control API, from outside its process.
 *
 * @module
 */

import type { SimulatorState } from "../simulator/control.ts";
import type { Fault } from "../simulator/fault.ts";
import type { Knobs } from "../simulator/knobs.ts";
import type { LedgerEntry, LedgerSummary } from "../simulator/ledger.ts";
import type { RestFault } from "../simulator/rest.ts";
import type { Happening } from "../simulator/statistics.ts";

/** A session, and every dispatch that was made in it, whether or not anybody received it. */
export interface SentSession {
  readonly session: string;
  readonly shard: number;
  readonly entries: readonly LedgerEntry[];
}

/** Dispatches asked for at a time. */
const PAGE_ENTRIES = 10_000;

export class DiscordControl {
  readonly #controlUrl: string;
  readonly #endings = new Map<string, string>();

  constructor(controlUrl: string) {
    this.#controlUrl = controlUrl;
  }

  /** Session → why the simulator ended it, of those that {@link readEndings} has seen. */
  get endings(): ReadonlyMap<string, string> {
    return this.#endings;
  }

  async inject(fault: Fault): Promise<void> {
    await this.#post("/inject", fault);
  }

  async set(knobs: Partial<Knobs>): Promise<void> {
    await this.#ask("/knobs", { method: "PATCH", body: JSON.stringify(knobs) });
  }

  async failRest(fault: RestFault): Promise<void> {
    await this.#post("/rest-faults", fault);
  }

  /** Sends a payload that is no dispatch of any session. */
  async sendPayload(shard: number, bytes: Uint8Array): Promise<void> {
    await this.#post(`/payload?shard=${shard}`, { base64: base64(bytes) });
  }

  /** Sends a WebSocket message past the compression. */
  async sendMessage(shard: number, bytes: Uint8Array): Promise<void> {
    await this.#post(`/message?shard=${shard}&binary=true`, { base64: base64(bytes) });
  }

  /** An event whose `d` is these bytes, valid JSON or not. */
  async dispatch(shard: number, name: string, d: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#ask(`/dispatch?t=${name}&shard=${shard}`, { method: "POST", body: d });
  }

  /** A guild goes down, or comes back. */
  async setGuildAvailable(guild: string, available: boolean): Promise<void> {
    await this.#post(`/guilds/${guild}/available`, { available });
  }

  async guilds(): Promise<readonly string[]> {
    return await this.#ask("/guilds");
  }

  /** Shards that have a session with a connection. */
  async shardsConnected(): Promise<number> {
    const { sessions } = await this.#ask<SimulatorState>("/state");
    return new Set(sessions.filter(({ connection }) => connection !== null).map(({ shard }) => shard[0]))
      .size;
  }

  /** Looks which sessions have ended. The simulator keeps its newest 10,000 happenings, so this is asked now and then. */
  async readEndings(): Promise<void> {
    for (const { kind, session, cause } of await this.#ask<readonly Happening[]>("/history")) {
      if (kind === "session-ended" && session !== undefined) this.#endings.set(session, cause ?? "");
    }
  }

  async ledger(): Promise<LedgerSummary> {
    return await this.#ask("/ledger");
  }

  /** Every session there was, in the order in which they began. */
  async sent(): Promise<readonly SentSession[]> {
    const { sessions, complete } = await this.ledger();
    if (!complete) throw new Error("Cannot compare: the simulator's ledger was too small for this run");
    const sent: SentSession[] = [];
    for (const { session, shard } of sessions) {
      const entries: LedgerEntry[] = [];
      for (let after: number | null = 0; after !== null;) {
        const page: { entries: readonly LedgerEntry[]; next: number | null } = await this.#ask(
          `/ledger/${session}?after=${after}&limit=${PAGE_ENTRIES}`,
        );
        for (const entry of page.entries) entries.push(entry);
        after = page.next;
      }
      sent.push({ session, shard, entries });
    }
    return sent;
  }

  async #post(path: string, body: unknown): Promise<void> {
    await this.#ask(path, { method: "POST", body: JSON.stringify(body) });
  }

  async #ask<Answer>(path: string, request: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.#controlUrl + path, request);
    if (!response.ok) {
      throw new Error(`Cannot control the simulated Discord: ${path} said ${await response.text()}`);
    }
    return await response.json();
  }
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
