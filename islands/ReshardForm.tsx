/**
 * Asks for another number of shards; the page that it leads to says what that means.
 *
 * @module
 */
import { RESHARD_NAMES, RESHARD_PATH } from "./reshard.ts";

export interface ReshardFormProps {
  /** What was typed before. */
  readonly value?: string;
  /** What is wrong with it. */
  readonly problem?: string;
}

export function ReshardForm({ value, problem }: ReshardFormProps) {
  return (
    <form action={RESHARD_PATH} class="row shard-count">
      <label for="reshard-total">New number</label>
      <input
        id="reshard-total"
        name="total"
        type="number"
        min={1}
        required
        value={value}
        aria-describedby={problem === undefined ? undefined : "reshard-problem"}
        aria-invalid={problem === undefined ? undefined : true}
      />
      <button type="submit" class="quiet">{RESHARD_NAMES.begin}…</button>
      {problem !== undefined && <p class="bad" id="reshard-problem">✕ {problem}</p>}
    </form>
  );
}
