import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DiscordSignIn } from "../../../dashboard/sign_in/discord.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

const REDIRECT_URI = "https://shards.example/sign_in/discord/callback";
const TOKEN = { access_token: "at-7", token_type: "Bearer", scope: "identify" };
const CLEO = { id: "1200000000000000003", username: "cleo" };

interface Asked {
  readonly line: string;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

type Answer = Response | Promise<Response>;

/** Something that answers where Discord should, and what it was asked. */
async function withServer(
  answers: (path: string) => Answer,
  test: (discord: DiscordSignIn, world: { asked: Asked[]; clock: ManualClock; url: string }) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const form = new URLSearchParams(await request.text());
    asked.push({ line: `${request.method} ${pathname}`, headers: request.headers, form });
    return await answers(pathname);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const clock = new ManualClock();
  const discord = new DiscordSignIn({
    clientId: "1200000000000000000",
    clientSecret: "s:ecret",
    authorizeUrl: "https://discord.example/oauth2/authorize",
    apiUrl: `${url}/api/v10`,
  }, { clock, fetch, userAgent: "DiscordBot (shardline, 0.0.0)" });
  try {
    await test(discord, { asked, clock, url });
    clock.assertIdle();
  } finally {
    await server.shutdown();
  }
}

/** A token for every code, and then this. */
const thenMe = (me: () => Answer) => (path: string) => path.endsWith("/token") ? Response.json(TOKEN) : me();

Deno.test("DiscordSignIn.authorizeUrl() asks for a code and for nothing but who somebody is", () =>
  withServer(() => new Response(), (discord) => {
    const url = new URL(discord.authorizeUrl({ redirectUri: REDIRECT_URI, state: "a&b" }));
    assert.equal(`${url.origin}${url.pathname}`, "https://discord.example/oauth2/authorize");
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      response_type: "code",
      client_id: "1200000000000000000",
      scope: "identify",
      state: "a&b",
      redirect_uri: REDIRECT_URI,
    });
    return Promise.resolve();
  }));

Deno.test("DiscordSignIn.whoseCode() exchanges the code and asks who its owner is", () =>
  withServer(thenMe(() => Response.json(CLEO)), async (discord, { asked }) => {
    assert.deepEqual(await discord.whoseCode("c-1", REDIRECT_URI), {
      kind: "person",
      id: CLEO.id,
      name: "cleo",
    });
    const [exchange, me] = asked;
    assert.equal(exchange?.line, "POST /api/v10/oauth2/token");
    const basic = Buffer.from("1200000000000000000:s:ecret").toString("base64");
    assert.equal(exchange.headers.get("authorization"), `Basic ${basic}`);
    assert.equal(exchange.headers.get("user-agent"), "DiscordBot (shardline, 0.0.0)");
    assert.deepEqual(Object.fromEntries(exchange.form), {
      grant_type: "authorization_code",
      code: "c-1",
      redirect_uri: REDIRECT_URI,
    });
    assert.equal(me?.line, "GET /api/v10/users/@me");
    assert.equal(me.headers.get("authorization"), "Bearer at-7");
  }));

Deno.test("DiscordSignIn.whoseCode() tells a refused code from a refused client, and both from an outage", async () => {
  const cases = [
    [400, { error: "invalid_grant" }, "code_refused"],
    [401, { error: "invalid_client" }, "client_refused"],
    [400, { error: "invalid_client" }, "client_refused"],
    [429, { message: "You are being rate limited." }, "away"],
    [500, {}, "away"],
    [200, {}, "away"],
    [200, [], "away"],
    [200, null, "away"],
    [200, { access_token: 7 }, "away"],
    [200, { access_token: "a\nb" }, "away"],
    [200, { access_token: "a".repeat(513) }, "away"],
  ] as const;
  for (const [status, body, kind] of cases) {
    await withServer(() => Response.json(body, { status }), async (discord, { asked }) => {
      assert.equal((await discord.whoseCode("c-1", REDIRECT_URI)).kind, kind, JSON.stringify([status, body]));
      assert.equal(asked.length, 1);
    });
  }
});

