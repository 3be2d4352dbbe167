/**
 * The faults that are played, each with whom it strikes, how long it lasts, how it is done and how it is mended.
 *
 * @module
 */

import type { Random } from "../simulator/world/random.ts";
import type { Fault as DiscordFault } from "../simulator/fault.ts";
import type { Line } from "./line.ts";
import type { Replica } from "./replica.ts";
import type { Stage } from "./stage.ts";

/** Ends a fault that lasts. */
export type Mend = () => void | Promise<void>;

export type Victim =
  | "gateway"
  | "RabbitMQ"
  | "Redis"
  | "line to RabbitMQ"
  | "line to Redis"
  | "line to Discord"
  | "Discord";

/** The particulars of one fault, drawn before the run. */
export interface Particulars {
  /** Whom of Discord's shards it strikes; null: all of them. */
  readonly shard: number | null;
  /** Whom of the gateway's replicas it strikes; null: all of them. */
  readonly replica: number | null;
  /** A seed for what else the fault draws. */
  readonly dice: number;
}

export interface FaultKind {
  readonly victim: Victim;
  /** What happens to it: `killed`. */
  readonly name: string;
  /** How long it lasts, seconds, least and most; null where it is over at once. */
  readonly lasts: readonly [number, number] | null;
  /** Discord's faults strike one shard, or all as well: `one` never all. Irrelevant for the other victims. */
  readonly reach?: "one";
  strike(stage: Stage, particulars: Particulars, random: Random): Promise<Mend | void> | Mend | void;
}

/** Far less than what flows: a few hundred events a second are some hundred kilobytes. */
const SLOW_BYTES_PER_SECOND = 15_000;

/** Close codes after which a client may come back (Discord docs, Gateway Close Event Codes), and RFC 6455's own. */
const CLOSE_CODES = [1000, 1001, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009];

/** No payload of Discord's: not JSON, cut off, of the wrong shape, of an opcode that does not exist. */
const GARBAGE_PAYLOADS = ["nonsense", "{", "[]", "null", "", '{"op":0,"t":"MESSAGE_CR', '{"op":99,"d":{}}'];

/** What may stand as `d`, and would not survive being parsed and written again. */
const ODD_DATA = [
  Uint8Array.from([0x22, 0xff, 0xfe, 0x22]), // a string that is no UTF-8
  new TextEncoder().encode('{"id":123456789012345678901234567890,"a":1e400,"b":1.0}'),
  new TextEncoder().encode('{"a":1,"a":2,"\\u0061":"\\ud800"}'),
];

/** The end of a payload in a zlib stream (Discord gateway docs, Transport Compression). */
const ZLIB_END = [0x00, 0x00, 0xff, 0xff];

/** Times that Discord lets wait, milliseconds. */
const READY_DELAY_MS = 3_000;
const REST_RETRY_MS = 700;

/** Longer than others wait before they take the shards of a silent replica over, and shorter than Discord waits. */
const PAST_LEASE_S = [8, 15] as const;

const LINES: readonly (readonly [Victim, (replica: Replica) => Line])[] = [
  ["line to RabbitMQ", ({ lines }) => lines.rabbit],
  ["line to Redis", ({ lines }) => lines.redis],
  ["line to Discord", ({ lines }) => lines.discord],
];

export const FAULT_KINDS: readonly FaultKind[] = [
  ...gatewayFaults(),
  ...serverFaults(),
  ...LINES.flatMap(([victim, lineOf]) => lineFaults(victim, lineOf)),
  ...connectionFaults(),
  ...streamFaults(),
  ...answerFaults(),
];

/** Those of a fleet: some last until others have taken the shards over. */
export const FLEET_FAULT_KINDS: readonly FaultKind[] = [...FAULT_KINDS, ...oversleepingFaults()];

/** Victims of which each replica has its own. */
const OF_REPLICAS: ReadonlySet<string> = new Set<Victim>(["gateway", ...LINES.map(([victim]) => victim)]);

/** Whether a fault of this victim strikes one replica, or all of them. */
export function isOfReplicas({ victim }: Pick<FaultKind, "victim">): boolean {
  return OF_REPLICAS.has(victim);
}

function gatewayFaults(): FaultKind[] {
  const victim = "gateway";
  return [
    {
      victim,
      name: "killed",
      lasts: [0, 8],
      strike: strikeReplicas(async ({ gateway }) => {
        await gateway.kill();
        return () => gateway.start();
      }),
    },
    {
      victim,
      name: "paused",
      lasts: [1, 15],
      strike: strikeReplicas(({ gateway }) => gateway.pause()),
    },
    {
      victim,
      name: "restarted",
      lasts: [0, 5],
      strike: strikeReplicas(async ({ gateway }) => {
        await gateway.stop();
        return () => gateway.start();
      }),
    },
  ];
}

