import { Observability, Severity } from '../core/observability';
import { selector } from '../core/promql';

/** Addresses (`host:port`) of the monitoring's own parts. */
export interface MonitoringAddresses {
  readonly alertmanager: string;
  readonly grafana: string;
  readonly blackbox: string;
}

/** Prometheus as it sees itself. */
export const SELF = 'localhost:9090';

const PROMETHEUS_JOB = 'prometheus';
const ALERTMANAGER_JOB = 'alertmanager';

/** Metrics of Prometheus and Alertmanager about themselves. */
export const MONITORING_METRICS = {
  configOk: 'prometheus_config_last_reload_successful',
  ruleFailures: 'prometheus_rule_evaluation_failures_total',
  ruleMissed: 'prometheus_rule_group_iterations_missed_total',
  notificationErrors: 'prometheus_notifications_errors_total',
  notificationsSent: 'prometheus_notifications_sent_total',
  alertmanagers: 'prometheus_notifications_alertmanagers_discovered',
  sdErrors: 'prometheus_sd_file_read_errors_total',
  compactionsFailed: 'prometheus_tsdb_compactions_failed_total',
  corruptions: 'prometheus_tsdb_wal_corruptions_total',
  series: 'prometheus_tsdb_head_series',
  samples: 'prometheus_tsdb_head_samples_appended_total',
  storage: 'prometheus_tsdb_storage_blocks_bytes',
  alertmanagerConfigOk: 'alertmanager_config_last_reload_successful',
  delivered: 'alertmanager_notifications_total',
  deliveryFailed: 'alertmanager_notifications_failed_total',
  alertsHeld: 'alertmanager_alerts',
} as const;

