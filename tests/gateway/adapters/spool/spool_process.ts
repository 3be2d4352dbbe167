/**
 * A process that writes to a spool until it is refused. Arguments: the folder, then how many events it leaves
 * unconfirmed. It prints `written <last position>` when that is durable, and `refused <reason>` at the end.
 */
import { SqliteSpool } from "../../../../gateway/adapters/spool/sqlite_spool.ts";
import { contentsOf, spoolWrite } from "../../../contracts/spool_contract.ts";
import { batchAfter, confirmedUpTo, pointsAfter, SHARDS } from "./spool_batches.ts";

const [folder = "", backlog = ""] = Deno.args;
const spool = new SqliteSpool({ folders: () => [folder], clock: { wallMs: () => Date.now() } });
let { lastPosition } = contentsOf(await spool.open({ bot: "1" }));
await spool.begin({ total: SHARDS, keepPoints: true });

let refusal: string | null = null;
while (refusal === null) {
  const events = batchAfter(lastPosition);
  const last = events.at(-1)?.position ?? lastPosition;
  const confirmed = Math.max(0, last - Number(backlog));
  const write = spoolWrite({ events, confirmed: confirmedUpTo(confirmed), points: pointsAfter(last) });
  try {
    await spool.write(write);
    lastPosition = last;
    await say(`written ${lastPosition}`);
  } catch (error) {
    refusal = error instanceof Error ? error.message : String(error);
  }
}
await say(`refused ${refusal}`);
await spool.close();

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}
