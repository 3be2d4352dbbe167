/**
 * A Chromium to drive, for tests that need a real browser.
 *
 * @module
 */

import { programPaths } from "./programs.ts";
import { Server, type ServerKind } from "./server.ts";

export interface Browser {
  readonly server: Server;
  /** `http://127.0.0.1:port`, for whoever speaks the DevTools protocol. */
  readonly devToolsUrl: string;
}

/** Nothing that Chromium does besides what a test asks for; no sandbox, because root has none. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--hide-scrollbars",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a headless Chromium with a profile of its own; resolves when it can be driven.
 *
 * @throws Error when there is none and none can be installed, or when it does not start.
 */
export async function startChromium(): Promise<Browser> {
  const { chromium } = await programPaths(["chromium"]);
  const server = await Server.start(chromiumKind(chromium));
  return { server, devToolsUrl: `http://127.0.0.1:${server.ports[0]}` };
}

function chromiumKind(program: string): ServerKind {
  return {
    title: "Chromium",
    portCount: 1,
    launch: (folder, [port]) => ({
      program,
      args: [
        ...ARGUMENTS,
        `--user-data-dir=${folder}/profile`,
        `--remote-debugging-port=${port}`,
        "about:blank",
      ],
      // It writes to its home folder too, whatever its profile is.
      env: { HOME: folder },
    }),
    answers: async ([port]) => {
      const version = await fetch(`http://127.0.0.1:${port}/json/version`).catch((error) => {
        if (error instanceof Deno.errors.NotCapable) throw error;
      });
      await version?.body?.cancel();
      return version?.ok === true;
    },
    portTaken: /Cannot start http server for devtools/,
  };
}
