import { Observability, ScrapeJob, Severity } from '../core/observability';
import { Matchers, selector } from '../core/promql';
import { MonitoringAlerts } from './monitoring-alerts';

/** What {@link targetsObservability} takes. */
export interface TargetsWatch {
  readonly jobs: readonly ScrapeJob[];
  readonly alerts: Required<MonitoringAlerts>;
  /** Whether the platform lists pods as soon as they begin to start. */
  readonly findsPods: boolean;
  /** What to do first when a target does not answer. */
  readonly whenSilent: string;
}

/** What every target has in common: whether it is there and answers. */
export function targetsObservability({ jobs, alerts, findsPods, whenSilent }: TargetsWatch): Observability {
  const fixed = jobs.filter((job) => job.fileSd === undefined).map((job) => job.name);
  const live = jobs.filter((job) => job.fileSd !== undefined).map((job) => job.name);
  const probed = jobs.some((job) => job.probe !== undefined);
  const certified = jobs.some((job) => job.probe !== undefined && job.targets.some((t) => t.startsWith('https://')));
  // A probe's own `up` says only that the blackbox exporter answers, which has an `up` of its own. Live targets come
  // and go, and whoever lists them has rules for them.
  const answering = (matchers: Matchers) =>
    selector('up', { probe: '', ...(live.length === 0 ? {} : { job: `!~${live.join('|')}` }), ...matchers });
  // A pod that has never answered yet may still be starting; whether enough of them do is the platform's to say.
  const pods = answering({ pod: '!=' });
  const silent = findsPods
    ? `${answering({ pod: '' })} == 0 or (${pods} == 0 and max_over_time(${pods}[1d]) > 0)`
    : `${answering({})} == 0`;
  const down = `${alerts.downSeconds}s`;
  const days = `(${selector('probe_ssl_earliest_cert_expiry')} - time()) / 86400`;
  return {
    component: 'Targets',
    alerts: [
      {
        name: 'ComponentDown',
        expr: silent,
        forDuration: down,
        severity: Severity.PAGE,
        summary:
          '{{ $labels.component }} is down: {{ $labels.instance }} of the job {{ $labels.job }} does not answer.',
        runbook: whenSilent,
      },
      ...(probed
        ? [
            {
              name: 'ProbeFailed',
              expr: `${selector('probe_success')} == 0`,
              forDuration: down,
              severity: Severity.PAGE,
              summary: '{{ $labels.component }} does not answer as it should at {{ $labels.instance }}.',
              runbook:
                'Ask that address from inside the environment, and read the last log lines of what should answer there.',
            },
          ]
        : []),
      {
        name: 'TargetMissing',
        expr: fixed.map((job) => `absent(${selector('up', { job })})`).join(' or '),
        forDuration: '2m',
        severity: Severity.PAGE,
        summary: 'Nothing is watched any more under the job {{ $labels.job }}.',
        runbook: "Look at Prometheus' list of targets and at its configuration, and deploy the environment again.",
      },
      ...(live.length === 0
        ? []
        : [
            {
              name: 'LiveTargetsVanished',
              expr: live
                .map((job) => {
                  const up = selector('up', { job });
                  return `(count by (job) (max_over_time(${up}[1h])) unless count by (job) (${up}))`;
                })
                .join(' or '),
              forDuration: '5m',
              severity: Severity.TICKET,
              summary: 'All targets of the job {{ $labels.job }} are gone, and an hour ago there were some.',
              runbook: 'If the release was not withdrawn on purpose, deploy it again.',
            },
          ]),
      ...(certified
        ? [
            {
              name: 'CertificateExpiring',
              expr: `${days} < ${alerts.certificateDays}`,
              severity: Severity.TICKET,
              summary: 'The certificate of {{ $labels.instance }} is valid for {{ printf "%.0f" $value }} more days.',
              runbook: 'Renew the certificate, hand it to the environment and deploy.',
            },
            {
              name: 'CertificateExpiresNow',
              expr: `${days} < ${alerts.certificatePageDays}`,
              severity: Severity.PAGE,
              summary: 'The certificate of {{ $labels.instance }} is valid for {{ printf "%.1f" $value }} more days.',
              runbook: 'Renew the certificate, hand it to the environment and deploy: clients will refuse it soon.',
            },
          ]
        : []),
    ],
    panels: [
      {
        title: 'Targets that answer, by component',
        unit: 'percentunit',
        kind: 'stat',
        queries: [{ expr: `avg by (component) (${selector('up')})`, legend: '{{component}}' }],
      },
      ...(probed
        ? [
            {
              title: 'Probes that succeed',
              unit: 'percentunit',
              kind: 'stat',
              queries: [{ expr: `avg by (component) (${selector('probe_success')})`, legend: '{{component}}' }],
            },
          ]
        : []),
      ...(certified
        ? [
            {
              title: 'Days until certificates expire',
              unit: 'd',
              kind: 'stat',
              queries: [{ expr: days, legend: '{{instance}}' }],
            },
          ]
        : []),
      {
        title: 'Time to scrape',
        unit: 's',
        queries: [{ expr: `max by (job) (${selector('scrape_duration_seconds')})`, legend: '{{job}}' }],
      },
      {
        title: 'Alerts that fire',
        unit: 'short',
        needs: 'an alert that fires beside the heartbeat',
        queries: [
          {
            expr: `count by (alertname, component) (${selector('ALERTS', { alertstate: 'firing', severity: `!=${Severity.HEARTBEAT}` })})`,
            legend: '{{alertname}} {{component}}',
          },
        ],
      },
    ],
  };
}
