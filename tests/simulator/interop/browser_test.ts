import assert from "node:assert/strict";
import { startSimulator } from "../../../simulator/simulator.ts";
import { openBrowser } from "../../../harness/browser.ts";
import { FREE_INTENTS, TOKEN } from "../bench.ts";

interface Visit {
  readonly url: string;
  /** The frame to send after HELLO. */
  readonly greeting: string;
  /** A heartbeat tells when the dispatch with this number is here. */
  readonly acknowledge: number;
}

interface Seen {
  readonly ops: number[];
  readonly names: (string | null)[];
  readonly sequences: (number | null)[];
  readonly sessionId: string | null;
  /** How the connection ended: 1006 without a close frame. */
  readonly code: number;
}

/** Runs in the browser: talks to the gateway with the browser's own WebSocket and its own inflater. */
async function visit({ url, greeting, acknowledge }: Visit): Promise<Seen> {
  const inflater = new DecompressionStream("deflate");
  const writer = inflater.writable.getWriter();
  const reader = inflater.readable.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const seen = { ops: [] as number[], names: [] as (string | null)[], sequences: [] as (number | null)[] };
  let sessionId: string | null = null;

  const inflate = async (message: ArrayBuffer) => {
    void writer.write(new Uint8Array(message));
    let text = "";
    for (;;) {
      text += decoder.decode((await reader.read()).value, { stream: true });
      try {
        return JSON.parse(text);
      } catch {
        // not whole yet
      }
    }
  };

  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  return await new Promise((resolve) => {
    let turn = Promise.resolve();
    socket.onclose = ({ code }) => void turn.then(() => resolve({ ...seen, sessionId, code }));
    socket.onmessage = ({ data }) => {
      turn = turn.then(async () => {
        const { op, t, s, d } = await inflate(data);
        seen.ops.push(op);
        seen.names.push(t);
        seen.sequences.push(s);
        if (op === 10) socket.send(greeting);
        if (t === "READY") sessionId = d.session_id;
        if (s === acknowledge) socket.send(JSON.stringify({ op: 1, d: s }));
      });
    };
  });
}

Deno.test("Chromium's own WebSocket and inflater identify, receive and resume after a lost connection", async () => {
  const simulator = await startSimulator({ guilds: 3, largeGuildBytes: 500_000, trimReplay: true });
  try {
    await using opened = await openBrowser();
    const page = await opened.browser.newPage();
    await page.goto(`${simulator.restUrl}/v10/gateway`);
    const query = "/?v=10&encoding=json&compress=zlib-stream";
    const identify = { op: 2, d: { token: TOKEN, intents: FREE_INTENTS, properties: {} } };
    const { control } = simulator;
    const acknowledged = (sequence: number) =>
      control.until(() => control.state().sessions[0]?.sequenceAcknowledged === sequence);

    const first = page.evaluate(visit, {
      url: simulator.gatewayUrl + query,
      greeting: JSON.stringify(identify),
      acknowledge: 4,
    });
    await acknowledged(4);
    control.inject({ fault: "reset" });
    const { ops, names, sequences, sessionId, code } = await first;
    assert.deepEqual(ops.slice(0, 5), [10, 0, 0, 0, 0]);
    assert.deepEqual(names.slice(0, 5), [null, "READY", "GUILD_CREATE", "GUILD_CREATE", "GUILD_CREATE"]);
    assert.deepEqual(sequences.slice(0, 5), [null, 1, 2, 3, 4]);
    assert.equal(code, 1006);

    control.generate(50);
    const missed = control.state().sessions[0]?.sequence ?? 0;
    const resume = { op: 6, d: { token: TOKEN, session_id: sessionId, seq: 4 } };
    const second = page.evaluate(visit, {
      url: simulator.resumeGatewayUrl + query,
      greeting: JSON.stringify(resume),
      acknowledge: missed + 1,
    });
    await acknowledged(missed + 1);
    control.inject({ fault: "close", code: 4000 });
    const dispatched = (await second).sequences.filter((sequence) => sequence !== null);
    assert.deepEqual(dispatched, Array.from({ length: missed - 3 }, (_, index) => index + 5));
    assert.equal((await second).names[dispatched.length], "RESUMED");
    assert.equal((await second).code, 4000);
    assert.equal(control.state().statistics.happenings.identified, 1);

    // A browser that leaves the page closes with 1001, by which the session ends.
    void page.evaluate(visit, {
      url: simulator.gatewayUrl + query,
      greeting: JSON.stringify({ ...resume, d: { ...resume.d, seq: missed + 1 } }),
      acknowledge: -1,
    }).catch(() => {});
    await control.until(() => control.state().statistics.happenings.resumed === 2);
    await page.close();
    await control.until(() => control.state().sessions.length === 0);
    assert.equal(control.statistics.closeCodesReceived[1001], 1);
  } finally {
    await simulator.close();
  }
});
