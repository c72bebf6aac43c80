import type { DeploymentV1SpecTemplate } from '@cdktf/provider-kubernetes/lib/deployment-v1';
import { IConstruct } from 'constructs';
import { ContainerProps, SECRETS_DIRECTORY } from '../core/container';
import { ConfigFile } from '../core/config-file';
import { check, ValidationError } from '../core/errors';
import { escapeTemplate } from '../core/escape';
import { HealthCheck } from '../core/health-check';
import { physicalName } from '../core/names';
import { Resources } from '../core/resources';
import { VolumeKind } from '../core/volume';
import { Workload } from '../core/workload';

/** Where a workload that asks the API finds `token` and `ca.crt`. */
export const API_ACCESS_DIRECTORY = '/run/kubernetes';

/** Seconds in which services learn that a pod goes, before it is told to. */
export const DRAIN_SECONDS = 5;

/** What a pod is made for: a workload, a task, a job. */
export interface PodOwner extends IConstruct {
  /** Path below the stack. */
  readonly componentPath: string;
  readonly spec: Omit<ContainerProps, 'platform'>;
}

/** What a pod is made of beside its container's own description. */
export interface PodParts {
  readonly image: string;
  readonly labels: Record<string, string>;
  /** Annotations of the pod: a change of one replaces it. */
  readonly annotations: Record<string, string>;
  /** Name of the ConfigMap with its files. */
  readonly configMap?: string;
  /** Name of the Secret with its secret files. */
  readonly secret?: string;
  /** Names of the claims of its persistent volumes, by the volume's name. */
  readonly claims: Record<string, string>;
  readonly serviceAccount?: string;
  readonly imagePullSecrets: readonly string[];
  /** It may do what the `restricted` standard forbids: its namespace lets it. */
  readonly onNode: boolean;
  readonly restartPolicy?: string;
  /** Replaces the container's entrypoint and arguments, for tasks. */
  readonly script?: string;
  readonly stopSeconds: number;
  /** Asked by services: it goes only when they know. */
  readonly drains?: boolean;
  /** Replicas stand apart where there are several machines. */
  readonly spread?: boolean;
}

type PodTemplate = DeploymentV1SpecTemplate;
type PodSpec = NonNullable<PodTemplate['spec']>;
type Volumes = Extract<PodSpec['volume'], readonly unknown[]>;
type Mounts = { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];

/** The pod of a container: what every kind of workload, task and job has in common. */
export function podTemplate(container: PodOwner, parts: PodParts): PodTemplate {
  const { spec } = container;
  checkSecurity(container, parts);
  const { volumes, mounts } = volumesOf(container, parts);
  const [uid, gid] = (spec.user ?? '').split(':');
  const group = gid ?? uid;
  const props = container instanceof Workload ? container.props : undefined;
  const [first, ...rest] = container.componentPath.split('/');
  const name = physicalName(first, rest);
  const nonRoot = uid !== '0';
  return {
    metadata: { labels: parts.labels, annotations: parts.annotations },
    spec: {
      automountServiceAccountToken: false,
      // Variables for every service of the namespace would make a pod depend on its neighbours.
      enableServiceLinks: false,
      serviceAccountName: parts.serviceAccount,
      restartPolicy: parts.restartPolicy,
      hostPid: props?.hostProcesses,
      terminationGracePeriodSeconds: parts.stopSeconds + (parts.drains ? DRAIN_SECONDS : 0),
      imagePullSecrets: some(parts.imagePullSecrets.map((secret) => ({ name: secret }))),
      securityContext: {
        runAsNonRoot: nonRoot,
        runAsUser: spec.user === undefined ? undefined : uid,
        runAsGroup: spec.user === undefined ? undefined : group,
        fsGroup: spec.user === undefined || parts.onNode ? undefined : group,
        fsGroupChangePolicy: spec.user === undefined || parts.onNode ? undefined : 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      toleration: tolerations(spec.resources, props?.perNode ?? false),
      topologySpreadConstraint: parts.spread ? spreadOver(parts.labels) : undefined,
      volume: some(volumes),
      container: [
        {
          name,
          image: parts.image,
          imagePullPolicy: 'IfNotPresent',
          command: words(parts.script === undefined ? spec.entrypoint : ['sh', '-c', ATTEMPTS, 'task', parts.script]),
          args: words(parts.script === undefined ? spec.command : undefined),
          env: some(
            Object.entries(spec.environment ?? {})
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, value]) => ({ name: key, value: word(value) })),
          ),
          port: some(
            (props?.ports ?? []).map((port) => ({
              name: portName(port.name),
              containerPort: port.port,
              protocol: 'TCP',
            })),
          ),
          resources: resourcesOf(container, spec.resources),
          securityContext: {
            allowPrivilegeEscalation: false,
            // The provider sends false where it is left out, whatever the pod says.
            runAsNonRoot: nonRoot,
            readOnlyRootFilesystem: spec.readOnlyRoot ?? false,
            capabilities: { drop: ['ALL'], add: spec.capabilities?.map((one) => one.replace(/^CAP_/, '')).sort() },
          },
          // What it said last is then in its state too, for who asks why it ended.
          terminationMessagePolicy: 'FallbackToLogsOnError',
          lifecycle: parts.drains ? { preStop: [{ exec: { command: ['sleep', String(DRAIN_SECONDS)] } }] } : undefined,
          ...(props === undefined ? {} : probes(container as Workload, props.healthCheck)),
          volumeMount: some(mounts),
        },
      ],
    },
  };
}

