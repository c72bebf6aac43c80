import { ContainerInfo, Docker, LABEL, label } from './docker';
import { TerraformState } from './terraform';

/**
 * What is wrong with a container, or undefined. A preparation that has ended well is well; a declared job runs only where
 * it has a schedule.
 */
export function problemOf(container: ContainerInfo): string | undefined {
  const kind = label(container, LABEL.KIND);
  const { Status: status, Running: running, ExitCode: code, Health: health } = container.State;
  if (kind === 'job' && (running || label(container, LABEL.SCHEDULE) === undefined)) return undefined;
  if (!['workload', 'job'].includes(kind ?? '') && !running) {
    return code === 0 && status === 'exited' ? undefined : `${container.Name}: ${status}, exit code ${code}`;
  }
  if (!running || status === 'restarting') return `${container.Name}: ${status}, exit code ${code}`;
  if (health !== undefined && health.Status !== 'healthy' && health.Status !== 'none') {
    return `${container.Name}: ${health.Status}`;
  }
  return undefined;
}

/** Component paths of containers that a state knows and the Engine does not. */
export function missingContainers(state: TerraformState | undefined, present: readonly ContainerInfo[]): string[] {
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

/** State, last health check and last log lines of a container; nothing when it runs and is healthy. */
export async function describeContainer(container: ContainerInfo, docker: Docker, lines = 30): Promise<string[]> {
  const { State: state } = container;
  const health = state.Health?.Status;
  if (state.Running && (health === undefined || health === 'healthy')) return [];
  const facts = [
    health !== undefined && state.Running ? `${state.Status}, ${health}` : state.Status,
    ...(state.Running || state.Status === 'created' ? [] : [`exit code ${state.ExitCode}`]),
    ...(state.OOMKilled ? ['killed for lack of memory: raise its memory limit'] : []),
    ...(container.RestartCount > 0 ? [`restarted ${container.RestartCount} times`] : []),
    ...(state.Error === '' || state.Error === undefined ? [] : [state.Error]),
  ];
  const probe = state.Health?.Log?.at(-1);
  const output = await docker.lastLog(container.Name, lines);
  return [
    `${container.Name}: ${facts.join(', ')}`,
    ...(probe === undefined || probe.ExitCode === 0
      ? []
      : [
          `  last health check (exit code ${probe.ExitCode}): ${probe.Output.trim().split('\n').slice(-3).join(' / ') || '(it said nothing)'}`,
        ]),
    ...(output.length === 0
      ? ['  its log is empty']
      : ['  its last log lines:', ...output.map((line) => `    ${line}`)]),
  ];
}
