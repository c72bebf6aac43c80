import { CONTAINER_METRICS, containerPanels, memoryNearLimit } from '../core/container-observability';
import { Observability, ScrapeJob, Severity } from '../core/observability';
import { PlatformThresholds } from '../core/platform';
import { selector } from '../core/promql';
import { API_TOKEN, apiDiscovery, OBJECTS_JOB } from './discovery';

/** Job of the kubelets' metrics about what containers use. */
const CONTAINERS_JOB = 'kubelet';
/** Job of the kubelets' cAdvisor, asked for what it alone knows. */
const NETWORK_JOB = 'kubelet-network';
/** Job of the kubelets' metrics about volumes. */
const VOLUMES_JOB = 'kubelet-volumes';

/** Metrics of kubelets about the volumes of claims. */
export const VOLUME_METRICS = {
  free: 'kubelet_volume_stats_available_bytes',
  size: 'kubelet_volume_stats_capacity_bytes',
} as const;

/** Metrics of kube-state-metrics. */
export const OBJECT_METRICS = {
  container: 'kube_pod_container_info',
  limits: 'kube_pod_container_resource_limits',
  restarts: 'kube_pod_container_status_restarts_total',
  lastTerminated: 'kube_pod_container_status_last_terminated_reason',
  terminated: 'kube_pod_container_status_terminated_reason',
  ready: 'kube_pod_status_ready',
  phase: 'kube_pod_status_phase',
  deployment: 'kube_deployment_spec_replicas',
  deploymentAvailable: 'kube_deployment_status_replicas_available',
  statefulSet: 'kube_statefulset_replicas',
  statefulSetReady: 'kube_statefulset_status_replicas_ready',
  daemonSet: 'kube_daemonset_status_desired_number_scheduled',
  daemonSetAvailable: 'kube_daemonset_status_number_available',
  jobFailed: 'kube_job_failed',
  jobStarted: 'kube_job_status_start_time',
  scaled: 'kube_horizontalpodautoscaler_status_current_replicas',
  scaledMax: 'kube_horizontalpodautoscaler_spec_max_replicas',
  quota: 'kube_resourcequota',
} as const;

/** What {@link clusterObservability} takes. */
export interface ClusterWatch {
  readonly environment: string;
  /** The environment's namespaces: its own, and that of what belongs to nodes. */
  readonly namespaces: readonly [string, string];
  /** `host:port` of kube-state-metrics. */
  readonly objects: string;
  readonly thresholds: PlatformThresholds;
}

/** Share of a quota that is worth a look before something is refused. */
const QUOTA_SHARE = 0.9;
const SCALED = 'a workload that is scaled automatically';
const FAILED = 'a job that failed';
const OUT_OF_MEMORY = 'a container that met its memory limit';
const QUOTA = 'a quota of the namespace';
const NETWORKS = 'a container runtime of whose networks kubelets tell';
const VOLUMES = 'a kind of volume that says how full it is';

/** What to watch about the environment's containers, and about the objects behind them. */
export function clusterObservability(watch: ClusterWatch): Observability[] {
  return [containersObservability(watch), objectsObservability(watch)];
}

