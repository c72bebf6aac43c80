import { Construct } from 'constructs';
import { CONTAINER_METRICS, containerPanels, memoryNearLimit } from '../core/container-observability';
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
    whenSilent: "Look whether its container runs, and read its last log lines: 'docker ps' and 'docker logs'.",
  };
}

/** What to watch about the environment's containers, given `host:port` of cAdvisor. */
function containersObservability(address: string, environment: string, thresholds: PlatformThresholds): Observability {
  const job = JOB;
  // A restart keeps what cAdvisor calls the start time, which is that of the container's creation, and begins the
  // counters anew.
  const restarts = `resets(${selector(CONTAINER_METRICS.cpu, { job })}[15m])`;
  const memoryLimit = selector('container_spec_memory_limit_bytes', { job });
  const series = { job, memoryLimit, restarts, replica: 'workload' };
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
      memoryNearLimit(series, thresholds.memoryShare),
    ],
    panels: containerPanels(series),
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
