import { Observability, Severity } from '../core/observability';
import { MonitoringAlerts } from './monitoring-alerts';
import { selector } from '../core/promql';

/** Job of the PostgreSQL exporter. */
export const POSTGRES_JOB = 'postgres';

/** Metrics of the PostgreSQL exporter. */
export const POSTGRES_METRICS = {
  up: 'pg_up',
  connections: 'pg_stat_database_numbackends',
  maxConnections: 'pg_settings_max_connections',
  size: 'pg_database_size_bytes',
  commits: 'pg_stat_database_xact_commit',
  rollbacks: 'pg_stat_database_xact_rollback',
  deadlocks: 'pg_stat_database_deadlocks',
} as const;

/** What a PostgreSQL server says of itself, given `host:port` of its exporter. */
export function postgresObservability(address: string, alerts: Required<MonitoringAlerts>): Observability {
  const job = POSTGRES_JOB;
  const of = (metric: string) => selector(metric, { job });
  const database = (metric: string) => selector(metric, { job, datname: '!~template.*|' });
  const connections =
    `sum by (instance) (${of(POSTGRES_METRICS.connections)}) / ` +
    `max by (instance) (${of(POSTGRES_METRICS.maxConnections)})`;
  return {
    component: 'PostgreSQL',
    jobs: [{ name: job, targets: [address] }],
    alerts: [
      {
        name: 'PostgresUnreachable',
        expr: `${of(POSTGRES_METRICS.up)} == 0`,
        forDuration: '1m',
        severity: Severity.PAGE,
        summary: 'PostgreSQL lets its exporter in no more.',
        runbook:
          'Look whether the database runs, whether its connections are used up, and whether its password changed.',
      },
      {
        name: 'PostgresConnectionsNearLimit',
        expr: `${connections} > ${alerts.databaseConnectionShare}`,
        forDuration: '5m',
        severity: Severity.TICKET,
        summary: 'PostgreSQL has {{ $value | humanizePercentage }} of its connections in use.',
        runbook: 'Look who holds them in pg_stat_activity; lower a pool, or raise max_connections.',
      },
      {
        name: 'PostgresDatabaseLarge',
        expr: `${database(POSTGRES_METRICS.size)} > ${alerts.databaseGib} * 1024 * 1024 * 1024`,
        forDuration: '15m',
        severity: Severity.TICKET,
        summary: 'The database {{ $labels.datname }} holds {{ $value | humanize1024 }}B.',
        runbook: 'Delete runs that nobody needs (mlflow gc), or raise the threshold if the disk has room.',
      },
      {
        name: 'PostgresDeadlocks',
        expr: `increase(${database(POSTGRES_METRICS.deadlocks)}[15m]) > 0`,
        severity: Severity.TICKET,
        summary: 'Transactions in {{ $labels.datname }} blocked one another.',
        runbook: 'Read the log of the database: it names both statements.',
      },
    ],
    panels: [
      { title: 'Connections in use', unit: 'percentunit', queries: [{ expr: connections, legend: '{{instance}}' }] },
      {
        title: 'Size',
        unit: 'bytes',
        queries: [{ expr: database(POSTGRES_METRICS.size), legend: '{{datname}}' }],
      },
      {
        title: 'Transactions',
        unit: 'ops',
        queries: [
          { expr: `sum(rate(${database(POSTGRES_METRICS.commits)}[2m]))`, legend: 'committed' },
          { expr: `sum(rate(${database(POSTGRES_METRICS.rollbacks)}[2m]))`, legend: 'rolled back' },
        ],
      },
    ],
  };
}
