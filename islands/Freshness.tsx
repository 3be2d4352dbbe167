/**
 * Says when the server was last heard, once that is no longer now, and where Redis has nothing new to tell.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { heardAtMs, listen } from "./live.ts";

/** The server speaks once a second; three missed are worth a word. */
const STALE_AFTER_MS = 3_500;

export interface FreshnessProps {
  /** Of the page's stream. */
  readonly stream: string;
}

export function Freshness({ stream }: FreshnessProps) {
  const [nowMs, setNowMs] = useState<number | null>(null);
  const [isRedisAway, setRedisAway] = useState(false);
  useEffect(() => listen<boolean>(stream, "away", setRedisAway), []);
  useEffect(() => {
    const stop = listen(stream, "alive", () => {});
    const startedAtMs = Date.now();
    heardAtMs.value ??= startedAtMs;
    const timer = setInterval(() => setNowMs(Date.now()), 1_000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);
  if (nowMs === null || heardAtMs.value === null) return <p class="freshness" role="status" />;
  const silentMs = nowMs - heardAtMs.value;
  const words = silentMs > STALE_AFTER_MS
    ? `Last heard ${Math.round(silentMs / 1_000)} s ago`
    : isRedisAway
    ? "Redis away"
    : "Live";
  return <p class="freshness" role="status">{words}</p>;
}
