/**
 * Draws what goes wrong, and makes it happen.
 *
 * @module
 */
import { type GatewayLife, INTENTS, type Settings, type Surroundings } from "./gateway_life.ts";
import type { Peer } from "./machine.ts";
import type { Fault } from "./plan.ts";
import type { RedisMood } from "./redis.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

const PEERS: readonly Peer[] = ["redis", "broker", "discord"];

export class Storm {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  readonly #surroundings: Surroundings;
  readonly #settings: Settings;
  readonly #lives: readonly GatewayLife[];
  readonly counts = new Map<Fault, number>();
  #isOver = false;

  constructor(
    scene: Scene,
    dice: SeededDice,
    surroundings: Surroundings,
    { settings, lives }: { settings: Settings; lives: readonly GatewayLife[] },
  ) {
    this.#scene = scene;
    this.#dice = dice;
    this.#surroundings = surroundings;
    this.#settings = settings;
    this.#lives = lives;
  }

  /** Goes on until {@link end}. */
  begin(): void {
    const { clock, plan } = this.#scene;
    clock.after(this.#dice.waitMs(plan.faultEveryMs), () => {
      if (this.#isOver) return;
      this.#strike(this.#dice.pick(plan.faults));
      this.begin();
    });
  }

  /** All faults are over. */
  end(): void {
    const { discord, broker, news, redis } = this.#surroundings;
    this.#isOver = true;
    this.#scene.history.note("state", "storm", "is over");
    discord.heal();
    broker.heal();
    redis.mood = "well";
    for (const life of this.#lives) {
      life.disk.heal();
      life.disturbed();
      for (const peer of PEERS) life.machine.mend(peer);
    }
    news.isUp = true;
  }

