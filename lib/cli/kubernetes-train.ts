import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT } from './command-error';
import { LABEL } from './docker';
import { JobLog, JobResult, JobRun } from './jobs';
import { Kubernetes, KubeObject } from './kubernetes';
import { containerTroubles, failingLog, podTrouble } from './kubernetes-explain';
import { ProgramResult } from './platform';
import { run } from './process';
import { Progress } from './progress';
import {
  checkProject,
  gitCommit,
  isProjectFile,
  NOT_OF_A_PROJECT,
  parseReport,
  runArguments,
  TrainOptions,
  TrainResult,
} from './train';

/** Bytes of an archive that one ConfigMap holds: a megabyte, with room for what stands around them. */
const PART_BYTES = 900_000;
/** Parts that an archive may have. */
const MAX_PARTS = 10;
/** Ended runs of a runner that are kept, for their logs. */
const KEPT_RUNS = 3;
/** A run that was created this long ago and never started was left by a command that was killed. */
const ABANDONED_MS = 5 * 60_000;
/** How long a program may take that is not a run. */
const PROGRAM_SECONDS = 600;
/** How long a pod may wait for what will hardly come: an image, a volume. */
const START_PATIENCE_MS = Number(process.env.CDKTF_MLOPS_START_WAIT_MS ?? 5 * 60_000);

/** A runner that a deploy declared: a CronJob that is suspended. */
export type Runner = KubeObject;

/** The runners of an environment. */
export function runnersOf(kubernetes: Kubernetes, environment: string): Promise<Runner[]> {
  return kubernetes.list('cronjobs.batch', environment, `${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=job`);
}

/** The component path of a runner. */
export function runnerPath({ metadata }: Runner): string {
  return (metadata.labels?.[LABEL.COMPONENT] ?? '').replace(/\./g, '/');
}

/**
 * Trains in a runner: a Job made from its declaration, with the project put into it by ConfigMaps that the Job owns, so
 * that neither the pod nor the user needs a right beyond those of a deploy. Shows its log and returns its exit code.
 *
 * @throws CommandError when the runner is busy, the project too large, or the pod can't start
 */
