/**
 * The commands of one shard, or of one member as a whole, on their way through the router, in the order in which they came.
 *
 * @module
 */
import type { RoutedCommand } from "./routed_command.ts";
import type { PassedPart, PassingStream } from "./passing_stream.ts";

export class ShardLine {
  readonly shard: number;
  /** Passed to a member, and not reported; all in the same stream. */
  #out: PassedPart[] = [];
  /** With no member. */
  #waiting: RoutedCommand[] = [];
  /** Some of what waits came before some of what is out: nothing may be passed until that is back. */
  #isTorn = false;
  /** Since when somebody else holds the shard than the member that has its commands; null: nobody else does. */
  #movedAtMs: number | null = null;
  /** Before then its holder need not be asked again. */
  #retryAtMs = -Infinity;

  constructor(shard: number) {
    this.shard = shard;
  }

  get isEmpty(): boolean {
    return this.#out.length === 0 && this.#waiting.length === 0;
  }

  /** The stream that its commands are out in; null where none is out. */
  get stream(): PassingStream | null {
    return this.#out[0]?.stream ?? null;
  }

  /** A command that came after all others. */
  push(command: RoutedCommand): void {
    this.#waiting.push(command);
  }

  /** Whether what waits may be passed to the shard's holder. */
  isReadyFor(stream: PassingStream | null, nowMs: number): boolean {
    if (this.#waiting.length === 0 || this.#isTorn || nowMs < this.#retryAtMs) return false;
    return this.#out.length === 0 || this.stream === stream;
  }

  /** Takes what waits, to be passed: {@link passed} is called for each, in order. */
  takeWaiting(): readonly RoutedCommand[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  passed(part: PassedPart): void {
    this.#out.push(part);
  }

  /** The member has dealt with it. False where it is not out any more. */
  settled(part: PassedPart): boolean {
    const at = this.#out.indexOf(part);
    if (at < 0) return false;
    this.#out.splice(at, 1);
    if (this.#out.length === 0) this.#allBack();
    return true;
  }

  /** The member has not dealt with it, and the shard is not its own: asked again from `retryAtMs` on. */
  away(part: PassedPart, retryAtMs: number): boolean {
    if (!this.settled(part)) return false;
    this.#wait([part.command]);
    this.#retryAtMs = retryAtMs;
    this.#isTorn = this.#out.length > 0;
    return true;
  }

  /** The holder of the shard may be another one now. */
  askAgain(): void {
    this.#retryAtMs = -Infinity;
  }

  /** What was out is lost, and waits again. */
  takeBack(): readonly PassedPart[] {
    const back = this.#out;
    this.#out = [];
    this.#wait(back.map(({ command }) => command));
    this.#allBack();
    return back;
  }

  /** How long the shard's commands have been with somebody who does not hold it. */
  movedForMs(holder: string | null, nowMs: number): number {
    if (this.stream === null || this.stream.member === holder) this.#movedAtMs = null;
    else this.#movedAtMs ??= nowMs;
    return this.#movedAtMs === null ? 0 : nowMs - this.#movedAtMs;
  }

  /** Takes what has waited too long, in order. */
  takeExpired(nowMs: number): readonly RoutedCommand[] {
    const expired = this.#waiting.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    if (expired.length > 0) this.#waiting = this.#waiting.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    return expired;
  }

  /** Takes one command wherever it is; what it was passed as, null where it waits. Undefined: it is not here. */
  remove(command: RoutedCommand): PassedPart | null | undefined {
    const part = this.#out.find((part) => part.command === command);
    if (part !== undefined) {
      this.settled(part);
      return part;
    }
    const at = this.#waiting.indexOf(command);
    if (at < 0) return undefined;
    this.#waiting.splice(at, 1);
    return null;
  }

  #wait(commands: readonly RoutedCommand[]): void {
    this.#waiting = [...commands, ...this.#waiting].sort((one, other) => one.sequence - other.sequence);
  }

  #allBack(): void {
    this.#isTorn = false;
    this.#movedAtMs = null;
  }
}