function containersObservability({ namespaces, thresholds }: ClusterWatch): Observability {
  const job = CONTAINERS_JOB;
  const of = (metric: string, matchers = {}) => selector(metric, { job: OBJECTS_JOB, ...matchers });
  const restarts = `increase(${of(OBJECT_METRICS.restarts)}[15m])`;
  const killed = { reason: 'OOMKilled' };
  const container = 'namespace, pod, workload';
  const series = {
    job,
    memoryLimit: `max by (${container}) (${of(OBJECT_METRICS.limits, { resource: 'memory' })})`,
    limitOn: container,
    restarts,
    replica: 'pod',
    // A pod's containers share its network, and its series name none of them.
    network: (metric: string) =>
      `sum by (workload) (sum by (namespace, pod) (rate(${selector(metric, { job: NETWORK_JOB })}[2m])) ` +
      `* on (namespace, pod) group_left (workload) max by (${container}) (${of(OBJECT_METRICS.container)}))`,
    networkNeeds: NETWORKS,
  };
  return {
    component: 'Containers',
    jobs: [
      kubelet(CONTAINERS_JOB, '/metrics/resource', namespaces, [CONTAINER_METRICS.memory, CONTAINER_METRICS.cpu]),
      kubelet(NETWORK_JOB, '/metrics/cadvisor', namespaces, [CONTAINER_METRICS.received, CONTAINER_METRICS.sent]),
    ],
    alerts: [
      {
        name: 'ContainerRestarting',
        expr: `${restarts} >= ${thresholds.restarts}`,
        severity: Severity.PAGE,
        summary:
          '{{ $labels.workload }} ({{ $labels.pod }}) was started again {{ printf "%.0f" $value }} times within 15 minutes.',
        runbook: `Read what it said last with 'kubectl logs --previous', and why it ended with 'kubectl describe pod'.`,
      },
      {
        name: 'ContainerOutOfMemory',
        expr:
          `(${of(OBJECT_METRICS.lastTerminated, killed)} == 1 and on (namespace, pod, workload) ` +
          `increase(${of(OBJECT_METRICS.restarts)}[15m]) > 0) or ${of(OBJECT_METRICS.terminated, killed)} == 1`,
        severity: Severity.TICKET,
        summary: '{{ $labels.workload }} ({{ $labels.pod }}) was killed at its memory limit.',
        runbook: "Raise its limit, or look for a leak: 'kubectl describe pod' says when, the dashboard how it grew.",
        needs: OUT_OF_MEMORY,
      },
      memoryNearLimit(series, thresholds.memoryShare),
    ],
    panels: containerPanels(series),
  };
}

function objectsObservability({ environment, namespaces, objects, thresholds }: ClusterWatch): Observability {
  const of = (metric: string, matchers = {}) => selector(metric, { job: OBJECTS_JOB, ...matchers });
  const any = (...metrics: string[]) => `(${metrics.map((metric) => of(metric)).join(' or ')})`;
  const wanted = any(OBJECT_METRICS.deployment, OBJECT_METRICS.statefulSet, OBJECT_METRICS.daemonSet);
  const available = any(
    OBJECT_METRICS.deploymentAvailable,
    OBJECT_METRICS.statefulSetReady,
    OBJECT_METRICS.daemonSetAvailable,
  );
  const volume = (metric: string) => selector(metric, { job: VOLUMES_JOB });
  const free = `${volume(VOLUME_METRICS.free)} / ${volume(VOLUME_METRICS.size)}`;
  const quota = `${of(OBJECT_METRICS.quota, { type: 'used' })} / ignoring (type) (${of(OBJECT_METRICS.quota, { type: 'hard' })} > 0)`;
  const scaled = of(OBJECT_METRICS.scaled);
  const atMost = of(OBJECT_METRICS.scaledMax);
  return {
    component: 'Cluster',
    jobs: [
      {
        name: OBJECTS_JOB,
        targets: [objects],
        scrapeConfig: { metric_relabel_configs: workloadOfObjects(environment) },
      },
      kubelet(VOLUMES_JOB, '/metrics', namespaces, Object.values(VOLUME_METRICS)),
    ],
    alerts: [
      {
        name: 'WorkloadUnavailable',
        expr: `${available} == 0 and ${wanted} > 0`,
        forDuration: '2m',
        severity: Severity.PAGE,
        summary: 'No replica of {{ $labels.workload }} is available.',
        runbook:
          "Look at its pods with 'kubectl get pods', then at what happened to them with 'kubectl describe pod' and " +
          "'kubectl logs --previous'. If it began with a deploy, deploy the last good state again.",
      },
      {
        name: 'WorkloadDegraded',
        expr: `${available} < ${wanted} and ${available} > 0`,
        forDuration: '10m',
        severity: Severity.TICKET,
        summary:
          'Only {{ $value }} of the replicas of {{ $labels.workload }} are available, fewer than it should have.',
        runbook: "Look which of its pods is not ready with 'kubectl get pods', and why with 'kubectl describe pod'.",
      },
      {
        name: 'PodNotReady',
        expr:
          `${of(OBJECT_METRICS.ready, { condition: 'true' })} == 0 and on (namespace, pod) ` +
          `${of(OBJECT_METRICS.phase, { phase: '=~Pending|Unknown' })} == 1`,
        forDuration: '10m',
        severity: Severity.TICKET,
        summary: 'The pod {{ $labels.pod }} waits to run for more than 10 minutes.',
        runbook:
          "'kubectl describe pod' says what it waits for: room on a node, an image, a volume. A quota shows in " +
          "'kubectl get events'.",
      },
      {
        name: 'JobFailed',
        expr:
          `${of(OBJECT_METRICS.jobFailed, { condition: 'true' })} == 1 and on (namespace, job_name) ` +
          `time() - ${of(OBJECT_METRICS.jobStarted)} < 86400`,
        severity: Severity.TICKET,
        summary: 'The job {{ $labels.job_name }} failed within the last day.',
        runbook: "Read its log with 'kubectl logs job/{{ $labels.job_name }}', mend the cause, and start it again.",
        needs: FAILED,
      },
      {
        name: 'VolumeAlmostFull',
        expr: `${free} < ${thresholds.diskFreeShare}`,
        forDuration: '5m',
        severity: Severity.PAGE,
        summary: 'Only {{ $value | humanizePercentage }} of the claim {{ $labels.persistentvolumeclaim }} is free.',
        runbook: 'Delete what nobody needs, or enlarge the claim where its storage class allows it.',
        needs: VOLUMES,
      },
      {
        name: 'AutoscalerAtMaximum',
        expr: `${scaled} >= ${atMost}`,
        forDuration: '15m',
        severity: Severity.TICKET,
        summary: '{{ $labels.horizontalpodautoscaler }} has as many replicas as it may, for 15 minutes: {{ $value }}.',
        runbook: 'Look at requests and processor on the dashboards; raise the maximum if the load is to stay.',
        needs: SCALED,
      },
      {
        name: 'QuotaNearlyUsed',
        expr: `${quota} > ${QUOTA_SHARE}`,
        forDuration: '15m',
        severity: Severity.TICKET,
        summary: '{{ $value | humanizePercentage }} of the quota for {{ $labels.resource }} is in use.',
        runbook: "See who uses it with 'kubectl describe quota', then raise the quota or take something away.",
        needs: QUOTA,
      },
    ],
    panels: [
      {
        title: 'Replicas available of those wanted',
        unit: 'percentunit',
        kind: 'stat',
        queries: [{ expr: `${available} / (${wanted} > 0)`, legend: '{{workload}}' }],
      },
      {
        title: 'Pods by phase',
        unit: 'short',
        queries: [{ expr: `sum by (phase) (${of(OBJECT_METRICS.phase)})`, legend: '{{phase}}' }],
      },
      {
        title: 'Claims free',
        unit: 'percentunit',
        queries: [{ expr: free, legend: '{{persistentvolumeclaim}}' }],
        needs: VOLUMES,
      },
      {
        title: 'Replicas of what is scaled',
        unit: 'short',
        queries: [
          { expr: scaled, legend: '{{horizontalpodautoscaler}}' },
          { expr: atMost, legend: '{{horizontalpodautoscaler}} at most' },
        ],
        needs: SCALED,
      },
      {
        title: 'Quota in use',
        unit: 'percentunit',
        queries: [{ expr: quota, legend: '{{resource}}' }],
        needs: QUOTA,
      },
    ],
  };
}

