/**
 * A play about the state cache: what goes out to the gateway, what comes to the queue and what is in Redis are held
 * against the model at every step.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import type { Redis } from "ioredis";
import { sha256 } from "../../simulator/ledger_digest.ts";
import { shardOfGuild } from "../../simulator/event_world.ts";
import { beforeDeadline } from "../deadline.ts";
import type { HistoryEvent } from "../state/histories.ts";
import { StateModel, type StateModelSettings } from "../state/model.ts";
import type { EventConsumer } from "./event_consumer.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { keptNames, type KeptState, readKeptState } from "./kept_state.ts";
import type { Stage } from "./stage.ts";

export interface StatePlaySettings extends StateModelSettings {
  readonly shards: number;
  /** `STATE_OLD`. */
  readonly old: boolean;
}

/** Where a batch does not come in that time something withholds it. */
const BATCH_DEADLINE_MS = 20_000;

/** Of a body that is wrong, so much is shown. */
const SHOWN_CHARACTERS = 2_000;

export class StatePlay {
  readonly botId: string;
  readonly model: StateModel;
  readonly redis: Redis;
  readonly consumer: EventConsumer;
  readonly #stage: Stage;
  readonly #settings: StatePlaySettings;
  readonly #environment: Readonly<Record<string, string>>;
  /** The ids of what the model has taken in: a repeat is nothing new. */
  readonly #taken = new Set<string>();
  #gateway: GatewayProcess | null = null;

