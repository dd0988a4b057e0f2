// What a dashboard's file may hold, by Grafana's own types: each panel's options by its kind, and left out as one likes.
import type { Dashboard, FieldConfig, Panel } from '@grafana/schema';
import type { LokiDataQuery } from '@grafana/schema/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen';
import type { Options as Logs } from '@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export type Checked = Omit<Json<Dashboard>, 'panels'> & {
  panels: Array<
    | Kind<'logs', Logs, never>
    | Kind<'stat', Stat, never>
    | Kind<'table', table.Options, table.FieldConfig>
    | Kind<'timeseries', timeseries.Options, timeseries.FieldConfig>
  >;
};

type Kind<Type, Options, Custom> = Omit<Json<Panel>, 'type' | 'datasource' | 'fieldConfig' | 'options' | 'targets'> & {
  type: Type;
  datasource: { type: 'prometheus' | 'loki'; uid: string };
  fieldConfig?: {
    defaults: Omit<Json<FieldConfig>, 'custom'> & { custom?: Part<Json<Custom>> };
    overrides: Array<{ matcher: { id: `by${string}`; options: unknown }; properties: Override[] }>;
  };
  options: Part<Json<Options>>;
  targets: Array<Part<Json<LokiDataQuery>> & { refId: string; expr: string }>; // one of Prometheus has no type here, and no other name
};

type Settings = Required<Omit<Json<FieldConfig>, 'custom'>>;
type Override = { [Id in keyof Settings]: { id: Id; value: Settings[Id] } }[keyof Settings];

/** As it stands in a file, where a value of an enumeration is its text. */
type Json<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T;

type Part<T> = T extends unknown[] ? T : T extends object ? { [Key in keyof T]?: Part<T[Key]> } : T;
