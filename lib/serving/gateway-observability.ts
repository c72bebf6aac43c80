import { Observability, Severity } from '../core/observability';
import { checkKeys } from '../core/errors';
import { alertName } from '../monitoring/job-name';
import { selector, sumRate } from '../core/promql';
import { checkBetween, checkShare } from '../monitoring/thresholds';

/** When to raise alerts about a gateway. */
export interface GatewayAlerts {
  /** Share of requests that are answered with 5xx, over two minutes. @default 0.05 */
  readonly errorShare?: number;
  /** Share of the connections that the gateway takes at a time. @default 0.8 */
  readonly connectionShare?: number;
  /** Seconds without any server of a released model. @default 15 */
  readonly noServerSeconds?: number;
}

const ALERT_KEYS: Record<keyof GatewayAlerts, true> = {
  errorShare: true,
  connectionShare: true,
  noServerSeconds: true,
};

/** What {@link gatewayObservability} takes. */
export interface GatewayObservabilityProps {
  /** Prometheus job. @default gateway */
  readonly job?: string;
  /** `host:port` of the metrics. */
  readonly address: string;
  /**
   * URL that answers with 200 while the gateway serves, for a probe of the way that clients take; with `https` its
   * certificate is watched too. @default - metrics only
   */
  readonly healthUrl?: string;
  /** @default - the defaults of each threshold */
  readonly alerts?: GatewayAlerts;
}

/** Prometheus job of the gateway. */
export const GATEWAY_JOB = 'gateway';

/** Metrics of HAProxy's exporter. */
export const GATEWAY_METRICS = {
  requests: 'haproxy_frontend_http_requests_total',
  responses: 'haproxy_frontend_http_responses_total',
  modelRequests: 'haproxy_backend_http_requests_total',
  modelResponses: 'haproxy_backend_http_responses_total',
  modelTime: 'haproxy_backend_response_time_average_seconds',
  serversUp: 'haproxy_backend_active_servers',
  serverStatus: 'haproxy_server_status',
  serverRequests: 'haproxy_server_loadbalanced_total',
  serverWeight: 'haproxy_server_weight',
  connections: 'haproxy_frontend_current_sessions',
  maxConnections: 'haproxy_frontend_limit_sessions',
  users: 'haproxy_sticktable_used',
} as const;

/** HAProxy's name for the frontend that clients reach. */
const FRONTEND = 'gateway';
/** HAProxy's names for the backends of released models begin so. */
const MODEL_BACKENDS = '=~model_.+';

/** The model's name as a label, from the backend's. */
function byModel(expr: string): string {
  return `label_replace(${expr}, "model", "$1", "proxy", "model_(.+)")`;
}

