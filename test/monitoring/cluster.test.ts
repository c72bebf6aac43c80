import { TerraformStack, Testing } from 'cdktf';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Observability, ScrapeJob, Workload } from '../../lib/core';
import { discoverTargets } from '../../lib/kubernetes/discovery';
import { KubernetesPlatform } from '../../lib/kubernetes';
import { accessRules } from '../../lib/kubernetes/watch';
import { Monitoring } from '../../lib/monitoring';
import { checkPromql } from '../../lib/monitoring/selectors';
import { watchedCluster } from '../support/watched-environment';

const FACTS = { namespaces: ['test', 'test-node'], domain: 'svc.cluster.local' } as const;
const { observability, workloads } = watchedCluster();
const byPath = (path: string) => workloads.find((one) => one.componentPath === path) as Workload;
const prometheus = byPath('monitoring/prometheus');
const config = parse(prometheus.spec.files![0].content) as { scrape_configs: Record<string, unknown>[] };
const scrape = (name: string) => config.scrape_configs.find((one) => one.job_name === name)!;

function discovered(job: Partial<ScrapeJob>) {
  return discoverTargets(FACTS, { name: 'app', targets: [], ...job }) as {
    kubernetes_sd_configs: object[];
    relabel_configs: object[];
  };
}

describe('targets in a cluster', () => {
  test('every replica of a service is found by pod, and named after it', () => {
    const { kubernetes_sd_configs, relabel_configs } = discovered({ targets: ['test-app.test.svc.cluster.local:80'] });
    expect(kubernetes_sd_configs).toEqual([
      {
        role: 'pod',
        api_server: 'https://kubernetes.default.svc',
        authorization: { credentials_file: '/run/kubernetes/token' },
        tls_config: { ca_file: '/run/kubernetes/ca.crt' },
        namespaces: { names: ['test'] },
      },
    ]);
    expect(relabel_configs).toEqual([
      { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Succeeded|Failed', action: 'drop' },
      {
        source_labels: [
          '__meta_kubernetes_namespace',
          '__meta_kubernetes_pod_label_app_kubernetes_io_instance',
          '__meta_kubernetes_pod_container_port_number',
        ],
        regex: 'test;test-app;80',
        action: 'keep',
      },
      {
        source_labels: ['__meta_kubernetes_pod_name', '__meta_kubernetes_pod_container_port_number'],
        separator: ':',
        target_label: 'instance',
      },
      { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
    ]);
  });

  test('what runs on each node goes by the name of its node', () => {
    const { relabel_configs } = discovered({ targets: ['test-node.test-node.svc.cluster.local:9100'] });
    expect(relabel_configs.at(-1)).toEqual({
      source_labels: ['__meta_kubernetes_namespace', '__meta_kubernetes_pod_node_name'],
      regex: 'test-node;(.+)',
      target_label: 'instance',
    });
  });

  test('released servers are found by the labels of their pods, and bring labels of their series along', () => {
    const { relabel_configs } = discovered({ name: 'models', fileSd: '/live/x.json' });
    expect(relabel_configs).toEqual(
      expect.arrayContaining([
        { source_labels: ['__meta_kubernetes_pod_label_cdktf_mlops_scrape'], regex: 'models', action: 'keep' },
        {
          source_labels: ['__meta_kubernetes_pod_label_cdktf_mlops_scrape_port'],
          target_label: '__meta_kubernetes_pod_container_port_name',
          action: 'keepequal',
        },
        { regex: '__meta_kubernetes_pod_label_cdktf_mlops_target_(.+)', action: 'labelmap' },
      ]),
    );
  });

  test.each([
    ['elsewhere', { targets: ['app.example.com:80'] }],
    ['in another namespace', { targets: ['app.other.svc.cluster.local:80'] }],
    ['partly elsewhere', { targets: ['test-app.test.svc.cluster.local:80', 'app.example.com:80'] }],
    ['probed', { targets: ['http://test-app.test.svc.cluster.local:80/'], probe: 'http_2xx' }],
    ['Prometheus itself', { targets: ['localhost:9090'] }],
  ] as [string, Partial<ScrapeJob>][])('what is %s stays as it is', (_name, job) => {
    expect(discovered(job)).toBeUndefined();
  });

  test('constant labels of a job are on all that it finds', () => {
    expect(scrape('gateway')).toMatchObject({ kubernetes_sd_configs: [expect.anything()] });
    expect(scrape('gateway').static_configs).toBeUndefined();
    expect((scrape('gateway').relabel_configs as object[]).at(-1)).toEqual({
      target_label: 'component',
      replacement: 'Gateway',
    });
    expect((scrape('kubelet').relabel_configs as object[]).at(-1)).toEqual({
      target_label: 'component',
      replacement: 'Containers',
    });
  });

  test('of a node only the environment is kept', () => {
    expect(scrape('kubelet')).toMatchObject({
      scheme: 'https',
      metrics_path: '/metrics/resource',
      authorization: { credentials_file: '/run/kubernetes/token' },
      metric_relabel_configs: [
        {
          source_labels: ['__name__', 'namespace'],
          regex: '(container_memory_working_set_bytes|container_cpu_usage_seconds_total);(test|test-node)',
          action: 'keep',
        },
        { source_labels: ['container'], regex: '(.+)', target_label: 'workload' },
      ],
    });
  });

  test('Prometheus reaches what it scrapes, and the blackbox exporter what it probes', () => {
    const addresses = (one: Workload) => one.spec.reaches!.map(({ address }) => address);
    expect(addresses(prometheus)).toEqual(
      expect.arrayContaining([
        'test-registry.test.svc.cluster.local:5001',
        'test-monitoring-node.test-node.svc.cluster.local:9100',
        'test-monitoring-kube-state-metrics.test.svc.cluster.local:8080',
      ]),
    );
    expect(addresses(byPath('monitoring/blackbox'))).toEqual(
      expect.arrayContaining([
        'test-database.test.svc.cluster.local:5432',
        'test-registry.test.svc.cluster.local:5000',
        'test-monitoring-grafana.test.svc.cluster.local:3000',
      ]),
    );
  });
});

describe('rights', () => {
  test('Prometheus may see which pods and nodes there are, and read metrics', () => {
    expect(accessRules(prometheus)).toEqual({
      namespaced: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
      cluster: [
        { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
      ],
    });
  });

  test('kube-state-metrics may list what it tells of, in the namespaces of the environment', () => {
    const objects = byPath('monitoring/kube-state-metrics');
    const { namespaced, cluster } = accessRules(objects);
    expect(cluster).toEqual([]);
    expect(namespaced.flatMap(({ resources }) => resources).sort()).toEqual(
      objects.spec
        .command!.find((word) => word.startsWith('--resources='))!
        .slice('--resources='.length)
        .split(','),
    );
    expect(namespaced.flatMap(({ verbs }) => verbs)).not.toContain('get');
    expect(objects.spec.command).toContain('--namespaces=test,test-node');
  });

  test('nothing else asks the API', () => {
    expect(workloads.filter(({ props }) => props.discovers).map(({ componentPath }) => componentPath)).toEqual([
      'monitoring/kube-state-metrics',
      'monitoring/prometheus',
    ]);
  });
});

describe('what raises alerts in a cluster', () => {
  const alerts = observability.flatMap((one) => one.alerts ?? []);

  test('every expression is PromQL', () => {
    const queries = (one: Observability) => (one.panels ?? []).flatMap((panel) => panel.queries);
    for (const { name, expr } of alerts) checkPromql(name, 'expr', expr);
    for (const { expr, legend } of observability.flatMap(queries)) checkPromql(legend, 'expr', expr);
  });

  test('every alert about pods and objects has a unit test that fires it', () => {
    const directory = join(__dirname, 'rules/kubernetes');
    const tests = readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('\n');
    const own = observability.filter(({ component }) => ['Cluster', 'Containers'].includes(component));
    const untested = own
      .flatMap((one) => one.alerts!.map(({ name }) => name))
      .filter((name) => !new RegExp(`alertname: ${name}\\n\\s+exp_alerts:\\n`).test(tests));
    expect(untested).toEqual([]);
  });

  test('every metric of an object that a rule or panel asks for is let through, and no other', () => {
    const asked = new Set(JSON.stringify(observability).match(/\bkube_[a-z_]+/g));
    const allowed = byPath('monitoring/kube-state-metrics').spec.command!.find((word) =>
      word.startsWith('--metric-allowlist='),
    )!;
    expect(allowed.slice('--metric-allowlist='.length).split(',')).toEqual([...asked].sort());
  });

  test('nobody is told to use docker', () => {
    expect(alerts.filter(({ runbook }) => /docker/.test(runbook))).toEqual([]);
  });

  test('the threshold of disks is that of claims too', () => {
    const stack = new TerraformStack(Testing.app(), 'test');
    const platform = new KubernetesPlatform(stack, 'platform', { environment: 'test' });
    const monitoring = new Monitoring(stack, 'monitoring', { platform, alerts: { diskFreeShare: 0.3 } });
    const found = monitoring.observability.flatMap((one) => one.alerts ?? []).find(({ name }) => /^Volume/.test(name));
    expect(found!.expr).toMatch(/ < 0\.3$/);
  });
});
