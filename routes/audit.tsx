/**
 * What people did.
 *
 * @module
 */
import type { RecordedAction } from "../dashboard/audit/audit_log.ts";
import { Time } from "../islands/Time.tsx";
import { page } from "./_layout.tsx";
import type { Route } from "./_route.ts";

const PATH = "/audit";
const ENTRIES_SHOWN = 50;

export const audit: Route = {
  async GET(context) {
    const before = new URL(context.req.url).searchParams.get("before") ?? undefined;
    const { entries, before: older } = await context.get("services").audit.read({
      count: ENTRIES_SHOWN,
      before,
    });
    return await page(
      context,
      { title: "Audit", styles: ["/static/forms.css"] },
      <>
        <h1>Audit</h1>
        <p class="muted">
          What people did here, the newest first. The last 10,000 entries are kept in Redis. Times are UTC.
        </p>
        {entries.length === 0
          ? (
            <p class="empty">
              {before === undefined ? "Nobody has done anything yet." : "There is nothing older."}
            </p>
          )
          : <Entries entries={entries} />}
        {(before !== undefined || older !== null) && (
          <nav class="row below" aria-label="Entries">
            {before !== undefined && <a href={PATH}>Newest</a>}
            {older !== null && <a href={`${PATH}?before=${older}`}>Older</a>}
          </nav>
        )}
      </>,
    );
  },
};

function Entries({ entries }: { readonly entries: readonly RecordedAction[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Audit">
      <table class="stacked">
        <thead>
          <tr>
            <th scope="col">When, UTC</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Shards</th>
            <th scope="col">Outcome</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ id, atMs, who, role, address, action, shards, outcome }) => (
            <tr key={id}>
              <td class="aside">
                <Time atMs={atMs} />
              </td>
              <td>
                {who} {role !== "" && role !== who && <small class="muted">{role}</small>}
              </td>
              <td class="what">{action}</td>
              <td data-label="Shards">{shards}</td>
              <td data-label="Outcome">{outcome}</td>
              <td class="whole" data-label="From">{address}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