/** What to watch about the gateway: who asks, what is answered, and whether somebody is there to answer. */
export function gatewayObservability(props: GatewayObservabilityProps): Observability {
  const where = 'Gateway';
  checkKeys(where, 'alerts', props.alerts ?? {}, Object.keys(ALERT_KEYS));
  const errorShare = checkShare(where, 'alerts.errorShare', props.alerts?.errorShare ?? 0.05);
  const connectionShare = checkShare(where, 'alerts.connectionShare', props.alerts?.connectionShare ?? 0.8);
  const noServer = checkBetween(
    where,
    'alerts.noServerSeconds',
    props.alerts?.noServerSeconds ?? 15,
    0,
    3600,
    'seconds',
  );
  const job = props.job ?? GATEWAY_JOB;
  const alert = (name: string) => alertName(name, job, GATEWAY_JOB);
  const failed = selector(GATEWAY_METRICS.responses, { job, proxy: FRONTEND, code: '5xx' });
  const requests = selector(GATEWAY_METRICS.requests, { job, proxy: FRONTEND });
  const failures = `${sumRate(failed, '2m')} / (${sumRate(requests, '2m')} > 0)`;
  const up = selector(GATEWAY_METRICS.serversUp, { job, proxy: MODEL_BACKENDS });
  const serverDown = selector(GATEWAY_METRICS.serverStatus, { job, proxy: MODEL_BACKENDS, state: 'DOWN' });
  const connections =
    `${selector(GATEWAY_METRICS.connections, { job, proxy: FRONTEND })} / ` +
    selector(GATEWAY_METRICS.maxConnections, { job, proxy: FRONTEND });
  return {
    component: 'Gateway',
    jobs: [
      { name: job, targets: [props.address], intervalSeconds: 5 },
      ...(props.healthUrl === undefined
        ? []
        : [
            {
              name: `${job}-health`,
              targets: [props.healthUrl],
              // Inside the environment it has another name than its certificate says. When that expires is still seen.
              probe: props.healthUrl.startsWith('https:') ? 'http_2xx_any_certificate' : 'http_2xx',
            },
          ]),
    ],
    alerts: [
      {
        name: alert('GatewayErrors'),
        expr: `${failures} > ${errorShare}`,
        forDuration: '30s',
        severity: Severity.PAGE,
        summary: 'The gateway answers {{ $value | humanizePercentage }} of all requests with a failure.',
        runbook:
          'Look which model fails on the dashboard of the gateway; if its version is new, release the last good one again.',
      },
      {
        name: alert('ModelWithoutServer'),
        expr: byModel(`${up} == 0`),
        forDuration: `${noServer}s`,
        severity: Severity.PAGE,
        summary: 'No server of {{ $labels.model }} is ready at {{ $labels.instance }}: all of its requests fail.',
        runbook:
          "Look at the model's servers: their containers, their log, their memory. Release the last good version again.",
      },
      {
        name: alert('ModelServerOutOfRotation'),
        expr: byModel(`${serverDown} == 1`),
        forDuration: '2m',
        severity: Severity.TICKET,
        summary: 'The gateway sends nothing to version {{ $labels.server }} of {{ $labels.model }}: it is not ready.',
        runbook: "Read the server's log, and ask its path /v2/health/ready.",
      },
      {
        name: alert('GatewayNearlyFull'),
        expr: `${connections} > ${connectionShare}`,
        forDuration: '1m',
        severity: Severity.TICKET,
        summary:
          'The gateway {{ $labels.instance }} holds {{ $value | humanizePercentage }} of the connections that it can take.',
        runbook: 'Look for a client that keeps connections open, and whether model servers answer slowly.',
      },
    ],
    panels: [
      {
        title: 'Requests by model',
        unit: 'reqps',
        queries: [
          {
            expr: byModel(
              sumRate(selector(GATEWAY_METRICS.modelRequests, { job, proxy: MODEL_BACKENDS }), '1m', ['proxy']),
            ),
            legend: '{{model}}',
          },
        ],
      },
      {
        title: 'Answers by status',
        unit: 'reqps',
        queries: [
          {
            expr: sumRate(selector(GATEWAY_METRICS.responses, { job, proxy: FRONTEND }), '1m', ['code']),
            legend: '{{code}}',
          },
        ],
      },
      {
        title: 'Users in the last hour',
        unit: 'short',
        kind: 'stat',
        // Each replica counts for itself and, as connections are spread over them, sees nearly everybody.
        queries: [{ expr: `max(${selector(GATEWAY_METRICS.users, { job, name: 'users' })})`, legend: 'users' }],
      },
      {
        title: 'Requests in the last day',
        unit: 'short',
        kind: 'stat',
        queries: [{ expr: `sum(increase(${requests}[1d]))`, legend: 'requests' }],
      },
      { title: 'Share of failures', unit: 'percentunit', queries: [{ expr: failures, legend: 'failed' }] },
      {
        title: 'Failed answers by model',
        unit: 'reqps',
        queries: [
          {
            expr: byModel(
              sumRate(selector(GATEWAY_METRICS.modelResponses, { job, proxy: MODEL_BACKENDS, code: '5xx' }), '1m', [
                'proxy',
              ]),
            ),
            legend: '{{model}}',
          },
        ],
      },
      {
        title: 'Requests by version',
        unit: 'reqps',
        queries: [
          {
            expr: byModel(
              sumRate(selector(GATEWAY_METRICS.serverRequests, { job, proxy: MODEL_BACKENDS }), '1m', [
                'proxy',
                'server',
              ]),
            ),
            legend: '{{model}} v{{server}}',
          },
        ],
      },
      {
        title: 'Share in effect, per cent',
        unit: 'short',
        queries: [
          {
            expr: byModel(
              `max by (proxy, server) (${selector(GATEWAY_METRICS.serverWeight, { job, proxy: MODEL_BACKENDS })})`,
            ),
            legend: '{{model}} v{{server}}',
          },
        ],
      },
      { title: 'Connections', unit: 'percentunit', queries: [{ expr: connections, legend: '{{instance}}' }] },
      {
        title: 'Time to answer, mean of the last requests',
        unit: 's',
        queries: [
          {
            expr: byModel(`avg by (proxy) (${selector(GATEWAY_METRICS.modelTime, { job, proxy: MODEL_BACKENDS })})`),
            legend: '{{model}}',
          },
        ],
      },
      {
        title: 'Servers ready',
        unit: 'short',
        kind: 'stat',
        queries: [{ expr: byModel(`min by (proxy) (${up})`), legend: '{{model}}' }],
      },
    ],
  };
}
