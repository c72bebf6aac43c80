import { Observability, Severity } from '../core/observability';

/** What {@link databaseObservability} takes. */
export interface DatabaseWatch {
  /** The `job` label. */
  readonly job: string;
  /** `host:port`, as seen from inside the environment. */
  readonly address: string;
}

/** Watches that a PostgreSQL accepts connections; what happens inside of it is its exporter's matter. */
export function databaseObservability(watch: DatabaseWatch): Observability {
  const reachable = `probe_success{job="${watch.job}"}`;
  return {
    component: 'Database',
    jobs: [{ name: watch.job, targets: [watch.address], probe: 'tcp_connect' }],
    alerts: [
      {
        name: 'DatabaseDown',
        expr: `${reachable} == 0`,
        forDuration: '30s',
        severity: Severity.PAGE,
        summary: 'The database {{ $labels.instance }} accepts no connections',
        runbook: 'Read the last lines of its log; a full disk and too little memory are the usual causes.',
      },
    ],
    panels: [
      {
        title: 'Database reachable',
        unit: 'bool_yes_no',
        kind: 'stat',
        queries: [{ expr: reachable, legend: '{{instance}}' }],
      },
      {
        title: 'Time to connect to the database',
        unit: 's',
        queries: [{ expr: `probe_duration_seconds{job="${watch.job}"}`, legend: '{{instance}}' }],
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
  const reachable = `probe_success{job="${watch.job}"}`;
  return {
    component: 'Artifact store',
    jobs: [{ name: watch.job, targets: [watch.healthUrl], probe: 'http_2xx' }],
    alerts: [
      {
        name: 'ArtifactStoreDown',
        expr: `${reachable} == 0`,
        forDuration: '30s',
        severity: Severity.PAGE,
        summary: 'The artifact store {{ $labels.instance }} does not answer',
        runbook: 'Read the last lines of its log. Until it answers, no model loads and no run can log an artifact.',
      },
    ],
    panels: [
      {
        title: 'Artifact store reachable',
        unit: 'bool_yes_no',
        kind: 'stat',
        queries: [{ expr: reachable, legend: '{{instance}}' }],
      },
      {
        title: 'Answer time of the artifact store',
        unit: 's',
        queries: [{ expr: `probe_duration_seconds{job="${watch.job}"}`, legend: '{{instance}}' }],
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

/** Watches the distribution registry by its own metrics. */
export function containerRegistryObservability(watch: ContainerRegistryWatch): Observability {
  const job = `job="${watch.job}"`;
  const requests = `registry_http_requests_total{${job}}`;
  const errors = `registry_http_requests_total{${job},code=~"5.."}`;
  const traffic = 'an image has been pushed or pulled';
  return {
    component: 'Container registry',
    jobs: [{ name: watch.job, targets: [watch.address] }],
    alerts: [
      {
        name: 'ContainerRegistryDown',
        expr: `up{${job}} == 0`,
        forDuration: '1m',
        severity: Severity.PAGE,
        summary: 'The container registry {{ $labels.instance }} does not answer',
        runbook: 'Read the last lines of its log. Until it answers, no image can be pushed or pulled.',
      },
      {
        name: 'ContainerRegistryErrors',
        expr: `sum(rate(${errors}[5m])) / sum(rate(${requests}[5m])) > 0.05`,
        forDuration: '5m',
        severity: Severity.TICKET,
        summary: 'The container registry fails {{ $value | humanizePercentage }} of the requests',
        runbook: 'Look for "level=error" in its log; a full volume is the usual cause.',
        needs: 'the registry has failed a request',
      },
    ],
    panels: [
      {
        title: 'Requests under way at the container registry',
        unit: 'short',
        queries: [{ expr: `sum by (handler) (registry_http_in_flight_requests{${job}})`, legend: '{{handler}}' }],
      },
      {
        title: 'Requests to the container registry',
        unit: 'reqps',
        queries: [{ expr: `sum by (code) (rate(${requests}[5m]))`, legend: '{{code}}' }],
        needs: traffic,
      },
      {
        title: 'Storage time of the container registry (95th percentile)',
        unit: 's',
        queries: [
          {
            expr: `histogram_quantile(0.95, sum by (le, action) (rate(registry_storage_action_seconds_bucket{${job}}[5m])))`,
            legend: '{{action}}',
          },
        ],
        needs: traffic,
      },
    ],
  };
}
