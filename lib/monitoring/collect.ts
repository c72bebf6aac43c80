import { IConstruct } from 'constructs';
import { check } from '../core/errors';
import { checkLabel } from '../core/names';
import { AlertRule, DashboardPanel, Observability, ScrapeJob } from '../core/observability';
import { checkWhole } from '../core/quantity';
import { PROBE_MODULES } from './blackbox';
import { LIVE_MOUNT } from './constants';
import { slug } from './slug';

/** A scrape job with the component that asked for it. */
export interface CollectedJob {
  readonly component: string;
  readonly job: ScrapeJob;
}

/** Everything that one component wants watched. */
export interface CollectedGroup {
  readonly component: string;
  readonly alerts: readonly AlertRule[];
  readonly panels: readonly DashboardPanel[];
}

/** What all components together want watched. */
export interface Collected {
  readonly jobs: readonly CollectedJob[];
  readonly groups: readonly CollectedGroup[];
}

const TARGET = /^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?:\d{1,5}$/;
const PROBE_TARGET = /^(https?:\/\/)?[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?(:\d{1,5})?(\/[^\s"'#]*)?$/;
const DURATION = /^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Puts together what components want watched, in their order. Components of the same name share a group.
 *
 * @throws when two ask for the same job or alert, or when one of them can't be built
 */
export function collect(scope: IConstruct | string, observability: readonly Observability[]): Collected {
  const jobs = new Map<string, CollectedJob>();
  const alerts = new Map<string, string>();
  const groups = new Map<string, { component: string; alerts: AlertRule[]; panels: DashboardPanel[] }>();
  for (const one of observability) {
    const { component } = one;
    check(
      typeof component === 'string' && slug(component) !== '',
      scope,
      'observability.component',
      component,
      'name the component as a person reads it',
    );
    for (const job of one.jobs ?? []) {
      checkJob(scope, job);
      const taken = jobs.get(job.name);
      check(
        taken === undefined,
        scope,
        'job',
        job.name,
        `it is taken by ${taken?.component}: name each job differently`,
      );
      jobs.set(job.name, { component, job });
    }
    for (const alert of one.alerts ?? []) {
      checkAlert(scope, alert);
      const taken = alerts.get(alert.name);
      check(taken === undefined, scope, 'alert', alert.name, `it is taken by ${taken}: name each alert differently`);
      alerts.set(alert.name, component);
    }
    for (const panel of one.panels ?? []) checkPanel(scope, panel);
    const id = slug(component);
    const group = groups.get(id) ?? { component, alerts: [], panels: [] };
    group.alerts.push(...(one.alerts ?? []));
    group.panels.push(...(one.panels ?? []));
    groups.set(id, group);
  }
  return { jobs: [...jobs.values()], groups: [...groups.values()] };
}

function checkJob(scope: IConstruct | string, job: ScrapeJob): void {
  checkLabel(scope, 'job', job.name);
  const prop = `jobs.${job.name}`;
  const finds = Object.keys(job.scrapeConfig ?? {}).some((key) => key.endsWith('_sd_configs'));
  check(
    [job.targets.length > 0, job.fileSd !== undefined, finds].filter(Boolean).length === 1,
    scope,
    `${prop}.targets`,
    job.targets,
    'give either targets or fileSd, or what finds them in scrapeConfig',
  );
  if (job.fileSd !== undefined) {
    check(
      /^\/[\w./-]+\.json$/.test(job.fileSd) && job.fileSd.startsWith(`${LIVE_MOUNT}/`),
      scope,
      `${prop}.fileSd`,
      job.fileSd,
      `name a .json file in ${LIVE_MOUNT}`,
    );
    check(
      job.probe === undefined,
      scope,
      `${prop}.probe`,
      job.probe,
      'give targets: a list of targets is scraped directly',
    );
  }
  if (job.probe !== undefined) {
    check(
      job.probe in PROBE_MODULES,
      scope,
      `${prop}.probe`,
      job.probe,
      `use one of: ${Object.keys(PROBE_MODULES).join(', ')}`,
    );
    check(
      job.username === undefined && job.password === undefined,
      scope,
      `${prop}.username`,
      job.username,
      'leave it out: probes carry no credentials',
    );
  }
  const pattern = job.probe === undefined ? TARGET : PROBE_TARGET;
  for (const target of job.targets) {
    check(
      pattern.test(target),
      scope,
      `${prop}.targets`,
      target,
      job.probe === undefined ? 'write host:port' : 'write a URL or host:port',
    );
  }
  const metricsPath = job.metricsPath ?? '/metrics';
  check(/^\/[\w./-]*$/.test(metricsPath), scope, `${prop}.metricsPath`, metricsPath, "begin it with '/'");
  const scheme = job.scheme ?? 'http';
  check(['http', 'https'].includes(scheme), scope, `${prop}.scheme`, scheme, "use 'http' or 'https'");
  if (job.intervalSeconds !== undefined) checkWhole(scope, `${prop}.intervalSeconds`, job.intervalSeconds, 1, 3600);
  check(
    (job.username === undefined) === (job.password === undefined),
    scope,
    `${prop}.password`,
    '(not shown)',
    'give username and password together, or neither',
  );
  for (const label of Object.keys(job.labels ?? {})) {
    check(
      LABEL_NAME.test(label) && !label.startsWith('__'),
      scope,
      `${prop}.labels`,
      label,
      'use letters, digits and _',
    );
  }
}

function checkAlert(scope: IConstruct | string, alert: AlertRule): void {
  const prop = `alerts.${alert.name}`;
  check(
    /^[A-Z][A-Za-z0-9]*$/.test(alert.name),
    scope,
    'alert',
    alert.name,
    "write it in CamelCase, for example 'ModelServerDown'",
  );
  check(alert.expr.trim() !== '', scope, `${prop}.expr`, alert.expr, 'write a PromQL expression');
  const duration = alert.forDuration ?? '0s';
  check(
    duration !== '' && DURATION.test(duration),
    scope,
    `${prop}.forDuration`,
    duration,
    "write a duration such as '90s' or '1h30m'",
  );
  check(alert.summary.trim() !== '', scope, `${prop}.summary`, alert.summary, 'say in one line what is wrong');
  check(alert.runbook.trim() !== '', scope, `${prop}.runbook`, alert.runbook, 'say what to do first');
}

function checkPanel(scope: IConstruct | string, panel: DashboardPanel): void {
  const prop = `panels.${panel.title}`;
  check(panel.title.trim() !== '', scope, 'panels.title', panel.title, 'give the panel a title');
  check(panel.queries.length > 0, scope, `${prop}.queries`, panel.queries, 'give at least one query');
  const kind = panel.kind ?? 'timeseries';
  check(['timeseries', 'stat'].includes(kind), scope, `${prop}.kind`, kind, "use 'timeseries' or 'stat'");
}