/** What a fleet outlives, and what a process that is alone would be told of by nobody. */
function oversleepingFaults(): FaultKind[] {
  const sever = async (...lines: readonly Line[]) => {
    await Promise.all(lines.map((line) => line.sever()));
    return async () => void await Promise.all(lines.map((line) => line.join()));
  };
  return [
    {
      victim: "gateway",
      name: "asleep past its lease",
      lasts: PAST_LEASE_S,
      strike: strikeReplicas(({ gateway }) => gateway.pause()),
    },
    {
      victim: "gateway",
      name: "severed from everybody",
      lasts: PAST_LEASE_S,
      strike: strikeReplicas(({ lines: { rabbit, redis, discord } }) => sever(rabbit, redis, discord)),
    },
    ...LINES.map(([victim, lineOf]): FaultKind => ({
      victim,
      name: "severed",
      lasts: PAST_LEASE_S,
      strike: strikeReplicas((replica) => sever(lineOf(replica))),
    })),
  ];
}

/** Does the same to each replica that is struck, at once. */
function strikeReplicas(strike: (replica: Replica) => Promise<Mend | void> | Mend | void) {
  return async ({ replicas }: Stage, { replica }: Particulars): Promise<Mend> => {
    const struck = replicas.filter((_, index) => replica === null || index === replica);
    const mends = await Promise.all(struck.map(strike));
    return async () => void await Promise.all(mends.map((mend) => mend?.()));
  };
}

function serverFaults(): FaultKind[] {
  const both = (["RabbitMQ", "Redis"] as const).flatMap((victim): FaultKind[] => {
    const serverOf = ({ rabbit, redis }: Stage) => (victim === "Redis" ? redis : rabbit).server;
    return [
      {
        victim,
        name: "stopped",
        lasts: [1, 15],
        strike: async (stage) => {
          await serverOf(stage).terminate();
          return () => serverOf(stage).restart();
        },
      },
      {
        victim,
        name: "killed",
        lasts: [0, 10],
        strike: async (stage) => {
          await serverOf(stage).kill();
          return () => serverOf(stage).restart();
        },
      },
      {
        victim,
        name: "paused",
        lasts: [1, 25],
        strike: async (stage) => {
          await serverOf(stage).pause();
          return () => serverOf(stage).resume();
        },
      },
    ];
  });
  const alarm: FaultKind = {
    victim: "RabbitMQ",
    name: "memory alarm",
    lasts: [2, 15],
    strike: async ({ rabbit }) => {
      await rabbit.raiseMemoryAlarm();
      return () => rabbit.endMemoryAlarm();
    },
  };
  return [...both, alarm];
}

function lineFaults(victim: Victim, lineOf: (replica: Replica) => Line): FaultKind[] {
  return [
    { victim, name: "cut", lasts: null, strike: strikeReplicas((replica) => lineOf(replica).cut()) },
    {
      victim,
      name: "refused",
      lasts: [1, 12],
      strike: strikeReplicas((replica) => {
        lineOf(replica).down();
        return () => lineOf(replica).up();
      }),
    },
    {
      victim,
      name: "slow",
      lasts: [2, 12],
      strike: strikeReplicas((replica) => {
        lineOf(replica).slow(SLOW_BYTES_PER_SECOND);
        return () => lineOf(replica).fast();
      }),
    },
    {
      victim,
      name: "silent",
      lasts: [1, 12],
      strike: strikeReplicas((replica) => {
        lineOf(replica).hold();
        return () => lineOf(replica).release();
      }),
    },
  ];
}

/** What Discord does to a connection, or to a session. */
function connectionFaults(): FaultKind[] {
  return [
    discordFault("asks for a heartbeat", () => ({ fault: "heartbeat" })),
    discordFault("op 7", () => ({ fault: "reconnect" })),
    discordFault("op 9 true", () => ({ fault: "invalid-session", resumable: true })),
    {
      victim: "Discord",
      name: "op 9 false",
      lasts: null,
      // Of a shard, so that it is one with a session: to others Discord would not say that theirs is gone.
      strike: ({ discord }, { shard }) =>
        discord.inject({ fault: "invalid-session", resumable: false, shard: shard ?? 0 }),
    },
    discordFault("closed", (random) => ({ fault: "close", code: random.pick(CLOSE_CODES) })),
    discordFault("reset", () => ({ fault: "reset" })),
    discordFault("no heartbeat ACK", () => ({ fault: "blackhole" })),
    discordFault("lost dispatches", (random) => ({ fault: "lose", count: random.between(1, 5) })),
    discordFault("doubled dispatches", (random) => ({ fault: "duplicate", count: random.between(1, 5) })),
    {
      victim: "Discord",
      name: "op 7 for HELLO",
      lasts: null,
      strike: async ({ discord }, particulars, random) => {
        const count = random.between(1, 3);
        await discord.inject({ fault: "greet-reconnect", count, hello: random.chance(0.5) });
        await discord.inject({ fault: "reset", ...target(particulars) });
      },
    },
    {
      victim: "Discord",
      name: "no HELLO",
      lasts: null,
      strike: async ({ discord }, particulars, random) => {
        await discord.inject({ fault: "greet-silence", count: random.between(1, 3) });
        await discord.inject({ fault: "reset", ...target(particulars) });
      },
    },
    {
      victim: "Discord",
      name: "refuses connections",
      lasts: [1, 12],
      strike: async ({ discord }, particulars) => {
        await discord.set({ refuseMain: true, refuseResume: true });
        await discord.inject({ fault: "reset", ...target(particulars) });
        return () => discord.set({ refuseMain: false, refuseResume: false });
      },
    },
  ];
}

