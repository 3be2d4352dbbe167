import assert from "node:assert/strict";
import { ROUTES } from "../../../routes/_table.ts";
import { runProgram, startProgram } from "../../program.ts";
import { onStage } from "../stage.ts";
import { onDashboard, onDashboardAlone, PASSWORD, WAYS } from "./dashboard_stage.ts";

for (const [way, hasScript] of WAYS) {
  Deno.test(
    `People sign in to the dashboard with Discord, operators act and viewers look: ${way}`,
    onDashboard({
      shards: 1,
      settings: {
        DASHBOARD_OAUTH_CLIENT_ID: "1200000000000000000",
        DASHBOARD_OAUTH_CLIENT_SECRET: "simulated-secret",
        DASHBOARD_OPERATORS: "1200000000000000001",
        DASHBOARD_VIEWERS: "1200000000000000002",
      },
    }, async (dashboard) => {
      const signedInAs = async (name: string) => {
        const page = await dashboard.page({ javaScriptEnabled: hasScript });
        await page.goto(dashboard.url);
        await page.getByRole("link", { name: "Sign in with Discord" }).click();
        await page.getByRole("button", { name: `Authorize as ${name}` }).click();
        return page;
      };
      const operator = await signedInAs("Ada (ada)");
      await operator.getByRole("heading", { name: "Fleet", level: 1 }).waitFor();
      await dashboard.open(operator, "/presence", hasScript);
      assert(await operator.getByRole("button", { name: "Send presence" }).isEnabled());

      const viewer = await signedInAs("ben.example");
      await viewer.getByRole("heading", { name: "Fleet", level: 1 }).waitFor();
      await dashboard.open(viewer, "/presence", hasScript);
      assert(await viewer.getByRole("button", { name: "Send presence" }).isDisabled());
      // What no button offers is refused all the same.
      const csrf = await viewer.locator("input[name=csrf]").first().inputValue();
      const form = { csrf, status: "idle", shards: "all", do: "send" };
      assert.equal((await viewer.request.post(`${dashboard.url}/presence`, { form })).status(), 403);
      const withoutToken = { ...form, csrf: "" };
      const refused = await operator.request.post(`${dashboard.url}/presence`, { form: withoutToken });
      assert.equal(refused.status(), 403);

      const stranger = await signedInAs("Cleo <3 & co (cleo)");
      await stranger.getByText("1200000000000000003").waitFor();
      assert.equal(dashboard.stage.simulator.control.statistics.commands().length, 0);
    }),
  );
}

for (const [way, hasScript] of WAYS) {
  Deno.test(
    `The dashboard refuses the right password too once a wrong one was tried five times: ${way}`,
    onDashboardAlone({}, async (dashboard) => {
      const page = await dashboard.page({ javaScriptEnabled: hasScript });
      await page.goto(dashboard.url);
      const answerTo = async (password: string) => {
        await page.getByLabel("Password").fill(password);
        const [response] = await Promise.all([
          page.waitForResponse((response) => response.request().method() === "POST"),
          page.getByRole("button", { name: "Sign in", exact: true }).click(),
        ]);
        await page.getByRole("alert").waitFor();
        return response.status();
      };
      for (let attempt = 1; attempt <= 5; attempt++) assert.equal(await answerTo("a guess"), 401);
      assert.equal(await answerTo(PASSWORD), 429);
      await page.getByText(/^Too many wrong passwords were tried\. For 15 more minutes/).waitFor();
      await page.goto(dashboard.url);
      assert.equal(new URL(page.url()).pathname, "/sign_in");
    }),
  );
}

