/**
 * What the server tells an open page: one stream for all islands on it, opened by the first that listens.
 *
 * @module
 */
import { signal } from "@preact/signals";

/** A browser connects again by itself when a stream is lost, and gives up when it is refused. Then we ask again. */
const ASK_AGAIN_AFTER_MS = 3_000;

/** When the server was last heard, by this browser's clock; null before that. */
export const heardAtMs = signal<number | null>(null);

type Listener = (event: MessageEvent<string>) => void;

const listeners = new Map<string, Set<Listener>>();
let source: EventSource | null = null;
/** Of the last message: the server goes on from there. */
let lastId = "";

/**
 * Hears one kind of message, parsed. The kind `alive` comes every second, whatever else there is to tell.
 *
 * @param path Of the page's stream; all islands on a page name the same.
 * @returns Stops hearing.
 */
export function listen<Message>(path: string, kind: string, hear: (message: Message) => void): () => void {
  const listener: Listener = (event) => {
    heardAtMs.value = Date.now();
    if (event.lastEventId !== "") lastId = event.lastEventId;
    hear(JSON.parse(event.data));
  };
  const ofKind = listeners.get(kind) ?? new Set();
  listeners.set(kind, ofKind.add(listener));
  if (source === null) open(path);
  else source.addEventListener(kind, listener);
  return () => {
    ofKind.delete(listener);
    source?.removeEventListener(kind, listener);
  };
}

function open(path: string): void {
  const opened = source = new EventSource(path);
  for (const [kind, ofKind] of listeners) {
    for (const listener of ofKind) opened.addEventListener(kind, listener);
  }
  // What was said of Redis before the stream was lost may be over; the server says at once where it is not.
  opened.addEventListener("open", () => opened.dispatchEvent(new MessageEvent("away", { data: "false" })));
  opened.addEventListener("error", () => {
    if (opened.readyState === EventSource.CLOSED) setTimeout(() => void askAgain(path), ASK_AGAIN_AFTER_MS);
  });
}

async function askAgain(path: string): Promise<void> {
  const ended = new AbortController();
  const response = await fetch(path, { redirect: "manual", signal: ended.signal }).catch(() => null);
  ended.abort();
  // To the sign-in: this one has ended. The page itself is sent there as well, and comes back afterwards.
  if (response?.type === "opaqueredirect") return location.reload();
  const url = new URL(path, location.href);
  if (lastId !== "") url.searchParams.set("since", lastId);
  open(url.pathname + url.search);
}
