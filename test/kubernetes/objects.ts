/**
 * Turns what a stack synthesises for the Kubernetes provider into the objects that the provider would send. Written
 * against the API and not against the library, and tried against an API server that refuses unknown fields
 * (dry-run.ts): a name that is missing here is found there.
 */

/** What is read of a stack's `cdk.tf.json`. */
export interface SynthesisedStack {
  readonly resource?: Record<string, Record<string, Record<string, unknown>>>;
}

/** An object of the Kubernetes API. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly [field: string]: unknown;
}

/** A pod's description. Of what the platform emits only. */
export interface PodSpec {
  readonly containers: Container[];
  readonly volumes?: { readonly name: string; readonly [source: string]: unknown }[];
  readonly [field: string]: unknown;
}

/** A container's description. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: string[];
  readonly args?: string[];
  readonly env?: { readonly name: string; readonly value: string }[];
  readonly ports?: { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
  readonly resources?: { readonly limits?: Record<string, string>; readonly requests?: Record<string, string> };
  readonly [field: string]: unknown;
}

/** What pods are made from. */
export interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec: PodSpec;
}

const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  kubernetes_cluster_role_binding_v1: ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  kubernetes_cluster_role_v1: ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  kubernetes_config_map_v1: ['v1', 'ConfigMap'],
  kubernetes_cron_job_v1: ['batch/v1', 'CronJob'],
  kubernetes_daemon_set_v1: ['apps/v1', 'DaemonSet'],
  kubernetes_deployment_v1: ['apps/v1', 'Deployment'],
  kubernetes_horizontal_pod_autoscaler_v2: ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  kubernetes_ingress_v1: ['networking.k8s.io/v1', 'Ingress'],
  kubernetes_job_v1: ['batch/v1', 'Job'],
  kubernetes_limit_range_v1: ['v1', 'LimitRange'],
  kubernetes_namespace_v1: ['v1', 'Namespace'],
  kubernetes_network_policy_v1: ['networking.k8s.io/v1', 'NetworkPolicy'],
  kubernetes_persistent_volume_claim_v1: ['v1', 'PersistentVolumeClaim'],
  kubernetes_pod_disruption_budget_v1: ['policy/v1', 'PodDisruptionBudget'],
  kubernetes_resource_quota_v1: ['v1', 'ResourceQuota'],
  kubernetes_role_binding_v1: ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  kubernetes_role_v1: ['rbac.authorization.k8s.io/v1', 'Role'],
  kubernetes_secret_v1: ['v1', 'Secret'],
  kubernetes_service_account_v1: ['v1', 'ServiceAccount'],
  kubernetes_service_v1: ['v1', 'Service'],
  kubernetes_stateful_set_v1: ['apps/v1', 'StatefulSet'],
};

/** Arguments of Terraform and of the provider. */
const NOT_SENT = new Set([
  '//',
  'depends_on',
  'timeouts',
  'wait_for_completion',
  'wait_for_load_balancer',
  'wait_for_rollout',
  'wait_until_bound',
]);

/** Blocks that may stand several times have the name of one. */
const PLURALS: Readonly<Record<string, string>> = {
  container: 'containers',
  http_header: 'httpHeaders',
  init_container: 'initContainers',
  limit: 'limits',
  metric: 'metrics',
  path: 'paths',
  port: 'ports',
  rule: 'rules',
  subject: 'subjects',
  toleration: 'tolerations',
  topology_spread_constraint: 'topologySpreadConstraints',
  volume: 'volumes',
  volume_mount: 'volumeMounts',
};

/** Blocks that stand once and are lists for the provider only. */
const ONCE = new Set([
  'config_map',
  'label_selector',
  'pre_stop',
  'projected',
  'rolling_update',
  'secret',
  'service_account_token',
  'update_strategy',
]);

const SPELLED: Readonly<Record<string, string>> = {
  cluster_ip: 'clusterIP',
  host_ipc: 'hostIPC',
  host_pid: 'hostPID',
  timezone: 'timeZone',
};

/** Maps whose keys are data. */
const MAPS = new Set([
  'annotations',
  'data',
  'default',
  'default_request',
  'hard',
  'labels',
  'limits',
  'match_labels',
  'node_selector',
  'requests',
]);

/** What the provider sends of a container's security context when it is left out there; a pod's has no capabilities. */
const CONTAINER_SECURITY = {
  runAsNonRoot: false,
  allowPrivilegeEscalation: true,
  privileged: false,
  readOnlyRootFilesystem: false,
};

