import { parse } from 'yaml';
import { IObservable, LiveDirectory, Observability, Publish, Secret, Severity, Workload } from '../../lib/core';
import { watchContainers } from '../../lib/docker/container-watch';
import { AlertReceiver, Monitoring, MonitoringProps, Pushgateway } from '../../lib/monitoring';
import { modelServersObservability } from '../../lib/serving/serving-observability';
import { fakeStack } from '../support/fake-platform';

type Props = Omit<MonitoringProps, 'platform'>;

function make(props: Props = {}, containerExporter = true) {
  const { stack, platform } = fakeStack();
  if (containerExporter) platform.watcher = watchContainers;
  const monitoring = new Monitoring(stack, 'monitoring', { platform, ...props });
  return { stack, platform, monitoring };
}

function file(workload: Workload, path: string): string {
  const found = workload.spec.files?.find((one) => one.path === path);
  if (found === undefined) throw new Error(`no file ${path} in ${workload.componentPath}`);
  return found.content;
}

function prometheusConfig(props: Props = {}) {
  const { platform } = make(props);
  return parse(file(platform.workload('monitoring/prometheus'), '/etc/prometheus/prometheus.yml'));
}

function watching(observability: Partial<Observability>): IObservable {
  return { observability: { component: 'App', ...observability } };
}

const app = watching({ jobs: [{ name: 'app', targets: ['app:8080'] }] });

describe('what is deployed', () => {
  test('the family, without root where the software allows it, with limits, reachable inside only', () => {
    const { platform } = make();
    expect(platform.workloads.map((w) => w.componentPath)).toEqual([
      'monitoring/alertmanager',
      'monitoring/node',
      'monitoring/cadvisor',
      'monitoring/blackbox',
      'monitoring/prometheus',
      'monitoring/grafana',
    ]);
    for (const workload of platform.workloads) {
      const { spec, props } = workload;
      // Only root may ask the Engine.
      expect(spec.user).toBe(
        { 'monitoring/grafana': '472:472', 'monitoring/cadvisor': '0:0' }[workload.componentPath] ?? '65534:65534',
      );
      expect(spec.resources?.memoryBytes).toBeGreaterThan(0);
      expect(spec.resources?.cpuMillis).toBeGreaterThan(0);
      expect(props.ports?.every((port) => port.publish === undefined)).toBe(true);
      expect(props.healthCheck.path).toBeDefined();
    }
  });

  test('no container exporter where the platform has metrics of its own', () => {
    const { platform, monitoring } = make({}, false);
    expect(platform.workloads.map((w) => w.componentPath)).not.toContain('monitoring/cadvisor');
    expect(monitoring.observability.map((one) => one.component)).not.toContain('Containers');
  });

  test('metrics, silences and dashboards are kept on volumes', () => {
    const { platform } = make({ protect: true });
    for (const [path, mount] of [
      ['monitoring/prometheus', '/prometheus'],
      ['monitoring/alertmanager', '/alertmanager'],
      ['monitoring/grafana', '/var/lib/grafana'],
    ]) {
      expect(platform.workload(path).spec.volumes).toContainEqual(
        expect.objectContaining({ kind: 'persistent', mountPath: mount, protect: true }),
      );
    }
  });

  test('metrics are kept for 15 days and four fifths of 10 GiB unless said otherwise', () => {
    expect(make().platform.workload('monitoring/prometheus').spec.command).toEqual([
      '--config.file=/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/prometheus',
      '--storage.tsdb.retention.time=15d',
      '--storage.tsdb.retention.size=8589934592B',
    ]);
    const longer = make({ retentionDays: 90, storage: '100Gi', publishPrometheus: Publish.onLoopback(9090) });
    expect(longer.platform.workload('monitoring/prometheus').spec.command).toEqual(
      expect.arrayContaining([
        '--storage.tsdb.retention.time=90d',
        '--storage.tsdb.retention.size=85899345920B',
        '--web.external-url=http://127.0.0.1:9090/',
      ]),
    );
    expect(longer.monitoring.prometheus.publishedUrl).toBe('http://127.0.0.1:9090');
  });

  test('a database is watched with its password from a file', () => {
    const { stack, platform } = fakeStack();
    new Monitoring(stack, 'monitoring', {
      platform,
      database: {
        host: 'test-database',
        database: 'mlflow',
        username: 'mlflow',
        password: Secret.fromVariable(stack, 'password', 'password'),
      },
    });
    const exporter = platform.workload('monitoring/postgres');
    expect(exporter.spec.environment).toEqual({
      DATA_SOURCE_URI: 'test-database:5432/mlflow?sslmode=disable',
      DATA_SOURCE_USER: 'mlflow',
      DATA_SOURCE_PASS_FILE: '/run/secrets/database-password',
    });
    expect(Object.keys(exporter.spec.secrets!)).toEqual(['database-password']);
    expect(exporter.spec.reaches!.map((one) => one.url)).toEqual(['postgresql://test-database:5432']);
  });

  test('Grafana has an administrator from a file, no strangers, and tells nobody about itself', () => {
    const { platform, monitoring } = make({ publishGrafana: Publish.onLoopback(3000) });
    const grafana = platform.workload('monitoring/grafana');
    expect(grafana.spec.environment).toMatchObject({
      GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/admin-password',
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_SERVER_ROOT_URL: 'http://127.0.0.1:3000/',
    });
    expect(monitoring.grafanaAdmin.username).toBe('admin');
    expect(grafana.spec.secrets).toEqual({ 'admin-password': monitoring.grafanaAdmin.password });
    expect(parse(file(grafana, '/etc/grafana/provisioning/datasources/prometheus.yaml'))).toMatchObject({
      datasources: [{ uid: 'prometheus', url: 'http://test-monitoring-prometheus:9090', isDefault: true }],
    });
  });

  test('the container exporter is the only one that holds the socket, and it is published nowhere', () => {
    const holders = make().platform.workloads.filter((w) =>
      w.spec.volumes?.some((volume) => volume.hostPath === '/var/run/docker.sock'),
    );
    expect(holders.map((w) => w.componentPath)).toEqual(['monitoring/cadvisor']);
  });

  test('Prometheus may reach what it scrapes, and no more', () => {
    const probe = watching({
      component: 'Web',
      jobs: [{ name: 'web', targets: ['https://web.example.com'], probe: 'http_2xx' }],
    });
    const { platform } = make({ watch: [app, probe] });
    expect(
      platform
        .workload('monitoring/prometheus')
        .spec.reaches!.map((one) => one.address)
        .sort(),
    ).toEqual([
      'app:8080',
      'test-monitoring-alertmanager:9093',
      'test-monitoring-blackbox:9115',
      'test-monitoring-cadvisor:8080',
      'test-monitoring-grafana:3000',
      'test-monitoring-node:9100',
    ]);
  });

  test('the same input gives the same files', () => {
    const files = () => make({ watch: [app] }).platform.workloads.flatMap((w) => w.spec.files ?? []);
    expect(files()).toEqual(files());
  });
});

