/**
 * A process that fills a spool until it is refused, then empties it. Argument: the path of the database. It prints
 * `refused <reason>`, `reserve <bytes>` and `emptied`.
 */
import { SpoolDatabase } from "../../../../gateway/adapters/spool/spool_database.ts";
import { spoolWrite } from "../../../contracts/spool_contract.ts";
import { batchAfter, confirmedUpTo } from "./spool_batches.ts";

/** Well below what the shell lets a file grow to. */
const RESERVE_BYTES = 100_000;

const REMOVED_AT_ONCE = 20;

const [path = ""] = Deno.args;
const { database } = SpoolDatabase.open(path, "1", { reserveBytes: RESERVE_BYTES });
let lastPosition = 0;
let refusal: unknown = null;
while (refusal === null) {
  const events = batchAfter(lastPosition);
  try {
    database.write(spoolWrite({ events }), 0);
    lastPosition = events.at(-1)?.position ?? 0;
  } catch (error) {
    refusal = error;
  }
}
await say(`refused ${refusal}`);
const { size } = await Deno.stat(`${path}-reserve`);
await say(`reserve ${size >= RESERVE_BYTES}`);
// In small steps: each of them adds to SQLite's log, which the disk does not take any more.
for (let position = 0; position <= lastPosition; position += REMOVED_AT_ONCE) {
  database.write(spoolWrite({ confirmed: confirmedUpTo(position + REMOVED_AT_ONCE) }), 0);
}
await say("emptied");
database.write(spoolWrite({ events: batchAfter(lastPosition) }), 0);
await say("written");
database.close();

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}
