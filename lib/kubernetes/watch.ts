import type { RoleV1Rule } from '@cdktf/provider-kubernetes/lib/role-v1';
import { Construct } from 'constructs';
import { ConfigFile } from '../core/config-file';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { IPlatform, PlatformThresholds, PlatformWatch } from '../core/platform';
import { Resources } from '../core/resources';
import { toYaml } from '../core/yaml';
import { Workload } from '../core/workload';
import { API_CA, API_SERVER, API_TOKEN, OBJECTS_JOB } from './discovery';
import { clusterObservability, OBJECT_METRICS } from './observability';

const KUBECONFIG = '/etc/kube-state-metrics/kubeconfig';

/** What kube-state-metrics lists, by API group. */
const WATCHED: Readonly<Record<string, readonly string[]>> = {
  '': ['pods', 'resourcequotas'],
  apps: ['daemonsets', 'deployments', 'statefulsets'],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['jobs'],
};

/** What a workload that asks the API may read. */
export interface AccessRules {
  /** In the environment's namespaces. */
  readonly namespaced: RoleV1Rule[];
  /** Of what belongs to no namespace. */
  readonly cluster: RoleV1Rule[];
}

/** The rights of a workload with `discovers`, and no more. */
export function accessRules(workload: Workload): AccessRules {
  if (workload.node.id === OBJECTS_JOB) {
    const namespaced = Object.entries(WATCHED).map(([group, resources]) => ({
      apiGroups: [group],
      resources: [...resources],
      verbs: ['list', 'watch'],
    }));
    return { namespaced, cluster: [] };
  }
  return {
    namespaced: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
    // Kubelets belong to no namespace: what they tell of other people's containers is dropped when it is scraped.
    cluster: [
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
    ],
  };
}

/**
 * Watches pods and the objects behind them: kubelets tell what containers use, kube-state-metrics what state objects
 * are in.
 *
 * @param namespaces the environment's own, and that of what belongs to nodes
 */
export function watchCluster(
  scope: Construct,
  platform: IPlatform,
  namespaces: readonly [string, string],
  thresholds: PlatformThresholds,
): PlatformWatch {
  const objects = new Workload(scope, OBJECTS_JOB, {
    platform,
    image: Image.fromCatalog('kube-state-metrics'),
    command: [
      `--kubeconfig=${KUBECONFIG}`,
      '--host=0.0.0.0',
      '--port=8080',
      '--telemetry-host=127.0.0.1',
      '--telemetry-port=8081',
      `--namespaces=${namespaces.join(',')}`,
      `--resources=${Object.values(WATCHED).flat().sort().join(',')}`,
      `--metric-allowlist=${Object.values(OBJECT_METRICS).sort().join(',')}`,
    ],
    files: [ConfigFile.text(KUBECONFIG, kubeconfig())],
    user: '65534:65534',
    ports: [{ name: 'metrics', port: 8080 }],
    healthCheck: HealthCheck.http('/healthz', 8080, { intervalSeconds: 10 }),
    resources: Resources.of({ cpu: '250m', memory: '128Mi' }),
    discovers: true,
    readOnlyRoot: true,
    stopSeconds: 10,
  });
  return {
    observability: clusterObservability({
      environment: platform.environment,
      namespaces,
      objects: objects.endpoint('metrics').address,
      thresholds,
    }),
    containers: [objects],
    whenSilent:
      "Look whether its pod runs with 'kubectl get pods', what happened to it with 'kubectl describe pod', and read " +
      "its last log lines with 'kubectl logs'.",
  };
}

/** It looks for the token at the usual path otherwise, which below /run/secrets belongs to the workload's own secrets. */
function kubeconfig(): string {
  const name = 'cluster';
  return toYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: API_SERVER, 'certificate-authority': API_CA } }],
    users: [{ name, user: { tokenFile: API_TOKEN } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