/** What to watch about the watcher. What it can't report any more because it is dead, the heartbeat's absence does. */
export function monitoringObservability(addresses: MonitoringAddresses): Observability {
  const prometheus = (metric: string) => selector(metric, { job: PROMETHEUS_JOB });
  const alertmanager = (metric: string) => selector(metric, { job: ALERTMANAGER_JOB });
  return {
    component: 'Monitoring',
    jobs: [
      { name: PROMETHEUS_JOB, targets: [SELF] },
      { name: ALERTMANAGER_JOB, targets: [addresses.alertmanager] },
      { name: 'grafana', targets: [addresses.grafana] },
      { name: 'blackbox', targets: [addresses.blackbox] },
      {
        name: 'monitoring-health',
        targets: [`http://${addresses.alertmanager}/-/healthy`, `http://${addresses.grafana}/api/health`],
        probe: 'http_2xx',
      },
    ],
    alerts: [
      {
        name: 'Heartbeat',
        expr: 'vector(1)',
        severity: Severity.HEARTBEAT,
        summary: 'Prometheus evaluates rules and Alertmanager delivers. This alert always fires.',
        runbook: 'Nothing to do. When it stops arriving, look at Prometheus, Alertmanager and the way between.',
      },
      {
        name: 'PrometheusConfigRefused',
        expr: `${prometheus(MONITORING_METRICS.configOk)} == 0`,
        forDuration: '1m',
        severity: Severity.PAGE,
        summary: 'Prometheus runs on an old configuration: it refused the last one.',
        runbook: "Read Prometheus' log, which names the line, and deploy a mended configuration.",
      },
      {
        name: 'RuleEvaluationFailing',
        expr: `increase(${prometheus(MONITORING_METRICS.ruleFailures)}[5m]) > 0`,
        severity: Severity.PAGE,
        summary: 'Rules of {{ $labels.rule_group }} can not be evaluated: their alerts are blind.',
        runbook: "Read Prometheus' log, which names the rule and the error.",
      },
      {
        name: 'RuleEvaluationTooSlow',
        expr: `increase(${prometheus(MONITORING_METRICS.ruleMissed)}[15m]) > 1`,
        severity: Severity.TICKET,
        summary: 'Prometheus skips evaluations of {{ $labels.rule_group }}: it is too slow.',
        runbook: 'Give Prometheus more processor time, or evaluate less often.',
      },
      {
        name: 'AlertsNotDelivered',
        expr: `increase(${prometheus(MONITORING_METRICS.notificationErrors)}[5m]) > 0`,
        forDuration: '1m',
        severity: Severity.PAGE,
        summary: 'Prometheus can not hand alerts to Alertmanager.',
        runbook: 'Look whether Alertmanager runs and answers on its health path.',
      },
      {
        name: 'NoAlertmanager',
        expr: `${prometheus(MONITORING_METRICS.alertmanagers)} < 1`,
        forDuration: '2m',
        severity: Severity.PAGE,
        summary: 'Prometheus knows no Alertmanager.',
        runbook: "Look at the section 'alerting' of Prometheus' configuration and deploy again.",
      },
      {
        name: 'NotificationsFailing',
        expr: `sum by (integration) (increase(${alertmanager(MONITORING_METRICS.deliveryFailed)}[5m])) > 0`,
        severity: Severity.PAGE,
        summary: 'Alertmanager can not deliver by {{ $labels.integration }}.',
        runbook: "Read Alertmanager's log: it names the receiver and the answer that it got.",
      },
      {
        name: 'AlertmanagerConfigRefused',
        expr: `${alertmanager(MONITORING_METRICS.alertmanagerConfigOk)} == 0`,
        forDuration: '1m',
        severity: Severity.PAGE,
        summary: 'Alertmanager runs on an old configuration: it refused the last one.',
        runbook: "Read Alertmanager's log, which names the line, and deploy a mended configuration.",
      },
      {
        name: 'TargetListUnreadable',
        expr: `increase(${prometheus(MONITORING_METRICS.sdErrors)}[5m]) > 0`,
        severity: Severity.TICKET,
        summary: 'Prometheus can not read a list of targets.',
        runbook: 'Deploy the release again: its publication writes the list.',
      },
      {
        name: 'PrometheusStorageFailing',
        expr:
          `increase(${prometheus(MONITORING_METRICS.compactionsFailed)}[3h]) > 0 ` +
          `or increase(${prometheus(MONITORING_METRICS.corruptions)}[3h]) > 0`,
        severity: Severity.TICKET,
        summary: 'Prometheus has trouble with its files.',
        runbook: "Look whether the disk is full, and read Prometheus' log.",
      },
    ],
    panels: [
      {
        title: 'Alerts held',
        unit: 'short',
        queries: [{ expr: `sum by (state) (${alertmanager(MONITORING_METRICS.alertsHeld)})`, legend: '{{state}}' }],
      },
      {
        title: 'Messages delivered and failed',
        unit: 'cps',
        queries: [
          {
            expr: `sum by (integration) (rate(${alertmanager(MONITORING_METRICS.delivered)}[5m]))`,
            legend: '{{integration}} delivered',
          },
          {
            expr: `sum by (integration) (rate(${alertmanager(MONITORING_METRICS.deliveryFailed)}[5m]))`,
            legend: '{{integration}} failed',
          },
        ],
      },
      {
        title: 'Alerts sent to Alertmanager',
        unit: 'cps',
        queries: [{ expr: `sum(rate(${prometheus(MONITORING_METRICS.notificationsSent)}[5m]))`, legend: 'sent' }],
      },
      {
        title: 'Series',
        unit: 'short',
        queries: [{ expr: prometheus(MONITORING_METRICS.series), legend: 'in memory' }],
      },
      {
        title: 'Samples',
        unit: 'cps',
        queries: [{ expr: `rate(${prometheus(MONITORING_METRICS.samples)}[5m])`, legend: 'appended' }],
      },
      {
        title: 'Metrics on disk',
        unit: 'bytes',
        queries: [{ expr: prometheus(MONITORING_METRICS.storage), legend: 'blocks' }],
      },
    ],
  };
}