export async function trainOnKubernetes(
  kubernetes: Kubernetes,
  progress: Progress,
  runner: Runner,
  options: TrainOptions,
): Promise<TrainResult> {
  checkProject(options.project);
  const parts = await archive(options.project);
  const commit = await gitCommit(options.project);
  let interrupted = false;
  let job: KubeObject | undefined;
  const stop = (): void => {
    if (interrupted) return;
    interrupted = true;
    progress.line('interrupted: stopping the run; it reports its end to the registry');
    if (job !== undefined) void remove(kubernetes, job);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    job = await progress.step(`Preparing a run in ${options.environment}/${options.runner}`, async (step) => {
      await clearAway(kubernetes, runner);
      const args = runArguments(options, commit);
      const made = await takePlace(kubernetes, runner, options, args, parts.length, (line) => step.line(line));
      try {
        await handOver(kubernetes, made, parts);
      } catch (error) {
        await remove(kubernetes, made);
        throw error;
      }
      step.outcome = made.metadata.name;
      return made;
    });
    if (interrupted) {
      await remove(kubernetes, job);
      return { exitCode: EXIT.INTERRUPTED };
    }
    const started = job;
    return await progress.step(`Training ${basename(options.project)}`, async (step) => {
      let last = '';
      const exitCode = await follow(
        kubernetes,
        started,
        (line) => {
          step.lastHeard = Date.now();
          if (line.startsWith('{')) last = line;
          else options.log(line);
        },
        (line) => step.line(line),
      );
      step.outcome = exitCode === 0 ? 'done' : `exit code ${exitCode}`;
      return { exitCode: interrupted ? EXIT.INTERRUPTED : exitCode, report: parseReport(last) };
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (interrupted && job !== undefined) await remove(kubernetes, job);
    else await clearAway(kubernetes, runner);
  }
}

/** What a Python program prints in the image of a runner. */
export async function runProgramInRunner(
  kubernetes: Kubernetes,
  runner: Runner,
  program: string,
): Promise<ProgramResult> {
  // A file, because a dataclass looks for the module that it stands in.
  const script = 'printf "%s" "$1" > /tmp/rows.py && exec python3 /tmp/rows.py';
  const definition = jobFrom(runner, runName(runner, 'program'), (container) => ({
    ...container,
    command: ['sh', '-c', script, 'sh', program],
    args: undefined,
    // It is short, and need not wait until there is room for a training.
    resources: withCpuRequest(container.resources as Resources | undefined, '10m'),
  }));
  // A command that is killed leaves it behind.
  definition.spec.activeDeadlineSeconds = PROGRAM_SECONDS;
  definition.spec.ttlSecondsAfterFinished = 60;
  const { object: job, stderr } = await kubernetes.create(definition);
  if (job === undefined) throw kubernetes.failure('create job', stderr);
  try {
    const lines: string[] = [];
    const code = await follow(kubernetes, job, (line) => lines.push(line));
    return { code, stdout: lines.join('\n'), stderr: code === 0 ? '' : lines.join('\n') };
  } finally {
    await remove(kubernetes, job);
  }
}

/** Runs a declared job once, in a Job of its own that stays, for its log, until the next runs have ended. */
export async function runJobOnKubernetes(
  kubernetes: Kubernetes,
  progress: Progress,
  declared: Runner,
  options: JobRun,
): Promise<JobResult> {
  await clearAway(kubernetes, declared);
  const definition = jobFrom(declared, runName(declared, 'run'), (container) => ({ ...container, args: options.args }));
  const { object: job, stderr } = await kubernetes.create(definition);
  if (job === undefined) throw kubernetes.failure('create job', stderr);
  let interrupted = false;
  const stop = (): void => {
    if (interrupted) return;
    interrupted = true;
    progress.line('interrupted: stopping the run');
    void remove(kubernetes, job);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await progress.step(options.title, async (step) => {
      const log = new JobLog(options.log);
      const exitCode = await follow(kubernetes, job, (line) => {
        step.lastHeard = Date.now();
        log.line(line);
      });
      step.outcome = exitCode === 0 ? 'done' : `exit code ${exitCode}`;
      return { exitCode: interrupted ? EXIT.INTERRUPTED : exitCode, report: log.report };
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/**
 * Starts a component again: the pods of a workload are deleted, one after the other, and come back; a task's Job runs
 * once more beside the first, which Terraform knows. Returns its name, or undefined when there is no such component.
 *
 * @throws CommandError when it does not become well
 */
export async function startComponentAgain(
  kubernetes: Kubernetes,
  environment: string,
  component: string,
): Promise<string | undefined> {
  const labels = [`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.COMPONENT}=${component.replace(/\//g, '.')}`];
  const [workload] = await kubernetes.list('deployments.apps,statefulsets.apps', environment, ...labels);
  if (workload !== undefined) {
    const name = `${workload.kind.toLowerCase()}/${workload.metadata.name}`;
    for (const pod of await kubernetes.list('pods', environment, ...labels)) {
      await kubernetes.delete('pod', [pod.metadata.name], environment);
      const status = ['rollout', 'status', name, `--namespace=${environment}`, '--timeout=600s'];
      const result = await kubernetes.run(status, { detached: true });
      if (result.code !== 0) throw kubernetes.failure(`rollout status ${name}`, result.stderr);
    }
    return name;
  }
  const [task] = await kubernetes.list('jobs.batch', environment, ...labels, `${LABEL.KIND}=task`);
  if (task === undefined) return undefined;
  const { selector: _selector, manualSelector: _manual, template, ...spec } = task.spec;
  const { object: job, stderr } = await kubernetes.create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: runName(task, 'again'),
      namespace: environment,
      labels: { ...task.metadata.labels, [LABEL.KIND]: 'run' },
    },
    spec: {
      ...spec,
      template: { ...template, metadata: { ...template.metadata, labels: ownLabels(template.metadata.labels ?? {}) } },
    },
  });
  if (job === undefined) throw kubernetes.failure('create job', stderr);
  try {
    const log: string[] = [];
    const code = await follow(kubernetes, job, (line) => log.push(line));
    if (code !== 0) throw new CommandError(`${component} failed when it ran again`, { log: log.slice(-5) });
    return task.metadata.name;
  } finally {
    await remove(kubernetes, job);
  }
}

/** Labels without those by which the Job's controller knows its pods. */
function ownLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const set = (name: string): boolean =>
    name.startsWith('batch.kubernetes.io/') || ['controller-uid', 'job-name'].includes(name);
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !set(name)));
}