/** A job of all kubelets. A node carries other people's pods too: only ours are kept, and of them what is shown. */
function kubelet(name: string, path: string, namespaces: readonly string[], metrics: readonly string[]): ScrapeJob {
  return {
    name,
    targets: [],
    scheme: 'https',
    metricsPath: path,
    scrapeConfig: {
      authorization: { credentials_file: API_TOKEN },
      // Most clusters have kubelets sign their certificates themselves. The token may read no more than metrics and
      // which pods and nodes there are, and is good for an hour.
      tls_config: { insecure_skip_verify: true },
      // What is gone is no longer told of, and its series are to end with that.
      honor_timestamps: false,
      kubernetes_sd_configs: [apiDiscovery('node')],
      relabel_configs: [{ source_labels: ['__meta_kubernetes_node_name'], target_label: 'instance' }],
      metric_relabel_configs: [
        {
          source_labels: ['__name__', 'namespace'],
          regex: `(${metrics.join('|')});(${namespaces.join('|')})`,
          action: 'keep',
        },
        { source_labels: ['container'], regex: '(.+)', target_label: 'workload' },
      ],
    },
  };
}

/** A container is named after its component, and so is what makes its pods, behind the environment's name. */
function workloadOfObjects(environment: string): object[] {
  return [
    { source_labels: ['container'], regex: '(.+)', target_label: 'workload' },
    {
      source_labels: ['deployment', 'statefulset', 'daemonset'],
      separator: '',
      regex: `(?:${environment}-)?(.+)`,
      target_label: 'workload',
    },
  ];
}
