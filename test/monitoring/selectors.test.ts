import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Severity } from '../../lib/core';
import { checkPromql, listSelectors, selectorsOf } from '../../lib/monitoring/selectors';
import { watchedEnvironment } from '../support/watched-environment';

const { observability } = watchedEnvironment();

test('selectors are found wherever they stand, without range and offset, each once', () => {
  expect(
    selectorsOf('absent(up{job="a"}) or sum by (x) (rate(b_total{c!~"d|e"}[5m] offset 1h)) / up{job="a"}'),
  ).toEqual(['up{job="a"}', 'b_total{c!~"d|e"}']);
  expect(selectorsOf('vector(1)')).toEqual([]);
});

test('a list says where each selector stands and what it needs', () => {
  expect(
    listSelectors([
      {
        component: 'App',
        alerts: [
          { name: 'Bad', expr: 'bad > 0', severity: Severity.PAGE, summary: '', runbook: '', needs: 'a failure' },
        ],
        panels: [{ title: 'Good', unit: 's', queries: [{ expr: 'good', legend: '' }] }],
      },
    ]),
  ).toEqual([
    { selector: 'bad', where: 'alert Bad', needs: 'a failure' },
    { selector: 'good', where: 'panel App / Good' },
  ]);
});

test('what is no PromQL is refused with the place where it stops being some', () => {
  expect(() => checkPromql('here', 'expr', 'sum(up')).toThrow(/^here: 'expr' is "sum\(up"; write PromQL/);
  expect(() => checkPromql('here', 'expr', 'up{job=~"a"} > 1')).not.toThrow();
});

test('every expression of a whole environment is PromQL', () => {
  for (const { alerts, panels } of observability) {
    for (const alert of alerts ?? []) checkPromql(alert.name, 'expr', alert.expr);
    for (const panel of panels ?? []) {
      for (const query of panel.queries) checkPromql(panel.title, 'expr', query.expr);
    }
  }
});

test('no expression hides that it has no data', () => {
  const expressions = observability.flatMap(({ alerts, panels }) => [
    ...(alerts ?? []).filter((alert) => alert.severity !== Severity.HEARTBEAT).map((alert) => alert.expr),
    ...(panels ?? []).flatMap((panel) => panel.queries.map((query) => query.expr)),
  ]);
  expect(expressions.filter((expr) => /vector\s*\(/.test(expr))).toEqual([]);
});

test('every alert has a unit test that fires it', () => {
  const directory = join(__dirname, 'rules');
  const tests = readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n');
  const untested = observability
    .flatMap((one) => one.alerts ?? [])
    .map((alert) => alert.name)
    .filter((name) => !new RegExp(`alertname: ${name}\\n\\s+exp_alerts:\\n`).test(tests));
  expect(untested).toEqual([]);
});