/** Runs of a runner, or of all, that have a Job. */
export async function runsOf(kubernetes: Kubernetes, environment: string, runner?: Runner): Promise<KubeObject[]> {
  const component = runner?.metadata.labels?.[LABEL.COMPONENT];
  return kubernetes.list(
    'jobs.batch',
    environment,
    `${LABEL.ENVIRONMENT}=${environment}`,
    `${LABEL.KIND}=run`,
    ...(component === undefined ? [] : [`${LABEL.COMPONENT}=${component}`]),
  );
}

/** Whether a Job has not ended yet. */
export function isActive({ status }: KubeObject): boolean {
  return !((status?.conditions ?? []) as Array<{ type: string; status: string }>).some(
    ({ type, status: value }) => ['Complete', 'Failed'].includes(type) && value === 'True',
  );
}

interface Resources {
  readonly requests?: Record<string, string>;
}

function withCpuRequest(resources: Resources | undefined, cpu: string): Resources | undefined {
  return resources?.requests?.cpu === undefined
    ? resources
    : { ...resources, requests: { ...resources.requests, cpu } };
}

type Container = Record<string, unknown> & { readonly name: string };

/** A Job of a runner's declaration. */
function jobFrom(runner: Runner, name: string, change: (container: Container) => object): KubeObject {
  const { jobTemplate } = runner.spec;
  const { metadata = {}, spec } = structuredClone(jobTemplate);
  const pod = spec.template.spec;
  const [container, ...others] = pod.containers as Container[];
  // Runs call themselves by the runner's name, as the host's.
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: runner.metadata.namespace,
      labels: { ...metadata.labels, [LABEL.KIND]: 'run' },
    },
    spec: {
      ...spec,
      backoffLimit: 0,
      template: {
        ...spec.template,
        spec: {
          ...pod,
          hostname: runner.metadata.name.slice(0, 63).replace(/-+$/, ''),
          restartPolicy: 'Never',
          containers: [change(container), ...others],
        },
      },
    },
  } as unknown as KubeObject;
}

/**
 * Creates the run's Job, suspended, and sees that it is among the first that the runner has room for: of two commands at
 * once, the later one gives way.
 */
