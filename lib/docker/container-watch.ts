import { Construct } from 'constructs';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { Observability, Severity } from '../core/observability';
import { IPlatform, PlatformThresholds, PlatformWatch } from '../core/platform';
import { selector } from '../core/promql';
import { Resources } from '../core/resources';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';

/** Job of cAdvisor, which sees every container of the machine. */
const JOB = 'cadvisor';

/** Labels that cAdvisor makes of our container labels. */
const LABELS = {
  environment: 'container_label_cdktf_mlops_environment',
  component: 'container_label_cdktf_mlops_component',
  kind: 'container_label_cdktf_mlops_kind',
} as const;

/** Metrics of cAdvisor. */
export const CONTAINER_METRICS = {
  memory: 'container_memory_working_set_bytes',
  memoryLimit: 'container_spec_memory_limit_bytes',
  cpu: 'container_cpu_usage_seconds_total',
  received: 'container_network_receive_bytes_total',
  sent: 'container_network_transmit_bytes_total',
} as const;

/**
 * Watches the containers. It asks the Engine for their names and labels, so it holds the Engine's socket, which is as
 * good as root on the machine: it publishes nothing and reaches nobody.
 */
export function watchContainers(scope: Construct, platform: IPlatform, thresholds: PlatformThresholds): PlatformWatch {
  const cadvisor = new Workload(scope, 'cadvisor', {
    platform,
    image: Image.fromCatalog('cadvisor'),
    command: [
      '--docker_only=true',
      '--housekeeping_interval=5s',
      '--store_container_labels=false',
      '--whitelisted_container_labels=cdktf-mlops.component,cdktf-mlops.environment,cdktf-mlops.kind',
      '--enable_metrics=cpu,cpuLoad,memory,network',
    ],
    volumes: [
      Volume.host('/', '/rootfs'),
      Volume.host('/sys', '/sys'),
      Volume.host('/var/lib/docker', '/var/lib/docker'),
      Volume.host('/var/run/docker.sock', '/var/run/docker.sock'),
    ],
    user: '0:0',
    ports: [{ name: 'metrics', port: 8080 }],
    healthCheck: HealthCheck.http('/healthz', 8080, { intervalSeconds: 10 }),
    hostProcesses: true,
    perNode: true,
    resources: Resources.of({ cpu: '500m', memory: '256Mi' }),
    stopSeconds: 10,
  });
  const { address } = cadvisor.endpoint('metrics');
  return {
    observability: [containersObservability(address, platform.environment, thresholds)],
    containers: [cadvisor],
  };
}

/** What to watch about the environment's containers, given `host:port` of cAdvisor. */
function containersObservability(address: string, environment: string, thresholds: PlatformThresholds): Observability {
  const job = JOB;
  const memory = selector(CONTAINER_METRICS.memory, { job });
  const share = `${memory} / (${selector(CONTAINER_METRICS.memoryLimit, { job })} > 0)`;
  // A restart keeps what cAdvisor calls the start time, which is that of the container's creation, and begins the
  // counters anew.
  const restarts = `resets(${selector(CONTAINER_METRICS.cpu, { job })}[15m])`;
  const rateBy = (metric: string) => `sum by (workload) (rate(${selector(metric, { job })}[2m]))`;
  return {
    component: 'Containers',
    // As often as cAdvisor looks itself, so that a container which lives for seconds only is seen.
    jobs: [
      {
        name: job,
        targets: [address],
        intervalSeconds: 5,
        scrapeConfig: { metric_relabel_configs: ownContainers(environment) },
      },
    ],
    alerts: [
      {
        name: 'ContainerRestarting',
        expr: `${restarts} >= ${thresholds.restarts}`,
        severity: Severity.PAGE,
        summary: '{{ $labels.workload }} ({{ $labels.name }}) was started again {{ $value }} times within 15 minutes.',
        runbook:
          "Read its last log lines with 'docker logs', and whether it met its memory limit with 'docker inspect'.",
      },
      {
        name: 'ContainerMemoryNearLimit',
        expr: `${share} > ${thresholds.memoryShare}`,
        forDuration: '5m',
        severity: Severity.TICKET,
        summary: '{{ $labels.workload }} uses {{ $value | humanizePercentage }} of its memory limit.',
        runbook: 'Raise its limit, or look for a leak: at the limit the kernel kills it.',
      },
    ],
    panels: [
      { title: 'Memory of its limit', unit: 'percentunit', queries: [{ expr: share, legend: '{{workload}}' }] },
      { title: 'Memory', unit: 'bytes', queries: [{ expr: memory, legend: '{{workload}}' }] },
      { title: 'Processor', unit: 'short', queries: [{ expr: rateBy(CONTAINER_METRICS.cpu), legend: '{{workload}}' }] },
      {
        title: 'Restarts within 15 minutes',
        unit: 'short',
        queries: [{ expr: `sum by (workload) (${restarts})`, legend: '{{workload}}' }],
      },
      {
        title: 'Network',
        unit: 'Bps',
        queries: [
          { expr: rateBy(CONTAINER_METRICS.received), legend: '{{workload}} received' },
          { expr: rateBy(CONTAINER_METRICS.sent), legend: '{{workload}} sent' },
        ],
      },
    ],
  };
}

/** One machine may carry several environments, and other people's containers: only ours are kept. */
function ownContainers(environment: string): object[] {
  return [
    {
      source_labels: ['__name__', LABELS.environment],
      regex: `container_[^;]+;${environment}|(machine|cadvisor|process)_[^;]+;.*`,
      action: 'keep',
    },
    { source_labels: [LABELS.component], target_label: 'workload' },
    { source_labels: [LABELS.kind], target_label: 'kind' },
    { regex: 'container_label_.+', action: 'labeldrop' },
  ];
}
