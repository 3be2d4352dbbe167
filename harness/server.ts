/**
 * A server program of one's own: on free ports of 127.0.0.1, with a data folder that goes when it does.
 *
 * @module
 */

import { type Exit, type Launch, Supervisor } from "./supervisor.ts";

/** What one kind of server needs. */
export interface ServerKind {
  /** What a person calls it. */
  readonly title: string;
  /** How many ports it listens on. */
  readonly portCount: number;
  /** The program to run with this data folder and these ports. */
  launch(folder: string, ports: readonly number[]): Omit<Launch, "output">;
  /** Talks to it once: whether it answered as it does when it is ready. */
  answers(ports: readonly number[]): Promise<boolean>;
  /** What its log says when a port was taken in the meantime. */
  readonly portTaken: RegExp;
}

/** The slowest start seen takes some ten seconds, on two busy cores. */
const START_DEADLINE_MS = 90_000;
const ANSWER_INTERVAL_MS = 50;
/** Somebody taking a port between our look and the server's start is rare; five times in a row is something else. */
const PORT_TRIES = 5;

/** A running server. Its data outlives {@link kill} and {@link restart}, not {@link stop}. */
export class Server implements AsyncDisposable {
  readonly ports: readonly number[];
  readonly #kind: ServerKind;
  readonly #supervisor: Supervisor;
  #running = false;
  #processId = 0;

  private constructor(kind: ServerKind, supervisor: Supervisor, ports: readonly number[]) {
    this.#kind = kind;
    this.#supervisor = supervisor;
    this.ports = ports;
  }

  /**
   * Starts a server on free ports; resolves when it answers.
   *
   * @throws Error with the end of its log, when it does not get there.
   */
  static async start(kind: ServerKind): Promise<Server> {
    for (let attempt = 1;; attempt++) {
      const server = new Server(kind, await Supervisor.start(), freePorts(kind.portCount));
      try {
        await server.#launch();
        return server;
      } catch (error) {
        await server.stop();
        const retry = error instanceof StartError && kind.portTaken.test(error.log) && attempt < PORT_TRIES;
        if (!retry) throw error;
      }
    }
  }

  /** Stops it for good and removes its data. Safe twice. */
  async stop(): Promise<void> {
    // Nobody will read what an orderly stop would write.
    if (this.#running) await this.kill();
    await this.#supervisor.end();
  }

  /** SIGKILL; resolves when it is gone. Its data stays for {@link restart}. */
  async kill(): Promise<void> {
    await this.#supervisor.signal("KILL");
    await this.#supervisor.emptied();
    this.#running = false;
  }

  /** Starts it again on the same ports and data, after an orderly stop if it runs; resolves when it answers. */
  async restart(): Promise<void> {
    if (this.#running) await this.terminate();
    await this.#launch();
  }

  /** SIGTERM; resolves when it has ended in good order. Its data stays for {@link restart}. */
  async terminate(): Promise<Exit> {
    await this.#supervisor.signal("TERM");
    await this.#supervisor.emptied();
    this.#running = false;
    return await this.#supervisor.exited();
  }

  /** How it ended, once it has, whoever ended it; {@link restart} starts it again. */
  async exited(): Promise<Exit> {
    const exit = await this.#supervisor.exited();
    this.#running = false;
    return exit;
  }

  /** Its data folder, which {@link stop} removes. */
  get folder(): string {
    return this.#supervisor.folder;
  }

  /** The process id of the program. */
  get processId(): number {
    return this.#processId;
  }

  /** Where its output is. */
  get logPath(): string {
    return this.#supervisor.logPath;
  }

  /** The last lines of its output. */
  logTail(): Promise<string> {
    return this.#supervisor.logTail();
  }

  /** Stops its clock (SIGSTOP): connections stay, nothing is answered. */
  async pause(): Promise<void> {
    await this.#supervisor.signal("STOP");
  }

  /** Lets it go on after {@link pause}. */
  async resume(): Promise<void> {
    await this.#supervisor.signal("CONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #launch(): Promise<void> {
    this.#processId = await this.#supervisor.launch({
      ...this.#kind.launch(this.#supervisor.folder, this.ports),
      output: "log",
    });
    this.#running = true;
    let exitCode: number | undefined;
    const exited = this.#supervisor.exited().then(({ code }) => {
      exitCode = code;
    });
    const deadlineMs = Date.now() + START_DEADLINE_MS;
    while (exitCode === undefined && Date.now() < deadlineMs) {
      if (await this.#kind.answers(this.ports)) return;
      await pauseUnless(exited);
    }
    if (exitCode !== undefined) this.#running = false;
    const reason = exitCode === undefined
      ? `no answer within ${START_DEADLINE_MS / 1000} s`
      : `it ended with status ${exitCode}`;
    const log = await this.#supervisor.logTail();
    throw new StartError(`Cannot start ${this.#kind.title}: ${reason}. The end of its log:\n${log}`, log);
  }
}

/** Waits for the next look, or less if `exited` comes first. */
async function pauseUnless(exited: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ANSWER_INTERVAL_MS);
  });
  await Promise.race([exited, pause]);
  clearTimeout(timer);
}

class StartError extends Error {
  override readonly name = "StartError";

  constructor(message: string, readonly log: string) {
    super(message);
  }
}

/** As many different ports as asked for that nobody uses now. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
