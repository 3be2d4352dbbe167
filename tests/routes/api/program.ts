/**
 * A program that asks the dashboard's endpoints, with the token that they want.
 *
 * @module
 */
import { type DashboardRig, withDashboard } from "../../dashboard/rig.ts";

export const API_TOKEN = "api-token-of-a-test";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // What an endpoint answers is the very thing that tests look at.
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

export interface ProgramRig extends DashboardRig {
  get(path: string): Promise<Answer>;
  /** @param body Sent as JSON; a text as it is. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The answer itself, for one that does not end. */
  open(path: string): Promise<Response>;
}

/** Runs a test on a dashboard that has a token. */
export async function withProgram(test: (rig: ProgramRig) => Promise<void>): Promise<void> {
  await withDashboard(async (rig) => {
    const ask = async (path: string, init: RequestInit & { headers?: Record<string, string> }) => {
      const headers = { authorization: `Bearer ${API_TOKEN}`, ...init.headers };
      return await rig.app.request(path, { ...init, headers }, { remoteAddress: "192.0.2.1" });
    };
    const answer = async (response: Response) => (
      { status: response.status, headers: response.headers, body: await response.json() }
    );
    await test({
      ...rig,
      get: async (path) => answer(await ask(path, {})),
      post: async (path, body, headers = { "content-type": "application/json" }) => {
        if (body === undefined) return answer(await ask(path, { method: "POST" }));
        const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
        return answer(await ask(path, { method: "POST", body: bytes, headers }));
      },
      open: (path) => ask(path, {}),
    });
  }, { apiToken: API_TOKEN });
}
