/**
 * What has happened to a shard, the newest first.
 *
 * @module
 */
import type { LifeEvent } from "./shard_message.ts";
import { useShard, withoutRepeats } from "./shard_state.ts";
import { Time } from "./Time.tsx";

/** As many as are kept. */
const EVENTS_MOST = 100;

/** Shapes stand for the tones too. */
const GLYPHS: Readonly<Record<LifeEvent["tone"], string>> = { good: "●", plain: "·", warn: "▲", bad: "✕" };

export interface ShardLifeProps {
  readonly stream: string;
  /** The newest first. */
  readonly life: readonly LifeEvent[];
}

export function ShardLife({ stream, ...first }: ShardLifeProps) {
  const life = useShard(stream, first.life, (known, message) => {
    return [...withoutRepeats(known, message.life), ...known].slice(0, EVENTS_MOST);
  });
  if (life.length === 0) return <p class="empty">Nothing is known of what has happened to this shard.</p>;
  return (
    <ol class="life">
      {life.map(({ id, atMs, text, tone }) => (
        <li key={id} class={tone}>
          <Time atMs={atMs} />
          <span class={`glyph ${tone}`} aria-hidden="true">{GLYPHS[tone]}</span>
          <span>{text}</span>
        </li>
      ))}
    </ol>
  );
}
