import { CommandError } from './command-error';
import { LABEL } from './docker';
import { Forward, forwardsOf, keepForward, Tunnel } from './forward';
import { Kubernetes, KubeObject } from './kubernetes';
import { checkPushed, checkRights, checkStorageClasses } from './kubernetes-checks';
import { describeTrouble, podTrouble, restartsOf, stateOf } from './kubernetes-explain';
import { Kind, keyOf, kindOf, kindsOf, namespacesOf, objectsInState } from './kubernetes-objects';
import {
  isActive,
  runnerPath,
  runnersOf,
  runJobOnKubernetes,
  startComponentAgain,
  runProgramInRunner,
  runsOf,
  trainOnKubernetes,
} from './kubernetes-train';
import { JobResult, JobRun, noJob } from './jobs';
import { CleanOptions, CleanResult, Finding, Observed, OpenUrl, Platform, ProgramResult, Remaining } from './platform';
import type { Session } from './session';
import { blocks, StackFile, StackResource } from './stack-file';
import { localImages } from './supply';
import { TerraformState } from './terraform';
import { TrainOptions, TrainResult } from './train';

/** Kinds that a deploy waits for, and that are described when it waited in vain. */
const WAITED_FOR = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'PersistentVolumeClaim'];

/** Kinds that `--keep-data` keeps: a namespace takes its claims along. */
const DATA = ['Namespace', 'PersistentVolumeClaim'];

/** Stacks on a Kubernetes cluster. */
export class KubernetesPlatform implements Platform {
  public readonly place = 'this cluster';
  public readonly dataName = 'claims';
  public readonly terraformEnv: Readonly<Record<string, string>>;
  public readonly remedies = [
    [
      /is forbidden: User|cannot (create|get|patch|delete|list) resource/i,
      'this user lacks the right that the line above names: `cdktf-mlops doctor` names all that are missing.',
    ],
    [
      /already exists/i,
      'an object of that name exists that Terraform does not know: `cdktf-mlops clean <stack>` tells whose it is and removes it when it is ours.',
    ],
    [
      /connection refused|no such host|i\/o timeout|dial tcp/i,
      'the API server does not answer: see that the cluster runs, `cdktf-mlops doctor` names it; then run this again.',
    ],
  ] as const;

  constructor(
    private readonly session: Session,
    private readonly kubernetes: Kubernetes,
  ) {
    this.terraformEnv = kubernetes.terraformEnv;
  }

  public async ping(): Promise<void> {
    await this.kubernetes.ping();
  }

  public async prepare(stacks: readonly StackFile[]): Promise<string> {
    const { context } = this.kubernetes.config;
    const version = await this.kubernetes.ping();
    const rights = await checkRights(
      this.kubernetes,
      stacks.filter((stack) => this.session.platformOf(stack) === this),
    );
    return `Kubernetes ${version}${context === undefined ? '' : ` (context ${context})`}, ${rights} rights there`;
  }

  public async checkDemands(stacks: readonly StackFile[]): Promise<string> {
    return `${await checkStorageClasses(this.kubernetes, stacks)} claims, for which there are storage classes`;
  }

  public ensureImages(stacks: readonly StackFile[]): Promise<void> {
    checkPushed(stacks, [...localImages(this.session.supply).values()]);
    return Promise.resolve();
  }

  public async checkOwner(stack: StackFile, state: TerraformState | undefined): Promise<void> {
    const { left, ours } = await this.leftovers(stack, state);
    if (ours || left.length === 0) return;
    const names = left.map(keyOf).sort();
    throw new CommandError(`${stack.name} exists on this cluster, and this project's state does not know it`, {
      log: names.length > 12 ? [...names.slice(0, 12), `and ${names.length - 12} more`] : names,
      remedy:
        'they may belong to another checkout of the project: then go on there, or give the environment another name here. ' +
        `When nobody needs them: \`cdktf-mlops clean ${stack.name} --force --data\` (deletes the data in the claims).`,
    });
  }

  public async clearLeftovers(stack: StackFile, state: TerraformState | undefined): Promise<void> {
    await this.checkOwner(stack, state);
    await this.clearForDestroy(stack, state);
  }

