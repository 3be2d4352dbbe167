/**
 * The dashboard for Grafana, and what Grafana makes of its expressions before it asks them.
 *
 * @module
 */
import type { GrafanaDashboard, QueryPanel } from "./grafana_schema.ts";

const FILE = new URL("../../deploy/grafana/shardline.json", import.meta.url);

export const DASHBOARD_TEXT: string = await Deno.readTextFile(FILE);
export const DASHBOARD: GrafanaDashboard = JSON.parse(DASHBOARD_TEXT);

/** What is chosen for each variable; a list where several may be. */
export type Choices = Readonly<Record<string, string | readonly string[]>>;

/** Grafana's own: a range that has several scrapes, what the page shows, and from one value of a graph to the next. */
const BUILT_IN: Choices = {
  __rate_interval: "1m",
  __range: "5m",
  __range_s: "300",
  __interval_ms: "15000",
};

/** The panels that ask something. */
export function queryPanels(): QueryPanel[] {
  return rows().flatMap(({ panels }) => panels);
}

/** The rows, each with the panels down to the next one. */
export function rows(): { title: string; panels: QueryPanel[] }[] {
  const found: { title: string; panels: QueryPanel[] }[] = [];
  for (const panel of DASHBOARD.panels) {
    if (panel.type === "row") found.push({ title: panel.title, panels: [] });
    else found.at(-1)?.panels.push(panel);
  }
  return found;
}

/** "All" of a variable: what the dashboard says is put in its place. */
export function allOf(name: string): string {
  const variable = DASHBOARD.templating?.list?.find((other) => other.name === name);
  if (variable?.allValue === undefined || variable.allValue === null) {
    throw new Error(`"All" cannot be chosen for $${name}`);
  }
  return variable.allValue;
}

/**
 * An expression with its variables replaced. Of several values that are chosen Grafana makes a regular expression that
 * matches each by the letter (docs, Prometheus template variables).
 *
 * @throws Error for a variable that nothing is chosen for.
 */
export function interpolated(expression: string, choices: Choices): string {
  return expression.replace(/\$(\w+)|\$\{(\w+)\}/g, (_, bare?: string, braced?: string) => {
    const name = bare ?? braced ?? "";
    const choice = BUILT_IN[name] ?? choices[name];
    if (choice === undefined) throw new Error(`Nothing is chosen for $${name} in ${expression}`);
    if (typeof choice === "string") return choice;
    const literal = choice.map((value) => value.replace(/[\\^$*+?.()|[\]{}]/g, "\\\\$&"));
    return literal.length === 1 ? literal[0] ?? "" : `(${literal.join("|")})`;
  });
}