/**
 * Runs a script a few times: what a pod may reach is decided when it exists already, so that its first connections can
 * be refused. Again in the same pod, because another one would begin anew.
 */
const ATTEMPTS = [
  'attempt=1',
  'until sh -ec "$1"; do',
  '  [ "$attempt" -lt 6 ] || exit 1',
  '  sleep "$((attempt * 2))"',
  '  attempt=$((attempt + 1))',
  'done',
].join('\n');

/** Texts of a container's files by the keys under which its ConfigMap holds them. */
export function fileData(container: PodOwner): Record<string, string> {
  const files = container.spec.files ?? [];
  const bytes = files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  check(
    bytes <= 2 ** 20,
    container,
    'files',
    `${bytes} bytes in all`,
    'a ConfigMap holds 1 MiB: put more into the image',
  );
  return Object.fromEntries(files.map((file) => [fileKey(file), file.content]));
}

/** A key holds no slash. */
function fileKey(file: ConfigFile): string {
  return file.path.slice(1).replace(/\//g, '..').replace(/@/g, '_at_');
}

function volumesOf(container: PodOwner, parts: PodParts): { volumes: Volumes; mounts: Mounts } {
  const { spec } = container;
  const volumes: Volumes = [];
  const mounts: Mounts = [];
  const add = (volume: Volumes[number], mountPath: string, readOnly = false): void => {
    volumes.push(volume);
    mounts.push({ name: volume.name!, mountPath, ...(readOnly ? { readOnly } : {}) });
  };
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const name = `volume-${volume.name ?? index}`
      .slice(0, 63)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-');
    switch (volume.kind) {
      case VolumeKind.PERSISTENT:
        add({ name, persistentVolumeClaim: { claimName: parts.claims[volume.name!] } }, volume.mountPath);
        break;
      case VolumeKind.EXISTING:
        add({ name, persistentVolumeClaim: { claimName: volume.name, readOnly: volume.readOnly } }, volume.mountPath);
        break;
      case VolumeKind.SCRATCH:
        add({ name, emptyDir: { medium: 'Memory' } }, volume.mountPath);
        break;
      case VolumeKind.HOST:
        add({ name, hostPath: { path: volume.hostPath } }, volume.mountPath, true);
        break;
      case VolumeKind.LIVE:
        // Whoever publishes makes it, later than this pod perhaps.
        add({ name, configMap: { name: volume.directory!.physicalName, optional: true } }, volume.mountPath, true);
        break;
    }
  }
  if (parts.secret !== undefined) {
    add({ name: 'secrets', secret: { secretName: parts.secret, defaultMode: '0440' } }, SECRETS_DIRECTORY, true);
  }
  if (parts.serviceAccount !== undefined) add(apiAccess(), API_ACCESS_DIRECTORY, true);
  const files = spec.files ?? [];
  if (parts.configMap !== undefined) {
    const mode = (executable: boolean) => (executable ? '0555' : '0444');
    volumes.push({
      name: 'files',
      configMap: {
        name: parts.configMap,
        items: files.map((file) => ({ key: fileKey(file), path: fileKey(file), mode: mode(file.executable) })),
      },
    });
    for (const file of files)
      mounts.push({ name: 'files', mountPath: file.path, subPath: fileKey(file), readOnly: true });
  }
  return { volumes, mounts };
}

/** At a path of its own: the usual one lies below /run/secrets, where the workload's own secrets are. */
function apiAccess(): Volumes[number] {
  return {
    name: 'api-access',
    projected: [
      {
        defaultMode: '0440',
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { configMap: [{ name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] }] },
        ],
      },
    ],
  };
}

