/**
 * The simulator for programs: `startSimulator()` puts its rooms together and opens its ports.
 *
 * @module
 */
import { Account } from "./account.ts";
import { AUTHORIZE_PATH, createAuthorizePage } from "./authorize_page.ts";
import { RunningClock, type SimulatorClock } from "./clock.ts";
import { Control } from "./control.ts";
import { createControlHandler } from "./control_routes.ts";
import { Discord } from "./discord.ts";
import type { EventWorld } from "./event_world.ts";
import { GatewayDoor } from "./gateway_door.ts";
import { Generator } from "./generator.ts";
import { closeServer, type HttpHandler, jsonAnswer, listen, portOf } from "./http_server.ts";
import { createKnobs, KNOB_NAMES, type Knobs } from "./knobs.ts";
import { Ledger } from "./ledger.ts";
import { OAuth } from "./oauth.ts";
import { KeyShuffler } from "./payload.ts";
import { DEFAULT_PEOPLE, type Person } from "./people.ts";
import { Rest } from "./rest.ts";
import { SessionRegistry } from "./session_registry.ts";
import { Statistics } from "./statistics.ts";
import { World } from "./world/world.ts";

/** How a simulator is started. Every setting of {@link Knobs} may be given too, and be changed later. */
export interface SimulatorOptions extends Partial<Knobs> {
  /** Address to listen on. Default 127.0.0.1. */
  readonly hostname?: string;
  /** Port of REST, gateway and control API. Default 0: a free one. */
  readonly port?: number;
  /** Port of `resume_gateway_url`. Default 0: a free one. */
  readonly resumePort?: number;
  /** What READY says in place of that port's own URL: where clients are to come another way, by a proxy, say. */
  readonly resumeUrl?: string;
  /** Tokens of the bots that may connect; all play the same bot in the same guilds. Default `simulated-token`. */
  readonly tokens?: readonly string[];
  /** The application to which people can sign in by OAuth2. Default `1200000000000000000`. */
  readonly clientId?: string;
  /** Its secret. Default `simulated-secret`. */
  readonly clientSecret?: string;
  /** Where people may be sent back to, each to the letter. Default: none, and then anywhere on the machine itself. */
  readonly redirectUris?: readonly string[];
  /** Who can sign in. Default {@link DEFAULT_PEOPLE}. */
  readonly people?: readonly Person[];
  /** How many guilds there are. Default 20. */
  readonly guilds?: number;
  /** Same seed, same world, same events. Default 1. */
  readonly seed?: number;
  /** Weight of each event by name, in place of the world's own mix. */
  readonly mix?: Readonly<Record<string, number>>;
  /** Bytes, at least, of the GUILD_CREATE of a large guild; 0 makes none large. Default: the world's own. */
  readonly largeGuildBytes?: number;
  /** How many dispatches the ledger lists; it counts on beyond that. 0 switches it off. Default 500,000. */
  readonly ledgerMaxEntries?: number;
  /** Default: the machine's own. */
  readonly clock?: SimulatorClock;
  /** Default: a {@link World} made of `guilds`, `seed`, `mix` and `largeGuildBytes`. */
  readonly world?: EventWorld;
}

export interface Simulator {
  /** Base of every REST call: `http://127.0.0.1:<port>/api`, to which a client adds `/v10/…`. */
  readonly restUrl: string;
  /** Where people are sent to sign in by OAuth2: `http://127.0.0.1:<port>/oauth2/authorize`. */
  readonly authorizeUrl: string;
  /** What GET /gateway answers. */
  readonly gatewayUrl: string;
  /** What READY says. */
  readonly resumeGatewayUrl: string;
  /** Base of the HTTP control API. */
  readonly controlUrl: string;
  /** The same controls, for whoever is in the same process. */
  readonly control: Control;
  /** Cuts all connections and stops. */
  close(): Promise<void>;
}

export const DEFAULT_TOKEN = "simulated-token";
export const DEFAULT_CLIENT_ID = "1200000000000000000";
export const DEFAULT_CLIENT_SECRET = "simulated-secret";
export const DEFAULT_GUILDS = 20;
export const DEFAULT_SEED = 1;
export const DEFAULT_HOSTNAME = "127.0.0.1";
export const DEFAULT_LEDGER_ENTRIES = 500_000;

