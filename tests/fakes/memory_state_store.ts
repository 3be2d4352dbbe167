/**
 * A state cache in memory, which several stores may share as processes share Redis. Nothing expires in it.
 *
 * @module
 */
import { cutMembers, joined } from "../../gateway/state/fields.ts";
import { channelGroup, type Entity, guildGroup } from "../../gateway/state/entity.ts";
import type {
  ChannelSelection,
  GuildPage,
  KeptAlready,
  StateOutcome,
  StateStep,
  StateStore,
  StateStoreEvents,
  WrittenShard,
} from "../../gateway/state/store.ts";

interface Kept {
  readonly value: Uint8Array;
  readonly group: string | null;
  readonly ttlMs: number;
}

const GUILDS_A_PAGE = 250;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What is kept, by key. */
export class MemoryState {
  readonly kept = new Map<string, Kept>();
  /** Guilds that are marked. */
  readonly behind = new Set<string>();
  readonly written = new Map<number, WrittenShard>();

  text(key: string): string | null {
    const kept = this.kept.get(key);
    return kept === undefined ? null : decoder.decode(kept.value);
  }

  /** What a store says of it that opens now. */
  get already(): KeptAlready {
    return { botId: botIdOf(this.text("bot_user")), written: [...this.written.values()] };
  }

  /** Keys that a set of the wire contract names, sorted. */
  named(set: string): string[] {
    const isIn = set.includes(":")
      ? (_: string, { group }: Kept) => group === set
      : (key: string) => `${kindOf(key)}_keys` === set;
    return [...this.kept].flatMap(([key, kept]) => isIn(key, kept) ? [key] : []).sort();
  }
}

export class MemoryStateStore implements StateStore {
  readonly state: MemoryState;
  /** What was asked to be done, in order. */
  readonly asked: StateStep[][] = [];
  #events: StateStoreEvents | null = null;
  #isAway = false;
  #isOpen = false;
  #held: (() => void)[] | null = null;
  /** Counts the openings: an answer to an earlier one is nobody's. */
  #epoch = 0;

  constructor(state = new MemoryState()) {
    this.state = state;
  }

  start(events: StateStoreEvents): void {
    this.#events = events;
    queueMicrotask(() => this.#open());
  }

  apply(
    steps: readonly StateStep[],
    shard?: number,
    written?: WrittenShard["sessions"],
  ): Promise<StateOutcome> {
    this.asked.push([...steps]);
    const olds: (Uint8Array | null)[] = [];
    let left = 0;
    for (const step of steps) {
      switch (step.step) {
        case "set":
          olds.push(...this.#old(step.entity, step.wantsOld));
          this.#keep(step.entity, step.value, step.ttlMs);
          break;
        case "merge": {
          olds.push(...this.#old(step.entity, step.wantsOld));
          const kept = this.state.kept.get(step.entity.key);
          if (kept !== undefined) this.#keep(step.entity, merged(kept.value, step.members), step.ttlMs);
          break;
        }
        case "delete":
          olds.push(...this.#old(step.entity, step.wantsOld));
          this.state.kept.delete(step.entity.key);
          break;
        case "clear":
          this.#clear(step.group, step.keepsMessagesOf, step.atMost);
          left = this.state.named(step.group).length;
          break;
        case "clear_emojis":
          for (const key of this.state.named(guildGroup(step.guild))) {
            if (kindOf(key) !== "emoji") continue;
            olds.push(...this.#old({ key, group: null }, step.wantsOld));
            this.state.kept.delete(key);
          }
          break;
        case "mark":
          if (step.isBehind) this.state.behind.add(step.guild);
          else this.state.behind.delete(step.guild);
          break;
        default:
          step satisfies never;
      }
    }
    if (shard !== undefined && written !== undefined) {
      this.state.written.set(shard, { shard, sessions: written });
    }
    return this.#answer({ olds, left });
  }

  written(shards: readonly number[]): Promise<readonly WrittenShard[]> {
    return this.#answer([...this.state.written.values()].filter(({ shard }) => shards.includes(shard)));
  }

  /** By what the next page is asked for is the last guild of this one. */
  guilds(page: string | null): Promise<GuildPage> {
    const kept = this.state.named("guild_keys").map((key) => key.slice("guild:".length));
    const all = [...new Set([...kept, ...this.state.behind])].sort();
    const rest = all.filter((id) => page === null || id > page);
    const ids = rest.slice(0, GUILDS_A_PAGE);
    const next = rest.length > ids.length ? ids.at(-1) ?? null : null;
    return this.#answer({ ids, next });
  }

  close(): Promise<void> {
    this.#events = null;
    this.away();
    return Promise.resolve();
  }

  /** From now on nothing is taken, until {@link back}; what was asked is done, and nobody hears of it. */
  away(): void {
    this.#isAway = true;
    this.#epoch += 1;
    this.#held = null;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#events?.closed();
  }

  back(): void {
    this.#isAway = false;
    this.#open();
  }

  /** From now on the store owes its answers, until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const answer of held) answer();
  }

  #open(): void {
    if (this.#events === null || this.#isAway || this.#isOpen) return;
    this.#isOpen = true;
    this.#events.opened(this.state.already);
  }

  #old({ key }: Entity, wantsOld: boolean): (Uint8Array | null)[] {
    return wantsOld ? [this.state.kept.get(key)?.value ?? null] : [];
  }

  #keep({ key, group }: Entity, value: Uint8Array, ttlMs: number): void {
    // A copy: the event that it is cut from is not to be held by it.
    this.state.kept.set(key, { value: value.slice(), group, ttlMs });
  }

  /** Returns how much of `atMost` is not used. */
  #clear(group: string, keepsMessagesOf: ChannelSelection, atMost: number): number {
    let left = atMost;
    for (const key of this.state.named(group)) {
      const [kind, id = ""] = key.split(":");
      const staysWhole = keepsMessagesOf === "all" || keepsMessagesOf.includes(id);
      if (kind === "channel" && !staysWhole) left = this.#clear(channelGroup(id), [], left);
      if (left === 0) return 0;
      this.state.kept.delete(key);
      left -= 1;
    }
    return left;
  }

  #answer<Answer>(answer: Answer): Promise<Answer> {
    const epoch = this.#epoch;
    return new Promise((resolve) => {
      const settle = () => {
        if (epoch === this.#epoch) resolve(answer);
      };
      if (this.#held === null) queueMicrotask(settle);
      else this.#held.push(settle);
    });
  }
}

function kindOf(key: string): string {
  return key.slice(0, key.indexOf(":"));
}

function merged(object: Uint8Array, members: readonly Uint8Array[]): Uint8Array {
  // By name, so that the last of a name counts, and stands where the first stood.
  const values = new Map<string, Uint8Array>();
  const all = [...cutMembers(object, 0), ...members];
  all.forEach((part, index) => {
    const value = all[index + 1];
    if (index % 2 === 0 && value !== undefined) values.set(JSON.parse(decoder.decode(part)), value);
  });
  const parts = [...values].map(([name, value], index) => {
    const before = `${index === 0 ? "" : ","}${JSON.stringify(name)}:`;
    return joined([encoder.encode(before), value]);
  });
  return joined([encoder.encode("{"), ...parts, encoder.encode("}")]);
}

function botIdOf(text: string | null): string | null {
  try {
    const { id } = JSON.parse(String(text));
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}