function checkSecurity(container: PodOwner, parts: PodParts): void {
  if (parts.onNode) return;
  const { user, capabilities } = container.spec;
  check(
    user === undefined || !/^0(:|$)/.test(user),
    container,
    'user',
    user,
    "the environment's namespace enforces the Pod Security standard 'restricted': name a user other than root",
  );
  const refused = (capabilities ?? []).find((one) => one !== 'CAP_NET_BIND_SERVICE');
  check(
    refused === undefined,
    container,
    'capabilities',
    refused,
    "the Pod Security standard 'restricted' lets CAP_NET_BIND_SERVICE be kept and no other",
  );
}

/**
 * A container may use its whole limit, and is promised all of the memory (what is not promised is taken from it under
 * pressure) and a tenth of the processor time (which is shared in proportion anyway).
 */
function resourcesOf(container: PodOwner, resources: Resources | undefined) {
  if (resources === undefined) return undefined;
  const { cpuMillis, memoryBytes, gpu } = resources;
  if (gpu !== undefined && gpu.number === undefined) {
    throw new ValidationError(container, 'resources.gpu', 'all', 'a cluster has many machines: use Gpu.count(n)');
  }
  const both: Record<string, string> = {};
  if (memoryBytes !== undefined) both.memory = bytes(memoryBytes);
  if (gpu?.number !== undefined) both[GPU] = String(gpu.number);
  if (cpuMillis === undefined) return { limits: both, requests: both };
  return {
    limits: { cpu: millis(cpuMillis), ...both },
    requests: { cpu: millis(Math.max(1, Math.ceil(cpuMillis / 10))), ...both },
  };
}

const GPU = 'nvidia.com/gpu';

/** In the form that the API gives back: whole cores without the unit. */
export function millis(cpu: number): string {
  return cpu % 1000 === 0 ? String(cpu / 1000) : `${cpu}m`;
}

/** Whole mebibytes in the form that the API gives back, where it is one. */
export function bytes(count: number): string {
  for (const [unit, size] of [
    ['Ti', 2 ** 40],
    ['Gi', 2 ** 30],
    ['Mi', 2 ** 20],
  ] as const) {
    if (count % size === 0) return `${count / size}${unit}`;
  }
  return String(Math.ceil(count));
}

/** A port's name has 15 characters at most. */
export function portName(name: string): string {
  return name.slice(0, 15).replace(/-+$/, '');
}

function tolerations(resources: Resources | undefined, perNode: boolean) {
  return some([
    ...(resources?.gpu === undefined ? [] : [{ key: GPU, operator: 'Exists', effect: 'NoSchedule' }]),
    // What watches machines belongs on all of them.
    ...(perNode ? [{ operator: 'Exists' }] : []),
  ]);
}

function spreadOver(labels: Record<string, string>) {
  return ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: [{ matchLabels: { 'app.kubernetes.io/instance': labels['app.kubernetes.io/instance'] } }],
  }));
}

/** Seconds between two looks at a container that starts. */
const STARTUP_PERIOD = 2;
/** A container that fails for less than this is not asked, but it is not killed either. */
const LIVENESS_SECONDS = 60;

/** Startup, readiness and liveness from the one health check. */
function probes(workload: Workload, health: HealthCheck) {
  if (health.noneReason !== undefined) return {};
  const { intervalSeconds, timeoutSeconds, retries, startSeconds } = health;
  const port = workload.props.ports?.find((one) => one.port === health.port);
  const what =
    health.test === undefined
      ? {
          httpGet: {
            path: health.path,
            port: String(health.port),
            scheme: port?.scheme === 'https' ? 'HTTPS' : 'HTTP',
            // As from inside of the container: software that checks host names knows this one.
            httpHeader: [{ name: 'Host', value: `127.0.0.1:${health.port}` }],
          },
        }
      : { exec: { command: health.test.map(escapeTemplate) } };
  const probe = { ...what, timeoutSeconds, successThreshold: 1 };
  return {
    startupProbe: {
      ...probe,
      periodSeconds: STARTUP_PERIOD,
      failureThreshold: Math.ceil(startSeconds / STARTUP_PERIOD),
    },
    readinessProbe: { ...probe, periodSeconds: intervalSeconds, failureThreshold: retries },
    livenessProbe: {
      ...probe,
      periodSeconds: intervalSeconds,
      failureThreshold: Math.max(retries, Math.ceil(LIVENESS_SECONDS / intervalSeconds)),
    },
  };
}

function words(list: readonly string[] | undefined): string[] | undefined {
  return list?.map(word);
}

/** Kubernetes replaces `$(NAME)` and halves `$$` before anything runs; Terraform has signs of its own. */
function word(text: string): string {
  return escapeTemplate(text.replace(/\$(?=\$|\()/g, '$$$$'));
}

function some<T>(list: readonly T[]): T[] | undefined {
  return list.length === 0 ? undefined : [...list];
}
