import { ScrapeJob } from '../core/observability';
import { INSTANCE } from './labels';
import { API_ACCESS_DIRECTORY } from './pod';

/** What discovery needs to know of the cluster. */
export interface DiscoveryFacts {
  /** The environment's namespaces: its own, and that of what belongs to nodes. */
  readonly namespaces: readonly [string, string];
  /** What follows a service's namespace in its full name, for example `svc.cluster.local`. */
  readonly domain: string;
}

/** Labels of a pod that a scrape job without fixed targets takes up. */
export const SCRAPE_LABELS = {
  /** Name of the job. */
  job: 'cdktf-mlops.scrape',
  /** Name of the container's port. */
  port: 'cdktf-mlops.scrape-port',
  /** What follows is a label of its series. */
  target: 'cdktf-mlops.target.',
} as const;

/** Job of kube-state-metrics. It tells of other pods, and has a name that stays: a pod's would change all series. */
export const OBJECTS_JOB = 'kube-state-metrics';

/** Certificate authority and token of whoever asks the API. */
export const API_CA = `${API_ACCESS_DIRECTORY}/ca.crt`;
export const API_TOKEN = `${API_ACCESS_DIRECTORY}/token`;
export const API_SERVER = 'https://kubernetes.default.svc';

const POD = '__meta_kubernetes_pod_';
const PORT_NUMBER = `${POD}container_port_number`;
const PORT_NAME = `${POD}container_port_name`;
const NAMESPACE = '__meta_kubernetes_namespace';

/**
 * How Prometheus finds the targets of a job, as keys of its `scrape_config`: every replica of what the job names by its
 * service, or every pod that asks for the job. Undefined for a job whose targets are elsewhere or are probed.
 */
export function discoverTargets(facts: DiscoveryFacts, job: ScrapeJob): Record<string, unknown> | undefined {
  if (job.probe !== undefined || job.name === OBJECTS_JOB) return undefined;
  const [own, node] = facts.namespaces;
  if (job.fileSd !== undefined) {
    return {
      kubernetes_sd_configs: [apiDiscovery('pod', [own])],
      relabel_configs: [
        ...runningPods(),
        { source_labels: [podLabel(SCRAPE_LABELS.job)], regex: job.name, action: 'keep' },
        { source_labels: [podLabel(SCRAPE_LABELS.port)], target_label: PORT_NAME, action: 'keepequal' },
        { regex: `${podLabel(SCRAPE_LABELS.target)}(.+)`, action: 'labelmap' },
        ...replicaLabels(),
      ],
    };
  }
  const places = job.targets.map((target) => placeOf(target, facts));
  if (places.length === 0 || !places.every((place) => place !== undefined)) return undefined;
  const namespaces = [...new Set(places.map(({ namespace }) => namespace))];
  return {
    kubernetes_sd_configs: [apiDiscovery('pod', namespaces)],
    relabel_configs: [
      ...runningPods(),
      {
        source_labels: [NAMESPACE, podLabel(INSTANCE), PORT_NUMBER],
        regex: places.map(({ namespace, name, port }) => `${namespace};${name};${port}`).join('|'),
        action: 'keep',
      },
      ...replicaLabels(),
      // There is one on each node: the node's name outlives the pod.
      ...(namespaces.includes(node)
        ? [
            {
              source_labels: [NAMESPACE, `${POD}node_name`],
              regex: `${node};(.+)`,
              target_label: 'instance',
            },
          ]
        : []),
    ],
  };
}

/** A part of `kubernetes_sd_configs`: Prometheus asks the API as its own service account. */
export function apiDiscovery(role: 'node' | 'pod', namespaces?: readonly string[]): Record<string, unknown> {
  return {
    role,
    api_server: API_SERVER,
    authorization: { credentials_file: API_TOKEN },
    tls_config: { ca_file: API_CA },
    ...(namespaces === undefined ? {} : { namespaces: { names: namespaces } }),
  };
}

/** What has ended is still listed, until somebody removes it. */
function runningPods(): object[] {
  return [{ source_labels: [`${POD}phase`], regex: 'Succeeded|Failed', action: 'drop' }];
}

function replicaLabels(): object[] {
  return [
    { source_labels: [`${POD}name`, PORT_NUMBER], separator: ':', target_label: 'instance' },
    { source_labels: [`${POD}name`], target_label: 'pod' },
  ];
}

/** Prometheus' name for a pod's label. */
function podLabel(label: string): string {
  return `${POD}label_${label.replace(/[^A-Za-z0-9_]/g, '_')}`;
}

function placeOf(target: string, { namespaces, domain }: DiscoveryFacts) {
  const [host, port] = target.split(':');
  const [name, namespace, ...rest] = host.split('.');
  return namespaces.includes(namespace) && rest.join('.') === domain ? { name, namespace, port } : undefined;
}
