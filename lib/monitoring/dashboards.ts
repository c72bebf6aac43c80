import {
  DashboardBuilder,
  DashboardCursorSync,
  PanelBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type * as common from '@grafana/grafana-foundation-sdk/common';
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { DashboardPanel } from '../core/observability';
import { CollectedGroup } from './collect';
import { DATASOURCE_UID } from './constants';
import { slug } from './slug';

/** A dashboard as a file. */
export interface RenderedDashboard {
  /** `<slug>.json`. */
  readonly fileName: string;
  readonly content: string;
}

// The builders and enums of each kind of panel live in modules of their own whose loading takes twice as long as all
// the rest of a synth's dashboards; their types cost nothing.
type TimeSeriesOptions = timeseries.Options;
type StatOptions = stat.Options;

const DATASOURCE: common.DataSourceRef = { type: 'prometheus', uid: DATASOURCE_UID };

const LINES = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] as string[] },
  tooltip: { mode: 'multi', sort: 'desc' },
} as unknown as TimeSeriesOptions;

const NUMBERS = {
  graphMode: 'area',
  colorMode: 'value',
  justifyMode: 'auto',
  textMode: 'auto',
  wideLayout: true,
  showPercentChange: false,
  percentChangeColorMode: 'standard',
  orientation: 'auto',
  reduceOptions: { calcs: ['lastNotNull'] },
} as unknown as StatOptions;

/** Width of Grafana's grid, panels per line and the height of a panel in its units. */
const PANEL = { width: 8, statWidth: 6, height: 7, statHeight: 4 } as const;

/**
 * Grafana's dashboards: one for each component, and an overview that shows the first panels of all.
 *
 * @param environment name in the titles
 */
export function renderDashboards(environment: string, groups: readonly CollectedGroup[]): RenderedDashboard[] {
  const shown = groups.filter((group) => group.panels.length > 0);
  const overview = newDashboard(`${environment}: overview`, `${environment}-overview`);
  for (const group of shown) {
    const row = new RowBuilder(group.component);
    overview.withRow(row);
    for (const panel of group.panels.slice(0, 3)) overview.withPanel(buildPanel(panel));
  }
  return [
    file('overview', overview),
    ...shown.map((group) => {
      const dashboard = newDashboard(`${environment}: ${group.component}`, `${environment}-${slug(group.component)}`);
      for (const panel of group.panels) dashboard.withPanel(buildPanel(panel));
      return file(slug(group.component), dashboard);
    }),
  ];
}

function newDashboard(title: string, uid: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(uid.slice(0, 40)) // Grafana's limit
    .tags(['cdktf-mlops'])
    .timezone('browser')
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly();
}

function buildPanel(panel: DashboardPanel): PanelBuilder {
  const numbers = panel.kind === 'stat';
  const builder = new PanelBuilder()
    .type(numbers ? 'stat' : 'timeseries')
    .title(panel.title)
    .datasource(DATASOURCE)
    .unit(panel.unit)
    .span(numbers ? PANEL.statWidth : PANEL.width)
    .height(numbers ? PANEL.statHeight : PANEL.height)
    .options(numbers ? NUMBERS : LINES);
  if (panel.needs !== undefined) builder.description(`Empty until there is ${panel.needs}.`);
  panel.queries.forEach((query, index) => {
    builder.withTarget(target(query.expr, query.legend, String.fromCharCode(65 + index), numbers));
  });
  return builder;
}

function target(expr: string, legend: string, refId: string, instant: boolean): cog.Builder<cog.Dataquery> {
  const query: prometheus.Dataquery = {
    _implementsDataqueryVariant: () => undefined, // a mark for the compiler; JSON leaves it out
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    refId,
    ...(instant ? { instant: true, range: false } : { range: true }),
  };
  return { build: () => query };
}

function file(name: string, dashboard: DashboardBuilder): RenderedDashboard {
  return { fileName: `${name}.json`, content: `${JSON.stringify(dashboard.build(), undefined, 2)}\n` };
}
