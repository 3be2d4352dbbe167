/**
 * The form that a dashboard's file must have, put together from what Grafana publishes about its own: `deno check`
 * holds a file to it.
 *
 * @module
 */
import type { Dashboard, FieldConfigSource, Panel, RowPanel } from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/stat";
import type { FieldConfig as GraphField, Options as GraphOptions } from "@grafana/schema/timeseries";

/** A value as JSON has it: where Grafana's types have a member of an enumeration, the text that it stands for. */
type Written<Value> = Value extends string ? `${Value}`
  : Value extends number | boolean | null | undefined ? Value
  : Value extends readonly (infer Item)[] ? Written<Item>[]
  : unknown extends Value ? Value
  : { [Key in keyof Value]: Written<Value[Key]> };

/** One query of a panel, as Grafana's data source for Prometheus reads it. */
export interface PrometheusTarget {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant?: boolean;
  readonly range?: boolean;
}

/** A panel of one kind, with what each must have. */
interface PanelOf<Type extends string, Options, Field> extends
  Omit<
    Written<Panel>,
    "type" | "options" | "fieldConfig" | "targets" | "id" | "gridPos" | "title" | "description"
  > {
  readonly id: number;
  readonly type: Type;
  readonly title: string;
  readonly description: string;
  readonly gridPos: NonNullable<Panel["gridPos"]>;
  readonly options: Written<Options>;
  readonly fieldConfig: Written<FieldConfigSource> & {
    readonly defaults: { readonly unit: string; readonly custom?: Written<Field> };
  };
  readonly targets: PrometheusTarget[];
}

/** A panel that asks something. */
export type QueryPanel =
  | PanelOf<"stat", StatOptions, Record<never, never>>
  | PanelOf<"timeseries", GraphOptions, GraphField>;

/** The heading of the panels below it; a row that is not collapsed has none in itself. */
type Row = Omit<Written<RowPanel>, "title" | "panels" | "gridPos"> & {
  readonly title: string;
  readonly gridPos: NonNullable<RowPanel["gridPos"]>;
  readonly panels: readonly never[];
};

export interface GrafanaDashboard extends Omit<Written<Dashboard>, "panels"> {
  readonly panels: readonly (QueryPanel | Row)[];
}
