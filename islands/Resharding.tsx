/**
 * How many shards there are, the change of that which is under way or was the last, and how to begin one.
 *
 * @module
 */
import { amount } from "./amounts.ts";
import type { FleetFigures, ReshardFigures } from "./fleet_message.ts";
import { useFleet } from "./fleet_state.ts";
import { RESHARD_NAMES, RESHARD_PATH } from "./reshard.ts";
import { ReshardForm } from "./ReshardForm.tsx";

export interface ReshardingProps {
  readonly stream: string;
  readonly figures: Pick<FleetFigures, "reshard" | "total" | "sums">;
  /** Hidden fields of a form that acts, the CSRF token among them; null for whoever may only look. */
  readonly fields: Readonly<Record<string, string>> | null;
}

export function Resharding({ stream, figures: first, fields }: ReshardingProps) {
  const { reshard, total, sums } = useFleet(stream, first, (_, { figures }) => figures);
  const isUnderWay = reshard?.isUnderWay === true;
  return (
    <>
      {reshard !== null && <p class={`notice ${LOOKS[reshard.phase]}`}>{reshard.text}</p>}
      {isUnderWay && <Progress reshard={reshard} />}
      {isUnderWay && reshard.canBeAbandoned && fields !== null && (
        <form method="post" action={RESHARD_PATH} class="row">
          {Object.entries({ ...fields, abandon: "true" }).map(([field, value]) => (
            <input key={field} type="hidden" name={field} value={value} />
          ))}
          <button type="submit" class="danger">{RESHARD_NAMES.abandon}</button>
        </form>
      )}
      {!isUnderWay && <p>{totalText(total, sums.recommended)}</p>}
      {!isUnderWay && fields !== null && total > 0 && <ReshardForm />}
    </>
  );
}

const LOOKS: Readonly<Record<ReshardFigures["phase"], string>> = {
  rehearsing: "",
  holding: "",
  taking_over: "",
  done: "done",
  abandoned: "warn",
};

function Progress({ reshard: { to, ready, replicas } }: { readonly reshard: ReshardFigures }) {
  return (
    <>
      <p>{amount(ready)} of {amount(to)} new shards are ready.</p>
      <progress max={to} value={ready} aria-label="New shards that are ready">{`${ready} of ${to}`}</progress>
      {replicas.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="How far each replica is">
          <table class="stacked">
            <thead>
              <tr>
                <th scope="col">Replica</th>
                <th scope="col" class="number">Ready</th>
                <th scope="col">Waits for</th>
              </tr>
            </thead>
            <tbody>
              {replicas.map(({ name, ready, waitsFor }, at) => (
                <tr key={at}>
                  <th scope="row">{name}</th>
                  <td class="number" data-label="Ready">{amount(ready)}</td>
                  <td data-label="Waits for">{waitsFor ?? "nothing"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function totalText(total: number, recommended: number | null): string {
  const there = total === 1 ? "There is 1 shard" : `There are ${amount(total)} shards`;
  return recommended === null ? `${there}.` : `${there}; Discord recommends ${amount(recommended)}.`;
}