  public async clearForDestroy(stack: StackFile, state: TerraformState | undefined): Promise<void> {
    const { left, ours } = await this.leftovers(stack, state);
    if (ours) await this.remove(left.filter(({ kind }) => !DATA.includes(kind)));
  }

  public async clean(stack: StackFile, state: TerraformState | undefined, options: CleanOptions): Promise<CleanResult> {
    const { left, ours } = await this.leftovers(stack, state);
    const all = options.force && options.data;
    const chosen = ours || options.force ? left.filter(({ kind }) => all || !DATA.includes(kind)) : [];
    await this.remove(chosen);
    return { removed: chosen.length, leftAlone: ours || options.force ? [] : left.map(keyOf).sort() };
  }

  public async explain(stack: StackFile, address: string): Promise<Finding | undefined> {
    const resource = stack.resources.find((candidate) => candidate.address === address);
    const kind = resource === undefined ? undefined : kindOf(resource.type);
    if (resource?.namespace === undefined || kind === undefined || !WAITED_FOR.includes(kind.kind)) return undefined;
    const name = resource.name ?? (await this.newestName(resource, kind));
    if (name === undefined) return undefined;
    const [timeouts = {}] = blocks(resource.attributes.timeouts);
    const waited = [timeouts.create, timeouts.update].find((value) => typeof value === 'string');
    return describeTrouble(
      this.kubernetes,
      kind.resource,
      name,
      resource.namespace,
      (waited as string | undefined) ?? DEFAULT_TIMEOUTS[kind.kind] ?? '10m',
    );
  }

  public async observe(environment: string): Promise<Observed[]> {
    const found: KubeObject[] = [];
    for (const namespace of this.namespaces(environment)) {
      const label = `${LABEL.ENVIRONMENT}=${environment}`;
      const kinds = `${OBSERVED.join(',')},pods`;
      found.push(...(await this.kubernetes.list(kinds, namespace, label)));
    }
    const missing: Observed[] = [];
    for (const stack of this.session.environmentStacks(environment)) {
      const state = await (await this.session.terraform(stack)).state();
      missing.push(...missingFrom(state, found).map((lost) => ({ ...lost, kind: 'workload', restarts: 0 })));
    }
    const pods = found.filter(({ kind }) => kind === 'Pod');
    const objects = found.filter(
      ({ kind, metadata }) =>
        kind !== 'Pod' && metadata.labels?.[LABEL.KIND] !== 'run' && (metadata.ownerReferences ?? []).length === 0,
    );
    return [...missing, ...objects.map((object) => observed(object, pods))];
  }

  public async lost(state: TerraformState | undefined): Promise<string[]> {
    const known = objectsInState(state);
    if (known.length === 0) return [];
    const namespaces = [...new Set(known.flatMap(({ namespace }) => namespace ?? []))];
    const present = (
      await Promise.all(namespaces.map((namespace) => this.kubernetes.list(OBSERVED.join(','), namespace)))
    ).flat();
    const paused = present
      .filter(({ kind, spec }) => ['Deployment', 'StatefulSet'].includes(kind) && spec?.replicas === 0)
      .filter((object) => known.some(({ key }) => key === keyOf(object)))
      .map((object) => `${keyOf(object)}: scaled down to nothing`);
    return [...missingFrom(state, present).map(({ problem }) => problem), ...paused].sort();
  }

  public isDisposable(type: string): boolean {
    const kind = kindOf(type);
    return kind !== undefined && !DATA.includes(kind.kind);
  }

  public async removeRuns(environment: string): Promise<void> {
    const runs = await runsOf(this.kubernetes, environment, undefined);
    if (runs.length === 0 || !(await this.owns(environment))) return;
    for (const job of runs) {
      const what = isActive(job) ? 'stopping and removing' : 'removing';
      this.session.progress.line(`${what} the training run ${job.metadata.name}`);
    }
    await this.kubernetes.delete(
      'jobs.batch',
      runs.map(({ metadata }) => metadata.name),
      environment,
    );
  }

