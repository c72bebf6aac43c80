import { Observability, Severity } from '../../lib/core';
import { collect } from '../../lib/monitoring/collect';

const alert = { name: 'Down', expr: 'up == 0', severity: Severity.PAGE, summary: 's', runbook: 'r' };
const job = { name: 'app', targets: ['app:80'] };
const panel = { title: 'P', unit: 's', queries: [{ expr: 'up', legend: '' }] };

function of(part: Partial<Observability>): Observability {
  return { component: 'App', ...part };
}

test('components of one name share a group, in their order', () => {
  const { jobs, groups } = collect('here', [
    of({ jobs: [job], alerts: [alert] }),
    { component: 'Other', panels: [panel] },
    of({ panels: [panel] }),
  ]);
  expect(jobs).toEqual([{ component: 'App', job }]);
  expect(groups).toEqual([
    { component: 'App', alerts: [alert], panels: [panel] },
    { component: 'Other', alerts: [], panels: [panel] },
  ]);
});

test.each([
  [
    'the same job twice',
    [of({ jobs: [job] }), { component: 'B', jobs: [job] }],
    'here: \'job\' is "app"; it is taken by App',
  ],
  [
    'the same alert twice',
    [of({ alerts: [alert] }), { component: 'B', alerts: [alert] }],
    /'alert' is "Down"; it is taken by App/,
  ],
  ['a component without a name', [of({ component: ' ' })], /'observability.component' is " "/],
  [
    'a job without targets',
    [of({ jobs: [{ name: 'app', targets: [] }] })],
    /'jobs.app.targets' is \[\]; give either targets or fileSd, or what finds them/,
  ],
  [
    'a job with both kinds of targets',
    [of({ jobs: [{ ...job, fileSd: '/live/x.json' }] })],
    /give either targets or fileSd/,
  ],
  [
    'a job with targets that finds others',
    [of({ jobs: [{ ...job, scrapeConfig: { dns_sd_configs: [] } }] })],
    /give either targets or fileSd/,
  ],
  [
    'a list of targets elsewhere',
    [of({ jobs: [{ name: 'a', targets: [], fileSd: '/etc/x.json' }] })],
    /name a .json file in \/live/,
  ],
  ['a job name that is no label', [of({ jobs: [{ ...job, name: 'My Job' }] })], /'job' is "My Job"/],
  [
    'a target that is a URL',
    [of({ jobs: [{ ...job, targets: ['http://app:80'] }] })],
    /'jobs.app.targets' is "http:\/\/app:80"; write host:port/,
  ],
  ['a target without a port', [of({ jobs: [{ ...job, targets: ['app'] }] })], /write host:port/],
  [
    'a probe of an unknown kind',
    [of({ jobs: [{ ...job, probe: 'icmp' }] })],
    /'jobs.app.probe' is "icmp"; use one of: http_2xx, /,
  ],
  [
    'a probe with credentials',
    [of({ jobs: [{ ...job, probe: 'http_2xx', username: 'me' }] })],
    /probes carry no credentials/,
  ],
  [
    'a user without a password',
    [of({ jobs: [{ ...job, username: 'me' }] })],
    /'jobs.app.password' is .*give username and password together/,
  ],
  [
    'an interval that is a fraction',
    [of({ jobs: [{ ...job, intervalSeconds: 0.5 }] })],
    /'jobs.app.intervalSeconds' is 0.5/,
  ],
  ['a scheme that is none', [of({ jobs: [{ ...job, scheme: 'ftp' }] })], /'jobs.app.scheme' is "ftp"/],
  [
    "a label of Prometheus' own",
    [of({ jobs: [{ ...job, labels: { __name__: 'x' } }] })],
    /'jobs.app.labels' is "__name__"/,
  ],
  [
    'an alert in small letters',
    [of({ alerts: [{ ...alert, name: 'down' }] })],
    /'alert' is "down"; write it in CamelCase/,
  ],
  ['an alert without an expression', [of({ alerts: [{ ...alert, expr: ' ' }] })], /'alerts.Down.expr' is " "/],
  [
    'an alert with an odd duration',
    [of({ alerts: [{ ...alert, forDuration: '1 minute' }] })],
    /'alerts.Down.forDuration' is "1 minute"/,
  ],
  [
    'an alert without a runbook',
    [of({ alerts: [{ ...alert, runbook: '' }] })],
    /'alerts.Down.runbook' is ""; say what to do first/,
  ],
  ['a panel without a query', [of({ panels: [{ ...panel, queries: [] }] })], /'panels.P.queries' is \[\]/],
  ['a panel of an unknown kind', [of({ panels: [{ ...panel, kind: 'pie' }] })], /'panels.P.kind' is "pie"/],
] as [string, Observability[], string | RegExp][])('%s is refused', (_name, observability, message) => {
  expect(() => collect('here', observability)).toThrow(message);
});