  #strike(fault: Fault): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    this.#scene.history.note("state", "storm", fault);
    const { discord, broker, news, redis } = this.#surroundings;
    const life = this.#someLife();
    const { disk, machine } = life;
    const { plan } = this.#scene;
    switch (fault) {
      case "socket_reset":
        return discord.resetSocket();
      case "socket_close":
        return discord.closeSocket();
      case "socket_stall":
        return discord.stallSocket();
      case "socket_deaf":
        return discord.deafenSocket();
      case "socket_silent":
        return discord.silenceSocket();
      case "reconnect_asked":
        return discord.askReconnect();
      case "session_invalid":
        return discord.invalidateSession();
      case "session_forgotten":
        return discord.forgetSession();
      case "connections_refused":
        return this.#forAWhile((isOn) => discord.isRefusing = isOn);
      case "connections_mute":
        return this.#forAWhile((isOn) => discord.isMute = isOn);
      case "frame_damaged":
        return discord.damageFrame();
      case "dispatch_repeated":
        return discord.repeatDispatch();
      case "dispatch_unnamed":
        return discord.dispatchUnnamed();
      case "heartbeat_asked":
        return discord.askHeartbeat();
      case "burst":
        return discord.burst();
      case "identify_unanswered":
        return discord.leaveIdentifyUnanswered();
      case "rest_outage":
        return this.#forAWhile((isOn) => discord.isRestAway = isOn);
      case "broker_outage":
        broker.breakConnections();
        return this.#forAWhile((isOn) => broker.isUp = !isOn);
      case "broker_blink":
        return broker.breakConnections();
      case "broker_blocked":
        return this.#forAWhile((isOn) => isOn ? broker.isBlocked = true : broker.unblock());
      case "broker_refusing":
        if (this.#dice.chance(0.5)) return this.#forAWhile((isOn) => broker.isRefusing = isOn);
        broker.refusesNext += this.#dice.between(1, 5);
        return;
      case "event_poisoned":
        broker.poisonsNext = true;
        return;
      case "event_oversized":
        return discord.dispatchOversized();
      case "event_returned":
        broker.returnsNext = true;
        return;
      case "news_outage":
        return this.#forAWhile((isOn) => news.isUp = !isOn);
      case "redis_refusing":
        return this.#redisIs("refusing");
      case "redis_hanging":
        return this.#redisIs("hanging");
      case "redis_reply_lost":
        return this.#redisIs("reply_lost");
      case "redis_slow":
        return this.#redisIs("slow");
      case "disk_full":
        return this.#forAWhile((isOn) => disk.isFull = isOn);
      case "disk_slow":
        return this.#forAWhile((isOn) => disk.isSlow = isOn);
      case "disk_unreadable":
        return this.#forAWhile((isOn) => disk.isUnreadable = isOn);
      case "disk_damaged":
        disk.damage();
        return life.crash();
      case "crash":
        // What was published last may not have left the machine.
        if (this.#dice.chance(0.5)) broker.breakConnections();
        this.#scene.clock.after(this.#dice.between(0, 100), () => life.crash());
        return;
      case "crash_at_step":
        return life.crashAtStep(this.#dice.between(0, 60));
      case "crash_loop":
        return this.#crashAgain(life, this.#dice.between(2, 5));
      case "stop":
        return life.stop();
      case "intents_changed":
        this.#settings.intents = INTENTS.find((intents) => intents !== this.#settings.intents) ?? INTENTS[0];
        return this.#dice.chance(0.5) ? life.stop() : life.crash();
      case "total_changed":
        this.#settings.total = this.#settings.total === plan.shards ? plan.shards + 1 : plan.shards;
        return this.#dice.chance(0.5) ? life.stop() : life.crash();
      case "restart_resume":
        return this.#command({ op: 1, shard: this.#shard() });
      case "restart_identify": {
        const shard = this.#shard();
        discord.replaceAsked(shard);
        return this.#command({ op: 1, shard, data: { mode: "identify" } });
      }
      case "commands": {
        const shard = this.#shard();
        for (let count = this.#dice.pick([1, 5, 150]); count > 0; count--) {
          const op = this.#dice.pick([3, 4, 8]);
          this.#command({ op: 0, shard, data: { op, d: { since: count } } });
        }
        return;
      }
      case "replica_paused":
        return life.pause(this.#awhileMs(), false);
      case "replica_asleep":
        return life.pause(this.#awhileMs(), life.plan?.may === "sleep");
      case "wall_clock_set":
        if (life.plan?.may === "be set") {
          machine.skewMs += this.#dice.pick([-60_000, -2_000, -50, 50, 2_000, 60_000]);
        }
        return;
      case "redis_cut_off":
        return this.#cutOff(life, "redis");
      case "broker_cut_off":
        this.#cutOff(life, "broker");
        return broker.cutOff(machine);
      case "discord_cut_off":
        this.#cutOff(life, "discord");
        return discord.cutOff(machine);
      case "redis_failover":
        return redis.failOver();
      default:
        fault satisfies never;
    }
  }

  #someLife(): GatewayLife {
    const [only, another] = this.#lives;
    // No dice for one alone.
    return only !== undefined && another === undefined ? only : this.#dice.pick(this.#lives);
  }

  #command(command: unknown): void {
    const { commands, fleetCommands } = this.#surroundings;
    (this.#scene.plan.fleet === null ? commands : fleetCommands).send(command);
  }

  #awhileMs(): number {
    return this.#dice.pick([300, 2_000, 6_000, 12_000, 30_000]);
  }

  #cutOff(life: GatewayLife, peer: Peer): void {
    life.machine.cut(peer);
    life.disturbed();
    this.#scene.clock.after(this.#awhileMs(), () => {
      // By then all was mended, and may have been cut again by others.
      if (this.#isOver) return;
      life.machine.mend(peer);
      life.disturbed();
    });
  }

  #shard(): number {
    return this.#dice.between(0, this.#scene.plan.shards - 1);
  }

  #redisIs(mood: RedisMood): void {
    this.#forAWhile((isOn) => this.#surroundings.redis.mood = isOn ? mood : "well");
  }

  #crashAgain(life: GatewayLife, times: number): void {
    if (times === 0 || this.#isOver) return;
    life.crash();
    this.#scene.clock.after(this.#dice.between(500, 9_000), () => this.#crashAgain(life, times - 1));
  }

  #forAWhile(turn: (isOn: boolean) => void): void {
    turn(true);
    this.#scene.clock.after(this.#dice.pick([500, 3_000, 20_000, 60_000]), () => turn(false));
  }
}
