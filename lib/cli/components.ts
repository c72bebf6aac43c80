import { ContainerInfo, LABEL, label } from './docker';
import { request } from './http';
import { Session } from './session';
import { StackFile } from './stack-file';
import { idsInState, TerraformState } from './terraform';

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
}

/** The outputs `components` of the stacks of an environment. */
export async function componentOutputs(session: Session, environment: string): Promise<ComponentOutput[]> {
  const outputs: ComponentOutput[] = [];
  for (const stack of environmentStacks(session, environment)) {
    const value = await (await session.terraform(stack)).output('components');
    if (Array.isArray(value)) outputs.push(...(value as ComponentOutput[]));
  }
  return outputs;
}

/** Username and password by name, from the outputs `credentials` of the stacks of an environment. */
export async function credentialOutputs(session: Session, environment: string): Promise<Record<string, Credential>> {
  const all: Record<string, Credential> = {};
  for (const stack of environmentStacks(session, environment)) {
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

/** The stacks that make up an environment, the environment itself first. */
export function environmentStacks(session: Session, environment: string): StackFile[] {
  return [environment, `${environment}-models`].flatMap((name) => StackFile.find(session.project, name) ?? []);
}

/**
 * How every component of an environment is: what Docker says of its containers, and whether its published URL answers.
 */
export async function environmentStatus(session: Session, environment: string): Promise<ComponentStatus[]> {
  const outputs = await componentOutputs(session, environment);
  const containers = (await session.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`)).filter(
    (container) => label(container, LABEL.KIND) !== 'run',
  );
  const missing: string[] = [];
  for (const stack of environmentStacks(session, environment)) {
    missing.push(...missingContainers(await (await session.terraform(stack)).state(), containers));
  }
  const names = new Set([
    ...outputs.map(({ name }) => name),
    ...containers.map((container) => owner(label(container, LABEL.COMPONENT) ?? '', outputs)),
    ...missing.map((path) => owner(path, outputs)),
  ]);
  const statuses = await Promise.all(
    [...names].sort().map(async (name): Promise<ComponentStatus> => {
      const output = outputs.find((candidate) => candidate.name === name);
      const own = containers.filter((container) => owner(label(container, LABEL.COMPONENT) ?? '', outputs) === name);
      const problems = [
        ...missing.filter((path) => owner(path, outputs) === name).map((path) => `${path}: no container`),
        ...own.flatMap((container) => problemOf(container) ?? []),
        ...(output === undefined || !isPublished(output, environment) ? [] : await unanswered(output)),
      ];
      return {
        component: name,
        url: output === undefined ? undefined : isPublished(output, environment) ? output.url : undefined,
        healthy: problems.length === 0,
        health: problems.length === 0 ? wellWord(own) : problems.join('; '),
        restarts: own.reduce((sum, container) => sum + container.RestartCount, 0),
        credentials: output?.credentials,
      };
    }),
  );
  // Preparations of the environment itself belong to no component: they are of interest when they have failed.
  const helpers = new Set(
    [...names].filter(
      (name) =>
        !outputs.some((output) => output.name === name) &&
        containers.every(
          (container) =>
            owner(label(container, LABEL.COMPONENT) ?? '', outputs) !== name ||
            !['workload', 'job'].includes(label(container, LABEL.KIND) ?? ''),
        ),
    ),
  );
  return statuses.filter((status) => !status.healthy || !helpers.has(status.component));
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

/** What is wrong with a container, or undefined. A preparation that has ended well is well, a declared job never runs. */
export function problemOf(container: ContainerInfo): string | undefined {
  const kind = label(container, LABEL.KIND);
  const { Status: status, Running: running, ExitCode: code, Health: health } = container.State;
  if (kind === 'job') return undefined;
  if (kind !== 'workload' && !running) {
    return code === 0 && status === 'exited' ? undefined : `${container.Name}: ${status}, exit code ${code}`;
  }
  if (!running || status === 'restarting') return `${container.Name}: ${status}, exit code ${code}`;
  if (health !== undefined && health.Status !== 'healthy' && health.Status !== 'none') {
    return `${container.Name}: ${health.Status}`;
  }
  return undefined;
}

/**
 * What a deploy of one stack makes or starts again although the program and the state agree: containers that were
 * removed or stopped by hand, one line each.
 */
export async function lostContainers(session: Session, stack: StackFile): Promise<string[]> {
  const state = await (await session.terraform(stack)).state();
  const known = idsInState(state, 'docker_container');
  if (known.size === 0) return [];
  const present = await session.docker.inspect([...known]);
  return [
    ...missingContainers(state, present).map((path) => `${path}: its container is gone`),
    ...present
      .filter((container) => label(container, LABEL.KIND) === 'workload' && !container.State.Running)
      .map(({ Name, State }) => `${Name}: ${State.Status}, exit code ${State.ExitCode}`),
  ].sort();
}

/** Component paths of containers that a state knows and the Engine does not. */
function missingContainers(state: TerraformState | undefined, present: readonly ContainerInfo[]): string[] {
  const ids = new Set(present.map(({ Id }) => Id));
  const missing: string[] = [];
  for (const resource of state?.resources ?? []) {
    if (resource.type !== 'docker_container') continue;
    for (const { attributes } of resource.instances ?? []) {
      if (typeof attributes?.id !== 'string' || ids.has(attributes.id)) continue;
      const labels = (attributes.labels ?? []) as Array<{ label?: string; value?: string }>;
      missing.push(
        labels.find((entry) => entry.label === LABEL.COMPONENT)?.value ?? String(attributes.name ?? resource.name),
      );
    }
  }
  return missing;
}

/** What is not published has a name that resolves inside the environment only. */
export function isPublished(output: ComponentOutput, environment: string): boolean {
  return output.url !== undefined && !new URL(output.url).hostname.startsWith(`${environment}-`);
}

function wellWord(containers: readonly ContainerInfo[]): string {
  return containers.some((container) => label(container, LABEL.KIND) === 'job') ? 'ready' : 'healthy';
}

async function unanswered(output: ComponentOutput): Promise<string[]> {
  if (output.healthPath === undefined || output.healthPath === '') return [];
  const url = new URL(output.healthPath, output.url);
  if (!/^https?:$/.test(url.protocol)) return [];
  try {
    const { status } = await request(url, { timeoutMs: 5_000 });
    // 401 is an answer: it guards what it has.
    return status < 400 || status === 401 ? [] : [`${url.href} answers ${status}`];
  } catch (error) {
    return [`${url.href} does not answer (${(error as Error).message})`];
  }
}
