import { KubeObject } from './kubernetes';
import { blocks, StackFile, StackResource } from './stack-file';
import { TerraformState } from './terraform';

/** What `kubectl` calls the objects of a Terraform type. */
export interface Kind {
  /** Plural, with its API group: `deployments.apps`. */
  readonly resource: string;
  /** `Deployment`. */
  readonly kind: string;
  /** Whether it is in a namespace. */
  readonly namespaced: boolean;
}

const namespaced = (kind: string, resource: string): Kind => ({ kind, resource, namespaced: true });
const global = (kind: string, resource: string): Kind => ({ kind, resource, namespaced: false });

/** By Terraform's name of the type, without `kubernetes_` and version. */
const KINDS: Readonly<Record<string, Kind>> = {
  cluster_role: global('ClusterRole', 'clusterroles.rbac.authorization.k8s.io'),
  cluster_role_binding: global('ClusterRoleBinding', 'clusterrolebindings.rbac.authorization.k8s.io'),
  config_map: namespaced('ConfigMap', 'configmaps'),
  cron_job: namespaced('CronJob', 'cronjobs.batch'),
  daemon_set: namespaced('DaemonSet', 'daemonsets.apps'),
  daemonset: namespaced('DaemonSet', 'daemonsets.apps'),
  deployment: namespaced('Deployment', 'deployments.apps'),
  horizontal_pod_autoscaler: namespaced('HorizontalPodAutoscaler', 'horizontalpodautoscalers.autoscaling'),
  ingress: namespaced('Ingress', 'ingresses.networking.k8s.io'),
  job: namespaced('Job', 'jobs.batch'),
  limit_range: namespaced('LimitRange', 'limitranges'),
  namespace: global('Namespace', 'namespaces'),
  network_policy: namespaced('NetworkPolicy', 'networkpolicies.networking.k8s.io'),
  persistent_volume_claim: namespaced('PersistentVolumeClaim', 'persistentvolumeclaims'),
  pod_disruption_budget: namespaced('PodDisruptionBudget', 'poddisruptionbudgets.policy'),
  resource_quota: namespaced('ResourceQuota', 'resourcequotas'),
  role: namespaced('Role', 'roles.rbac.authorization.k8s.io'),
  role_binding: namespaced('RoleBinding', 'rolebindings.rbac.authorization.k8s.io'),
  secret: namespaced('Secret', 'secrets'),
  service: namespaced('Service', 'services'),
  service_account: namespaced('ServiceAccount', 'serviceaccounts'),
  stateful_set: namespaced('StatefulSet', 'statefulsets.apps'),
};

/** The kind of a Terraform type; undefined for other providers', and for types that this library does not emit. */
export function kindOf(type: string): Kind | undefined {
  return type.startsWith('kubernetes_') ? KINDS[type.slice('kubernetes_'.length).replace(/_v\d\w*$/, '')] : undefined;
}

/** The kinds of a stack and of its state, each once. */
export function kindsOf(stack: StackFile, state?: TerraformState): Kind[] {
  const types = [...stack.resources, ...(state?.resources ?? [])].map(({ type }) => type);
  const kinds = types.flatMap((type) => kindOf(type) ?? []);
  return [...new Map(kinds.map((kind) => [kind.resource, kind])).values()];
}

/** The namespaces that the objects of stacks are in, or are. */
export function namespacesOf(stacks: readonly StackFile[]): string[] {
  const names = stacks.flatMap((stack) =>
    stack.resources.flatMap(
      ({ type, name, namespace }) => (kindOf(type)?.kind === 'Namespace' ? name : namespace) ?? [],
    ),
  );
  return [...new Set(names)].sort();
}

/** `Deployment production/production-gateway`: tells an object from all others of a cluster. */
export function keyOf({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}

/** An object that a state knows. */
export interface StateObject {
  /** See {@link keyOf}. */
  readonly key: string;
  /** Its unique id; undefined when its creation failed. */
  readonly uid: string | undefined;
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** The objects that a state knows, deposed ones too. */
export function objectsInState(state: TerraformState | undefined): StateObject[] {
  return (state?.resources ?? []).flatMap(({ type, mode, instances = [] }) => {
    const kind = kindOf(type);
    if (kind === undefined || mode === 'data') return [];
    return instances.flatMap(({ attributes = {} }) => {
      const [metadata = {}] = blocks(attributes.metadata);
      const { namespace, uid, labels } = metadata as Partial<KubeObject['metadata']>;
      // Of what was made and did not get ready the id alone tells the name, where the cluster has made that up.
      const name = typeof attributes.id === 'string' ? attributes.id.split('/').pop() : undefined;
      if (name === undefined || name === '') return [];
      const place = kind.namespaced ? namespace : undefined;
      const key = keyOf({ kind: kind.kind, metadata: { name, namespace: place, uid: '' } });
      return [{ key, uid: uid === '' ? undefined : uid, kind, name, namespace: place, labels: labels ?? {} }];
    });
  });
}

/** The pod of a workload, a task or a job as synthesised. */
export function podSpecOf(resource: StackResource): Record<string, unknown> | undefined {
  const [spec = {}] = blocks(resource.attributes.spec);
  const [jobTemplate] = blocks(spec.job_template);
  const [owner = spec] = blocks(jobTemplate?.spec);
  const [template] = blocks(owner.template);
  return blocks(template?.spec)[0];
}

/** The images that the workloads of stacks run. */
export function imagesOf(stacks: readonly StackFile[]): string[] {
  const images = stacks.flatMap((stack) =>
    stack.resources.flatMap((resource) => {
      const pod = kindOf(resource.type) === undefined ? undefined : podSpecOf(resource);
      return [...blocks(pod?.container), ...blocks(pod?.init_container)].flatMap(({ image }) =>
        typeof image === 'string' ? [image] : [],
      );
    }),
  );
  return [...new Set(images)].sort();
}
