import assert from "node:assert/strict";
import { startRedis } from "../../harness/redis.ts";
import { createApp } from "../../routes/app.ts";
import { withDashboard } from "../dashboard/rig.ts";

Deno.test("The dashboard sends whoever is not signed in to the sign-in, and back where they wanted to be", async () => {
  await withDashboard(async ({ anybody }) => {
    const response = await anybody.get("/shards/3?tab=life");
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/sign_in?next=%2Fshards%2F3%3Ftab%3Dlife");
  });
});

Deno.test("The dashboard answers an unknown path with a page that says so", async () => {
  await withDashboard(async ({ signedIn }) => {
    const response = await (await signedIn("viewer")).get("/nowhere");
    assert.equal(response.status, 404);
    assert.match(await response.text(), /There is no such page/);
  });
});

Deno.test("The dashboard lets no cache keep a page, and sends a static file again only when it has changed", async () => {
  await withDashboard(async ({ anybody, signedIn }) => {
    const viewer = await signedIn("viewer");
    for (const path of ["/", "/nowhere", "/readyz"]) {
      const page = await viewer.get(path);
      await page.body?.cancel();
      assert.equal(page.headers.get("cache-control"), path === "/readyz" ? null : "no-store", path);
    }
    const compressed = { "accept-encoding": "gzip" };
    const first = await anybody.get("/static/style.css", compressed);
    await first.body?.cancel();
    assert.equal(first.headers.get("content-encoding"), "gzip");
    const again = await anybody.get("/static/style.css", {
      ...compressed,
      "if-none-match": first.headers.get("etag") ?? "",
    });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
  });
});

/** What a dashboard on a port answers to these very bytes, of which it is sent no more than that. */
async function answerTo(text: string): Promise<{ readonly answer: string; readonly faults: number }> {
  let answer = "";
  let faults = 0;
  await withDashboard(async ({ services }) => {
    const app = createApp(services, () => faults += 1);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
    const { hostname, port } = server.addr;
    const connection = await Deno.connect({ hostname, port });
    await connection.write(new TextEncoder().encode(text));
    await connection.closeWrite();
    answer = await new Response(connection.readable).text().catch(() => "");
    await server.shutdown();
  });
  return { answer, faults };
}

const POST = "POST /sign_in HTTP/1.1\r\nConnection: close\r\n";
const FORM = "Content-Type: application/x-www-form-urlencoded\r\n";

Deno.test("The dashboard turns away what no browser sends, and calls none of it a fault of its own", async () => {
  const long = "password=".padEnd(5_000, "x");
  const requests: Readonly<Record<string, string>> = {
    "This request names no host": `${POST}Host: a b\r\nContent-Length: 0\r\n\r\n`,
    "at most": `${POST}Host: x\r\n${FORM}Transfer-Encoding: chunked\r\n\r\n1388\r\n${long}\r\n0\r\n\r\n`,
    "may have 4 KiB at most": `${POST}Host: x\r\n${FORM}Content-Length: ${long.length}\r\n\r\n${long}`,
  };
  for (const [words, request] of Object.entries(requests)) {
    const { answer, faults } = await answerTo(request);
    assert.match(answer, /^HTTP\/1\.1 400 /, words);
    assert(answer.includes(words), answer);
    assert.equal(faults, 0, words);
  }
});

Deno.test("The dashboard alone is ready while Redis answers, and not where only its connection stands", async () => {
  const { server, url } = await startRedis();
  await using _server = server;
  await withDashboard(async ({ app }) => {
    const readiness = async () => {
      const response = await app.request("/readyz");
      return [response.status, await response.json()];
    };
    assert.deepEqual(await readiness(), [200, []]);
    await server.pause();
    assert.deepEqual(await readiness(), [503, ["redis"]]);
    await server.resume();
    assert.deepEqual(await readiness(), [200, []]);
  }, { redis: { url } });
});

Deno.test("The dashboard takes a request without a body, and one that comes in pieces", async () => {
  const { answer } = await answerTo(`${POST}Host: x\r\n${FORM}\r\n`);
  assert.match(answer, /^HTTP\/1\.1 403 /);
  await withDashboard(async ({ app }) => {
    const response = await app.request("/sign_in", {
      method: "POST",
      headers: { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" },
      body: ReadableStream.from(["password=", "wrong"]).pipeThrough(new TextEncoderStream()),
    });
    assert.equal(response.status, 401);
  });
});

Deno.test("The dashboard does not call a request that breaks off a fault of its own", async () => {
  const { faults } = await answerTo(`${POST}Host: x\r\n${FORM}Content-Length: 100\r\n\r\npassword=`);
  assert.equal(faults, 0);
});