/** What Discord does to the bytes. */
function streamFaults(): FaultKind[] {
  const victim = "Discord";
  const everyShard = ({ options }: Stage, shard: number | null) =>
    shard === null ? Array.from({ length: options.shards }, (_, index) => index) : [shard];
  return [
    {
      victim,
      name: "ruined stream",
      lasts: null,
      strike: async (stage, { shard }, random) => {
        const noise = Array.from({ length: random.between(1, 60) }, () => random.below(256));
        for (const each of everyShard(stage, shard)) {
          await stage.discord.sendMessage(each, Uint8Array.from([...noise, ...ZLIB_END]));
        }
      },
    },
    {
      victim,
      name: "cut-off message",
      lasts: null,
      strike: async (stage, { shard }, random) => {
        const noise = Array.from({ length: random.between(1, 60) }, () => random.below(255));
        for (const each of everyShard(stage, shard)) {
          await stage.discord.sendMessage(each, Uint8Array.from(noise));
        }
      },
    },
    {
      victim,
      name: "malformed payload",
      lasts: null,
      strike: async (stage, { shard }, random) => {
        const payload = new TextEncoder().encode(random.pick(GARBAGE_PAYLOADS));
        for (const each of everyShard(stage, shard)) await stage.discord.sendPayload(each, payload);
      },
    },
    {
      victim,
      name: "odd event",
      lasts: null,
      strike: async (stage, { shard }, random) => {
        const data = random.pick(ODD_DATA);
        for (const each of everyShard(stage, shard)) {
          await stage.discord.dispatch(each, "MESSAGE_CREATE", data);
        }
      },
    },
    {
      victim,
      name: "split messages",
      lasts: [2, 10],
      strike: async ({ discord }) => {
        await discord.set({ splitMessages: 7 });
        return () => discord.set({ splitMessages: 1 });
      },
    },
    {
      victim,
      name: "keys in any order",
      lasts: [2, 10],
      strike: async ({ discord }) => {
        await discord.set({ shuffleKeys: true });
        return () => discord.set({ shuffleKeys: false });
      },
    },
    {
      victim,
      name: "guild unavailable",
      lasts: [1, 5],
      strike: async ({ discord }, _particulars, random) => {
        const guild = random.pick(await discord.guilds());
        await discord.setGuildAvailable(guild, false);
        return () => discord.setGuildAvailable(guild, true);
      },
    },
  ];
}

/** What Discord answers late or not at all, while a shard needs the answer: it has lost its session. */
function answerFaults(): FaultKind[] {
  const victim = "Discord";
  const failRest = async (
    { discord }: Stage,
    { shard }: Particulars,
    fault: { status: number; html?: boolean },
  ) => {
    await discord.failRest({ count: 2, retryAfterMs: REST_RETRY_MS, scope: "user", ...fault });
    await discord.inject({ fault: "invalid-session", resumable: false, ...target({ shard }) });
  };
  return [
    {
      victim,
      name: "slow READY",
      lasts: [4, 8],
      reach: "one",
      strike: async ({ discord }, particulars) => {
        await discord.set({ readyDelayMs: READY_DELAY_MS });
        await discord.inject({ fault: "invalid-session", resumable: false, ...target(particulars) });
        return () => discord.set({ readyDelayMs: 0 });
      },
    },
    {
      victim,
      name: "HTTP 429",
      lasts: null,
      reach: "one",
      strike: (stage, particulars) => failRest(stage, particulars, { status: 429 }),
    },
    {
      victim,
      name: "HTTP 5xx",
      lasts: null,
      reach: "one",
      strike: (stage, particulars, random) =>
        failRest(stage, particulars, { status: random.pick([500, 502, 503]), html: true }),
    },
  ];
}

function discordFault(name: string, draw: (random: Random) => DiscordFault): FaultKind {
  return {
    victim: "Discord",
    name,
    lasts: null,
    strike: ({ discord }, particulars, random) =>
      discord.inject({ ...draw(random), ...target(particulars) } as DiscordFault),
  };
}

function target({ shard }: Pick<Particulars, "shard">): { shard?: number } {
  return shard === null ? {} : { shard };
}
