/**
 * What keeps open pages live: `/live?fleet&shard=12` is a stream of server-sent events about the fleet and about one
 * shard. It ends with the sign-in.
 *
 * @module
 */
import type { ListenerOptions, Topic } from "../dashboard/fleet/live_feed.ts";
import type { DashboardServices } from "../dashboard/services.ts";
import { type PageContext, personOf, type Route } from "./_route.ts";

/** No page shows more. */
const TOPICS_MAX = 4;

const LIVE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Nobody on the way may keep it, or hold it back to compress more of it at once.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

export const live: Route = {
  GET(context) {
    const { signIns, topics } = context.get("services");
    const { signInId } = personOf(context);
    const query = new URL(context.req.url).searchParams;
    const chosen = chosenTopics(topics, query);
    if (chosen.length === 0) return context.text("Nothing to listen to\n", 404);
    const answer = answerLive(context, chosen, {
      // A browser that lost the stream says what it heard last.
      sinceMs: timeOf(context.req.header("last-event-id")) ?? timeOf(query.get("since")),
      isWelcome: async () => await signIns.find(signInId) !== null,
    });
    return answer ?? context.text("Too many listen already\n", 503);
  },
};

/** A stream of these topics for whoever asks; null where too many listen already. */
export function answerLive(
  context: PageContext,
  topics: readonly Topic[],
  options: ListenerOptions,
): Response | null {
  // Nobody would ever read, or leave, the stream of a request that wants the headers alone.
  if (context.req.method === "HEAD") return context.body(null, 200, LIVE_HEADERS);
  const stream = context.get("services").live.stream(topics, options);
  return stream && context.body(stream, 200, LIVE_HEADERS);
}

function chosenTopics(topics: DashboardServices["topics"], query: URLSearchParams): Topic[] {
  const chosen: Topic[] = [];
  for (const [name, argument] of query) {
    const topic = Object.hasOwn(topics, name) ? topics[name]?.(argument) : null;
    if (topic && chosen.length < TOPICS_MAX) chosen.push(topic);
  }
  return chosen;
}

/** Milliseconds since the epoch; null where the text says none. */
function timeOf(text: string | null | undefined): number | null {
  return text && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
