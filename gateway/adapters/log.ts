/**
 * The log: an observer that writes a line for each change of state, never in the way of events.
 *
 * @module
 */
import type { LogFormat, LogLevel, Secret } from "../config.ts";
import type { Observation, Observer } from "../observation.ts";
import { oneLine } from "../one_line.ts";
import { type FieldValue, lineText } from "./log_line.ts";
import { levelOf, type LineLevel, textOf } from "./log_phrases.ts";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Whether `pretty` lines may be coloured: a terminal, and `NO_COLOR` unset. */
  readonly color: boolean;
  /** Texts that are never written, whoever says them. */
  readonly secrets: readonly Secret[];
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Writes whole lines; resolves when more may come. Not called again before that. */
  readonly write: (text: string) => Promise<void>;
}

/** Lines that wait while the output is slow. Past it the oldest are dropped, and a line says how many. */
export const LINES_WAITING_MAX = 10_000;

const RANKS: Readonly<Record<LogLevel, number>> = { off: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 };

/** Sentences are mostly our own, and some need room to say what to do. */
const TEXT_LENGTH_MAX = 1000;

/** Close reasons, errors and names come from elsewhere and have no bound of their own. */
const FIELD_LENGTH_MAX = 200;

/** Enough of a session id to find it again; the whole of it would let a reader of the log resume the session. */
const SESSION_ID_SHOWN = 8;
const SESSION_FIELDS: ReadonlySet<string> = new Set(["session", "oldSession", "newSession"]);

/** Whether the log has a line for it, where it has those up to this level. */
export function isLogged(observation: Observation, most: LogLevel): boolean {
  const level = levelOf(observation);
  return level !== null && RANKS[level] <= RANKS[most];
}

export class Log {
  readonly #options: LogOptions;
  /** Longest first, so that a secret inside another does not leave the rest of it standing. */
  readonly #secrets: readonly string[];
  #waiting: string[] = [];
  #dropped = 0;
  #writing: Promise<void> | null = null;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#secrets = options.secrets.map((secret) => secret.reveal())
      .filter((text) => text !== "")
      .sort((a, b) => b.length - a.length);
  }

  /** Takes note; the line is written in a later turn of the event loop. Bound, to be handed on as it is. */
  readonly observe: Observer = (observation) => this.#note(observation, []);

  /** The same of what one of several workers has observed: its lines say which. */
  observeOf(worker: number): Observer {
    return (observation) => this.#note(observation, [["worker", worker]]);
  }

  #note(observation: Observation, more: [string, FieldValue][]): void {
    const level = levelOf(observation);
    if (level === null || !isLogged(observation, this.#options.level)) return;
    if (this.#waiting.length === LINES_WAITING_MAX) {
      this.#waiting.shift();
      this.#dropped++;
    }
    const text = this.#clean(textOf(observation), TEXT_LENGTH_MAX);
    const fields = [...this.#fields(observation), ...more];
    this.#waiting.push(this.#line(level, text, observation.kind, fields));
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything said so far has been written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    do {
      await nextTurn();
      const text = this.#takeWaiting();
      try {
        await this.#options.write(text);
      } catch {
        // Nobody reads the log any more, and there is nowhere else to say so. The service goes on.
      }
    } while (this.#waiting.length > 0);
    this.#writing = null;
  }

  #takeWaiting(): string {
    const lines = this.#waiting;
    if (this.#dropped > 0) {
      lines.unshift(this.#line("warn", "Log lines dropped", "log.dropped", [["count", this.#dropped]]));
    }
    this.#waiting = [];
    this.#dropped = 0;
    return lines.join("");
  }

  #line(level: LineLevel, text: string, kind: string, fields: [string, FieldValue][]): string {
    const { format, color, wallMs } = this.#options;
    return lineText({ atMs: wallMs(), level, text, kind, fields }, format, color);
  }

  #fields(observation: Observation): [string, FieldValue][] {
    const { kind: _, ...rest } = observation;
    const fields: [string, FieldValue][] = [];
    for (const [name, value] of Object.entries(rest)) {
      if (name !== "message") fields.push([name, this.#fieldValue(name, value)]);
    }
    return fields;
  }

  #fieldValue(name: string, value: FieldValue): FieldValue {
    // Fractions of milliseconds are the clock's, and nobody reads them.
    if (typeof value === "number") return name.endsWith("Ms") ? Math.round(value) : value;
    if (typeof value !== "string") return value;
    const shown = SESSION_FIELDS.has(name) ? value.slice(0, SESSION_ID_SHOWN) : value;
    return this.#clean(shown, FIELD_LENGTH_MAX);
  }

  /** Secrets go first: cutting first could leave the head of one. */
  #clean(text: string, maxLength: number): string {
    const redacted = this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, "<redacted>"), text);
    return oneLine(redacted, maxLength);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
