import { SECRETS_DIRECTORY } from '../core/container';
import { ScrapeJob } from '../core/observability';
import { IPlatform } from '../core/platform';
import { toYaml } from '../core/yaml';
import { CollectedJob } from './collect';
import { RULES_FILE } from './constants';

/** What {@link renderPrometheusConfig} takes. */
export interface PrometheusConfigProps {
  readonly platform: IPlatform;
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
      external_labels: { environment: props.platform.environment },
    },
    rule_files: [RULES_FILE],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [props.alertmanager] }] }] },
    scrape_configs: props.jobs.map(({ component, job }) => scrapeConfig(component, job, props)),
  });
}

function scrapeConfig(component: string, job: ScrapeJob, props: PrometheusConfigProps): object {
  const labels = { component, ...job.labels, ...(job.probe === undefined ? {} : { probe: job.probe }) };
  const interval = job.intervalSeconds;
  const { targets, relabel } = findTargets(job, labels, props);
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
    ...job.scrapeConfig,
    ...targets,
    ...(relabel.length === 0 ? {} : { relabel_configs: relabel }),
  };
}

/** Where a job's targets come from, and what is done to their labels. */
function findTargets(job: ScrapeJob, labels: Record<string, string>, props: PrometheusConfigProps): FoundTargets {
  const discovered = props.platform.discover(job) ?? (job.targets.length > 0 ? undefined : job.scrapeConfig);
  const { relabel_configs: before, ...found } = { relabel_configs: [], ...discovered } as Discovered;
  // Targets that are found bring their own labels; ours are added to them.
  const constant = Object.entries(labels).map(([label, value]) => ({ target_label: label, replacement: value }));
  if (discovered !== undefined) return { targets: found, relabel: [...before, ...constant] };
  if (job.fileSd !== undefined) {
    return { targets: { file_sd_configs: [{ files: [job.fileSd], refresh_interval: '10s' }] }, relabel: constant };
  }
  const probe = [
    { source_labels: ['__address__'], target_label: '__param_target' },
    { source_labels: ['__param_target'], target_label: 'instance' },
    { target_label: '__address__', replacement: props.blackbox },
  ];
  return {
    targets: { static_configs: [{ targets: job.targets, labels }] },
    relabel: job.probe === undefined ? [] : probe,
  };
}

interface FoundTargets {
  readonly targets: object;
  readonly relabel: object[];
}

interface Discovered {
  readonly relabel_configs: object[];
}
