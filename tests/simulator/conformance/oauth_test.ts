import assert from "node:assert/strict";
import { DEFAULT_PEOPLE } from "../../../simulator/people.ts";
import type { SimulatorOptions } from "../../../simulator/simulator.ts";
import { Bench, TOKEN } from "../bench.ts";

const CLIENT_ID = "1200000000000000000";
const CLIENT_SECRET = "simulated-secret";
const ADA = "1200000000000000001";
const BEN = "1200000000000000002";
const CALLBACK = "http://127.0.0.1:8000/callback";

type Fields = Readonly<Record<string, string>>;

interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The URL to which an application sends a person; an undefined field is left out. */
function authorizeUrl(bench: Bench, fields: Readonly<Record<string, string | undefined>> = {}): string {
  const url = new URL(bench.simulator.authorizeUrl);
  const all = {
    client_id: CLIENT_ID,
    redirect_uri: CALLBACK,
    response_type: "code",
    scope: "identify",
    state: "s1",
    ...fields,
  };
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** What the page answers: with a form as to the press of a button, without as to a visit. */
async function visit(url: string, form?: Fields, headers: Fields = {}) {
  const response = await fetch(url, {
    redirect: "manual",
    headers: { ...headers },
    ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
  });
  const location = response.headers.get("location");
  return {
    status: response.status,
    headers: response.headers,
    location: location === null ? null : new URL(location),
    text: await response.text(),
  };
}

/** The code with which a person who has agreed comes back. */
async function codeOf(bench: Bench, fields: Fields = {}, person = ADA): Promise<string> {
  const { location } = await visit(authorizeUrl(bench, fields), { person });
  return location?.searchParams.get("code") ?? "none";
}

async function postForm(
  bench: Bench,
  path: string,
  form: Fields,
  headers: Fields = {},
): Promise<TokenAnswer> {
  const response = await fetch(`${bench.simulator.restUrl}${path}`, {
    method: "POST",
    headers: { ...headers },
    body: new URLSearchParams(form),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** An exchange with the credentials in the form, where `fields` do not say otherwise. */
function exchange(bench: Bench, fields: Fields): Promise<TokenAnswer> {
  return postForm(bench, "/v10/oauth2/token", {
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    grant_type: "authorization_code",
    redirect_uri: CALLBACK,
    ...fields,
  });
}

function basic(id: string, secret: string): Fields {
  return { authorization: `Basic ${btoa(`${id}:${secret}`)}` };
}

async function tokensOf(bench: Bench, fields: Fields = {}, person = ADA) {
  const { status, body } = await exchange(bench, { code: await codeOf(bench, fields, person) });
  assert.equal(status, 200);
  return { access: String(body.access_token), refresh: String(body.refresh_token) };
}

async function whoIs(bench: Bench, authorization: string) {
  const response = await fetch(`${bench.simulator.restUrl}/v10/users/@me`, { headers: { authorization } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function isGood(bench: Bench, accessToken: string): Promise<boolean> {
  const { status, body } = await whoIs(bench, `Bearer ${accessToken}`);
  if (status === 200) return true;
  assert.deepEqual([status, body], [401, { message: "401: Unauthorized", code: 0 }]);
  return false;
}

function run(test: (bench: Bench) => Promise<void>, options: SimulatorOptions = {}): Promise<void> {
  return Bench.run(options, test);
}

Deno.test("OAuth2 sends a person who agrees back with code and state, and the code is worth tokens that say who it is", async () => {
  await run(async (bench) => {
    const { status, location } = await visit(authorizeUrl(bench), { person: ADA });
    assert.equal(status, 302);
    assert.equal(`${location?.origin}${location?.pathname}`, CALLBACK);
    assert.deepEqual([...location?.searchParams.keys() ?? []], ["code", "state"]);
    assert.equal(location?.searchParams.get("state"), "s1");
    const code = location?.searchParams.get("code") ?? "";
    const { status: exchanged, headers, body } = await exchange(bench, { code });
    assert.equal(exchanged, 200);
    assert.equal(headers.get("content-type"), "application/json");
    assert.equal(headers.get("cache-control"), "no-store");
    const { access_token, refresh_token, ...rest } = body;
    assert.deepEqual(rest, { token_type: "Bearer", expires_in: 604_800, scope: "identify" });
    assert.notEqual(access_token, refresh_token);
    const me = await whoIs(bench, `Bearer ${access_token}`);
    assert.equal(me.status, 200);
    assert.equal(me.headers.get("x-ratelimit-limit"), "1000");
    const { id, username, global_name, discriminator, avatar } = me.body;
    assert.deepEqual({ id, username, global_name, discriminator, avatar }, {
      id: ADA,
      username: "ada",
      global_name: "Ada",
      discriminator: "0",
      avatar: null,
    });
    assert.deepEqual(["email", "bot"].filter((field) => field in me.body), []);
    assert.equal(await isGood(bench, String(refresh_token)), false);
    assert.equal((await whoIs(bench, `Bot ${access_token}`)).status, 401);
    assert.equal((await whoIs(bench, `Bearer ${TOKEN}`)).status, 401);
  });
});

Deno.test("OAuth2 without state sends none back, and keeps the query that the redirect URI has", async () => {
  await run(async (bench) => {
    const redirect_uri = "http://localhost:3000/callback?from=discord";
    const { location } = await visit(authorizeUrl(bench, { redirect_uri, state: undefined }), {
      person: ADA,
    });
    assert.deepEqual([...location?.searchParams.keys() ?? []], ["from", "code"]);
    const code = location?.searchParams.get("code") ?? "";
    assert.equal((await exchange(bench, { code, redirect_uri })).status, 200);
  });
});

Deno.test("OAuth2 takes the credentials in HTTP Basic too, and the token URL without a version", async () => {
  await run(async (bench) => {
    for (const path of ["/oauth2/token", "/v9/oauth2/token", "/v10/oauth2/token"]) {
      const form = {
        grant_type: "authorization_code",
        code: await codeOf(bench),
        redirect_uri: CALLBACK,
      };
      assert.equal((await postForm(bench, path, form, basic(CLIENT_ID, CLIENT_SECRET))).status, 200);
    }
  });
});

Deno.test("OAuth2 refuses wrong credentials with 401 invalid_client, wherever they stand, and leaves the code good", async () => {
  await run(async (bench) => {
    const code = await codeOf(bench);
    const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK };
    const right = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
    const wrong: [Fields, Fields][] = [
      [{}, {}],
      [{ ...right, client_secret: "wrong" }, {}],
      [{ ...right, client_id: "1200000000000000009" }, {}],
      [{ client_id: CLIENT_ID }, {}],
      [{}, basic(CLIENT_ID, "wrong")],
      [{}, basic(CLIENT_ID, `${CLIENT_SECRET}:`)],
      [{}, { authorization: "Basic ?" }],
      [{}, { authorization: `Bearer ${CLIENT_SECRET}` }],
      [right, basic(CLIENT_ID, "wrong")],
    ];
    for (const path of ["/v10/oauth2/token", "/v10/oauth2/token/revoke"]) {
      for (const [fields, headers] of wrong) {
        const answer = await postForm(bench, path, { ...form, ...fields }, headers);
        assert.deepEqual([answer.status, answer.body], [401, { error: "invalid_client" }]);
        assert.match(answer.headers.get("www-authenticate") ?? "", /^Basic/);
      }
    }
    assert.equal(bench.control.statistics.invalidRestResponses, 2 * wrong.length);
    assert.equal((await exchange(bench, { code })).status, 200);
  });
});

Deno.test("OAuth2 exchanges a code once", async () => {
  await run(async (bench) => {
    const code = await codeOf(bench);
    assert.equal((await exchange(bench, { code })).status, 200);
    const again = await exchange(bench, { code });
    assert.deepEqual([again.status, again.body], [400, {
      error: "invalid_grant",
      error_description: 'Invalid "code" in request.',
    }]);
    assert.equal((await exchange(bench, { code: "unknown" })).body.error, "invalid_grant");
  });
});

Deno.test("OAuth2 exchanges a code for 100 seconds and not a millisecond longer, unless told otherwise", async () => {
  await run(async (bench) => {
    const [inTime, late] = [await codeOf(bench), await codeOf(bench)];
    bench.clock.advance(99_999);
    assert.equal((await exchange(bench, { code: inTime })).status, 200);
    bench.clock.advance(1);
    assert.deepEqual(
      (await exchange(bench, { code: late })).body.error_description,
      'Invalid "code" in request.',
    );
    bench.control.set({ oauthCodeTtlMs: 0 });
    assert.equal((await exchange(bench, { code: await codeOf(bench) })).body.error, "invalid_grant");
  });
});

Deno.test("OAuth2 exchanges a code only with the redirect URI that it was given for, to the letter", async () => {
  await run(async (bench) => {
    const code = await codeOf(bench);
    for (
      const redirect_uri of [
        `${CALLBACK}/`,
        "http://127.0.0.1:8000/Callback",
        "http://localhost:8000/callback",
        "",
      ]
    ) {
      const { status, body } = await exchange(bench, { code, redirect_uri });
      assert.deepEqual([status, body], [400, {
        error: "invalid_grant",
        error_description: 'Invalid "redirect_uri" in request.',
      }]);
    }
    const form = {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      grant_type: "authorization_code",
      code,
    };
    const { body } = await postForm(bench, "/v10/oauth2/token", form);
    assert.equal(body.error_description, 'Invalid "redirect_uri" in request.');
    assert.equal((await exchange(bench, { code })).status, 200);
  });
});

Deno.test("OAuth2 names what an exchange lacks, and takes nothing but a form", async () => {
  await run(async (bench) => {
    const credentials = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
    const said = async (form: Fields) => {
      const { status, body } = await postForm(bench, "/v10/oauth2/token", form);
      return [status, body.error, body.error_description];
    };
    assert.deepEqual(await said({ ...credentials, grant_type: "authorization_code" }), [
      400,
      "invalid_request",
      'Missing "code" in request.',
    ]);
    assert.deepEqual(await said({ ...credentials, grant_type: "refresh_token" }), [
      400,
      "invalid_request",
      'Missing "refresh_token" in request.',
    ]);
    assert.deepEqual(await said({ ...credentials, grant_type: "password" }), [
      400,
      "unsupported_grant_type",
      "Grant type password is not supported",
    ]);
    const unread = [400, "unsupported_grant_type", "Grant type None is not supported"];
    assert.deepEqual(await said(credentials), unread);
    const form = {
      ...credentials,
      grant_type: "authorization_code",
      code: await codeOf(bench),
      redirect_uri: CALLBACK,
    };
    const inQuery = await postForm(bench, `/v10/oauth2/token?${new URLSearchParams(form)}`, {});
    assert.deepEqual([inQuery.status, inQuery.body.error, inQuery.body.error_description], unread);
    const bodies = {
      "application/json": JSON.stringify(form),
      "text/plain": String(new URLSearchParams(form)),
    };
    for (const [type, text] of Object.entries(bodies)) {
      const response = await fetch(`${bench.simulator.restUrl}/v10/oauth2/token`, {
        method: "POST",
        headers: { "content-type": type },
        body: text,
      });
      const body = await response.json();
      assert.deepEqual([response.status, body.error, body.error_description], unread, type);
    }
    assert.equal((await exchange(bench, { code: form.code })).status, 200);
    const read = await fetch(`${bench.simulator.restUrl}/v10/oauth2/token`);
    assert.deepEqual([read.status, (await read.json()).message], [405, "405: Method Not Allowed"]);
  });
});

Deno.test("OAuth2 sends nobody to a redirect URI that is not registered, nor for a client it does not know", async () => {
  const refused = async (bench: Bench, fields: Record<string, string | undefined>, message: string) => {
    for (const form of [undefined, { person: ADA }, { cancel: "true" }]) {
      const { status, location, text } = await visit(authorizeUrl(bench, fields), form);
      assert.deepEqual([status, location], [400, null], JSON.stringify(fields));
      assert.ok(text.includes(message));
    }
  };
  await run(async (bench) => {
    const elsewhere = [
      "https://example.com/callback",
      "http://127.0.0.1.example.com/",
      "http://127.0.0.1@example.com/",
      "http://ada:secret@127.0.0.1/",
      "http://127.0.0.1/#fragment",
      "javascript:alert(1)//127.0.0.1",
      "/callback",
      "",
      undefined,
    ];
    for (const redirect_uri of elsewhere) {
      await refused(bench, { redirect_uri }, "Invalid OAuth2 redirect_uri");
    }
    for (const client_id of ["1200000000000000009", "", undefined]) {
      await refused(bench, { client_id }, "Unknown Application");
    }
    for (const redirect_uri of ["http://localhost:3000", "http://[::1]:1/a?b=c", "https://127.0.0.1/x"]) {
      assert.equal((await visit(authorizeUrl(bench, { redirect_uri }))).status, 200);
    }
  });
  const redirectUris = ["https://dashboard.example/callback", "https://dashboard.example/other"];
  await run(async (bench) => {
    for (const redirect_uri of [CALLBACK, `${redirectUris[0]}/`, `${redirectUris[0]}?a=b`]) {
      await refused(bench, { redirect_uri }, "Invalid OAuth2 redirect_uri");
    }
    for (const redirect_uri of redirectUris) {
      const { location } = await visit(authorizeUrl(bench, { redirect_uri }), { person: ADA });
      assert.equal(`${location?.origin}${location?.pathname}`, redirect_uri);
    }
    const { location } = await visit(authorizeUrl(bench, { redirect_uri: undefined }), { person: ADA });
    assert.equal(`${location?.origin}${location?.pathname}`, redirectUris[0]);
  }, { redirectUris });
});

Deno.test("OAuth2 sends a person back with what is wrong with the request, or that they said no", async () => {
  await run(async (bench) => {
    const sentBack = async (fields: Record<string, string | undefined>, form?: Fields) => {
      const { status, location } = await visit(authorizeUrl(bench, fields), form);
      assert.equal(status, 302);
      assert.equal(`${location?.origin}${location?.pathname}`, CALLBACK);
      assert.equal(location?.searchParams.get("state"), "s1");
      assert.equal(location?.searchParams.has("code"), false);
      assert.notEqual(location?.searchParams.get("error_description") ?? "", "");
      return location?.searchParams.get("error");
    };
    assert.equal(await sentBack({}, { cancel: "true" }), "access_denied");
    for (const form of [undefined, { person: ADA }]) {
      assert.equal(await sentBack({ response_type: undefined }, form), "invalid_request");
      assert.equal(await sentBack({ response_type: "token" }, form), "unsupported_response_type");
      for (const scope of [undefined, "", "nonsense", "identify nonsense", "identify,email", "bot"]) {
        assert.equal(await sentBack({ scope }, form), "invalid_scope", String(scope));
      }
    }
  });
});

Deno.test("OAuth2 lets a person press only as somebody there is", async () => {
  await run(async (bench) => {
    for (const form of [{ person: "1200000000000000009" }, { person: "" }, {}]) {
      const { status, location } = await visit(authorizeUrl(bench), form);
      assert.deepEqual([status, location], [400, null]);
    }
    const response = await fetch(authorizeUrl(bench), { method: "DELETE" });
    await response.body?.cancel();
    assert.equal(response.status, 405);
  });
});

Deno.test("OAuth2 page names everybody, what is asked and where it goes, with nothing of it read as HTML", async () => {
  const hostile = { id: "1200000000000000004", username: "eve", globalName: '"><script>alert(1)</script>' };
  const people = [...DEFAULT_PEOPLE, hostile];
  await run(async (bench) => {
    const fields = { state: `"'><script>`, redirect_uri: "http://127.0.0.1/a'b?<c>" };
    const { status, headers, text } = await visit(
      authorizeUrl(bench, { ...fields, scope: "identify email" }),
    );
    assert.equal(status, 200);
    assert.match(headers.get("content-type") ?? "", /^text\/html/);
    assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
    assert.equal(/<script/i.test(text), false);
    for (const { id } of people) assert.ok(text.includes(`name="person" value="${id}"`));
    assert.ok(text.includes("Authorize as ben.example<"));
    assert.ok(text.includes("Cleo &lt;3 &amp; co (cleo)"));
    assert.ok(text.includes("<li>identify</li>") && text.includes("<li>email</li>"));
    assert.ok(text.includes("http://127.0.0.1/a&#39;b?&lt;c&gt;"));
    const action = /action="([^"]+)"/.exec(text)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const url = new URL(action, bench.simulator.authorizeUrl);
    const { location } = await visit(url.href, { person: hostile.id });
    assert.equal(location?.searchParams.get("state"), fields.state);
  }, { people });
});

Deno.test("OAuth2 page stands below /api too, by a redirect that keeps the query", async () => {
  await run(async (bench) => {
    const { search } = new URL(authorizeUrl(bench));
    const response = await fetch(`${bench.simulator.restUrl}/oauth2/authorize${search}`);
    assert.equal(response.url, authorizeUrl(bench));
    assert.match(await response.text(), /Authorize as Ada/);
  });
});

Deno.test("OAuth2 with prompt=none skips the page for whoever agreed to the same in this browser, and for nobody else", async () => {
  await run(async (bench) => {
    const silent = (scope: string, cookie: string) =>
      visit(authorizeUrl(bench, { scope, prompt: "none" }), undefined, { cookie });
    assert.equal((await silent("identify", `simulated_discord_person=${ADA}`)).status, 200);
    const { headers } = await visit(authorizeUrl(bench, { scope: "identify guilds" }), { person: ADA });
    const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";
    const { status, location } = await silent("guilds", `other=1; ${cookie}`);
    assert.equal(status, 302);
    assert.equal(
      (await exchange(bench, { code: location?.searchParams.get("code") ?? "" })).body.scope,
      "guilds",
    );
    assert.equal((await silent("identify email", cookie)).status, 200);
    assert.equal((await silent("identify", "")).status, 200);
    assert.equal((await silent("identify", `simulated_discord_person=${BEN}`)).status, 200);
    const asking = await visit(authorizeUrl(bench, { prompt: "consent" }), undefined, { cookie });
    assert.equal(asking.status, 200);
  });
});

Deno.test("OAuth2 shows a person to identify alone, and their address to email", async () => {
  await run(async (bench) => {
    const { access } = await tokensOf(bench, { scope: "identify email" }, BEN);
    const { body } = await whoIs(bench, `Bearer ${access}`);
    assert.deepEqual([body.id, body.global_name, body.email, body.verified], [
      BEN,
      null,
      "ben.example@example.com",
      true,
    ]);
    for (const scope of ["guilds", "email"]) {
      assert.equal(await isGood(bench, (await tokensOf(bench, { scope })).access), false, scope);
    }
  });
});

Deno.test("OAuth2 access tokens end after seven days, and a refresh token yields a new pair in place of the old one", async () => {
  await run(async (bench) => {
    const first = await tokensOf(bench);
    const refresh = (refresh_token: string) =>
      exchange(bench, { grant_type: "refresh_token", refresh_token });
    bench.clock.advance(604_799_999);
    assert.equal(await isGood(bench, first.access), true);
    assert.equal(bench.control.oauth().accessTokens, 1);
    bench.clock.advance(1);
    assert.equal(await isGood(bench, first.access), false);
    assert.equal(bench.control.oauth().accessTokens, 0);
    const { status, body } = await refresh(first.refresh);
    assert.deepEqual([status, body.expires_in, body.scope], [200, 604_800, "identify"]);
    assert.equal(await isGood(bench, String(body.access_token)), true);
    for (const token of [first.refresh, first.access, "unknown"]) {
      const refused = await refresh(token);
      assert.deepEqual([refused.status, refused.body], [400, { error: "invalid_grant" }]);
    }
    const second = await refresh(String(body.refresh_token));
    assert.equal(second.status, 200);
    assert.equal(await isGood(bench, String(body.access_token)), false);
    bench.control.set({ oauthTokenTtlMs: 1_500 });
    assert.equal((await refresh(String(second.body.refresh_token))).body.expires_in, 1);
  });
});

Deno.test("OAuth2 revocation of either token ends all of that person and none of another", async () => {
  await run(async (bench) => {
    const revoke = (token: string) =>
      postForm(bench, "/v10/oauth2/token/revoke", { token }, basic(CLIENT_ID, CLIENT_SECRET));
    for (const kind of ["access", "refresh"] as const) {
      const [one, other, ben] = [
        await tokensOf(bench),
        await tokensOf(bench),
        await tokensOf(bench, {}, BEN),
      ];
      const { status, body } = await revoke(one[kind]);
      assert.deepEqual([status, body], [200, {}]);
      assert.deepEqual([await isGood(bench, one.access), await isGood(bench, other.access)], [false, false]);
      const refreshed = await exchange(bench, { grant_type: "refresh_token", refresh_token: other.refresh });
      assert.equal(refreshed.body.error, "invalid_grant");
      assert.equal(await isGood(bench, ben.access), true);
    }
    const before = bench.control.oauth().accessTokens;
    assert.equal((await revoke("unknown")).status, 200);
    assert.equal(bench.control.oauth().accessTokens, before);
    const nothing = await postForm(bench, "/v10/oauth2/token/revoke", {}, basic(CLIENT_ID, CLIENT_SECRET));
    assert.deepEqual([nothing.status, nothing.body.error], [400, "invalid_request"]);
  });
});

Deno.test("OAuth2 keeps the newest ten thousand codes: one more, and only the oldest is forgotten", async () => {
  await run(async (bench) => {
    const codes: string[] = [];
    for (let index = 0; index <= 10_000; index++) codes.push(await codeOf(bench));
    assert.equal((await exchange(bench, { code: codes[0] as string })).body.error, "invalid_grant");
    assert.equal((await exchange(bench, { code: codes[1] as string })).status, 200);
  });
});

Deno.test("OAuth2 token route fails as asked, like any of REST", async () => {
  await run(async (bench) => {
    bench.control.injectRest({ status: 503, count: 1, path: "/oauth2/token" });
    const code = await codeOf(bench);
    assert.equal((await exchange(bench, { code })).status, 503);
    assert.equal((await exchange(bench, { code })).status, 200);
  });
});

Deno.test("OAuth2 plays the application and the people that it is given, and refuses those that cannot be", async () => {
  const people = [{ id: "80351110224678912", username: "nelly", globalName: null }];
  const options = { clientId: "157730590492196864", clientSecret: "another", people };
  await run(async (bench) => {
    const { location } = await visit(authorizeUrl(bench, { client_id: options.clientId }), {
      person: "80351110224678912",
    });
    const credentials = { client_id: options.clientId, client_secret: options.clientSecret };
    const code = location?.searchParams.get("code") ?? "";
    assert.equal((await exchange(bench, { code })).status, 401);
    const { body } = await exchange(bench, { ...credentials, code });
    assert.equal((await whoIs(bench, `Bearer ${body.access_token}`)).body.username, "nelly");
    assert.deepEqual(bench.control.oauth(), {
      clientId: options.clientId,
      redirectUris: [],
      people,
      accessTokens: 1,
    });
  }, options);
  const ada = { id: ADA, username: "ada", globalName: null };
  const wrong: SimulatorOptions[] = [
    { clientId: "app" },
    { clientSecret: "" },
    { redirectUris: ["/callback"] },
    { redirectUris: ["ftp://example.com/"] },
    { redirectUris: ["https://example.com/#top"] },
    { people: [{ ...ada, id: "1" }] },
    { people: [{ ...ada, username: "Ada Example" }] },
    { people: [ada, { ...ada, username: "other" }] },
  ];
  for (const options of wrong) {
    await assert.rejects(run(() => Promise.resolve(), options), RangeError, JSON.stringify(options));
  }
});