Deno.test(
  "deno task signin prints a link that signs one browser in to the running dashboard, and no second one",
  onDashboardAlone({ settings: { DASHBOARD_PASSWORD: "" } }, async (dashboard) => {
    await dashboard.service.line(({ message }) =>
      message === "To sign in to the dashboard: deno task signin"
    );
    const { code, text, complaints } = await runProgram("ctl/signin.ts", "signin", {
      env: { ROLE: "dashboard", REDIS_URL: dashboard.stage.redisUrl, DASHBOARD_URL: dashboard.url },
    });
    assert.equal(code, 0, complaints);
    const link = text.trim();
    assert(link.startsWith(`${dashboard.url}/sign_in/link/`), link);
    const [first, second] = [await dashboard.page(), await dashboard.page()];
    for (const page of [first, second]) await page.goto(link);
    await first.getByRole("button", { name: "Sign in" }).click();
    await first.getByRole("heading", { name: "Fleet", level: 1 }).waitFor();
    await second.getByRole("button", { name: "Sign in" }).click();
    await second.getByRole("heading", { name: "This link is over" }).waitFor();
    await second.goto(link);
    await second.getByRole("heading", { name: "This link is over" }).waitFor();
    await second.goto(dashboard.url);
    assert.equal(new URL(second.url()).pathname, "/sign_in");
    // Nobody is to find a link where lines are kept, neither its own nor this one.
    assert.equal(await dashboard.service.end("SIGTERM"), 0);
    const written = JSON.stringify(dashboard.service.lines) + await dashboard.service.errors;
    assert.doesNotMatch(written, /sign_in\/link/);
  }),
);

const LINK = /http:\/\/127\.0\.0\.1:\d+\/sign_in\/link\/[\w-]+/;

Deno.test(
  "The service shows a link that signs in on its terminal, and where it writes JSON there none",
  onStage({}, async (stage) => {
    const shownUntil = async (words: RegExp, format: string) => {
      const { child, exited } = startProgram("main.ts", "service", {
        env: {
          ROLE: "dashboard",
          REDIS_URL: stage.redisUrl,
          RABBIT_URL: stage.rabbitUrl,
          PROMETHEUS_PORT: "0",
          DASHBOARD_PORT: "0",
          ...(format === "" ? {} : { LOG_FORMAT: format }),
        },
        isOnTerminal: true,
      });
      let shown = "";
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        shown += text;
        if (words.test(shown)) break;
      }
      // What a link leads to is there as long as the service is.
      const [link] = LINK.exec(shown) ?? [];
      const page = link === undefined ? null : await (await fetch(link)).text();
      child.kill("SIGTERM");
      await Promise.all([exited, child.stderr.cancel()]);
      return { page, shown };
    };
    const { page, shown } = await shownUntil(new RegExp(`${LINK.source}\\s`), "");
    assert.match(page ?? shown, /This link signs you in as an operator, once\./);
    const json = await shownUntil(/deno task signin/, "json");
    assert.equal(json.page, null, json.shown);
  }),
);

Deno.test(
  "The dashboard on every address with no way to sign in shows what to set and nothing else, and says how it is",
  onDashboardAlone({ settings: { DASHBOARD_HOST: "0.0.0.0", DASHBOARD_PASSWORD: "" } }, async (dashboard) => {
    const page = await dashboard.page();
    for (const [path] of ROUTES) {
      const url = dashboard.url + path.replace(/:\w+/g, "0");
      const answers = [await page.request.get(url), await page.request.post(url)];
      for (const answer of answers) {
        if (path.startsWith("/api/")) assert(!answer.ok(), path);
        else assert.match(`${answer.status()} ${await answer.text()}`, /^503 .*<h1>No way to sign in</, path);
      }
    }
    await page.goto(dashboard.url);
    await page.getByRole("heading", { name: "No way to sign in" }).waitFor();
    await page.getByText("Set DASHBOARD_PASSWORD, or DASHBOARD_OAUTH_CLIENT_ID").waitFor();
    for (const path of ["/livez", "/readyz"]) {
      assert.equal((await page.request.get(dashboard.url + path)).status(), 200, path);
    }
    assert(!dashboard.service.lines.some(({ message }) => message.includes("deno task signin")));
  }),
);
