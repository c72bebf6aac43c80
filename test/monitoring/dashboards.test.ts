import { renderDashboards } from '../../lib/monitoring/dashboards';
import { collect } from '../../lib/monitoring/collect';
import { watchedEnvironment } from '../support/watched-environment';

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly datasource: object;
  readonly targets?: { readonly expr: string; readonly refId: string; readonly datasource: object }[];
}

const { observability } = watchedEnvironment();
const rendered = renderDashboards('test', collect('test', observability).groups);
const dashboards = rendered.map(({ fileName, content }) => ({
  fileName,
  dashboard: JSON.parse(content) as { uid: string; title: string; panels: Panel[]; editable: boolean },
}));

test('there is an overview and a dashboard for every component that shows something', () => {
  const components = [...new Set(observability.filter((one) => one.panels?.length).map((one) => one.component))];
  expect(dashboards).toHaveLength(components.length + 1);
  expect(dashboards[0]).toMatchObject({ fileName: 'overview.json', dashboard: { title: 'test: overview' } });
  expect(new Set(dashboards.map(({ dashboard }) => dashboard.uid)).size).toBe(dashboards.length);
  for (const { dashboard } of dashboards) {
    expect(dashboard.uid).toMatch(/^[a-z0-9-]{1,40}$/);
    expect(dashboard.editable).toBe(false);
  }
});

test('every panel asks the provisioned data source what its component wrote', () => {
  const shown = dashboards.slice(1).flatMap(({ dashboard }) => dashboard.panels);
  expect(shown.flatMap((panel) => panel.targets!.map((target) => target.expr)).sort()).toEqual(
    observability.flatMap((one) => (one.panels ?? []).flatMap((panel) => panel.queries.map((q) => q.expr))).sort(),
  );
  for (const panel of shown) {
    expect(['timeseries', 'stat']).toContain(panel.type);
    for (const target of panel.targets!) {
      expect(target.datasource).toEqual({ type: 'prometheus', uid: 'prometheus' });
    }
    expect(new Set(panel.targets!.map((target) => target.refId)).size).toBe(panel.targets!.length);
  }
});

test('the overview has a row for each component with its first panels', () => {
  const rows = dashboards[0].dashboard.panels.filter((panel) => panel.type === 'row').map((panel) => panel.title);
  expect(rows).toEqual(expect.arrayContaining(['Targets', 'Gateway', 'Model servers', 'Training', 'Machine']));
});
