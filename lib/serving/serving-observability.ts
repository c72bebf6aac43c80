import { Observability, Severity } from '../core/observability';
import { checkKeys } from '../core/errors';
import { LIVE_MOUNT } from '../monitoring/constants';
import { failureShare, quantile, selector, sumRate } from '../core/promql';
import { checkBetween, checkShare } from '../monitoring/thresholds';

/** When to raise alerts about model servers. */
export interface ModelServerAlerts {
  /** Share of predictions that a server answers with a failure of its own, over five minutes. @default 0.05 */
  readonly errorShare?: number;
  /** 95th percentile of the time to predict, in seconds, over five minutes. @default 1 */
  readonly latencySeconds?: number;
  /** Minutes after which a released model that nobody asks is worth a look. @default 60 */
  readonly noTrafficMinutes?: number;
}

const ALERT_KEYS: Record<keyof ModelServerAlerts, true> = {
  errorShare: true,
  latencySeconds: true,
  noTrafficMinutes: true,
};

/** What {@link modelServersObservability} takes. */
export interface ModelServersObservabilityProps {
  /** @default - the defaults of each threshold */
  readonly alerts?: ModelServerAlerts;
  /**
   * File in the live directory with the targets of the release, each with the labels `model` and `version`.
   * @default model-targets.json
   */
  readonly targetsFile?: string;
}

/** Prometheus job of all model servers of an environment. */
export const MODELS_JOB = 'models';

/** Metrics of MLServer. It has no series for what did not happen yet. */
export const MODEL_METRICS = {
  requests: 'rest_server_requests_total',
  duration: 'rest_server_request_duration_seconds',
  info: 'mlops_model_info',
  memory: 'process_resident_memory_bytes',
  started: 'process_start_time_seconds',
} as const;

const UP = selector('up', { job: MODELS_JOB });

/**
 * Two failed scrapes within half a minute, of a target that is still listed: one alone may be a busy moment, and a
 * server that a release has replaced is gone some seconds before Prometheus hears of it. One that has not answered yet
 * may still be starting: whoever deploys it waits for it.
 */
const DOWN =
  `count_over_time(${UP}[30s]) - sum_over_time(${UP}[30s]) >= 2 and ${UP} ` + `and max_over_time(${UP}[1d]) > 0`;

/** Labels that a release puts on each target. */
const VERSION = ['model', 'version'];

/** What to watch about the model servers of whatever is released. */
export function modelServersObservability(props: ModelServersObservabilityProps = {}): Observability {
  const where = 'model servers';
  checkKeys(where, 'alerts', props.alerts ?? {}, Object.keys(ALERT_KEYS));
  const errorShare = checkShare(where, 'alerts.errorShare', props.alerts?.errorShare ?? 0.05);
  const latency = checkBetween(
    where,
    'alerts.latencySeconds',
    props.alerts?.latencySeconds ?? 1,
    0.001,
    600,
    'seconds',
  );
  const noTraffic = checkBetween(
    where,
    'alerts.noTrafficMinutes',
    props.alerts?.noTrafficMinutes ?? 60,
    1,
    10_080,
    'minutes',
  );

  const job = MODELS_JOB;
  // Predictions are POST; health checks and metadata are GET. The labels of the scraped target say whose they are:
  // what a request names as its model is up to the client.
  const predictions = selector(MODEL_METRICS.requests, { job, method: 'POST' });
  const good = selector(MODEL_METRICS.requests, { job, method: 'POST', status_code: '!~5..' });
  const buckets = selector(`${MODEL_METRICS.duration}_bucket`, { job, method: 'POST' });
  const failures = failureShare(sumRate(predictions, '5m', VERSION), sumRate(good, '5m', VERSION));
  const slowest = quantile(0.95, buckets, '5m', VERSION);
  const info = selector(MODEL_METRICS.info, { job });
  const who = '{{ $labels.model }} version {{ $labels.version }}';
  return {
    component: 'Model servers',
    jobs: [
      {
        name: job,
        targets: [],
        fileSd: `${LIVE_MOUNT}/${props.targetsFile ?? 'model-targets.json'}`,
        intervalSeconds: 5,
      },
    ],
    alerts: [
      {
        name: 'ModelServerDown',
        expr: DOWN,
        forDuration: '10s',
        severity: Severity.PAGE,
        summary: `The server of ${who} ({{ $labels.instance }}) is down or keeps failing.`,
        runbook: 'Read its last log lines. If it does not recover, release the last good version again.',
      },
      {
        name: 'ModelServerRestarted',
        expr: `changes(${selector(MODEL_METRICS.started, { job })}[5m]) > 0`,
        severity: Severity.TICKET,
        summary: `The server of ${who} ({{ $labels.instance }}) ended and was started again.`,
        runbook: 'Look whether it met its memory limit, and read the log lines from before the restart.',
      },
      {
        name: 'ModelErrors',
        expr: `${failures} > ${errorShare}`,
        forDuration: '1m',
        severity: Severity.PAGE,
        summary: `${who} fails {{ $value | humanizePercentage }} of its predictions.`,
        runbook: "Read the server's log. If the version is new, release the last good version again.",
      },
      {
        name: 'ModelSlow',
        expr: `${slowest} > ${latency}`,
        forDuration: '5m',
        severity: Severity.TICKET,
        summary: `${who} takes {{ $value | humanizeDuration }} for one prediction in twenty.`,
        runbook: 'Look at its processor limit and the number of requests; give it replicas.',
      },
      {
        name: 'ModelWithoutTraffic',
        // A short window that stays empty for long: an hour starts anew with each request.
        expr: `max by (model) (${info}) unless (sum by (model) (increase(${predictions}[5m])) > 0)`,
        forDuration: `${noTraffic}m`,
        severity: Severity.TICKET,
        summary: `Nobody has asked {{ $labels.model }} for ${noTraffic} minutes.`,
        runbook: 'Look at the requests at the gateway: either they do not arrive, or the release can be withdrawn.',
      },
    ],
    panels: [
      {
        title: 'Predictions',
        unit: 'reqps',
        queries: [{ expr: sumRate(predictions, '1m', VERSION), legend: '{{model}} v{{version}}' }],
      },
      {
        title: 'Share of failures',
        unit: 'percentunit',
        queries: [{ expr: failures, legend: '{{model}} v{{version}}' }],
      },
      {
        title: 'Time to predict, 95th percentile',
        unit: 's',
        queries: [{ expr: slowest, legend: '{{model}} v{{version}}' }],
      },
      {
        title: 'Servers up',
        unit: 'short',
        kind: 'stat',
        queries: [
          {
            expr: `sum by (model, version) (${UP})`,
            legend: '{{model}} v{{version}}',
          },
        ],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        queries: [{ expr: selector(MODEL_METRICS.memory, { job }), legend: '{{model}} v{{version}} {{instance}}' }],
      },
    ],
  };
}