async function takePlace(
  kubernetes: Kubernetes,
  runner: Runner,
  options: TrainOptions,
  args: readonly string[],
  parts: number,
  say: (line: string) => void,
): Promise<KubeObject> {
  const places = Number(runner.metadata.labels?.[LABEL.CONCURRENCY] ?? '1');
  const namespace = runner.metadata.namespace!;
  let told = false;
  for (;;) {
    const active = (await runsOf(kubernetes, namespace, runner)).filter(isActive);
    if (active.length < places) {
      const created = await kubernetes.create(suspendedRun(runner, args, parts));
      if (created.object === undefined) throw kubernetes.failure('create job', created.stderr);
      const job = created.object;
      const order = (await runsOf(kubernetes, namespace, runner)).filter(isActive).sort(byAge);
      if (order.findIndex(({ metadata }) => metadata.uid === job.metadata.uid) < places) return job;
      await remove(kubernetes, job);
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

function suspendedRun(runner: Runner, args: readonly string[], parts: number): object {
  const name = runName(runner, 'run');
  const project = { name: 'project', mountPath: '/project' };
  const job = jobFrom(runner, name, (container) => ({
    ...container,
    args: [...((container.args as string[] | undefined) ?? []), ...args],
    volumeMounts: [...((container.volumeMounts as object[] | undefined) ?? []), project],
  }));
  const pod = job.spec.template.spec;
  const [{ image, imagePullPolicy, resources, securityContext }] = pod.containers;
  pod.volumes = [
    ...(pod.volumes ?? []),
    { name: 'project', emptyDir: {} },
    {
      name: 'project-archive',
      projected: {
        sources: Array.from({ length: parts }, (_part, index) => ({ configMap: { name: archiveName(name, index) } })),
      },
    },
  ];
  pod.initContainers = [
    ...(pod.initContainers ?? []),
    {
      name: 'unpack-project',
      image,
      imagePullPolicy,
      resources,
      securityContext,
      command: ['sh', '-c', `cat ${ARCHIVE_DIRECTORY}/part-* | tar -xzf - --no-same-owner -C /project`],
      volumeMounts: [project, { name: 'project-archive', mountPath: ARCHIVE_DIRECTORY, readOnly: true }],
    },
  ];
  job.spec.suspend = true;
  return job;
}

const ARCHIVE_DIRECTORY = '/run/project-archive';

/** A name of its own for each run, in the order of their beginnings. */
function runName({ metadata }: Runner, what: string): string {
  const suffix = `-${what}-${Date.now().toString(36)}${randomBytes(2).toString('hex')}`;
  // What Kubernetes derives from it, and the archive's name, must fit into 63 characters too.
  return `${metadata.name.slice(0, 48 - suffix.length).replace(/-+$/, '')}${suffix}`;
}

function archiveName(run: string, part: number): string {
  return `${run}-project-${part}`;
}

function byAge(a: KubeObject, b: KubeObject): number {
  return (
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}

/** The project as parts of a compressed archive. */
async function archive(project: string): Promise<Buffer[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'cdktf-mlops-'));
  try {
    const file = join(scratch, 'project.tar.gz');
    // Not the directory itself: the run may not change what it is unpacked into.
    const entries = readdirSync(project).filter(isProjectFile).sort();
    const excluded = NOT_OF_A_PROJECT.map((name) => `--exclude=${name}`);
    const result = await run('tar', ['-czhf', file, ...excluded, '-C', project, '--', ...entries]);
    if (result.code !== 0) {
      throw new CommandError(`${project} can't be packed`, { log: result.stderr.split('\n').slice(-3) });
    }
    const bytes = readFileSync(file);
    const count = Math.ceil(bytes.length / PART_BYTES);
    if (count > MAX_PARTS) {
      throw new CommandError(
        `${project} is too large for a run: ${(bytes.length / 1e6).toFixed(1)} MB compressed, ${(MAX_PARTS * PART_BYTES) / 1e6} MB may be`,
        { remedy: 'a project holds code: put its data into a volume of the runner, or into the artifact store.' },
      );
    }
    return Array.from({ length: count }, (_part, index) =>
      bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Puts the project where the run's pod finds it, and lets it start. The Job owns the ConfigMaps: they go with it.
 */
async function handOver(kubernetes: Kubernetes, job: KubeObject, parts: readonly Buffer[]): Promise<void> {
  const { name, namespace, uid, labels } = job.metadata;
  for (const [index, part] of parts.entries()) {
    const { object, stderr } = await kubernetes.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: archiveName(name, index),
        namespace,
        labels,
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid }],
      },
      binaryData: { [`part-${index}`]: part.toString('base64') },
    });
    if (object === undefined) throw kubernetes.failure('create configmap', stderr);
  }
  const result = await kubernetes.run([
    'patch',
    'job',
    name,
    `--namespace=${namespace}`,
    '--type=merge',
    '--patch={"spec":{"suspend":false}}',
  ]);
  if (result.code !== 0) throw kubernetes.failure('patch job', result.stderr);
}

/** Shows the log of a Job's pod until it has ended. Returns the exit code of its container. */
async function follow(
  kubernetes: Kubernetes,
  job: KubeObject,
  onLine: (line: string) => void,
  say: (line: string) => void = () => undefined,
): Promise<number> {
  const namespace = job.metadata.namespace!;
  const pod = await startedPod(kubernetes, job, say);
  if (pod === undefined) return EXIT.INTERRUPTED;
  const container = pod.spec.containers[0].name as string;
  let since: string | undefined;
  for (;;) {
    // A Ctrl-C must not end the log: the run's last words matter most.
    await kubernetes.run(
      [
        'logs',
        '--follow',
        '--timestamps',
        ...(since === undefined ? [] : [`--since-time=${since}`]),
        `--namespace=${namespace}`,
        `--container=${container}`,
        pod.metadata.name,
      ],
      {
        discard: true,
        detached: true,
        onLine: (line, stream) => {
          if (stream === 'stderr') return;
          const [, time, text] = /^(\S+) ?([^]*)$/.exec(line) ?? [];
          // After a connection that was cut, lines of the same moment come a second time.
          if (time === undefined || (since !== undefined && time <= since)) return;
          since = time;
          onLine(text);
        },
      },
    );
    const now = await kubernetes.get('pod', pod.metadata.name, namespace);
    const ended = (now?.status?.containerStatuses ?? []).find((status: { name: string }) => status.name === container)
      ?.state?.terminated;
    if (ended !== undefined) {
      if (ended.reason === 'OOMKilled') onLine('killed for lack of memory: raise the memory limit of the runner');
      return ended.exitCode as number;
    }
    // Deleted, or evicted: there is no end to be told.
    if (now === undefined) return EXIT.INTERRUPTED;
    if (now.status?.phase === 'Failed') {
      onLine(`the pod failed: ${podTrouble(now) ?? ''}`);
      return EXIT.FAILED;
    }
    await sleep(1_000);
  }
}

