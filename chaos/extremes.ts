/**
 * The largest and the longest of what is watched.
 *
 * @module
 */

export class Extremes {
  /** Of the gateway's process. */
  memoryBytes = 0;
  /** One turn of the gateway's event loop. */
  lagSeconds = 0;
  /** Between two events that the bot received. */
  pauseMs = 0;

  note({ memoryBytes = 0, lagSeconds = 0, pauseMs = 0 }: Partial<Extremes>): void {
    this.memoryBytes = Math.max(this.memoryBytes, memoryBytes);
    this.lagSeconds = Math.max(this.lagSeconds, lagSeconds);
    this.pauseMs = Math.max(this.pauseMs, pauseMs);
  }

  /** Begins anew. */
  forget(): void {
    this.memoryBytes = this.lagSeconds = this.pauseMs = 0;
  }
}
