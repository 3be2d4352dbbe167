/**
 * `ctl` in front of a dashboard that is served on a port, with all that it writes.
 *
 * @module
 */
import { run } from "../../ctl/ctl.ts";
import { systemClock } from "../../gateway/clock.ts";
import { type DashboardRig, withDashboard } from "../dashboard/rig.ts";

export const API_TOKEN = "api-token-of-a-test";

export interface TerminalOptions {
  /** Settings besides those that lead to the dashboard. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What whoever sits there says when asked; null: nobody sits there. */
  readonly ask?: ((question: string) => boolean) | null;
  readonly isTerminal?: boolean;
  readonly interrupted?: AbortSignal;
  /** Hears all that has been written, whenever something is. */
  readonly written?: (text: string) => void;
}

export interface Run {
  readonly status: number;
  /** Standard output. */
  readonly text: string;
  /** Standard error. */
  readonly complaints: string;
}

export interface TerminalRig extends DashboardRig {
  readonly url: string;
  ctl(args: readonly string[], options?: TerminalOptions): Promise<Run>;
}

/** Runs `ctl` as a process would, with these settings alone. */
export async function runCtl(
  args: readonly string[],
  { settings = {}, ask = null, isTerminal = false, interrupted, written = () => {} }: TerminalOptions = {},
): Promise<Run> {
  let text = "";
  let complaints = "";
  const status = await run(args, {
    output: {
      isTerminal,
      colors: false,
      columns: () => 200,
      write: (part) => written(text += part),
    },
    complain: (line) => complaints += `${line}\n`,
    ask,
    clock: systemClock,
    interruption: () => interrupted ?? new AbortController().signal,
    setting: (name) => settings[name],
    readFile: (path) => Deno.readTextFileSync(path),
  });
  return { status, text, complaints };
}

/** Runs a test on a dashboard that `ctl` can reach. */
export async function withTerminal(test: (rig: TerminalRig) => Promise<void>): Promise<void> {
  await withDashboard(async (rig) => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => rig.app.fetch(request, { remoteAddress: "192.0.2.1" }),
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    try {
      await test({
        ...rig,
        url,
        ctl: (args, options = {}) =>
          runCtl(args, {
            ...options,
            settings: { DASHBOARD_URL: url, DASHBOARD_API_TOKEN: API_TOKEN, ...options.settings },
          }),
      });
    } finally {
      rig.services.live.stop();
      await server.shutdown();
    }
  }, { apiToken: API_TOKEN });
}
