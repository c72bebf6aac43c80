import { Observability, Severity } from '../core/observability';
import { checkKeys } from '../core/errors';
import { alertName } from '../monitoring/job-name';
import { failureShare, quantile, selector, sumRate } from '../core/promql';
import { checkBetween, checkShare } from '../monitoring/thresholds';

/** When to raise alerts about a model registry. */
export interface ModelRegistryAlerts {
  /** Share of requests that the registry answers with a failure of its own, over five minutes. @default 0.05 */
  readonly errorShare?: number;
  /** 95th percentile of the time to answer, in seconds, over ten minutes. @default 5 */
  readonly latencySeconds?: number;
}

const ALERT_KEYS: Record<keyof ModelRegistryAlerts, true> = { errorShare: true, latencySeconds: true };

/** What {@link modelRegistryObservability} takes. */
export interface ModelRegistryObservabilityProps {
  /** Prometheus job. */
  readonly job: string;
  /** `host:port` of the server. */
  readonly address: string;
  /** `host:port` of the metrics. */
  readonly metricsAddress: string;
  readonly alerts?: ModelRegistryAlerts;
}

/** Metrics of MLflow's server. */
export const REGISTRY_METRICS = {
  requests: 'mlflow_http_request_total',
  duration: 'mlflow_http_request_duration_seconds',
} as const;

/** What to watch about an MLflow server. */
export function modelRegistryObservability(props: ModelRegistryObservabilityProps): Observability {
  const { job } = props;
  checkKeys('ModelRegistry', 'alerts', props.alerts ?? {}, Object.keys(ALERT_KEYS));
  const errorShare = checkShare('ModelRegistry', 'alerts.errorShare', props.alerts?.errorShare ?? 0.05);
  const latencySeconds = checkBetween(
    'ModelRegistry',
    'alerts.latencySeconds',
    props.alerts?.latencySeconds ?? 5,
    0.01,
    600,
    'seconds',
  );
  const requests = selector(REGISTRY_METRICS.requests, { job });
  const good = selector(REGISTRY_METRICS.requests, { job, status: '!~5..' });
  const buckets = selector(`${REGISTRY_METRICS.duration}_bucket`, { job });
  const failures = failureShare(sumRate(requests, '5m'), sumRate(good, '5m'));
  return {
    component: 'Model registry',
    jobs: [
      { name: job, targets: [props.metricsAddress] },
      { name: `${job}-health`, targets: [`http://${props.address}/health`], probe: 'http_2xx' },
    ],
    alerts: [
      {
        name: alertName('ModelRegistryErrors', job, 'registry'),
        expr: `${failures} > ${errorShare}`,
        forDuration: '2m',
        severity: Severity.PAGE,
        summary: 'The model registry fails {{ $value | humanizePercentage }} of its requests.',
        runbook: "Read the registry's log, then look whether its database and its artifact store answer.",
      },
      {
        name: alertName('ModelRegistrySlow', job, 'registry'),
        expr: `${quantile(0.95, buckets, '10m')} > ${latencySeconds}`,
        forDuration: '10m',
        severity: Severity.TICKET,
        summary: 'The model registry takes {{ $value | humanizeDuration }} for one request in twenty.',
        runbook: 'Look at its processor limit and at the connections of its database.',
      },
    ],
    panels: [
      {
        title: 'Requests by status',
        unit: 'reqps',
        queries: [{ expr: sumRate(requests, '5m', ['status']), legend: '{{status}}' }],
      },
      { title: 'Share of failures', unit: 'percentunit', queries: [{ expr: failures, legend: 'failed' }] },
      {
        title: 'Time to answer',
        unit: 's',
        queries: [
          { expr: quantile(0.5, buckets, '5m'), legend: 'median' },
          { expr: quantile(0.95, buckets, '5m'), legend: '95th percentile' },
        ],
      },
    ],
  };
}