/** Numbers that the provider takes as texts; and ports and counts that may be names or shares too. */
const NUMBERS = new Set([
  'fs_group',
  'max_surge',
  'max_unavailable',
  'min_available',
  'port',
  'replicas',
  'run_as_group',
  'run_as_user',
  'target_port',
]);

/** An object, and the resource that it is made from. */
export interface Emitted {
  /** Terraform's address of the resource. */
  readonly address: string;
  /** Its arguments, those of Terraform and of the provider itself too. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly object: KubernetesObject;
}

/** The objects of a stack, in the order in which they stand in it. */
export function objectsOf(stack: SynthesisedStack): KubernetesObject[] {
  return emittedBy(stack).map(({ object }) => object);
}

/** The objects of a stack with the resources that they are made from. */
export function emittedBy(stack: SynthesisedStack): Emitted[] {
  return Object.entries(stack.resource ?? {}).flatMap(([type, resources]) => {
    if (!type.startsWith('kubernetes_')) return [];
    if (!(type in KINDS)) throw new Error(`${type} has no kind here: add it to KINDS`);
    const [apiVersion, kind] = KINDS[type];
    return Object.entries(resources).map(([id, given]) => {
      // A container has a lifecycle too.
      const { lifecycle: _terraforms, ...sent } = given;
      const fields = block(sent, stack) as Omit<KubernetesObject, 'apiVersion' | 'kind'>;
      const object = { apiVersion, kind, ...fields, ...rooted(kind, fields) } as KubernetesObject;
      return { address: `${type}.${id}`, given, object };
    });
  });
}

/** What pods are made from, of the kinds that make some; undefined of others. */
export function podTemplateOf(object: KubernetesObject): PodTemplate | undefined {
  const spec = object.spec as Record<string, unknown> | undefined;
  const job = object.kind === 'CronJob' ? (spec!.jobTemplate as { spec: Record<string, unknown> }).spec : spec;
  return job?.template as PodTemplate | undefined;
}

/** What stands elsewhere in the API than in the provider's arguments. */
function rooted(kind: string, fields: Record<string, unknown>): Record<string, unknown> {
  if (kind === 'DaemonSet') {
    const { strategy: updateStrategy, ...spec } = fields.spec as Record<string, unknown>;
    return { spec: { ...spec, updateStrategy } };
  }
  if (kind !== 'Secret') return {};
  const data = Object.entries(fields.data as Record<string, string>);
  return { data: Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value).toString('base64')])) };
}

function block(value: object, stack: SynthesisedStack): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !NOT_SENT.has(key))
      .map(([key, inner]) => field(key, inner as unknown, stack)),
  );
}

function field(key: string, value: unknown, stack: SynthesisedStack): [string, unknown] {
  if (MAPS.has(key) && !Array.isArray(value)) {
    return [camelCase(key), Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, text(v, stack)]))];
  }
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => (item instanceof Object ? block(item, stack) : text(item, stack)));
    if (ONCE.has(key)) return [camelCase(key), items[0]];
    return [PLURALS[key] ?? camelCase(key), items];
  }
  if (key === 'security_context' && 'capabilities' in (value as object)) {
    return [camelCase(key), { ...CONTAINER_SECURITY, ...block(value as object, stack) }];
  }
  if (value instanceof Object) return [camelCase(key), block(value, stack)];
  // The provider writes modes in octal digits.
  if (key === 'mode' || key === 'default_mode') return [camelCase(key), parseInt(String(value), 8)];
  if (NUMBERS.has(key) && /^\d+$/.test(String(value))) return [camelCase(key), Number(value)];
  return [camelCase(key), text(value, stack)];
}

function camelCase(key: string): string {
  return SPELLED[key] ?? key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** What Terraform makes of a text: references to names are followed, everything else that is unknown says so. */
function text(value: unknown, stack: SynthesisedStack): unknown {
  if (typeof value !== 'string') return value;
  const name = /^\$\{(kubernetes_\w+)\.([\w-]+)\.metadata\[0\]\.name\}$/.exec(value);
  if (name !== null) {
    const { metadata } = stack.resource![name[1]][name[2]] as { metadata: Record<string, string> };
    return metadata.name ?? `${metadata.generate_name}known-later`;
  }
  if (/^\$\{[^]*\}$/.test(value)) return 'known-later';
  return value.replace(/([$%])\1\{/g, '$1{');
}
