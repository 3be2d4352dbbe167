import assert from "node:assert/strict";
import { type Access, readAccess } from "../../ctl/access.ts";
import { CommandFailure } from "../../ctl/failure.ts";

interface Given {
  readonly url?: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function accessOf({ url, settings, files = {} }: Given): Access {
  return readAccess({
    url: url ?? null,
    setting: (name) => settings[name],
    readFile: (path) => files[path] ?? assert.fail("no such file"),
  });
}

/** Status and line of the failure. */
function failureOf(given: Given): [status: number, message: string] {
  try {
    accessOf(given);
  } catch (error) {
    assert(error instanceof CommandFailure);
    return [error.status, error.message];
  }
  assert.fail("there is access");
}

const DASHBOARD_API_TOKEN = "token-that-nobody-may-see";

Deno.test("readAccess() finds the dashboard by its settings, each winning over the next", () => {
  const urls:
    readonly (readonly [given: Omit<Given, "settings">, settings: Given["settings"], url: string])[] = [
      [{}, {}, "http://127.0.0.1:8000"],
      [{}, { DASHBOARD_HOST: "::1", DASHBOARD_PORT: "9000" }, "http://[::1]:9000"],
      [{}, { PORT: "9000", DASHBOARD_PORT: "1" }, "http://localhost:9000"],
      [{}, { DASHBOARD_URL: "https://shards.example/", PORT: "1" }, "https://shards.example"],
      [{ url: "http://there:1/" }, { DASHBOARD_URL: "https://shards.example" }, "http://there:1"],
    ];
  for (const [given, settings, url] of urls) {
    const access = accessOf({ ...given, settings: { DASHBOARD_API_TOKEN, ...settings } });
    assert.deepEqual(access, { url, token: DASHBOARD_API_TOKEN });
  }
});

Deno.test("readAccess() takes the token from a file", () => {
  const settings = { DASHBOARD_API_TOKEN_FILE: "/run/token" };
  assert.equal(accessOf({ settings, files: { "/run/token": "long\n" } }).token, "long");
  const [status, message] = failureOf({ settings });
  assert.equal(status, 78);
  assert.match(message, /^DASHBOARD_API_TOKEN_FILE is "\/run\/token": expected the path of a file/);
});

Deno.test("readAccess() says what to set where there is no token, or no port", () => {
  const [status, message] = failureOf({ settings: {} });
  assert.equal(status, 77);
  assert.match(message, /^There is no token: set DASHBOARD_API_TOKEN/);
  const unknown = failureOf({ settings: { DASHBOARD_API_TOKEN, DASHBOARD_PORT: "0" } });
  assert.equal(unknown[0], 78);
  assert.match(unknown[1], /give --url, or set DASHBOARD_URL/);
});

Deno.test("readAccess() names wrong settings in one line, without the token, and heeds no others", () => {
  const wrong = { DASHBOARD_API_TOKEN, DASHBOARD_PORT: "99999", DASHBOARD_URL: "ftp://x" };
  const [status, message] = failureOf({ settings: wrong });
  assert.equal(status, 78);
  assert.match(message, /^DASHBOARD_PORT is "99999": [^\n]+; DASHBOARD_URL is "ftp:\/\/x": [^\n]+$/);
  assert(!message.includes(DASHBOARD_API_TOKEN));
  const [flag, said] = failureOf({ url: "nonsense", settings: { DASHBOARD_API_TOKEN } });
  assert.equal(flag, 64);
  assert.match(said, /^--url is "nonsense": expected an http/);
  assert.equal(accessOf({ settings: { DASHBOARD_API_TOKEN, REDIS_PORT: "no" } }).token, DASHBOARD_API_TOKEN);
});
