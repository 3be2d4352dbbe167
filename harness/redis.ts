/**
 * A Redis server of one's own.
 *
 * @module
 */

import { Server, type ServerKind } from "./server.ts";
import { programPaths } from "./programs.ts";

/** A running Redis; its database 0 is empty. */
export interface RedisServer {
  readonly server: Server;
  /** `redis://:password@127.0.0.1:port` */
  readonly url: string;
}

/**
 * Starts a Redis on a free port; resolves when it answers PING.
 *
 * @param program Path of the program; left out, it is looked for, and installed where it is missing.
 * @throws Error when the program is missing or does not start.
 */
export async function startRedis(program?: string): Promise<RedisServer> {
  const path = program ?? (await programPaths(["redis"])).redis;
  // A password of its own, so that it cannot be taken for another server that was given the same port.
  const password = crypto.randomUUID();
  return redisServer(await Server.start(redisKind(path, password)), password);
}

/** A server that was started as {@link redisKind} says. */
export function redisServer(server: Server, password: string): RedisServer {
  return { server, url: `redis://:${password}@127.0.0.1:${server.ports[0]}` };
}

/** @param more Further arguments, of a server with one more port than it talks to clients on, or without. */
export function redisKind(
  program: string,
  password: string,
  more: (morePort: number) => readonly string[] = () => [],
  { morePorts = 0 } = {},
): ServerKind {
  return {
    title: "Redis",
    portCount: 1 + morePorts,
    launch: (folder, [port, morePort = 0]) => ({
      program,
      args: [
        ...["--bind", "127.0.0.1", "--port", String(port), "--requirepass", password],
        // The append-only file is written before a command is answered, so a SIGKILL loses nothing.
        ...["--dir", folder, "--appendonly", "yes", "--appendfsync", "no", "--save", ""],
        ...more(morePort),
      ],
    }),
    answers: ([port]) => answersPing(port ?? 0, password),
    portTaken: /Address already in use/,
  };
}

/** Whether a server on this port takes the password, and answers. */
export async function answersPing(port: number, password: string): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(`AUTH ${password}\r\nPING\r\n`));
    const expected = "+OK\r\n+PONG\r\n";
    let answer = "";
    const buffer = new Uint8Array(256);
    while (answer.length < expected.length) {
      const count = await connection.read(buffer);
      if (count === null) return false;
      answer += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return answer === expected;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