  public async remains(environment: string, stack?: string): Promise<Remaining[]> {
    const labels = [`${LABEL.ENVIRONMENT}=${environment}`, ...(stack === undefined ? [] : [`${LABEL.STACK}=${stack}`])];
    const stacks = this.session
      .environmentStacks(environment)
      .filter(({ name }) => stack === undefined || name === stack);
    const left = await this.labelled(stacks, undefined, labels);
    return left.map((object) => ({ name: keyOf(object), data: DATA.includes(object.kind) })).sort(byName);
  }

  public async train(options: TrainOptions): Promise<TrainResult> {
    const runners = await runnersOf(this.kubernetes, options.environment);
    const runner = runners.find((candidate) => runnerPath(candidate) === options.runner);
    if (runner !== undefined) {
      if (await this.owns(options.environment)) {
        return trainOnKubernetes(this.kubernetes, this.session.progress, runner, options);
      }
      throw new CommandError(`the environment '${options.environment}' on this cluster is not this project's`, {
        remedy: 'another checkout of the project may have deployed it: train there.',
      });
    }
    const declared = StackFile.environments(this.session.project);
    if (runners.length === 0 && !declared.includes(options.environment)) {
      throw new CommandError(`there is no environment '${options.environment}'`, {
        remedy: `use one of: ${declared.join(', ') || '(the program declares none)'}.`,
      });
    }
    const names = runners.map(runnerPath).join(', ');
    throw new CommandError(`the environment '${options.environment}' has no training runner '${options.runner}'`, {
      remedy:
        names === '' ? `deploy it first: \`cdktf-mlops deploy ${options.environment}\`.` : `use one of: ${names}.`,
    });
  }

  public async runJob(options: JobRun): Promise<JobResult> {
    const { environment, component } = options;
    const job = (await runnersOf(this.kubernetes, environment)).find((one) => runnerPath(one) === component);
    if (job === undefined) throw noJob(environment, component);
    if (!(await this.owns(environment))) {
      throw new CommandError(`the environment '${environment}' on this cluster is not this project's`, {
        remedy: 'another checkout of the project may have deployed it: go there.',
      });
    }
    return runJobOnKubernetes(this.kubernetes, this.session.progress, job, options);
  }

  public async startAgain(environment: string, components: readonly string[]): Promise<void> {
    for (const component of components) {
      await this.session.progress.step(`Starting ${component} again`, async (step) => {
        step.outcome = (await startComponentAgain(this.kubernetes, environment, component)) ?? 'it is not there';
      });
    }
  }

  public async runProgram(environment: string, runner: string, program: string): Promise<ProgramResult | undefined> {
    const runners = await runnersOf(this.kubernetes, environment);
    const found = runners.find((candidate) => runnerPath(candidate) === runner);
    return found === undefined ? undefined : runProgramInRunner(this.kubernetes, found, program);
  }

  /**
   * A port of a Service is opened for a short time on a port that is free: what listens on the published one may be
   * another environment's.
   */
  public async open(environment: string, url: string): Promise<OpenUrl | undefined> {
    const target = new URL(url);
    const services = await this.services(environment);
    const inside = services.find(({ metadata }) => target.hostname.split('.')[0] === metadata.name);
    const declared = forwardsOf(services).find(
      ({ address, localPort }) => address === target.hostname && String(localPort) === target.port,
    );
    const forward = declared ?? (inside === undefined ? undefined : insideForward(inside, target));
    // An Ingress' host answers by itself.
    if (forward === undefined) return isLoopback(target.hostname) ? undefined : { url, close: () => undefined };
    const tunnel = await Tunnel.open(this.kubernetes, { ...forward, address: '127.0.0.1', localPort: 0 });
    target.hostname = '127.0.0.1';
    target.port = String(tunnel.port);
    return { url: target.href.replace(/\/$/, ''), close: () => tunnel.close() };
  }

  public logCommand(workload: string): string {
    return this.kubernetes.command(`logs --selector app.kubernetes.io/instance=${workload} --all-containers`);
  }

  /** Every port that the environment's Services declare to be opened on this machine. */
  public async forwards(environment: string): Promise<Forward[]> {
    return forwardsOf(await this.services(environment));
  }

