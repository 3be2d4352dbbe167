/**
 * Percentiles of milliseconds, gathered without keeping them: a fixed number of buckets, exact below 64 ms and
 * within 2 % above.
 *
 * @module
 */

/** Each doubling of the value has so many buckets. A power of two, for the bucket is found by shifting. */
const BUCKETS_PER_DOUBLING = 32;
const DOUBLING_BITS = 5;
/** Some 24 days; what is longer counts as this. */
const LONGEST_MS = 2 ** 31 - 1;
const BUCKETS = bucketOf(LONGEST_MS) + 1;

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  add(ms: number): void {
    const whole = Math.min(LONGEST_MS, Math.max(0, Math.round(ms)));
    const bucket = bucketOf(whole);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    if (whole > this.#maxMs) this.#maxMs = whole;
  }

  get count(): number {
    return this.#count;
  }

  /** Whole milliseconds; null where nothing was added. */
  get maxMs(): number | null {
    return this.#count === 0 ? null : this.#maxMs;
  }

  /** The value that this share of all, between 0 and 1, does not exceed; null where nothing was added. */
  percentileMs(share: number): number | null {
    let left = Math.max(1, Math.ceil(this.#count * share));
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(this.#maxMs, middleOf(bucket));
    }
    return null;
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#counts.fill(0);
    this.#count = 0;
    this.#maxMs = 0;
  }
}

function bucketOf(ms: number): number {
  if (ms < BUCKETS_PER_DOUBLING) return ms;
  const doublings = 31 - Math.clz32(ms) - DOUBLING_BITS;
  // The leading bits say how far between two doublings; the first of them is always set.
  return BUCKETS_PER_DOUBLING * doublings + (ms >>> doublings);
}

function middleOf(bucket: number): number {
  if (bucket < BUCKETS_PER_DOUBLING * 2) return bucket;
  const doublings = Math.floor(bucket / BUCKETS_PER_DOUBLING) - 1;
  const leading = bucket - BUCKETS_PER_DOUBLING * doublings;
  return Math.floor((leading + 0.5) * 2 ** doublings);
}
