/**
 * What a Prometheus answers over HTTP.
 *
 * @module
 */
import assert from "node:assert/strict";

/** One rule that raises an alert, as it has been read. */
export interface AlertRule {
  readonly name: string;
  readonly query: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `unknown` until it has been evaluated. */
  readonly health: "unknown" | "ok" | "err";
  readonly lastError?: string;
  /** What it has raised: texts are filled in. */
  readonly alerts: readonly {
    readonly state: string;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** Between two looks. */
const LOOK_EVERY_MS = 250;

export class PrometheusApi {
  readonly #url: string;

  /** @param url Of the server, without a path. */
  constructor(url: string) {
    this.#url = url;
  }

  /** The finite values that an expression has now, those of all its series. Throws where it is none. */
  async valuesNow(expression: string): Promise<number[]> {
    const { result } = await this.#get("query", { query: expression }) as {
      result: { value: [number, string] }[];
    };
    return result.map(({ value: [, value] }) => Number(value)).filter(Number.isFinite);
  }

  /** The finite values that an expression had in the last seconds. Throws where it is none. */
  async valuesOver(expression: string, seconds: number): Promise<number[]> {
    const end = Date.now() / 1_000;
    const range = { start: String(end - seconds), end: String(end), step: "1" };
    const { result } = await this.#get("query_range", { query: expression, ...range }) as {
      result: { values: [number, string][] }[];
    };
    return result.flatMap(({ values }) => values).map(([, value]) => Number(value)).filter(Number.isFinite);
  }

  /** The values of a label, over the series that a selector matches. */
  async labelValues(label: string, selector: string): Promise<string[]> {
    return await this.#get(`label/${label}/values`, { "match[]": selector }) as string[];
  }

  async alertRules(): Promise<AlertRule[]> {
    const { groups } = await this.#get("rules", { type: "alert" }) as { groups: { rules: AlertRule[] }[] };
    return groups.flatMap(({ rules }) => rules);
  }

  async #get(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = await response.json();
    assert.equal(status, "success", `${JSON.stringify(parameters)}: ${error}`);
    return data;
  }
}

/** Looks until the condition holds. What it waits for comes with a scrape, of which nobody is told. */
export async function lookUntil(condition: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !await condition()) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