describe('what is scraped', () => {
  test('every 15 seconds, rules every 5, and everything carries the environment', () => {
    expect(prometheusConfig().global).toEqual({
      scrape_interval: '15s',
      scrape_timeout: '10s',
      evaluation_interval: '5s',
      external_labels: { environment: 'test' },
    });
    expect(prometheusConfig({ scrapeIntervalSeconds: 5, evaluationIntervalSeconds: 30 }).global).toMatchObject({
      scrape_interval: '5s',
      scrape_timeout: '5s',
      evaluation_interval: '30s',
    });
  });

  test('a job with a password reads it from a file', () => {
    const { stack, platform } = fakeStack();
    const password = Secret.fromVariable(stack, 'password', 'password');
    const closed = watching({ jobs: [{ name: 'closed', targets: ['closed:80'], username: 'me', password }] });
    new Monitoring(stack, 'monitoring', { platform, watch: [closed] });
    const prometheus = platform.workload('monitoring/prometheus');
    expect(prometheus.spec.secrets).toEqual({ 'closed-password': password });
    expect(parse(file(prometheus, '/etc/prometheus/prometheus.yml')).scrape_configs[0]).toMatchObject({
      job_name: 'closed',
      basic_auth: { username: 'me', password_file: '/run/secrets/closed-password' },
      static_configs: [{ targets: ['closed:80'], labels: { component: 'App' } }],
    });
  });

  test('a probe goes through the blackbox exporter and keeps its target as the instance', () => {
    const probe = watching({ jobs: [{ name: 'web', targets: ['http://web:80/health'], probe: 'http_2xx' }] });
    expect(prometheusConfig({ watch: [probe] }).scrape_configs[0]).toEqual({
      job_name: 'web',
      params: { module: ['http_2xx'] },
      metrics_path: '/probe',
      scheme: 'http',
      static_configs: [{ targets: ['http://web:80/health'], labels: { component: 'App', probe: 'http_2xx' } }],
      relabel_configs: [
        { source_labels: ['__address__'], target_label: '__param_target' },
        { source_labels: ['__param_target'], target_label: 'instance' },
        { target_label: '__address__', replacement: 'test-monitoring-blackbox:9115' },
      ],
    });
  });

  test('released models come from the live directory, every five seconds', () => {
    const { stack, platform } = fakeStack();
    const liveDirectory = LiveDirectory.create(stack, 'release', { platform, owner: '99:99' });
    const watch = [{ observability: modelServersObservability() }];
    new Monitoring(stack, 'monitoring', { platform, watch, liveDirectory });
    const prometheus = platform.workload('monitoring/prometheus');
    expect(parse(file(prometheus, '/etc/prometheus/prometheus.yml')).scrape_configs[0]).toMatchObject({
      job_name: 'models',
      scrape_interval: '5s',
      file_sd_configs: [{ files: ['/live/model-targets.json'] }],
    });
    expect(prometheus.spec.volumes).toContainEqual(expect.objectContaining({ kind: 'live', mountPath: '/live' }));
  });

  test('what is pushed keeps its labels', () => {
    const { stack, platform } = fakeStack();
    const pushgateway = new Pushgateway(stack, 'pushgateway', { platform });
    new Monitoring(stack, 'monitoring', { platform, pushgateway });
    const config = parse(file(platform.workload('monitoring/prometheus'), '/etc/prometheus/prometheus.yml'));
    expect(config.scrape_configs).toContainEqual(
      expect.objectContaining({ job_name: 'pushgateway', honor_labels: true }),
    );
    expect(platform.workload('pushgateway').spec.command).toContain('--persistence.file=/pushgateway/metrics');
  });

  test('of the containers on a machine only those of the environment are kept', () => {
    const jobs = prometheusConfig().scrape_configs as { job_name: string; metric_relabel_configs?: object[] }[];
    expect(jobs.find((job) => job.job_name === 'cadvisor')!.metric_relabel_configs![0]).toEqual({
      source_labels: ['__name__', 'container_label_cdktf_mlops_environment'],
      regex: 'container_[^;]+;test|(machine|cadvisor|process)_[^;]+;.*',
      action: 'keep',
    });
  });
});