  /** Keeps ports open until told to stop. */
  public async keepOpen(forwards: readonly Forward[], stop: AbortSignal, say: (line: string) => void): Promise<void> {
    await Promise.all(forwards.map((forward) => keepForward(this.kubernetes, forward, stop, say)));
  }

  /** The name of a declared object that gets a part of it from the cluster. */
  private async newestName({ labels, namespace }: StackResource, kind: Kind): Promise<string | undefined> {
    const wanted = [LABEL.ENVIRONMENT, LABEL.STACK, LABEL.COMPONENT, LABEL.KIND].flatMap((name) =>
      labels[name] === undefined ? [] : [`${name}=${labels[name]}`],
    );
    const age = ({ metadata }: KubeObject): string => metadata.creationTimestamp ?? '';
    const found = wanted.length === 0 ? [] : await this.kubernetes.list(kind.resource, namespace, ...wanted);
    return found.sort((a, b) => age(b).localeCompare(age(a)))[0]?.metadata.name;
  }

  private services(environment: string): Promise<KubeObject[]> {
    return this.kubernetes.list('services', environment, `${LABEL.ENVIRONMENT}=${environment}`);
  }

  /** The namespaces of an environment: those that its stacks name, or the one that is called like it. */
  private namespaces(environment: string): string[] {
    const named = namespacesOf(this.session.environmentStacks(environment));
    return named.length === 0 ? [environment] : named;
  }

  /** What carries a stack's labels and is not in its state, and whether the environment is this project's. */
  private async leftovers(
    stack: StackFile,
    state: TerraformState | undefined,
  ): Promise<{ left: KubeObject[]; ours: boolean }> {
    const labels = [`${LABEL.ENVIRONMENT}=${stack.environment}`, `${LABEL.STACK}=${stack.name}`];
    const known = new Set(objectsInState(state).map(({ key }) => key));
    const present = await this.labelled([stack], state, labels);
    const left = present.filter((object) => !known.has(keyOf(object)));
    const ours = left.length > 0 && (hasOneOf(state, present) || (await this.owns(stack.environment)));
    return { left, ours };
  }

  /**
   * Objects with these labels that are made by Terraform: of the kinds that the stacks and the state have, without what
   * controllers made of them, and without training runs.
   */
  private async labelled(
    stacks: readonly StackFile[],
    state: TerraformState | undefined,
    labels: readonly string[],
  ): Promise<KubeObject[]> {
    const kinds = [
      ...new Map(stacks.flatMap((stack) => kindsOf(stack, state)).map((kind) => [kind.kind, kind])).values(),
    ];
    const plural = (wanted: boolean): string =>
      kinds
        .filter(({ namespaced }: Kind) => namespaced === wanted)
        .map(({ resource }) => resource)
        .join(',');
    const found: KubeObject[] = [];
    if (plural(true) !== '') {
      for (const namespace of namespacesOf(stacks)) {
        found.push(...(await this.kubernetes.list(plural(true), namespace, ...labels)));
      }
    }
    if (plural(false) !== '') found.push(...(await this.kubernetes.list(plural(false), undefined, ...labels)));
    return found.filter(
      ({ metadata }) =>
        (metadata.ownerReferences ?? []).length === 0 &&
        metadata.labels?.[LABEL.KIND] !== 'run' &&
        metadata.deletionTimestamp === undefined,
    );
  }

  /** Whether something of the environment that exists is in this project's state. */
  private async owns(environment: string): Promise<boolean> {
    const stack = StackFile.find(this.session.project, environment);
    // An environment that another program deploys is joined, whoever owns it.
    if (stack === undefined) return true;
    const state = await this.session.state(stack);
    if (objectsInState(state).length === 0) return false;
    return hasOneOf(state, await this.labelled([stack], state, [`${LABEL.ENVIRONMENT}=${environment}`]));
  }

  private async remove(objects: readonly KubeObject[]): Promise<void> {
    // A namespace goes last: it takes along what is in it.
    const ordered = [...objects].sort((a, b) => Number(a.kind === 'Namespace') - Number(b.kind === 'Namespace'));
    for (const object of ordered) {
      this.session.progress.line(`removing ${keyOf(object)}: an apply that was killed left it outside of the state`);
      await this.kubernetes.delete(object.kind, [object.metadata.name], object.metadata.namespace);
    }
  }
}

