import { Kubernetes, KubeObject } from './kubernetes';
import { Finding } from './platform';

/** Why a container is not ready, in the API's words. */
export interface ContainerTrouble {
  readonly container: string;
  /** `CrashLoopBackOff`, `OOMKilled`. */
  readonly reason: string;
  readonly message: string;
  /** Whether an earlier instance has the log that tells. */
  readonly crashed: boolean;
}

const REMEDIES: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /OOMKilled/,
    'give it more memory (its resources in the configuration of the environment), then run the same command again.',
  ],
  [
    /ImagePullBackOff|ErrImagePull|InvalidImageName|ErrImageNeverPull/,
    'the cluster can not have the image: push ours with `cdktf-mlops images --push REGISTRY`; for others see that the ' +
      'registry answers there, and that imagePullSecrets name its credentials.',
  ],
  [
    /violates PodSecurity/,
    "the namespace's Pod Security standard refuses the pod: take out of the workload what the line above names.",
  ],
  [
    /exceeded quota|must specify (limits|requests|cpu|memory)/,
    "the namespace's quota refuses the pod: raise the quota of the platform, or lower what the workloads are given.",
  ],
  [
    /Unschedulable|FailedScheduling/,
    'no machine of the cluster takes the pod, for the reason above: free what it lacks there, or ask for less.',
  ],
  [
    /ProvisioningFailed|FailedBinding|Pending claim/,
    'the claim gets no volume, for the reason above: name a storage class that provides it (storageClass of the platform).',
  ],
];

/** Lines of a log that are shown. */
const LOG_LINES = 30;
const EVENTS = 5;
const PODS = 3;

/**
 * How a workload, a job or a claim is that a deploy waited for in vain: its pods' states and reasons, its last warnings,
 * and the last log lines of the container that failed. Undefined when nothing is wrong with it.
 *
 * @param resource what kubectl calls its kind
 * @param waited the time-out of its deploy, where it has one
 */
export async function describeTrouble(
  kubernetes: Kubernetes,
  resource: string,
  name: string,
  namespace: string,
  waited?: string,
): Promise<Finding | undefined> {
  const object = await kubernetes.get(resource, name, namespace);
  if (object === undefined) return undefined;
  const owned = await descendants(kubernetes, object, namespace);
  const pods = owned.filter(({ kind }) => kind === 'Pod');
  const sick = pods
    .filter((pod) => podTrouble(pod) !== undefined)
    // The newest belong to what is being rolled out.
    .sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''));
  const events = await warnings(kubernetes, namespace, new Set([object, ...owned].map(({ metadata }) => metadata.uid)));
  const summary = stateOf(object);
  if (summary === undefined && sick.length === 0) return undefined;
  // A Job that has failed was not waited for any longer.
  const timeOut = waited === undefined || summary?.startsWith('failed') ? '' : `; waited for ${waited}`;
  const lines = [
    `${object.kind} ${name}: ${summary ?? 'ready'}${timeOut}`,
    ...sick.slice(0, PODS).map((pod) => `  pod ${pod.metadata.name}: ${podTrouble(pod)}`),
    ...(sick.length > PODS ? [`  and ${sick.length - PODS} more pods`] : []),
    ...(pods.length === 0 && object.kind !== 'PersistentVolumeClaim' ? ['  it has no pod'] : []),
    ...(events.length === 0 ? [] : ['  its last warnings:', ...events.map((line) => `    ${line}`)]),
    ...(sick.length === 0 ? [] : await failingLog(kubernetes, sick[0], namespace)),
  ];
  const text = lines.join('\n');
  return { name, lines, remedy: REMEDIES.find(([pattern]) => pattern.test(text))?.[1] };
}

/** What is wrong with a pod, in one line; undefined when it is ready, or has ended well. */
export function podTrouble(pod: KubeObject): string | undefined {
  const status = pod.status ?? {};
  if (status.phase === 'Succeeded') return undefined;
  const troubles = containerTroubles(pod);
  if (troubles.length > 0) {
    return troubles
      .map(({ container, reason, message }) => `${container} ${reason}${message === '' ? '' : ` (${message})`}`)
      .join(', ');
  }
  const conditions = conditionsOf(pod);
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') return `${scheduled.reason ?? 'not scheduled'}: ${scheduled.message ?? ''}`;
  if (status.phase === 'Failed')
    return `failed${status.reason === undefined ? '' : `: ${status.reason}`} ${status.message ?? ''}`.trim();
  if (conditions.find(({ type }) => type === 'Ready')?.status === 'True') return undefined;
  return status.phase === 'Running' ? 'running, and does not get ready' : `${status.phase ?? 'unknown'}`;
}

/** How often the containers of pods were started again. */
export function restartsOf(pods: readonly KubeObject[]): number {
  return pods.flatMap((pod) => statusesOf(pod)).reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
}

