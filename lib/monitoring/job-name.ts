import { IConstruct } from 'constructs';
import { componentPath, physicalName } from '../core/names';

/** Leaves room for the ending of a probe's job. */
const MAX_JOB_NAME = 50;

/**
 * Name of a component's scrape job, after its place in the environment, so that two of a kind have two: `database`,
 * `registry-database`.
 */
export function scrapeJobName(scope: IConstruct, environment: string): string {
  const [first, ...rest] = componentPath(scope, environment).split('/');
  return physicalName(first || environment, rest, MAX_JOB_NAME);
}

/** Name of an alert of a component: that of its kind, and what tells it from the usual one of its kind. */
export function alertName(name: string, job: string, usual: string): string {
  if (job === usual) return name;
  const words = job.split('-').map((word) => word[0].toUpperCase() + word.slice(1));
  return `${name}${words.join('')}`;
}
