/**
 * The shard as the islands of its page show it: what the page came with, and what was told since.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { listen } from "./live.ts";
import type { ShardMessage } from "./shard_message.ts";

/**
 * What is told of the shard, folded into something an island shows.
 *
 * @param stream Of the page.
 */
export function useShard<State>(
  stream: string,
  first: State,
  fold: (state: State, message: ShardMessage) => State,
): State {
  const [state, setState] = useState(first);
  useEffect(
    () =>
      listen<ShardMessage | null>(stream, "shard", (message) => {
        // A fleet that has fewer shards now leaves the page of this one as it was.
        if (message !== null) setState((state) => fold(state, message));
      }),
    [],
  );
  return state;
}

/** Those that are known and those that are new, each once: after a lost stream everything is told again. */
export function withoutRepeats<Entry extends { readonly id: string }>(
  known: readonly Entry[],
  more: readonly Entry[],
): readonly Entry[] {
  const ids = new Set(known.map(({ id }) => id));
  return more.filter(({ id }) => !ids.has(id));
}