/** The containers of a pod that wait for a reason, or have failed. */
export function containerTroubles(pod: KubeObject): ContainerTrouble[] {
  return statusesOf(pod).flatMap(({ name, ready, restartCount = 0, state = {}, lastState = {} }) => {
    if (ready === true) return [];
    const ended = state.terminated ?? lastState.terminated;
    const facts = [
      ...(ended !== undefined && ended.exitCode !== 0 ? [endOf(ended)] : []),
      ...(restartCount > 0 ? [`restarted ${restartCount} times`] : []),
    ];
    const crashed = state.terminated === undefined && lastState.terminated !== undefined;
    if (state.waiting !== undefined && !['ContainerCreating', 'PodInitializing'].includes(state.waiting.reason ?? '')) {
      // What crashed tells by its end why; the waiting says only how long it waits.
      const message = facts.length > 0 ? facts.join(', ') : (state.waiting.message ?? '');
      return [{ container: name, reason: state.waiting.reason ?? 'waiting', message, crashed }];
    }
    if (state.terminated !== undefined && state.terminated.exitCode !== 0) {
      return [
        { container: name, reason: state.terminated.reason ?? 'Error', message: facts.join(', '), crashed: false },
      ];
    }
    if (facts.length > 0 && state.running !== undefined) {
      return [{ container: name, reason: 'runs again', message: facts.join(', '), crashed }];
    }
    return [];
  });
}

/** What is not yet as declared about an object; undefined when it is ready. */
export function stateOf({ kind, spec = {}, status = {} }: KubeObject): string | undefined {
  switch (kind) {
    case 'Deployment':
    case 'StatefulSet': {
      const wanted = spec.replicas ?? 1;
      const ready = status.readyReplicas ?? 0;
      const updated = status.updatedReplicas ?? 0;
      if (updated < wanted) return `${updated} of ${wanted} pods are of the new version, ${ready} pods are ready`;
      return ready < wanted ? `${ready} of ${wanted} pods are ready` : undefined;
    }
    case 'DaemonSet': {
      const wanted = status.desiredNumberScheduled ?? 0;
      const ready = status.numberReady ?? 0;
      return ready < wanted ? `${ready} of ${wanted} pods are ready` : undefined;
    }
    case 'Job': {
      const failed = (status.conditions ?? []).find(
        (condition: Condition) => condition.type === 'Failed' && condition.status === 'True',
      );
      if (failed !== undefined) return `failed: ${failed.reason ?? ''} ${failed.message ?? ''}`.trim();
      return (status.succeeded ?? 0) < (spec.completions ?? 1) ? 'has not succeeded' : undefined;
    }
    case 'PersistentVolumeClaim':
      return status.phase === 'Bound' ? undefined : `${status.phase ?? 'Pending'} claim`;
    default:
      return undefined;
  }
}

/** What an object owns, and what that owns: pods, ReplicaSets, Jobs. */
async function descendants(kubernetes: Kubernetes, object: KubeObject, namespace: string): Promise<KubeObject[]> {
  if (object.kind === 'PersistentVolumeClaim') return [];
  const all = await kubernetes.list('replicasets.apps,jobs.batch,pods', namespace);
  const found: KubeObject[] = [];
  let owners = new Set([object.metadata.uid]);
  while (owners.size > 0) {
    const next = all.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => owners.has(uid)));
    found.push(...next);
    owners = new Set(next.map(({ metadata }) => metadata.uid));
  }
  return found;
}

async function warnings(kubernetes: Kubernetes, namespace: string, uids: ReadonlySet<string>): Promise<string[]> {
  const events = (await kubernetes.list('events', namespace)) as unknown as KubeEvent[];
  const own = events
    .filter(({ type, involvedObject }) => type === 'Warning' && uids.has(involvedObject?.uid ?? ''))
    .sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
  const lines = own.map(
    ({ reason = '', message = '', count = 1 }) =>
      `${reason}: ${message.replace(/\s+/g, ' ').slice(0, 600)}${count > 1 ? ` (${count} times)` : ''}`,
  );
  return [...new Set(lines)].slice(-EVENTS);
}

/** The last log lines of the container of a pod that has failed; of its earlier instance when it was started again. */
export async function failingLog(kubernetes: Kubernetes, pod: KubeObject, namespace: string): Promise<string[]> {
  const statuses = statusesOf(pod);
  const [trouble] = containerTroubles(pod);
  const container = trouble?.container ?? statuses.find(({ ready }) => ready !== true)?.name;
  if (container === undefined) return [];
  const read = async (previous: boolean): Promise<string[]> => {
    const result = await kubernetes.run([
      'logs',
      pod.metadata.name,
      `--container=${container}`,
      `--namespace=${namespace}`,
      `--tail=${LOG_LINES}`,
      ...(previous ? ['--previous'] : []),
    ]);
    return result.code === 0 ? result.stdout.split('\n').filter((line) => line.trim() !== '') : [];
  };
  let lines = trouble?.crashed === true ? await read(true) : [];
  if (lines.length === 0) lines = await read(false);
  return lines.length === 0
    ? []
    : [`  the last log lines of ${container}:`, ...lines.map((line) => `    ${line.trimEnd()}`)];
}

function endOf({ reason, exitCode, signal }: Terminated): string {
  if (reason === 'OOMKilled') return 'OOMKilled: more memory than its limit';
  return signal === undefined || signal === 0 ? `exit code ${exitCode}` : `signal ${signal}`;
}

function statusesOf(pod: KubeObject): ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])] as ContainerStatus[];
}

function conditionsOf(pod: KubeObject): Condition[] {
  return (pod.status?.conditions ?? []) as Condition[];
}

function timeOf({ lastTimestamp, eventTime, firstTimestamp }: KubeEvent): string {
  return lastTimestamp ?? eventTime ?? firstTimestamp ?? '';
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Terminated {
  readonly exitCode: number;
  readonly reason?: string;
  readonly signal?: number;
}

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: object;
  readonly terminated?: Terminated;
}

interface KubeEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly firstTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly involvedObject?: { readonly uid?: string };
}
