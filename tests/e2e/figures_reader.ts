/**
 * What the service writes for whoever watches, read as a program does that knows nothing but the contract.
 *
 * @module
 */
import { Redis } from "ioredis";

/** One entry of a stream: the time in its id, and its fields. */
export interface StreamEntry {
  readonly atMs: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** One event of a shard's life. */
export interface Life {
  readonly kind: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

export class FiguresReader implements AsyncDisposable {
  readonly #redis: Redis;
  /** Waits for the next second of a process: nothing else can be asked on it meanwhile. */
  readonly #waiting: Redis;
  readonly #prefix: string;

  static async open(redisUrl: string, prefix: string): Promise<FiguresReader> {
    const redis = new Redis(redisUrl, { lazyConnect: true });
    await redis.connect();
    return new FiguresReader(redis, redis.duplicate(), prefix);
  }

  private constructor(redis: Redis, waiting: Redis, prefix: string) {
    this.#redis = redis;
    this.#waiting = waiting;
    this.#prefix = prefix;
  }

  async replicas(): Promise<Record<string, Readonly<Record<string, unknown>>>> {
    return parsed(await this.#redis.hgetall(`${this.#prefix}gateway:replicas`));
  }

  async details(): Promise<Record<string, Readonly<Record<string, unknown>>>> {
    return parsed(await this.#redis.hgetall(`${this.#prefix}gateway:details`));
  }

  async stream(key: string): Promise<StreamEntry[]> {
    const entries = await this.#redis.xrange(this.#prefix + key, "-", "+");
    return entries.map(([id, fields]) => ({
      atMs: Number(id.split("-")[0]),
      fields: Object.fromEntries(
        fields.flatMap((name, at) => at % 2 === 0 ? [[name, fields[at + 1] ?? ""]] : []),
      ),
    }));
  }

  async history(replica: string): Promise<Record<string, number>[]> {
    const entries = await this.stream(`gateway:history:${replica}`);
    return entries.map(({ fields }) =>
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Number(value)]))
    );
  }

  async life(shard: number): Promise<Life[]> {
    const entries = await this.stream(`gateway:life:${shard}`);
    return entries.map(({ fields }) => ({ kind: fields["kind"], data: JSON.parse(fields["data"] ?? "") }));
  }

  /** Resolves with what `look` finds; it is asked again each second of this process, until it finds something. */
  async until<Found>(replica: string, look: () => Promise<Found | undefined>): Promise<Found> {
    const key = `${this.#prefix}gateway:history:${replica}`;
    for (;;) {
      const [newest] = await this.#redis.xrevrange(key, "+", "-", "COUNT", 1);
      const found = await look();
      if (found !== undefined) return found;
      await this.#waiting.xread("COUNT", 1, "BLOCK", 0, "STREAMS", key, newest?.[0] ?? "0");
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    // The one that waits is answered by nobody any more.
    this.#waiting.disconnect();
    return this.#redis.quit().then(() => {});
  }
}

function parsed(texts: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(texts).map(([field, text]) => [field, JSON.parse(text)]));
}