describe('what raises alerts', () => {
  function rules(props: Props = {}) {
    const { platform } = make(props);
    const { groups } = parse(file(platform.workload('monitoring/prometheus'), '/etc/prometheus/rules.yml'));
    return groups.flatMap((group: { rules: { alert: string }[] }) => group.rules) as Record<string, unknown>[];
  }
  const rule = (name: string, props: Props = {}) => rules(props).find((one) => one.alert === name);

  test('every rule says how bad it is, what is wrong and what to do', () => {
    for (const one of rules({ watch: [app] })) {
      expect(one).toMatchObject({
        labels: { severity: expect.stringMatching(/^(page|ticket|heartbeat)$/), component: expect.any(String) },
        annotations: { summary: expect.any(String), runbook: expect.any(String) },
      });
    }
  });

  test('every fixed job is expected to be there', () => {
    expect(rule('TargetMissing', { watch: [app] })!.expr).toMatch(/^absent\(up\{job="app"\}\) or absent/);
  });

  test('certificates are watched where something is asked by https', () => {
    expect(rule('CertificateExpiring')).toBeUndefined();
    const web = watching({ jobs: [{ name: 'web', targets: ['https://web:443/'], probe: 'http_2xx' }] });
    expect(rule('CertificateExpiring', { watch: [web] })!.expr).toBe(
      '(probe_ssl_earliest_cert_expiry - time()) / 86400 < 21',
    );
    expect(rule('CertificateExpiresNow', { watch: [web], alerts: { certificatePageDays: 7 } })!.expr).toMatch(/< 7$/);
  });

  test('the default thresholds', () => {
    expect(rule('ComponentDown')).toMatchObject({ expr: 'up{probe=""} == 0', for: '60s' });
    expect(rule('DiskAlmostFull')!.expr).toMatch(/ < 0\.1$/);
    expect(rule('DiskFilling')!.expr).toMatch(/\[6h\], 24 \* 3600\) < 0 and .* < 0\.4$/);
    expect(rule('MachineMemoryLow')!.expr).toMatch(/ < 0\.05$/);
    expect(rule('ContainerMemoryNearLimit')!.expr).toMatch(/ > 0\.9$/);
    expect(rule('ContainerRestarting')!.expr).toMatch(/\[15m\]\) >= 3$/);
  });

  test.each([
    [{ alerts: { downSeconds: -1 } }, "monitoring: 'alerts.downSeconds' is -1; want from 0 to 86400 seconds"],
    [{ alerts: { diskFreeShare: 10 } }, /'alerts.diskFreeShare' is 10; want a share of more than 0 and less than 1/],
    [{ alerts: { containerMemoryShare: 0 } }, /'alerts.containerMemoryShare' is 0; want a share/],
    [{ alerts: { memoryFreeShare: Number.NaN } }, /'alerts.memoryFreeShare' is NaN; want a share/],
    [{ alerts: { restarts: 0 } }, /'alerts.restarts' is 0; want from 1 to 100 restarts/],
    [
      { alerts: { certificatePageDays: 30 } },
      /'alerts.certificatePageDays' is 30; want less than certificateDays \(21\)/,
    ],
    [{ alerts: { disk: 1 } as object }, /'alerts.disk' is not a known key; use one of: downSeconds, /],
    [{ retentionDays: 0 }, /'retentionDays' is 0; want a whole number from 1 to 3650/],
    [{ retentionDays: 1.5 }, /'retentionDays' is 1.5; want a whole number/],
    [{ scrapeIntervalSeconds: 0 }, /'scrapeIntervalSeconds' is 0/],
    [{ storage: 'much' }, /'storage' is "much"; write a memory quantity/],
    [{ retention: '15d' } as object, /'props.retention' is not a known key/],
    [
      { watch: [{ observability: modelServersObservability() }] },
      /'liveDirectory' is missing; give the directory that releases publish to: the job 'models' reads/,
    ],
    [
      { extraRules: [{ name: 'Odd', expr: 'up[', severity: Severity.PAGE, summary: 's', runbook: 'r' }] },
      /'extraRules.Odd.expr' is "up\["; write PromQL; it can not be read from/,
    ],
    [
      { extraPanels: [{ title: 'Odd', unit: 's', queries: [{ expr: 'sum by (a', legend: '' }] }] },
      /'extraPanels.Odd.queries' is "sum by \(a"; write PromQL/,
    ],
    [
      { receivers: [AlertReceiver.webhook('a', 'http://a'), AlertReceiver.webhook('a', 'http://b')] },
      /'receivers' is "a"; name each receiver differently/,
    ],
    [{ heartbeat: AlertReceiver.webhook('nobody', 'http://a') }, /'receivers' is "nobody"/],
  ] as [Props, string | RegExp][])('%j is refused', (props, message) => {
    expect(() => make(props)).toThrow(message);
  });

  test('extras of a user are scraped, evaluated and shown', () => {
    const { platform, monitoring } = make({
      extraScrapeJobs: [{ name: 'mine', targets: ['mine:80'] }],
      extraRules: [
        { name: 'MineDown', expr: 'up{job="mine"} == 0', severity: Severity.TICKET, summary: 's', runbook: 'r' },
      ],
      extraPanels: [{ title: 'Mine', unit: 's', queries: [{ expr: 'up{job="mine"}', legend: 'up' }] }],
    });
    expect(monitoring.observability).toContainEqual(expect.objectContaining({ component: 'Extra' }));
    expect(file(platform.workload('monitoring/prometheus'), '/etc/prometheus/rules.yml')).toContain('alert: MineDown');
    expect(file(platform.workload('monitoring/grafana'), '/etc/grafana/dashboards/extra.json')).toContain('"Mine"');
  });
});
