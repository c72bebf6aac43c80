import { CommandError } from './command-error';
import { request } from './http';
import { Observed, OpenUrl, Platform } from './platform';
import { Session } from './session';

/** What a stack's output `components` says of one. */
export interface ComponentOutput {
  readonly name: string;
  readonly url?: string;
  /** Path that answers below 400 when it is well. */
  readonly healthPath?: string;
  /** Name to ask `cdktf-mlops credentials` for. */
  readonly credentials?: string;
}

/** How a component is. */
export interface ComponentStatus {
  readonly component: string;
  readonly url: string | undefined;
  readonly healthy: boolean;
  /** `healthy`, or what is wrong. */
  readonly health: string;
  readonly restarts: number;
  /** Name to ask `cdktf-mlops credentials` for. */
  readonly credentials: string | undefined;
  /** How many replicas are ready, and are wanted. @default - the platform has no replicas */
  readonly ready?: number;
  readonly desired?: number;
  /** What it stores data in. @default - nothing that the platform tells of */
  readonly storage?: string;
}

/** The outputs `components` of the stacks of an environment. */
export async function componentOutputs(session: Session, environment: string): Promise<ComponentOutput[]> {
  const outputs: ComponentOutput[] = [];
  for (const stack of session.environmentStacks(environment)) {
    const value = await (await session.terraform(stack)).output('components');
    if (Array.isArray(value)) outputs.push(...(value as ComponentOutput[]));
  }
  return outputs;
}

/** Username and password by name, from the outputs `credentials` of the stacks of an environment. */
export async function credentialOutputs(session: Session, environment: string): Promise<Record<string, Credential>> {
  const all: Record<string, Credential> = {};
  for (const stack of session.environmentStacks(environment)) {
    const value = await (await session.terraform(stack)).output('credentials');
    if (typeof value === 'object' && value !== null) Object.assign(all, value);
  }
  for (const { password } of Object.values(all)) session.mask.add(password);
  return all;
}

/** A name and a password. */
export interface Credential {
  readonly username?: string;
  readonly password: string;
}

/**
 * How every component of an environment is: what its platform says of what it has there, and whether its published URL
 * answers.
 */
export async function environmentStatus(session: Session, environment: string): Promise<ComponentStatus[]> {
  const outputs = await componentOutputs(session, environment);
  const platform = session.platformOfEnvironment(environment);
  const observed = (await platform.observe(environment)).map((thing) => ({
    ...thing,
    component: owner(thing.component, outputs),
  }));
  const names = new Set([...outputs.map(({ name }) => name), ...observed.map(({ component }) => component)]);
  const statuses = await Promise.all(
    [...names].sort().map(async (name): Promise<ComponentStatus> => {
      const output = outputs.find((candidate) => candidate.name === name);
      const own = observed.filter(({ component }) => component === name);
      const opened = output?.url === undefined ? undefined : await tryOpen(platform, environment, output.url);
      const published = output?.url !== undefined && isPublished(output, environment);
      try {
        const problems = [
          ...own.flatMap(({ problem }) => problem ?? []),
          ...(output === undefined || opened === undefined || !published ? [] : await unanswered(output, opened.url)),
        ];
        const replicas = own.flatMap((thing) => thing.replicas ?? []);
        const storage = own.flatMap((thing) => thing.storage ?? []);
        return {
          component: name,
          url: published ? output.url : undefined,
          healthy: problems.length === 0,
          health: problems.length === 0 ? wellWord(own) : problems.join('; '),
          restarts: own.reduce((sum, { restarts }) => sum + restarts, 0),
          credentials: output?.credentials,
          ...(replicas.length === 0
            ? {}
            : {
                ready: replicas.reduce((sum, { ready }) => sum + ready, 0),
                desired: replicas.reduce((sum, { desired }) => sum + desired, 0),
              }),
          ...(storage.length === 0 ? {} : { storage: storage.join(', ') }),
        };
      } finally {
        opened?.close();
      }
    }),
  );
  // Preparations of the environment itself belong to no component: they are of interest when they have failed.
  const components = new Set([
    ...outputs.map(({ name }) => name),
    ...observed.flatMap(({ component, kind }) => (['workload', 'job'].includes(kind) ? [component] : [])),
  ]);
  return statuses.filter(({ component, healthy }) => !healthy || components.has(component));
}

/** The longest named component that a path is, or lies in; else its first part, or two below `models` and `monitoring`. */
export function owner(path: string, outputs: ReadonlyArray<{ readonly name: string }>): string {
  const named = outputs
    .map(({ name }) => name)
    .filter((name) => path === name || path.startsWith(`${name}/`))
    .sort((a, b) => b.length - a.length)[0];
  if (named !== undefined) return named;
  const parts = path.split('/');
  if (parts[0] === 'models') return parts.slice(0, 3).join('/');
  return parts.slice(0, parts[0] === 'monitoring' ? 2 : 1).join('/');
}

/** What is not published has a name that resolves inside the environment only. */
export function isPublished(output: ComponentOutput, environment: string): boolean {
  return output.url !== undefined && !new URL(output.url).hostname.startsWith(`${environment}-`);
}

function wellWord(observed: readonly Observed[]): string {
  return observed.some(({ kind }) => kind === 'job') ? 'ready' : 'healthy';
}

/** What can't be opened isn't asked: that its replicas are not ready is told anyway. */
async function tryOpen(platform: Platform, environment: string, url: string): Promise<OpenUrl | undefined> {
  try {
    return await platform.open(environment, url);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

async function unanswered(output: ComponentOutput, base: string): Promise<string[]> {
  if (output.healthPath === undefined || output.healthPath === '') return [];
  const url = new URL(output.healthPath, base);
  const shown = new URL(output.healthPath, output.url).href;
  if (!/^https?:$/.test(url.protocol)) return [];
  try {
    const { status } = await request(url, { timeoutMs: 5_000 });
    // 401 is an answer: it guards what it has.
    return status < 400 || status === 401 ? [] : [`${shown} answers ${status}`];
  } catch (error) {
    return [`${shown} does not answer (${(error as Error).message})`];
  }
}