Deno.test("DiscordSignIn.whoseCode() takes nobody whose id is none", async () => {
  const others: Answer[] = [
    Response.json({ username: "cleo" }),
    Response.json({ ...CLEO, id: 1200000000000000003 }),
    Response.json({ ...CLEO, id: "1200000000000000003," }),
    Response.json({ ...CLEO, id: "12" }),
    Response.json([CLEO]),
    Response.json(CLEO, { status: 401 }),
    new Response("<html>"),
    new Response(null, { status: 204 }),
  ];
  for (const other of others) {
    await withServer(thenMe(() => other), async (discord) => {
      assert.deepEqual(await discord.whoseCode("c-1", REDIRECT_URI), { kind: "away" });
    });
  }
});

Deno.test("DiscordSignIn.whoseCode() makes a name fit for a page, and takes the id for one that is not", async () => {
  const names = [
    ["cl\u202Eeo\n", "cl eo"],
    ["x".repeat(1_000), `${"x".repeat(32)}…`],
    ["\u0000", CLEO.id],
    [7, CLEO.id],
  ] as const;
  for (const [username, name] of names) {
    await withServer(thenMe(() => Response.json({ ...CLEO, username })), async (discord) => {
      assert.deepEqual(await discord.whoseCode("c-1", REDIRECT_URI), { kind: "person", id: CLEO.id, name });
    });
  }
});

Deno.test("DiscordSignIn.whoseCode() reads no answer without end, and follows no answer elsewhere", async () => {
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(16_384).fill(32)),
    });
  await withServer(() => new Response(endless()), async (discord) => {
    assert.deepEqual(await discord.whoseCode("c-1", REDIRECT_URI), { kind: "away" });
  });
  await withServer(
    (path) =>
      path === "/elsewhere" ? Response.json(TOKEN) : Response.redirect("http://127.0.0.1:1/elsewhere"),
    async (discord, { asked }) => {
      assert.deepEqual(await discord.whoseCode("c-1", REDIRECT_URI), { kind: "away" });
      assert.equal(asked.length, 1);
    },
  );
});

Deno.test("DiscordSignIn.whoseCode() gives up after eight seconds", async () => {
  const silence = Promise.withResolvers<Response>();
  const heard = Promise.withResolvers<void>();
  await withServer(() => {
    heard.resolve();
    return silence.promise;
  }, async (discord, { clock }) => {
    const answer = discord.whoseCode("c-1", REDIRECT_URI);
    await heard.promise;
    clock.advance(7_999);
    assert.deepEqual(clock.deadlinesMs, [8_000]);
    clock.advance(1);
    assert.deepEqual(await answer, { kind: "away" });
    silence.resolve(new Response());
  });
});

Deno.test("DiscordSignIn.whoseCode() asks for eight people at a time, and takes the next when one is through", async () => {
  const silence = Promise.withResolvers<void>();
  let held = 0;
  const allHeld = Promise.withResolvers<void>();
  const answers = async (path: string) => {
    if (++held === 8) allHeld.resolve();
    await silence.promise;
    return path.endsWith("/token") ? Response.json(TOKEN) : Response.json(CLEO);
  };
  await withServer(answers, async (discord, { asked }) => {
    const first = Array.from({ length: 8 }, () => discord.whoseCode("c-1", REDIRECT_URI));
    await allHeld.promise;
    assert.deepEqual(await discord.whoseCode("c-9", REDIRECT_URI), { kind: "away" });
    assert.equal(asked.length, 8);
    silence.resolve();
    assert((await Promise.all(first)).every(({ kind }) => kind === "person"));
    assert.equal((await discord.whoseCode("c-10", REDIRECT_URI)).kind, "person");
  });
});

Deno.test("DiscordSignIn.whoseCode() asks nobody about what cannot be a code", () =>
  withServer(() => new Response(), async (discord, { asked }) => {
    for (const code of ["", " ", "a b", "a\nb", "ü", "a".repeat(513)]) {
      assert.deepEqual(await discord.whoseCode(code, REDIRECT_URI), { kind: "code_refused" });
    }
    assert.deepEqual(asked, []);
  }));
