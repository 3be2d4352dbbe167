/**
 * Where the dashboard is, and what opens it: from the settings of the service.
 *
 * @module
 */
import { baseUrl } from "../dashboard/sign_in/links.ts";
import { faultLine, parseConfig } from "../gateway/config.ts";
import { EXIT_CONFIGURATION, EXIT_REFUSED } from "../gateway/exit.ts";
import { CommandFailure, UsageError } from "./failure.ts";

export interface Access {
  /** Base of the dashboard, without a slash at its end. */
  readonly url: string;
  readonly token: string;
}

/** All that is read of the environment: the other settings are no concern of an operator's own machine. */
export const ACCESS_SETTINGS = [
  "DASHBOARD_URL",
  "DASHBOARD_HOST",
  "DASHBOARD_PORT",
  "PORT",
  "DASHBOARD_API_TOKEN",
  "DASHBOARD_API_TOKEN_FILE",
] as const;

export interface AccessOptions {
  /** Given on the command line: wins over the settings. */
  readonly url: string | null;
  /** The value of a setting. */
  setting(name: string): string | undefined;
  /** Reads the file of `DASHBOARD_API_TOKEN_FILE`; may throw. */
  readFile(path: string): string;
}

/** @throws CommandFailure where a setting is wrong, or missing. */
export function readAccess({ url, setting, readFile }: AccessOptions): Access {
  // The role of all that needs no token of a bot.
  const environment: Record<string, string> = { ROLE: "dashboard" };
  for (const name of ACCESS_SETTINGS) environment[name] = setting(name) ?? "";
  if (url !== null) environment["DASHBOARD_URL"] = url;
  const parsed = parseConfig(environment, { isTerminal: false, replicaName: "ctl", readFile });
  if (!parsed.ok) {
    const flag = url === null ? undefined : parsed.faults.find(({ name }) => name === "DASHBOARD_URL");
    if (flag !== undefined) throw new UsageError(faultLine({ ...flag, name: "--url" }));
    throw new CommandFailure(parsed.faults.map(faultLine).join("; "), EXIT_CONFIGURATION);
  }
  const { dashboard } = parsed.config;
  if (dashboard.apiToken === null) {
    throw new CommandFailure(
      "There is no token: set DASHBOARD_API_TOKEN, or DASHBOARD_API_TOKEN_FILE, to that of the dashboard",
      EXIT_REFUSED,
    );
  }
  if (dashboard.port === 0 && dashboard.publicUrl === null) {
    throw new CommandFailure(
      "Cannot say where the dashboard is while DASHBOARD_PORT is 0: give --url, or set DASHBOARD_URL",
      EXIT_CONFIGURATION,
    );
  }
  return { url: baseUrl(dashboard), token: dashboard.apiToken.reveal() };
}
