/**
 * The image's health check: asks the service in the same container once whether it is alive, and exits with 0 or 1.
 *
 * `/livez` is there for every `ROLE`, on `PROMETHEUS_PORT`, with or without a `PORT` that a platform gives.
 *
 * @module
 */
import { SETTINGS } from "../gateway/config/settings.ts";

/** Less than the `--timeout` of the Dockerfile. */
const ANSWER_MAX_MS = 4_000;

if (import.meta.main) Deno.exit(await isAlive(Deno.env.get("PROMETHEUS_PORT")) ? 0 : 1);

async function isAlive(portText: string | undefined): Promise<boolean> {
  const port = portText?.trim() || SETTINGS.PROMETHEUS_PORT.defaultText;
  try {
    const response = await fetch(`http://127.0.0.1:${port}/livez`, {
      signal: AbortSignal.timeout(ANSWER_MAX_MS),
    });
    return response.ok;
  } catch {
    return false; // nobody listens, or nobody answers in time
  }
}
