import assert from "node:assert/strict";
import { startSimulator } from "../../../simulator/simulator.ts";
import { openBrowser } from "../../../harness/browser.ts";

/** A website that keeps what people come back with; everybody else is sent to `authorizeUrl`. */
function startWebsite(authorizeUrl: string) {
  const cameBack: URLSearchParams[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/callback") {
      cameBack.push(searchParams);
      return html("<title>Welcome</title>");
    }
    if (pathname !== "/") return html("<title>Not found</title>");
    const url = new URL(authorizeUrl);
    url.search = new URLSearchParams({
      client_id: "1200000000000000000",
      redirect_uri: redirectUri,
      response_type: "code",
      scope: "identify",
      state: `visit ${cameBack.length}`,
    }).toString();
    return Response.redirect(url, 302);
  });
  const address = `http://127.0.0.1:${server.addr.port}`;
  const redirectUri = `${address}/callback`;
  return { server, address, redirectUri, cameBack };
}

function html(body: string): Response {
  return new Response(body, { headers: { "content-type": "text/html" } });
}

Deno.test("OAuth2 page takes a person through in Chromium without script, back with a code or with a no", async () => {
  const simulator = await startSimulator({ guilds: 1, largeGuildBytes: 0 });
  const website = startWebsite(simulator.authorizeUrl);
  try {
    await using opened = await openBrowser();
    const context = await opened.browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(website.address);
    assert.equal(await page.title(), "Authorize - simulated Discord");
    await page.getByRole("button", { name: "Authorize as Cleo <3 & co (cleo)", exact: true }).click();
    await page.waitForURL(`${website.redirectUri}?**`);
    const [agreed] = website.cameBack;
    assert.equal(agreed?.get("state"), "visit 0");
    const exchanged = await fetch(`${simulator.restUrl}/v10/oauth2/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("1200000000000000000:simulated-secret")}` },
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code: agreed?.get("code") ?? "",
        redirect_uri: website.redirectUri,
      }),
    });
    const { access_token } = await exchanged.json();
    const me = await fetch(`${simulator.restUrl}/v10/users/@me`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    assert.equal((await me.json()).id, "1200000000000000003");

    await page.goto(website.address);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.waitForURL(`${website.redirectUri}?**`);
    const [, refused] = website.cameBack;
    assert.deepEqual([refused?.get("error"), refused?.get("state"), refused?.has("code")], [
      "access_denied",
      "visit 1",
      false,
    ]);
    await context.close();
  } finally {
    await website.server.shutdown();
    await simulator.close();
  }
});
