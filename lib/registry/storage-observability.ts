import { Observability, Severity } from '../core/observability';
import { alertName } from '../monitoring/job-name';
import { failureShare, quantile, selector, sumRate } from '../core/promql';

/** What {@link databaseObservability} takes. */
export interface DatabaseWatch {
  /** The `job` label. */
  readonly job: string;
  /** `host:port`, as seen from inside the environment. */
  readonly address: string;
}

/**
 * Watches that a PostgreSQL accepts connections; what happens inside of it is its exporter's matter, and the alert of a
 * probe that fails is the same for all components.
 */
export function databaseObservability(watch: DatabaseWatch): Observability {
  return {
    component: 'Database',
    jobs: [{ name: watch.job, targets: [watch.address], probe: 'tcp_connect' }],
    panels: [
      {
        title: 'Time to connect',
        unit: 's',
        queries: [{ expr: selector('probe_duration_seconds', { job: watch.job }), legend: '{{instance}}' }],
      },
    ],
  };
}

/** What {@link artifactStoreObservability} takes. */
export interface ArtifactStoreWatch {
  /** The `job` label. */
  readonly job: string;
  /** URL that answers 200 while the server is well, as seen from inside the environment. */
  readonly healthUrl: string;
}

/** Watches that the S3 server answers. It has no metrics that Prometheus could scrape. */
export function artifactStoreObservability(watch: ArtifactStoreWatch): Observability {
  return {
    component: 'Artifact store',
    jobs: [{ name: watch.job, targets: [watch.healthUrl], probe: 'http_2xx' }],
    panels: [
      {
        title: 'Time to answer',
        unit: 's',
        queries: [{ expr: selector('probe_duration_seconds', { job: watch.job }), legend: '{{instance}}' }],
      },
    ],
  };
}

/** What {@link containerRegistryObservability} takes. */
export interface ContainerRegistryWatch {
  /** The `job` label. */
  readonly job: string;
  /** `host:port` of the metrics, as seen from inside the environment. */
  readonly address: string;
}

/** Metrics of the distribution registry. */
export const CONTAINER_REGISTRY_METRICS = {
  requests: 'registry_http_requests_total',
  inFlight: 'registry_http_in_flight_requests',
  storage: 'registry_storage_action_seconds',
} as const;

/** Watches the distribution registry by its own metrics. */
export function containerRegistryObservability(watch: ContainerRegistryWatch): Observability {
  const { job } = watch;
  const requests = selector(CONTAINER_REGISTRY_METRICS.requests, { job });
  const good = selector(CONTAINER_REGISTRY_METRICS.requests, { job, code: '!~5..' });
  const needs = 'an image that was pushed or pulled';
  return {
    component: 'Container registry',
    jobs: [{ name: job, targets: [watch.address] }],
    alerts: [
      {
        name: alertName('ContainerRegistryErrors', job, 'containers'),
        expr: `${failureShare(sumRate(requests, '5m'), sumRate(good, '5m'))} > 0.05`,
        forDuration: '5m',
        severity: Severity.TICKET,
        summary: 'The container registry fails {{ $value | humanizePercentage }} of its requests.',
        runbook: 'Look for "level=error" in its log; a full volume is the usual cause.',
        needs,
      },
    ],
    panels: [
      {
        title: 'Requests under way',
        unit: 'short',
        queries: [
          {
            expr: `sum by (handler) (${selector(CONTAINER_REGISTRY_METRICS.inFlight, { job })})`,
            legend: '{{handler}}',
          },
        ],
      },
      {
        title: 'Requests by status',
        unit: 'reqps',
        queries: [{ expr: sumRate(requests, '5m', ['code']), legend: '{{code}}' }],
        needs,
      },
      {
        title: 'Time of storage, 95th percentile',
        unit: 's',
        queries: [
          {
            expr: quantile(0.95, selector(`${CONTAINER_REGISTRY_METRICS.storage}_bucket`, { job }), '5m', ['action']),
            legend: '{{action}}',
          },
        ],
        needs,
      },
    ],
  };
}
