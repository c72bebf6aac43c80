import { SECRETS_DIRECTORY } from '../core/container';
import { ScrapeJob } from '../core/observability';
import { toYaml } from '../core/yaml';
import { CollectedJob } from './collect';
import { RULES_FILE } from './constants';

/** What {@link renderPrometheusConfig} takes. */
export interface PrometheusConfigProps {
  readonly environment: string;
  readonly jobs: readonly CollectedJob[];
  /** `host:port`. */
  readonly alertmanager: string;
  /** `host:port`. */
  readonly blackbox: string;
  /** Seconds. */
  readonly scrapeInterval: number;
  /** Seconds. */
  readonly evaluationInterval: number;
}

/** Name of the secret file with a job's password. */
export function passwordFile(job: ScrapeJob): string {
  return `${job.name}-password`;
}

/** Prometheus' own configuration file. */
export function renderPrometheusConfig(props: PrometheusConfigProps): string {
  return toYaml({
    global: {
      scrape_interval: `${props.scrapeInterval}s`,
      scrape_timeout: `${Math.min(10, props.scrapeInterval)}s`,
      evaluation_interval: `${props.evaluationInterval}s`,
      external_labels: { environment: props.environment },
    },
    rule_files: [RULES_FILE],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [props.alertmanager] }] }] },
    scrape_configs: props.jobs.map(({ component, job }) => scrapeConfig(component, job, props)),
  });
}

function scrapeConfig(component: string, job: ScrapeJob, props: PrometheusConfigProps): object {
  const labels = { component, ...job.labels, ...(job.probe === undefined ? {} : { probe: job.probe }) };
  const interval = job.intervalSeconds;
  return {
    job_name: job.name,
    ...(interval === undefined
      ? {}
      : { scrape_interval: `${interval}s`, scrape_timeout: `${Math.min(10, interval)}s` }),
    ...(job.probe === undefined ? {} : { params: { module: [job.probe] } }),
    metrics_path: job.probe === undefined ? (job.metricsPath ?? '/metrics') : '/probe',
    scheme: job.probe === undefined ? (job.scheme ?? 'http') : 'http',
    ...(job.honorLabels ? { honor_labels: true } : {}),
    ...(job.password === undefined
      ? {}
      : { basic_auth: { username: job.username, password_file: `${SECRETS_DIRECTORY}/${passwordFile(job)}` } }),
    ...(job.fileSd === undefined
      ? { static_configs: [{ targets: job.targets, labels }] }
      : { file_sd_configs: [{ files: [job.fileSd], refresh_interval: '10s' }] }),
    ...relabelling(job, labels, props),
    ...job.scrapeConfig,
  };
}

function relabelling(job: ScrapeJob, labels: Record<string, string>, props: PrometheusConfigProps): object {
  const relabel: object[] = [];
  // The targets of a file bring their own labels; ours are added to them.
  if (job.fileSd !== undefined) {
    for (const [label, value] of Object.entries(labels)) relabel.push({ target_label: label, replacement: value });
  }
  if (job.probe !== undefined) {
    relabel.push(
      { source_labels: ['__address__'], target_label: '__param_target' },
      { source_labels: ['__param_target'], target_label: 'instance' },
      { target_label: '__address__', replacement: props.blackbox },
    );
  }
  return relabel.length === 0 ? {} : { relabel_configs: relabel };
}
