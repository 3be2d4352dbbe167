/**
 * The dashboard's application on real servers, without a port: requests go in, pages come out.
 *
 * @module
 */
import assert from "node:assert/strict";
import { generateSignedCookie } from "hono/cookie";
import { Redis } from "ioredis";
import type { Role } from "../../dashboard/person.ts";
import {
  createServices,
  type DashboardNews,
  type DashboardServices,
  startServices,
  stopServices,
} from "../../dashboard/services.ts";
import type { DashboardSettings } from "../../dashboard/settings.ts";
import { type Clock, systemClock } from "../../gateway/clock.ts";
import { SIGN_IN_COOKIE } from "../../routes/_cookies.ts";
import { createApp } from "../../routes/app.ts";
import { testServers } from "../servers.ts";

/** A browser that is signed in: it keeps cookies, and sends the CSRF token of its sign-in. */
export class TestBrowser {
  readonly #app: ReturnType<typeof createApp>;
  readonly #csrfToken: string;
  readonly #cookies = new Map<string, string>();
  /** The other end of its connections. */
  remoteAddress = "127.0.0.1";

  constructor(app: ReturnType<typeof createApp>, csrfToken = "") {
    this.#app = app;
    this.#csrfToken = csrfToken;
  }

  /** @param pair As a browser sends it: `name=value`. */
  keep(pair: string): void {
    const [name = "", ...value] = pair.split("=");
    this.#cookies.set(name, value.join("="));
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { headers });
  }

  /** The value that it keeps for a cookie. */
  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /**
   * @param fields Of the form; the CSRF token is added unless they name another.
   * @param headers Besides what a browser says of a form on a page of the dashboard itself.
   */
  post(
    path: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const body = String(new URLSearchParams({ csrf: this.#csrfToken, ...fields }));
    const browsers = {
      "sec-fetch-site": "same-origin",
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
    };
    return this.#send(path, { method: "POST", headers: { ...browsers, ...headers }, body });
  }

  /** The text of a page that must be there. */
  async page(path: string): Promise<string> {
    const response = await this.get(path);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return text;
  }

  async #send(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = cookie === "" ? init.headers ?? {} : { cookie, ...init.headers };
    const response = await this.#app.request(path, { ...init, headers }, {
      remoteAddress: this.remoteAddress,
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      if (/max-age=0/i.test(line)) this.#cookies.delete(pair.split("=")[0] ?? "");
      else this.keep(pair);
    }
    return response;
  }
}

export interface DashboardRig {
  readonly app: ReturnType<typeof createApp>;
  readonly services: DashboardServices;
  /** For what the gateway would write. */
  readonly redis: Redis;
  readonly rabbitUrl: string;
  /** What the dashboard told whoever runs it. */
  readonly news: readonly DashboardNews[];
  readonly faults: readonly unknown[];
  /** Not signed in. */
  readonly anybody: TestBrowser;
  signedIn(role: Role): Promise<TestBrowser>;
}

export const TEST_SETTINGS: Omit<DashboardSettings, "rabbitUrl" | "redis"> = {
  host: "127.0.0.1",
  port: 0,
  publicUrl: null,
  proxies: [],
  rabbitManagementUrl: null,
  redisPrefix: "",
  queues: ["gateway"],
  password: "correct horse",
  apiToken: null,
  oauth: null,
  operators: [],
  viewers: [],
  version: "0.0.0",
};

/** Runs a test on a dashboard that is started, and stops it. No fault of the dashboard's own goes unseen. */
export async function withDashboard(
  test: (rig: DashboardRig) => Promise<void>,
  settings: Partial<DashboardSettings> = {},
  clock: Clock = systemClock,
): Promise<void> {
  const { rabbitUrl, redisUrl } = await testServers();
  const news: DashboardNews[] = [];
  const faults: unknown[] = [];
  const services = createServices({ ...TEST_SETTINGS, rabbitUrl, redis: { url: redisUrl }, ...settings }, {
    clock,
    tell: (item) => news.push(item),
    gatewayMissing: null,
  });
  const redis = new Redis(redisUrl);
  await startServices(services);
  try {
    const app = createApp(services, (fault) => faults.push(fault));
    await test({
      app,
      services,
      redis,
      rabbitUrl,
      news,
      faults,
      anybody: new TestBrowser(app),
      signedIn: (role) => signIn(app, services, role),
    });
    assert.deepEqual(faults, []);
  } finally {
    await stopServices(services);
    await redis.quit();
  }
}

async function signIn(
  app: ReturnType<typeof createApp>,
  { signIns }: DashboardServices,
  role: Role,
): Promise<TestBrowser> {
  const id = await signIns.begin({ name: role, role, by: "password" });
  const person = await signIns.find(id);
  assert(person !== null);
  const browser = new TestBrowser(app, await signIns.csrfToken(person));
  const cookie = await generateSignedCookie(SIGN_IN_COOKIE, id, await signIns.cookieKey(SIGN_IN_COOKIE));
  browser.keep(cookie.split(";")[0] ?? "");
  return browser;
}
