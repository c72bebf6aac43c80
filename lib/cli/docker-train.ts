import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT } from './command-error';
import { ContainerInfo, Docker, LABEL, label } from './docker';
import { attachedToOneOf } from './leftovers';
import { Progress } from './progress';
import { checkProject, gitCommit, isProjectFile, parseReport, runArguments, TrainOptions, TrainResult } from './train';

/** What {@link trainOnDocker} takes. */
export interface DockerTrainOptions extends TrainOptions {
  /** Environments that the project declares, for the remedy. @default - not known */
  readonly environments?: readonly string[];
  /** Ids and names of the networks of the environment that this project may use. @default - all */
  readonly ownNetworks?: ReadonlySet<string>;
}

/** A run that was created this long ago and never started was left by a command that was killed. */
const ABANDONED_MS = 5 * 60_000;

/** Words before the entrypoint of a job that has a schedule. */
const SCHEDULE_WORDS = 6;

/**
 * Trains in a runner that a deploy declared: a container made from the declaration (image, limits, data, rights,
 * secrets), with the project put into it. Shows its log, removes it, and returns its exit code.
 *
 * @throws CommandError when there is no such runner or project, or the runner is busy
 */
export async function trainOnDocker(
  docker: Docker,
  progress: Progress,
  options: DockerTrainOptions,
): Promise<TrainResult> {
  checkProject(options.project);
  const template = await findRunner(docker, options);
  const name = await progress.step(`Preparing a run in ${options.environment}/${options.runner}`, async (step) => {
    const made = await createRun(docker, template, options, (line) => step.line(line));
    try {
      await copyUploads(docker, template, made);
      await copyProject(docker, options.project, made);
    } catch (error) {
      await docker.run(['rm', '--force', '--volumes', made]);
      throw error;
    }
    step.outcome = made;
    return made;
  });
  let interrupted = false;
  const stop = (): void => {
    if (interrupted) return;
    interrupted = true;
    progress.line('interrupted: stopping the run; it reports its end to the registry');
    void docker.run(['stop', name], { detached: true });
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await progress.step(`Training ${basename(options.project)}`, async (step) => {
      await docker.out(['start', name]);
      let last = '';
      // A Ctrl-C must not end the log: the run's last words matter most.
      await docker.run(['logs', '--follow', name], {
        discard: true,
        detached: true,
        onLine: (line, stream) => {
          step.lastHeard = Date.now();
          if (stream === 'stdout' && line.startsWith('{')) last = line;
          else options.log(line);
        },
      });
      const exitCode = Number((await docker.out(['wait', name], { detached: true })).trim());
      step.outcome = exitCode === 0 ? 'done' : `exit code ${exitCode}`;
      const state = (await docker.inspect([name]))[0]?.State;
      if (state?.OOMKilled === true) options.log('killed for lack of memory: raise the memory limit of the runner');
      return { exitCode: interrupted ? EXIT.INTERRUPTED : exitCode, report: parseReport(last) };
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await docker.run(['rm', '--force', '--volumes', name], { detached: true });
  }
}

async function findRunner(docker: Docker, options: DockerTrainOptions): Promise<ContainerInfo> {
  const runners = await docker.containers(`${LABEL.ENVIRONMENT}=${options.environment}`, `${LABEL.KIND}=job`);
  const template = runners.find((runner) => label(runner, LABEL.COMPONENT) === options.runner);
  if (template !== undefined) {
    if (options.ownNetworks === undefined || attachedToOneOf(template, options.ownNetworks)) return template;
    throw new CommandError(`the environment '${options.environment}' on this Docker Engine is not this project's`, {
      remedy: 'another checkout of the project may have deployed it: train there.',
    });
  }
  if (runners.length === 0 && options.environments?.includes(options.environment) === false) {
    throw new CommandError(`there is no environment '${options.environment}'`, {
      remedy: `use one of: ${options.environments.join(', ') || '(the program declares none)'}.`,
    });
  }
  const names = runners.map((runner) => label(runner, LABEL.COMPONENT)).join(', ');
  throw new CommandError(`the environment '${options.environment}' has no training runner '${options.runner}'`, {
    remedy: names === '' ? `deploy it first: \`cdktf-mlops deploy ${options.environment}\`.` : `use one of: ${names}.`,
  });
}

/**
 * Creates the run's container. Its name is the place that it takes: Docker gives a name to one container only, so two
 * commands at once never take the same place.
 */
async function createRun(
  docker: Docker,
  template: ContainerInfo,
  options: DockerTrainOptions,
  say: (line: string) => void,
): Promise<string> {
  const places = Number(label(template, LABEL.CONCURRENCY) ?? '1');
  const declared = (template.Config as unknown as ContainerConfig).Cmd ?? [];
  const words = [...declared, ...runArguments(options, await gitCommit(options.project))];
  let told = false;
  for (;;) {
    for (let place = 1; place <= places; place++) {
      const name = `${template.Name}-run-${place}`;
      await clearAbandoned(docker, name);
      const created = await docker.run(['create', '--name', name, ...createArguments(template, words)]);
      if (created.code === 0) return name;
      if (!/is already in use/.test(created.stderr)) {
        throw new CommandError('the run could not be created', { log: created.stderr.split('\n').slice(-5) });
      }
    }
    if (!options.wait) {
      throw new CommandError(`the runner '${options.runner}' is busy: ${places} of ${places} runs are under way`, {
        remedy:
          'wait for them with --wait, or allow more at once (concurrency) in the configuration of the environment.',
      });
    }
    if (!told) say(`${places} of ${places} runs are under way: waiting for a place`);
    told = true;
    await sleep(2_000);
  }
}

async function clearAbandoned(docker: Docker, name: string): Promise<void> {
  const [present] = await docker.inspect([name]);
  if (present === undefined || present.State.Running || label(present, LABEL.KIND) !== 'run') return;
  const age = Date.now() - Date.parse(present.Created);
  if (present.State.Status === 'created' && age < ABANDONED_MS) return;
  await docker.run(['rm', '--force', '--volumes', name]);
}

/**
 * The declaration's container as arguments of `docker create`.
 *
 * @param words what follows the entrypoint, in the place of the declared ones
 */
export function createArguments(template: ContainerInfo, words: readonly string[]): string[] {
  const config = template.Config as unknown as ContainerConfig;
  const host = template.HostConfig as unknown as HostConfig;
  const args: string[] = ['--hostname', template.Name];
  const add = (flag: string, value: string | number | null | undefined): void => {
    if (value !== undefined && value !== null && value !== '' && value !== 0) args.push(flag, String(value));
  };
  const addAll = (flag: string, values: readonly string[] | null | undefined): void => {
    for (const value of values ?? []) args.push(flag, value);
  };
  for (const [key, value] of Object.entries(config.Labels ?? {})) {
    if (![LABEL.KIND, LABEL.CONCURRENCY, LABEL.SCHEDULE].includes(key as never))
      args.push('--label', `${key}=${value}`);
  }
  args.push('--label', `${LABEL.KIND}=run`);
  addAll('--env', config.Env);
  add('--user', config.User);
  add('--workdir', config.WorkingDir);
  add('--stop-signal', config.StopSignal);
  add('--stop-timeout', config.StopTimeout);
  add('--memory', host.Memory);
  add('--memory-swap', host.MemorySwap);
  add('--cpu-period', host.CpuPeriod);
  add('--cpu-quota', host.CpuQuota);
  add('--cpu-shares', host.CpuShares);
  add('--shm-size', host.ShmSize);
  addAll('--cap-drop', host.CapDrop);
  addAll('--cap-add', host.CapAdd);
  addAll('--security-opt', host.SecurityOpt);
  addAll('--group-add', host.GroupAdd);
  if (host.ReadonlyRootfs === true) args.push('--read-only');
  if (host.Init === true) args.push('--init');
  if ((host.DeviceRequests ?? []).length > 0) args.push('--gpus', 'all');
  for (const [path, mount] of Object.entries(host.Tmpfs ?? {})) {
    args.push('--tmpfs', mount === '' ? path : `${path}:${mount}`);
  }
  add('--log-driver', host.LogConfig?.Type);
  for (const [key, value] of Object.entries(host.LogConfig?.Config ?? {})) args.push('--log-opt', `${key}=${value}`);
  const networks = Object.keys(template.NetworkSettings.Networks ?? {});
  add('--network', networks[0] ?? host.NetworkMode);
  for (const mount of mountsOf(template)) args.push('--mount', mount);
  // A job with a schedule waits in `sh -c <loop> schedule <period> <offset>`, with its own entrypoint behind that.
  const [program, ...rest] = (config.Entrypoint ?? []).slice(
    label(template, LABEL.SCHEDULE) === undefined ? 0 : SCHEDULE_WORDS,
  );
  if (program !== undefined) args.push('--entrypoint', program);
  return [...args, template.Image, ...rest, ...words];
}

function mountsOf(template: ContainerInfo): string[] {
  const { Mounts: mounts = [] } = template as unknown as { Mounts?: Mount[] };
  return mounts
    .filter((mount) => mount.Type === 'volume' || mount.Type === 'bind')
    .map((mount) =>
      [
        `type=${mount.Type}`,
        `source=${mount.Type === 'volume' ? mount.Name : mount.Source}`,
        `target=${mount.Destination}`,
        ...(mount.RW ? [] : ['readonly']),
      ].join(','),
    );
}

/** Files that the deploy put into the declaration's container are not in its image. */
export async function copyUploads(docker: Docker, template: ContainerInfo, run: string): Promise<void> {
  const mounts = ((template as unknown as { Mounts?: Mount[] }).Mounts ?? []).map((mount) => mount.Destination);
  const added = (await docker.out(['diff', template.Id]))
    .split('\n')
    .filter((line) => line.startsWith('A '))
    .map((line) => line.slice(2))
    .filter(
      (path) => !mounts.some((mount) => path === mount || mount.startsWith(`${path}/`) || path.startsWith(`${mount}/`)),
    );
  const topmost = added.filter((path) => !added.some((other) => path.startsWith(`${other}/`)));
  const scratch = mkdtempSync(join(tmpdir(), 'cdktf-mlops-'));
  try {
    for (const [index, path] of topmost.entries()) {
      const local = join(scratch, String(index));
      await docker.out(['cp', `${template.Id}:${path}`, local]);
      await docker.out(['cp', local, `${run}:${path}`]);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Docker makes root the owner of what it copies, so every user gets to read it, whatever the checkout's modes are. */
async function copyProject(docker: Docker, project: string, name: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'cdktf-mlops-'));
  try {
    const copy = join(scratch, 'project');
    cpSync(project, copy, {
      recursive: true,
      dereference: true,
      filter: isProjectFile,
    });
    for (const path of [
      copy,
      ...(readdirSync(copy, { recursive: true }) as string[]).map((file) => join(copy, file)),
    ]) {
      const executable = statSync(path).isDirectory() || (statSync(path).mode & 0o100) !== 0;
      chmodSync(path, executable ? 0o777 : 0o666);
    }
    await docker.out(['cp', `${copy}/.`, `${name}:/project`]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface ContainerConfig {
  readonly Labels?: Record<string, string> | null;
  readonly Env?: string[] | null;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly StopTimeout?: number | null;
  readonly Entrypoint?: string[] | null;
  readonly Cmd?: string[] | null;
}

interface HostConfig {
  readonly Memory?: number;
  readonly MemorySwap?: number;
  readonly CpuPeriod?: number;
  readonly CpuQuota?: number;
  readonly CpuShares?: number;
  readonly ShmSize?: number;
  readonly CapDrop?: string[] | null;
  readonly CapAdd?: string[] | null;
  readonly SecurityOpt?: string[] | null;
  readonly GroupAdd?: string[] | null;
  readonly ReadonlyRootfs?: boolean;
  readonly Init?: boolean | null;
  readonly DeviceRequests?: unknown[] | null;
  readonly Tmpfs?: Record<string, string> | null;
  readonly LogConfig?: { readonly Type: string; readonly Config?: Record<string, string> | null };
  readonly NetworkMode?: string;
}

interface Mount {
  readonly Type: string;
  readonly Name?: string;
  readonly Source?: string;
  readonly Destination: string;
  readonly RW: boolean;
}
