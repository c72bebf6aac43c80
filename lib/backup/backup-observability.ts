import { Observability, Severity } from '../core/observability';
import { alertName } from '../monitoring/job-name';
import { selector } from '../core/promql';

/** What {@link backupObservability} takes. */
export interface BackupWatch {
  /** Component path of the backup, its label in the pushed metrics. */
  readonly name: string;
  /** Hours after which an alert says that no backup has succeeded. */
  readonly maxAgeHours: number;
}

/** Grouping key under which runs push their outcome. */
export const BACKUP_JOB = 'backup';

/** What a run pushes when it ends. */
export const BACKUP_METRICS = {
  lastRun: 'mlops_backup_last_run_timestamp_seconds',
  lastSuccess: 'mlops_backup_last_success_timestamp_seconds',
  succeeded: 'mlops_backup_last_run_success',
  duration: 'mlops_backup_duration_seconds',
  databaseBytes: 'mlops_backup_database_bytes',
  artifactBytes: 'mlops_backup_artifact_bytes',
  artifacts: 'mlops_backup_artifacts',
} as const;

/** What to watch about a backup. It scrapes nothing of its own: runs end, and push before they do. */
export function backupObservability(watch: BackupWatch): Observability {
  const { name, maxAgeHours } = watch;
  const metric = (key: keyof typeof BACKUP_METRICS): string =>
    selector(BACKUP_METRICS[key], { job: BACKUP_JOB, backup: name });
  const alert = (kind: string): string => alertName(kind, name.replace(/\//g, '-'), 'backup');
  const needs = 'a backup that has run';
  return {
    component: 'Backup',
    alerts: [
      {
        name: alert('BackupTooOld'),
        expr: `(time() - ${metric('lastSuccess')}) / 3600 > ${maxAgeHours}`,
        severity: Severity.PAGE,
        summary: 'No backup has succeeded for {{ printf "%.0f" $value }} hours.',
        runbook: 'Read the log of the last runs, mend what it names, then run `cdktf-mlops backup` by hand.',
        needs,
      },
      {
        name: alert('BackupNeverSucceeded'),
        expr: `absent(${metric('lastSuccess')})`,
        forDuration: `${maxAgeHours}h`,
        severity: Severity.PAGE,
        summary: `No backup has succeeded yet, ${maxAgeHours} hours after somebody began to watch.`,
        runbook: 'Look whether the schedule runs, then run `cdktf-mlops backup` by hand and read what it says.',
        needs,
      },
      {
        name: alert('BackupFailed'),
        expr: `${metric('succeeded')} == 0`,
        severity: Severity.TICKET,
        summary: 'The last backup failed.',
        runbook: "Read the run's log, mend what it names, then run `cdktf-mlops backup` by hand.",
        needs,
      },
    ],
    panels: [
      {
        title: 'Time since the last backup',
        unit: 's',
        kind: 'stat',
        queries: [{ expr: `time() - ${metric('lastSuccess')}`, legend: 'backup' }],
        needs,
      },
      {
        title: 'Last backup succeeded',
        unit: 'bool_yes_no',
        kind: 'stat',
        queries: [{ expr: metric('succeeded'), legend: 'backup' }],
        needs,
      },
      {
        title: 'Duration of the last backup',
        unit: 's',
        queries: [{ expr: metric('duration'), legend: 'backup' }],
        needs,
      },
      {
        title: 'Size of the last backup',
        unit: 'bytes',
        queries: [
          { expr: metric('databaseBytes'), legend: 'database' },
          { expr: metric('artifactBytes'), legend: 'artifacts' },
        ],
        needs,
      },
      {
        title: 'Artifacts in the last backup',
        unit: 'short',
        queries: [{ expr: metric('artifacts'), legend: 'objects' }],
        needs,
      },
    ],
  };
}
