import { Observability, Severity } from '../core/observability';
import { selector } from '../core/promql';
import { checkBetween } from '../monitoring/thresholds';

/** What {@link trainingObservability} takes. */
export interface TrainingObservabilityProps {
  /** Days after which an alert says that no run has succeeded. @default 30 */
  readonly maxAgeDays?: number;
}

/** Grouping key under which runs push their outcome. */
export const TRAINING_JOB = 'training';

/** What a training run pushes when it ends. */
export const TRAINING_METRICS = {
  lastRun: 'mlops_training_last_run_timestamp_seconds',
  lastSuccess: 'mlops_training_last_success_timestamp_seconds',
  succeeded: 'mlops_training_last_run_success',
  duration: 'mlops_training_duration_seconds',
} as const;

/** What to watch about training. It scrapes nothing of its own: runs end, and push before they do. */
export function trainingObservability(props: TrainingObservabilityProps = {}): Observability {
  const maxAgeDays = checkBetween('TrainingRunner', 'maxAgeDays', props.maxAgeDays ?? 30, 0.01, 3650, 'days');
  const job = TRAINING_JOB;
  const lastSuccess = selector(TRAINING_METRICS.lastSuccess, { job });
  const succeeded = selector(TRAINING_METRICS.succeeded, { job });
  return {
    component: 'Training',
    alerts: [
      {
        name: 'TrainingFailed',
        expr: `${succeeded} == 0`,
        severity: Severity.TICKET,
        summary: 'The last training run of {{ $labels.project }} on {{ $labels.runner }} failed.',
        runbook: "Read the run's log and its page in the model registry, then start it again.",
      },
      {
        name: 'TrainingTooOld',
        expr: `(time() - ${lastSuccess}) / 86400 > ${maxAgeDays}`,
        severity: Severity.TICKET,
        summary: 'No training run of {{ $labels.project }} has succeeded for {{ printf "%.0f" $value }} days.',
        runbook: 'Look whether the schedule that starts training still runs, then start a run by hand.',
      },
    ],
    panels: [
      {
        title: 'Time since the last success',
        unit: 's',
        kind: 'stat',
        queries: [{ expr: `time() - ${lastSuccess}`, legend: '{{project}}' }],
      },
      {
        title: 'Last run succeeded',
        unit: 'bool_yes_no',
        kind: 'stat',
        queries: [{ expr: succeeded, legend: '{{project}}' }],
      },
      {
        title: 'Duration of the last run',
        unit: 's',
        queries: [{ expr: selector(TRAINING_METRICS.duration, { job }), legend: '{{project}}' }],
      },
      {
        title: 'Time since the last run',
        unit: 's',
        kind: 'stat',
        queries: [{ expr: `time() - ${selector(TRAINING_METRICS.lastRun, { job })}`, legend: '{{project}}' }],
      },
    ],
  };
}
