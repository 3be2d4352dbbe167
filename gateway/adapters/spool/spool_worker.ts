/**
 * The spool's thread: its database waits for the disk here, where no socket waits for it.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { failureText } from "../../failure.ts";
import { buffersOf, packEvents, unpackEvents } from "./packed_events.ts";
import { SpoolDatabase, UnfitSpoolError } from "./spool_database.ts";
import type { SpoolAnswer, SpoolRequest } from "./spool_request.ts";

let database: SpoolDatabase | null = null;

self.onmessage = ({ data }: MessageEvent<SpoolRequest>) => {
  try {
    carryOut(data);
  } catch (error) {
    const unfit = error instanceof UnfitSpoolError ? error.label : null;
    answer({ kind: "failed", message: failureText(error), unfit });
  }
};

function carryOut(request: SpoolRequest): void {
  if (request.kind === "open") {
    const opened = SpoolDatabase.open(request.path, request.bot);
    database = opened.database;
    return answer({ kind: "done", value: opened.contents });
  }
  if (request.kind === "close") {
    database?.close();
    database = null;
    return answer({ kind: "done", value: null });
  }
  if (database === null) throw new Error("the spool is not open");
  switch (request.kind) {
    case "begin":
      database.begin(request.total, request.keepPoints);
      return answer({ kind: "done", value: null });
    case "write": {
      const events = unpackEvents(request.events);
      const quarantined = unpackEvents(request.quarantined).map(({ event }) => event);
      database.write({ ...request, events, quarantined }, request.atMs);
      return answer({ kind: "done", value: null });
    }
    case "read": {
      const page = database.read(request.shard, request.afterPosition, request.maxBytes);
      const events = packEvents(page.events);
      return answer({ kind: "done", value: { ...page, events } }, buffersOf(events));
    }
  }
}

function answer(message: SpoolAnswer, transfer: ArrayBuffer[] = []): void {
  self.postMessage(message, { transfer });
}
