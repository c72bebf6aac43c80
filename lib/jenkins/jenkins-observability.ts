import { Observability, Severity } from '../core/observability';
import { alertName } from '../monitoring/job-name';
import { selector } from '../core/promql';
import { METRICS_PATH } from './configuration';

/** What {@link jenkinsObservability} takes. */
export interface JenkinsWatch {
  /** The `job` label. */
  readonly job: string;
  /** `host:port`, as seen from inside the environment. */
  readonly address: string;
}

/** Metrics of a controller: the first three of its Metrics plugin, the others of its Prometheus plugin. */
export const JENKINS_METRICS = {
  queueSize: 'jenkins_queue_size_value',
  queueStuck: 'jenkins_queue_stuck_value',
  heapUsage: 'vm_memory_heap_usage',
  executorsBusy: 'default_jenkins_executors_busy',
  executorsOnline: 'default_jenkins_executors_online',
  lastBuildResult: 'default_jenkins_builds_last_build_result_ordinal',
  lastBuildDuration: 'default_jenkins_builds_last_build_duration_milliseconds',
} as const;

/** Where a stand-in runs in Jenkins' place, there are no metrics of Jenkins. */
const CONTROLLER = 'a Jenkins controller in the place of a stand-in';
const AGENT = 'an agent that is connected to a Jenkins controller';
const BUILD = 'a build on a Jenkins controller';

/** Watches a controller. That it answers at all is watched for all components alike. */
export function jenkinsObservability(watch: JenkinsWatch): Observability {
  const { job } = watch;
  const of = (metric: string) => selector(metric, { job });
  return {
    component: 'Jenkins',
    jobs: [{ name: job, targets: [watch.address], metricsPath: `/${METRICS_PATH}/` }],
    alerts: [
      {
        name: alertName('JenkinsQueueStuck', job, 'jenkins'),
        expr: `${of(JENKINS_METRICS.queueStuck)} > 0`,
        forDuration: '10m',
        severity: Severity.TICKET,
        summary: '{{ $value }} builds wait in the queue of Jenkins and nothing takes them.',
        runbook: 'The queue says which label a build asks for: look whether an agent with that label can start.',
        needs: CONTROLLER,
      },
      {
        name: alertName('JenkinsHeapFull', job, 'jenkins'),
        expr: `${of(JENKINS_METRICS.heapUsage)} > 0.95`,
        forDuration: '10m',
        severity: Severity.TICKET,
        summary: 'The heap of Jenkins is {{ $value | humanizePercentage }} full.',
        runbook: 'Give the controller more memory, or keep fewer builds: at the limit it ends and starts again.',
        needs: CONTROLLER,
      },
    ],
    panels: [
      {
        title: 'Queue',
        unit: 'short',
        queries: [
          { expr: of(JENKINS_METRICS.queueSize), legend: 'waiting' },
          { expr: of(JENKINS_METRICS.queueStuck), legend: 'stuck' },
        ],
        needs: CONTROLLER,
      },
      {
        title: 'Executors by label',
        unit: 'short',
        queries: [
          { expr: of(JENKINS_METRICS.executorsBusy), legend: '{{label}} busy' },
          { expr: of(JENKINS_METRICS.executorsOnline), legend: '{{label}} online' },
        ],
        needs: AGENT,
      },
      {
        title: 'Heap of its limit',
        unit: 'percentunit',
        queries: [{ expr: of(JENKINS_METRICS.heapUsage), legend: '{{instance}}' }],
        needs: CONTROLLER,
      },
      {
        title: 'Result of the last build (0 is success, 2 is failure)',
        unit: 'short',
        queries: [{ expr: of(JENKINS_METRICS.lastBuildResult), legend: '{{jenkins_job}}' }],
        needs: BUILD,
      },
      {
        title: 'Duration of the last build',
        unit: 'ms',
        queries: [{ expr: of(JENKINS_METRICS.lastBuildDuration), legend: '{{jenkins_job}}' }],
        needs: BUILD,
      },
    ],
  };
}