  /**
   * Starts the gateway; resolves once all that follows READY has come.
   *
   * @param environment What else it is told.
   */
  static async open(
    stage: Stage,
    settings: StatePlaySettings,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<StatePlay> {
    const play = new StatePlay(stage, settings, environment, await stage.consumer(), await stage.redis());
    await play.startGateway();
    await play.settle();
    await play.compare();
    return play;
  }

  private constructor(
    stage: Stage,
    settings: StatePlaySettings,
    environment: Readonly<Record<string, string>>,
    consumer: EventConsumer,
    redis: Redis,
  ) {
    this.#stage = stage;
    this.#settings = settings;
    this.#environment = environment;
    this.consumer = consumer;
    this.redis = redis;
    this.model = new StateModel(settings);
    this.botId = String(stage.simulator.control.world.user["id"]);
  }

  /** Resolves once all shards are connected. */
  async startGateway(): Promise<void> {
    const { prefix, member, message, presence, emoji, voice, old, shards } = this.#settings;
    this.#gateway = await this.#stage.startConnected(shards, {
      STATE_ENABLED: "true",
      REDIS_PREFIX: prefix,
      STATE_MEMBER: String(member),
      STATE_MEMBER_TTL: "0",
      STATE_MESSAGE: String(message),
      STATE_MESSAGE_TTL: "0",
      STATE_PRESENCE: String(presence),
      STATE_EMOJI: String(emoji),
      STATE_VOICE: String(voice),
      STATE_OLD: String(old),
      ...this.#environment,
    });
  }

  /** Ends the gateway at once, whatever it is doing. */
  async killGateway(): Promise<void> {
    await this.#gateway?.end("SIGKILL");
  }

  /** Dispatches events and resolves once all have come. */
  async take(events: readonly HistoryEvent[]): Promise<void> {
    this.dispatch(events);
    await this.settle();
  }

  /** Dispatches events, each by the shard of its guild, or by shard 0. */
  dispatch(events: readonly HistoryEvent[]): void {
    for (const { t, d, guild } of events) {
      const shard = guild === null ? 0 : shardOfGuild(BigInt(guild), this.#settings.shards);
      this.#stage.simulator.control.dispatch(t, d, { shard });
    }
  }

  /**
   * Resolves once all that was dispatched has come and the model has taken it in.
   *
   * @throws AssertionError where a body is not what it has to be.
   */
  async settle(): Promise<void> {
    const { sessions } = this.#stage.simulator.control.state();
    const newest = sessions.map(({ id, sequence }) => `${id}:${sequence}`);
    const waits = () =>
      `of the newest events these have not come: ${newest.filter((id) => !this.consumer.seen.has(id))}`;
    const isThere = () => newest.every((id) => this.consumer.seen.has(id));
    await beforeDeadline(this.consumer.until(isThere), waits, BATCH_DEADLINE_MS);
    const messages = this.consumer.messages.splice(0);
    // Even after a wrong one the model takes in all that follow.
    const faults = messages.map((message) => this.#takeMessage(message)).filter((fault) => fault !== null);
    assert.deepEqual(faults, []);
  }

  /** @throws AssertionError where Redis has not exactly what the model has. */
  async compare(): Promise<void> {
    assert.deepEqual(await readKeptState(this.redis, this.#settings.prefix), this.#expected());
  }

  /** After a failure: Redis has nothing more than the model, whoever was wrong. */
  async deleteSurplus(): Promise<void> {
    const { keys, sets } = this.#expected();
    const names = await keptNames(this.redis, this.#settings.prefix);
    const surplus = names.filter((name) => !(name in keys || name in sets));
    if (surplus.length > 0) await this.redis.del(surplus);
  }

  #expected(): KeptState {
    const sorted = <Value>(map: Map<string, Value>) =>
      [...map].sort(([one], [other]) => one < other ? -1 : 1);
    return {
      keys: Object.fromEntries(sorted(this.model.keys())),
      sets: Object.fromEntries(sorted(this.model.sets()).map(([name, names]) => [name, [...names].sort()])),
    };
  }

  /** What is wrong with it, or null. */
  #takeMessage({ fields, properties, content }: ConsumeMessage): string | null {
    const t = fields.routingKey;
    const id = String(properties.messageId);
    if (this.#taken.has(id)) return null;
    this.#taken.add(id);
    const { d } = JSON.parse(content.toString());
    const origin = {
      shard: Number(properties.headers?.["shard"]),
      shardsTotal: this.#settings.shards,
      botId: this.botId,
    };
    const before = this.model.apply(t, d, origin);
    const old = this.#settings.old ? before : undefined;
    const found = oldOf(content, this.#sentHash(id));
    if (found === null) return shown(`${t} ${id} has other bytes than were sent`, content);
    try {
      assert.deepEqual(comparable(found.old), comparable(old));
      return null;
    } catch (error) {
      return shown(`${t} ${id} has a wrong old: ${(error as Error).message}`, content);
    }
  }

  #sentHash(id: string): string {
    const [session = "", sequence] = id.split(":");
    const [entry] = this.#stage.simulator.control.ledger.page(session, Number(sequence) - 1, 1);
    return entry?.sha256 ?? assert.fail(`${id} was never sent`);
  }
}

/**
 * `old` of a body, undefined where it has none; null where without it these are not the bytes that were sent.
 *
 * @param sentHash SHA-256 of those.
 */
export function oldOf(body: Uint8Array, sentHash: string): { old: unknown } | null {
  if (sha256(body) === sentHash) return { old: undefined };
  const text = new TextDecoder("latin1").decode(body);
  const separator = ',"old":';
  // What is kept may hold these letters too: the first after which the rest was not sent is the one.
  for (let at = text.indexOf(separator); at !== -1; at = text.indexOf(separator, at + 1)) {
    const sent = new Uint8Array([...body.subarray(0, at), "}".charCodeAt(0)]);
    if (sha256(sent) !== sentHash || !text.endsWith("}")) continue;
    return { old: JSON.parse(new TextDecoder().decode(body.subarray(at + separator.length, -1))) };
  }
  return null;
}

/** An array of things is compared without regard to their order, which no contract says. */
function comparable(old: unknown): unknown {
  if (!Array.isArray(old)) return old;
  return old.toSorted((one, other) => one.id < other.id ? -1 : 1);
}

function shown(fault: string, content: Uint8Array): string {
  const text = new TextDecoder().decode(content);
  return `${fault}; it is ${text.slice(0, SHOWN_CHARACTERS)}${text.length > SHOWN_CHARACTERS ? "…" : ""}`;
}
