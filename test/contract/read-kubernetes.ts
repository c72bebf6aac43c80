import { Container, emittedBy, Emitted, KubernetesObject, PodSpec, podTemplateOf } from '../kubernetes/objects';
import { DeclaredJob, Preparation, Service } from './platforms';

const SERVICES = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** Reads the contract's view of services from a synthesised stack of the Kubernetes platform. */
export function readKubernetes(synthesised: Record<string, unknown>): Record<string, Service> {
  const all = emittedBy(synthesised);
  return Object.fromEntries(
    all
      .filter(({ object }) => SERVICES.includes(object.kind))
      .map(({ object, given }) => {
        const { spec } = podTemplateOf(object)!;
        const [container] = spec.containers;
        const { replicas, strategy } = object.spec as { replicas?: number; strategy?: Strategy };
        return [
          path(object),
          {
            image: container.image,
            environment: Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, asRun(value)])),
            command: container.args?.map(asRun),
            user: userOf(spec),
            replicas: replicas ?? 1,
            memoryBytes: bytes(container.resources?.limits?.memory),
            cpuMillis: millis(container.resources?.limits?.cpu),
            files: filesOf(all, spec, container),
            mounts: (container.volumeMounts ?? []).map(({ mountPath }) => mountPath).sort(),
            waitsUntilHealthy: given.wait_for_rollout === true && container.readinessProbe !== undefined,
            published: publishedBy(all, object),
            stopSeconds: stopSeconds(spec, container),
            newFirst: strategy?.type === 'RollingUpdate' && strategy.rollingUpdate?.maxUnavailable === 0,
            labels: object.metadata.labels!,
          },
        ];
      }),
  );
}

/** Tasks: Jobs that are waited for. */
export function tasksOnKubernetes(synthesised: Record<string, unknown>): Record<string, Preparation> {
  return Object.fromEntries(
    emittedBy(synthesised)
      .filter(({ object }) => object.kind === 'Job' && kindOf(object) === 'task')
      .map(({ object, given }) => [
        path(object),
        {
          script: podTemplateOf(object)!.spec.containers[0].command!.map(asRun).join(' '),
          awaited: given.wait_for_completion === true,
        },
      ]),
  );
}

/** Jobs: CronJobs, suspended where nobody but a person starts them. */
export function jobsOnKubernetes(synthesised: Record<string, unknown>): Record<string, DeclaredJob> {
  return Object.fromEntries(
    emittedBy(synthesised)
      .filter(({ object }) => object.kind === 'CronJob')
      .map(({ object }) => {
        const [{ image, args }] = podTemplateOf(object)!.spec.containers;
        const { suspend } = object.spec as { suspend: boolean };
        return [
          path(object),
          {
            image,
            command: args?.map(asRun),
            concurrency: object.metadata.labels!['cdktf-mlops.concurrency'],
            starts: suspend ? 'when somebody starts it' : 'by itself',
          },
        ];
      }),
  );
}

/** Publications: ConfigMaps that have the directory's name. */
export function publishedOnKubernetes(synthesised: Record<string, unknown>): Record<string, Record<string, string>> {
  return Object.fromEntries(
    emittedBy(synthesised)
      .filter(({ object }) => isPublication(object))
      .map(({ object: { metadata, data } }) => [metadata.name!, data as Record<string, string>]),
  );
}

/** Whether the objects of one component depend on those of another. */
export function orderOnKubernetes(synthesised: Record<string, unknown>, first: string, second: string): boolean {
  const all = emittedBy(synthesised);
  const at = (component: string) =>
    all.filter(
      ({ object }) => path(object) === component && (podTemplateOf(object) !== undefined || isPublication(object)),
    );
  const before = new Map(all.map(({ address, given }) => [address, (given.depends_on ?? []) as string[]]));
  const waits = (address: string, other: string): boolean =>
    before.get(address)?.some((next) => next === other || waits(next, other)) ?? false;
  return at(second).some(({ address }) => at(first).some((other) => waits(address, other.address)));
}

interface Strategy {
  readonly type: string;
  readonly rollingUpdate?: { readonly maxUnavailable: number };
}

function path({ metadata }: KubernetesObject): string {
  return (metadata.labels?.['cdktf-mlops.component'] ?? '').replaceAll('.', '/');
}

function userOf({ securityContext }: PodSpec): string | undefined {
  const { runAsUser, runAsGroup } = securityContext as { runAsUser?: number; runAsGroup?: number };
  return runAsUser === undefined ? undefined : `${runAsUser}:${runAsGroup}`;
}

function filesOf(all: readonly Emitted[], spec: PodSpec, container: Container): Record<string, string> {
  return Object.fromEntries(
    (container.volumeMounts ?? [])
      .filter(({ subPath }) => subPath !== undefined)
      .map(({ name, mountPath, subPath }) => {
        const volume = spec.volumes!.find((one) => one.name === name)!.configMap as ConfigMapVolume;
        const { key } = volume.items.find((item) => item.path === subPath)!;
        const map = all.find(({ object }) => object.kind === 'ConfigMap' && object.metadata.name === volume.name)!;
        return [mountPath, (map.object.data as Record<string, string>)[key]];
      }),
  );
}

interface ConfigMapVolume {
  readonly name: string;
  readonly items: { readonly key: string; readonly path: string }[];
}

function publishedBy(all: readonly Emitted[], workload: KubernetesObject): string[] {
  return all
    .filter(({ object }) => object.kind === 'Service' && path(object) === path(workload))
    .flatMap(({ object: { metadata, spec } }) => {
      const { type, ports } = spec as { type?: string; ports: { port: number }[] };
      if (type === 'LoadBalancer') return ports.map(({ port }) => `0.0.0.0:${port}`);
      const forwards = metadata.annotations?.['cdktf-mlops.forward'];
      return forwards === undefined ? [] : forwards.split(',').map((forward) => forward.split('=')[1]);
    });
}

function kindOf({ metadata }: KubernetesObject): string {
  return metadata.labels!['cdktf-mlops.kind'];
}

function isPublication(object: KubernetesObject): boolean {
  return object.kind === 'ConfigMap' && kindOf(object) === 'publication';
}

/** Of two dollars one is left before anything runs. */
function asRun(text: string): string {
  return text.replace(/\$\$/g, '$');
}

/** What a pod is given includes the time in which services learn that it goes. */
function stopSeconds(spec: PodSpec, container: Container): number {
  const { preStop } = (container.lifecycle ?? {}) as { preStop?: { exec: { command: string[] } } };
  return (spec.terminationGracePeriodSeconds as number) - Number(preStop?.exec.command[1] ?? 0);
}

function bytes(quantity: string | undefined): number | undefined {
  if (quantity === undefined) return undefined;
  const [, number, unit] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity)!;
  return Number(number) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit ?? '');
}

function millis(quantity: string | undefined): number | undefined {
  if (quantity === undefined) return undefined;
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) : Number(quantity) * 1000;
}
