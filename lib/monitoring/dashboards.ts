import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';
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

// Of the SDK only the types are used, which cost nothing: to load its builders takes longer than to make a whole
// environment.
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

/** Width of Grafana's grid, in its units. */
const GRID_WIDTH = 24;

/** Width and height of a panel of each kind. */
const SIZE = { stat: { w: 6, h: 4 }, timeseries: { w: 8, h: 7 } } as const;

/**
 * Grafana's dashboards: one for each component, and an overview that shows the first panels of all.
 *
 * @param environment name in the titles
 */
export function renderDashboards(environment: string, groups: readonly CollectedGroup[]): RenderedDashboard[] {
  const shown = groups.filter((group) => group.panels.length > 0);
  const overview = new Grid();
  for (const group of shown) {
    overview.addRow(group.component);
    for (const panel of group.panels.slice(0, 3)) overview.add(panel);
  }
  return [
    file('overview', `${environment}: overview`, `${environment}-overview`, overview),
    ...shown.map((group) => {
      const grid = new Grid();
      for (const panel of group.panels) grid.add(panel);
      const name = slug(group.component);
      return file(name, `${environment}: ${group.component}`, `${environment}-${name}`, grid);
    }),
  ];
}

/** Places panels from left to right and, where there is no room left, below. */
class Grid {
  public readonly panels: (Panel | RowPanel)[] = [];
  private x = 0;
  private y = 0;
  /** Height of the highest panel in this line. */
  private height = 0;

  public addRow(title: string): void {
    this.newLine();
    const gridPos = { x: 0, y: this.y, w: GRID_WIDTH, h: 1 };
    this.panels.push({ type: 'row', id: 0, title, collapsed: false, panels: [], gridPos });
    this.y += gridPos.h;
  }

  public add(panel: DashboardPanel): void {
    const numbers = panel.kind === 'stat';
    const type = numbers ? 'stat' : 'timeseries';
    const { w, h } = SIZE[type];
    if (this.x + w > GRID_WIDTH) this.newLine();
    this.panels.push({
      type,
      title: panel.title,
      ...(panel.needs === undefined ? {} : { description: `Empty until there is ${panel.needs}.` }),
      datasource: DATASOURCE,
      transparent: false,
      repeatDirection: 'h',
      gridPos: { x: this.x, y: this.y, w, h },
      fieldConfig: { defaults: { unit: panel.unit }, overrides: [] },
      options: numbers ? NUMBERS : LINES,
      targets: panel.queries.map((query, index) =>
        target(query.expr, query.legend, String.fromCharCode(65 + index), numbers),
      ),
    });
    this.x += w;
    this.height = Math.max(this.height, h);
  }

  private newLine(): void {
    this.x = 0;
    this.y += this.height;
    this.height = 0;
  }
}

function target(expr: string, legend: string, refId: string, instant: boolean): prometheus.Dataquery {
  return {
    _implementsDataqueryVariant: () => undefined, // a mark for the compiler; JSON leaves it out
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    refId,
    ...(instant ? { instant: true, range: false } : { range: true }),
  };
}

function file(name: string, title: string, uid: string, { panels }: Grid): RenderedDashboard {
  const dashboard: Dashboard = {
    uid: uid.slice(0, 40), // Grafana's limit
    title,
    tags: ['cdktf-mlops'],
    timezone: 'browser',
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    fiscalYearStartMonth: 0,
    graphTooltip: 1, // a crosshair that all panels share
    editable: false,
    schemaVersion: 42,
    templating: {},
    annotations: {},
    panels,
  };
  return { fileName: `${name}.json`, content: `${JSON.stringify(dashboard, undefined, 2)}\n` };
}