/** The pod of a Job, when its container runs or has ended; undefined when the Job is gone. */
async function startedPod(
  kubernetes: Kubernetes,
  job: KubeObject,
  say: (line: string) => void,
): Promise<KubeObject | undefined> {
  const { name, namespace } = job.metadata;
  const began = Date.now();
  let told = '';
  for (;;) {
    const [pod] = await kubernetes.list('pods', namespace, `job-name=${name}`);
    const statuses = (pod?.status?.containerStatuses ?? []) as Array<{ state?: Record<string, unknown> }>;
    if (statuses.some(({ state = {} }) => state.running !== undefined || state.terminated !== undefined)) return pod;
    const waited = Date.now() - began;
    if (pod?.status?.phase === 'Failed' || waited > START_PATIENCE_MS) {
      const reason = pod === undefined ? await whyNoPod(kubernetes, job) : (podTrouble(pod) ?? 'it does not start');
      const pulling = pod !== undefined && containerTroubles(pod).some(({ reason: why }) => /Image/.test(why));
      const log = pod === undefined ? [] : await failingLog(kubernetes, pod, namespace!);
      await remove(kubernetes, job);
      throw new CommandError(`the run ${name} did not start`, {
        log: [reason, ...log],
        remedy: pulling
          ? 'push our images: `cdktf-mlops images --push REGISTRY`, and deploy the environment again.'
          : 'mend what the line above names, then run the same command again.',
      });
    }
    // Somebody has removed it: an interrupt, or the end of the environment.
    if (pod === undefined && (await kubernetes.get('jobs.batch', name, namespace)) === undefined) return undefined;
    const reason = pod === undefined ? '' : (podTrouble(pod) ?? '');
    if (waited > SLOW_START_MS && reason !== '' && reason !== told) {
      say(`its pod waits: ${reason}`);
      told = reason;
    }
    await sleep(500);
  }
}

/** After this long it is said why a pod has not started. */
const SLOW_START_MS = 10_000;

async function whyNoPod(kubernetes: Kubernetes, { metadata }: KubeObject): Promise<string> {
  const events = (await kubernetes.list('events', metadata.namespace)) as unknown as Array<{
    involvedObject?: { uid?: string };
    message?: string;
  }>;
  const own = events.filter(({ involvedObject }) => involvedObject?.uid === metadata.uid);
  return own.at(-1)?.message ?? 'it has no pod';
}

/** Removes ended runs beyond the last few, and what a command that was killed never started. */
async function clearAway(kubernetes: Kubernetes, runner: Runner): Promise<void> {
  const runs = (await runsOf(kubernetes, runner.metadata.namespace!, runner)).sort(byAge);
  const ended = runs.filter((job) => !isActive(job));
  const abandoned = runs.filter(
    (job) => job.spec?.suspend === true && Date.now() - Date.parse(job.metadata.creationTimestamp ?? '') > ABANDONED_MS,
  );
  for (const job of [...ended.slice(0, Math.max(0, ended.length - KEPT_RUNS)), ...abandoned]) {
    await remove(kubernetes, job);
  }
}

async function remove(kubernetes: Kubernetes, { metadata }: KubeObject): Promise<void> {
  await kubernetes.delete('jobs.batch', [metadata.name], metadata.namespace);
}