function knobsOf(options: SimulatorOptions): Knobs {
  const given = options as Readonly<Record<string, unknown>>;
  return createKnobs(Object.fromEntries(
    KNOB_NAMES.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  ));
}

function worldOf(options: SimulatorOptions, startMs: number): EventWorld {
  const { seed = DEFAULT_SEED, guilds = DEFAULT_GUILDS, mix, largeGuildBytes } = options;
  return options.world ?? new World({
    seed,
    guilds,
    startMs,
    ...(mix === undefined ? {} : { mix }),
    ...(largeGuildBytes === undefined ? {} : { largeGuildBytes }),
  });
}

/**
 * Starts a simulated Discord.
 *
 * @example
 * ```ts
 * const simulator = await startSimulator({ eventsPerSecond: 50, maxConcurrency: 16 });
 * // point a bot at simulator.restUrl with the token "simulated-token"
 * simulator.control.inject({ fault: "reset" });
 * await simulator.close();
 * ```
 *
 * Throws where an option is out of its range or a port cannot be had.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { hostname = DEFAULT_HOSTNAME, tokens = [DEFAULT_TOKEN], clock = new RunningClock() } = options;
  const knobs = knobsOf(options);
  const ledger = new Ledger(options.ledgerMaxEntries ?? DEFAULT_LEDGER_ENTRIES);
  const statistics = new Statistics();
  const discord = new Discord({
    knobs,
    clock,
    world: worldOf(options, clock.nowMs()),
    accounts: tokens.map((token, index) => new Account(index, token, knobs, clock)),
    sessions: new SessionRegistry(clock, knobs, statistics, ledger),
    statistics,
    shuffler: new KeyShuffler(options.seed ?? DEFAULT_SEED),
  });
  const oauth = new OAuth({
    clientId: options.clientId ?? DEFAULT_CLIENT_ID,
    clientSecret: options.clientSecret ?? DEFAULT_CLIENT_SECRET,
    redirectUris: options.redirectUris ?? [],
    people: options.people ?? DEFAULT_PEOPLE,
    knobs,
    clock,
  });
  const door = new GatewayDoor(discord);
  const generator = new Generator(discord);

  let gatewayUrl = "";
  const rest = new Rest(discord, oauth, () => gatewayUrl);
  const control = new Control({ discord, oauth, door, rest, generator, ledger });
  const authorizePage = createAuthorizePage(oauth);
  const controlHandler = createControlHandler(control);
  const handler: HttpHandler = (request) => {
    if (request.path === "/api" || request.path.startsWith("/api/")) return rest.handle(request);
    if (request.path.startsWith("/control")) return controlHandler(request);
    if (request.path === AUTHORIZE_PATH) return authorizePage(request);
    return jsonAnswer(404, { message: "This is a simulated Discord: try /api/v10/gateway or /control" });
  };

  const main = await listen(hostname, options.port ?? 0, handler);
  const resume = await listen(hostname, options.resumePort ?? 0, () => {
    return jsonAnswer(404, { message: "Only the gateway is here" });
  }).catch(async (error) => {
    await closeServer(main);
    throw error;
  });
  // Whoever listens on all addresses is reached on the machine's own.
  const host = hostname === "0.0.0.0" || hostname === "::" ? "127.0.0.1" : hostname;
  gatewayUrl = `ws://${host}:${portOf(main)}`;
  discord.resumeGatewayUrl = options.resumeUrl ?? `ws://${host}:${portOf(resume)}`;
  door.open(main, "main");
  door.open(resume, "resume");
  generator.start();

  return {
    restUrl: `http://${host}:${portOf(main)}/api`,
    authorizeUrl: `http://${host}:${portOf(main)}${AUTHORIZE_PATH}`,
    gatewayUrl,
    resumeGatewayUrl: discord.resumeGatewayUrl,
    controlUrl: `http://${host}:${portOf(main)}/control`,
    control,
    async close() {
      generator.stop();
      door.close();
      await Promise.all([closeServer(main), closeServer(resume)]);
      clock.close();
    },
  };
}
