/**
 * Says that what a page shows may be old, because whoever writes it, or what it is kept in, is away.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { duration } from "./amounts.ts";
import { listen } from "./live.ts";

/** A gateway that speaks once a second is away after this long. */
const AWAY_AFTER_MS = 5_000;

export interface AwayNoticeProps {
  readonly stream: string;
  /** Since the gateway's last word; null where it has none to say. */
  readonly heardAgoMs: number | null;
}

export function AwayNotice({ stream, heardAgoMs }: AwayNoticeProps) {
  const [isRedisAway, setRedisAway] = useState(false);
  useEffect(() => listen<boolean>(stream, "away", setRedisAway), []);
  const isGatewayAway = isAway(heardAgoMs);
  // A screen reader says it when it happens; the notices themselves count the seconds.
  const spoken = isRedisAway ? "Redis is away" : isGatewayAway ? "The gateway is away" : "";
  return (
    <>
      <p class="sr" role="status">{spoken}</p>
      {isRedisAway && <p class="notice bad">Redis is away: what is shown here is what it said last.</p>}
      {isGatewayAway && (
        <p class="notice bad">
          Gateway last heard {duration(heardAgoMs ?? 0)} ago. What is shown here is what it said then.
        </p>
      )}
    </>
  );
}

/** Whether a process of the gateway that was there is silent. */
export function isAway(heardAgoMs: number | null): boolean {
  return heardAgoMs !== null && heardAgoMs > AWAY_AFTER_MS;
}