/** What the published provider waits when a stack names no time-out. */
const DEFAULT_TIMEOUTS: Readonly<Record<string, string>> = { Job: '1m', PersistentVolumeClaim: '5m' };

/** What an environment's status and losses are read from. */
const OBSERVED = [
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'cronjobs.batch',
  'persistentvolumeclaims',
];
const OBSERVED_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'PersistentVolumeClaim'];

/** What a state knows and the cluster does not have, by component. */
function missingFrom(
  state: TerraformState | undefined,
  present: readonly KubeObject[],
): Array<{ readonly component: string; readonly problem: string }> {
  const keys = new Set(present.map(keyOf));
  return objectsInState(state)
    .filter(({ key, kind }) => OBSERVED_KINDS.includes(kind.kind) && !keys.has(key))
    .map(({ kind, name, labels }) => ({
      component: (labels[LABEL.COMPONENT] ?? name).replace(/\./g, '/'),
      problem: `${kind.kind} ${name} is gone`,
    }));
}

/** Whether one of these objects is a state's own, and not another one of the same name. */
function hasOneOf(state: TerraformState | undefined, objects: readonly KubeObject[]): boolean {
  const known = new Set(objectsInState(state).map(({ uid }) => uid));
  return objects.some(({ metadata }) => known.has(metadata.uid));
}

function observed(object: KubeObject, pods: readonly KubeObject[]): Observed {
  const { kind, metadata, spec = {}, status = {} } = object;
  const component = (metadata.labels?.[LABEL.COMPONENT] ?? '').replace(/\./g, '/');
  if (kind === 'PersistentVolumeClaim') {
    const size = status.capacity?.storage ?? spec.resources?.requests?.storage ?? '';
    const used = pods.some(({ spec: pod }) =>
      ((pod?.volumes ?? []) as Array<{ persistentVolumeClaim?: { claimName: string } }>).some(
        ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata.name,
      ),
    );
    return {
      component,
      kind: 'claim',
      restarts: 0,
      storage: `${metadata.name} ${size} ${status.phase ?? ''}`.trim(),
      // A class may bind a claim only when a first pod is there.
      problem: used && status.phase !== 'Bound' ? `claim ${metadata.name}: ${status.phase ?? 'Pending'}` : undefined,
    };
  }
  const declared = metadata.labels?.[LABEL.KIND] ?? '';
  if (kind === 'CronJob') return { component, kind: declared, restarts: 0 };
  const own = pods.filter((pod) => belongsTo(pod, object));
  const state = stateOf(object);
  const why = own.flatMap((pod) => podTrouble(pod) ?? [])[0];
  const problem = state === undefined ? undefined : `${metadata.name}: ${state}${why === undefined ? '' : ` (${why})`}`;
  const desired = kind === 'DaemonSet' ? (status.desiredNumberScheduled ?? 0) : (spec.replicas ?? 1);
  const ready = (kind === 'DaemonSet' ? status.numberReady : status.readyReplicas) ?? 0;
  return {
    component,
    kind: declared,
    problem,
    restarts: restartsOf(own),
    ...(kind === 'Job' ? {} : { replicas: { ready, desired } }),
  };
}

/** By labels: between a Deployment and its pods stands a ReplicaSet. */
function belongsTo(pod: KubeObject, { spec = {}, metadata }: KubeObject): boolean {
  const wanted = Object.entries((spec.selector?.matchLabels ?? {}) as Record<string, string>);
  return (
    pod.metadata.namespace === metadata.namespace &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => pod.metadata.labels?.[key] === value)
  );
}

function insideForward(service: KubeObject, url: URL): Forward | undefined {
  const ports = (service.spec?.ports ?? []) as Array<{ name?: string; port: number }>;
  const port = ports.find((candidate) => String(candidate.port) === url.port);
  return port === undefined
    ? undefined
    : { service, portName: port.name ?? String(port.port), address: '127.0.0.1', localPort: 0 };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.startsWith('127.');
}

function byName(a: Remaining, b: Remaining): number {
  return a.name.localeCompare(b.name);
}
