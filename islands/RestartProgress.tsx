/**
 * How far a rolling restart has come.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { amount, duration } from "./amounts.ts";
import { listen } from "./live.ts";
import { Time } from "./Time.tsx";

/** Times are milliseconds since the epoch, by the server's clock. */
export interface RestartFigures {
  readonly atMs: number;
  readonly state: "running" | "finished" | "stopped" | "given_up" | "interrupted";
  readonly startedBy: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly total: number;
  readonly back: number;
  /** Those that did not come back. */
  readonly missing: number;
  readonly missingText: string;
  /** Whose turn it is. */
  readonly current: number | null;
  readonly stoppedBy: string | null;
}

export interface RestartProgressProps {
  readonly stream: string;
  /** Null where there was none. */
  readonly restart: RestartFigures | null;
}

export function RestartProgress({ stream, restart: first }: RestartProgressProps) {
  const [restart, setRestart] = useState(first);
  useEffect(() =>
    listen<RestartFigures | null>(stream, "restart", (told) => {
      setRestart(told);
      // What can be done about it is on the page around, and another then.
      if (told?.state !== first?.state) location.reload();
    }), []);
  if (restart === null) return <p class="empty">No shards have been restarted one after the other yet.</p>;
  const { atMs, state, total, back, missing, missingText, startedBy, startedAtMs, endedAtMs } = restart;
  const done = back + missing;
  const endMs = state === "running" ? atMs : endedAtMs;
  return (
    <>
      <p class={`notice ${LOOKS[state]}`}>{sentence(restart)}</p>
      <progress max={total} value={done} aria-label="Shards that had their turn">
        {`${done} of ${total}`}
      </progress>
      <dl class="figures">
        <Figure name="back" value={amount(back)} />
        <Figure name="not back" value={amount(missing)} />
        <Figure name="left" value={amount(total - done)} />
        {endMs !== null && (
          <Figure name={state === "running" ? "so far" : "lasted"} value={duration(endMs - startedAtMs)} />
        )}
      </dl>
      <dl class="pairs">
        <div>
          <dt>Started by</dt>
          <dd>
            {startedBy}, <Time atMs={startedAtMs} />
          </dd>
        </div>
        {endedAtMs !== null && (
          <div>
            <dt>Ended</dt>
            <dd>
              <Time atMs={endedAtMs} />
            </dd>
          </div>
        )}
        {missing > 0 && (
          <div>
            <dt>Not back in time</dt>
            <dd>{missingText}</dd>
          </div>
        )}
      </dl>
    </>
  );
}

const LOOKS: Readonly<Record<RestartFigures["state"], string>> = {
  running: "",
  finished: "done",
  stopped: "warn",
  given_up: "failed",
  interrupted: "failed",
};

function sentence({ state, total, missing, current, stoppedBy }: RestartFigures): string {
  switch (state) {
    case "running":
      return current === null ? "It begins." : `Shard ${current} is restarting.`;
    case "finished":
      return missing === 0
        ? `All ${amount(total)} are back.`
        : "All had their turn. Those that were not back in time may be by now.";
    case "stopped":
      return `Stopped by ${stoppedBy ?? "somebody"}. A shard whose turn it was comes back by itself.`;
    case "given_up":
      return "Given up, because several in a row did not come back. Look at one of them before going on.";
    case "interrupted":
      return "Interrupted: the dashboard that ran it has stopped or lost Redis. The rest was not restarted.";
  }
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
