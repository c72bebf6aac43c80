import { DataResource, Fn, ITerraformDependable, TerraformProvider, TerraformStack } from 'cdktf';
import { Construct, IConstruct } from 'constructs';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { escapeTemplate } from '../core/escape';
import { Image } from '../core/image';
import { Job } from '../core/job';
import { LiveDirectory, PublishedFiles } from '../core/live-directory';
import { checkLabel, physicalName, shortHash } from '../core/names';
import { ScrapeJob } from '../core/observability';
import { Deployed, IPlatform, PlatformThresholds, PlatformWatch } from '../core/platform';
import { Port } from '../core/port';
import { isUnprotected } from '../core/protection';
import { overrideProviderSource } from '../core/providers';
import { parseCpu, parseMemory, parseStorage, checkWhole } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { SecretBundle } from '../core/secret-bundle';
import { Task } from '../core/task';
import { Volume, VolumeKind } from '../core/volume';
import { UpdateStrategy, Workload } from '../core/workload';
import { makeAccount } from './account';
import { makeAutoscaler } from './autoscaler';
import { bindings } from './bindings';
import { discoverTargets } from './discovery';
import { INSTANCE, MAX_NAME, ObjectLabels, objectLabels } from './labels';
import { Made } from './made';
import { API_PORTS, KUBELET_PORT, Place, Policy, reachedPolicies, reachPolicies } from './network';
import { bytes, fileData, millis, PodParts, podTemplate, portName } from './pod';
import { makeServices, readersName } from './service';
import { accessRules, watchCluster } from './watch';

/** Context key: by which reference the cluster pulls an image, by the reference under which it was built. */
export const PUSHED_IMAGES_CONTEXT = 'cdktf-mlops:pushedImages';

/** Upper bounds of all that an environment's namespace asks for together. */
export interface KubernetesQuota {
  /** Sum of all processor limits, for example `16`. @default - unbounded */
  readonly cpu?: string;
  /** Sum of all memory limits, for example `32Gi`. @default - unbounded */
  readonly memory?: string;
  /** Sum of what all claims ask for, for example `500Gi`. @default - unbounded */
  readonly storage?: string;
  /** Pods that are not finished. @default - unbounded */
  readonly pods?: number;
}

/** What {@link KubernetesPlatform} takes. */
export interface KubernetesPlatformProps {
  /** Name of the environment and of its namespace; begins every physical name. RFC 1123 label, at most 30 characters. */
  readonly environment: string;
  /**
   * Use the namespace that another stack of the same environment makes, rather than make it. For release stacks.
   * @default false
   */
  readonly joinNamespace?: boolean;
  /**
   * Path of the kubeconfig file.
   * @default - what KUBE_CONFIG_PATH names when Terraform runs; our command sets it from KUBECONFIG or ~/.kube/config
   */
  readonly kubeconfig?: string;
  /** Context in the kubeconfig. @default - what KUBE_CTX names, else the current one */
  readonly context?: string;
  /** Storage class of all claims. @default - the cluster's default */
  readonly storageClass?: string;
  /** Names of secrets of the type `kubernetes.io/dockerconfigjson` in the namespace. @default - none */
  readonly imagePullSecrets?: string[];
  /** DNS name of the cluster. @default cluster.local */
  readonly clusterDomain?: string;
  /** Bounds of what the namespace may ask for. @default - none */
  readonly quota?: KubernetesQuota;
  /** Seconds that a rollout may take beyond what its health check allows, for example to pull an image. @default 300 */
  readonly rolloutSeconds?: number;
}

/** Limits of a container that names none, such as a task: a quota refuses what has no limit. */
const DEFAULT_LIMITS = { cpu: '500m', memory: '256Mi' };
const DEFAULT_REQUESTS = { cpu: '50m', memory: '128Mi' };

/** What pods of the environment's own namespace may do. */
const RESTRICTED = 'restricted';

/** The pod that asks readers whether they use what was published. */
const ASKER = {
  image: Image.fromCatalog('busybox'),
  user: '65534:65534',
  resources: Resources.of({ cpu: '100m', memory: '32Mi' }),
};

type Kind = ObjectLabels['kind'];

/**
 * Runs an environment in a namespace of a Kubernetes cluster, under the Pod Security standard `restricted`, with
 * policies that let each workload reach what it says it reaches.
 *
 * To reach the provider's own resource, for what the neutral contract does not say, use the construct tree:
 * `workload.node.findChild('workload')`.
 */
export class KubernetesPlatform extends Construct implements IPlatform {
  /** Name of the environment. */
  public readonly environment: string;
  /** A cluster has more than one machine, and services in front of replicas. */
  public readonly spreadsReplicas = true;
  private readonly props: KubernetesPlatformProps;
  private readonly clusterDomain: string;
  private readonly namespaceResource?: ITerraformDependable;
  private nodeNamespaceResource?: ITerraformDependable;
  private readonly names = new Map<string, string>();
  /** Paths of workloads that run in the node namespace. */
  private readonly onNode = new Set<string>();
  private readonly publishedPorts = new Map<string, string>();

  constructor(scope: Construct, id: string, props: KubernetesPlatformProps) {
    super(scope, id);
    this.props = props;
    this.environment = props.environment;
    this.clusterDomain = props.clusterDomain ?? 'cluster.local';
    checkLabel(this, 'environment', props.environment);
    check(props.environment.length <= 30, this, 'environment', props.environment, 'use at most 30 characters');
    if (props.storageClass !== undefined) checkName(this, 'storageClass', props.storageClass);
    for (const secret of props.imagePullSecrets ?? []) checkName(this, 'imagePullSecrets', secret);
    check(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(this.clusterDomain),
      this,
      'clusterDomain',
      this.clusterDomain,
      "write a DNS name such as 'cluster.local'",
    );
    checkWhole(this, 'rolloutSeconds', props.rolloutSeconds ?? 300, 0, 7200);
    this.ensureProvider();
    if (!(props.joinNamespace ?? false)) this.namespaceResource = this.makeNamespace();
    else
      check(props.quota === undefined, this, 'quota', props.quota, 'give it to the platform that makes the namespace');
  }

  public deployWorkload(workload: Workload): Deployed {
    const { props } = workload;
    const onNode = isOnNode(workload);
    if (onNode) this.onNode.add(workload.componentPath);
    const name = this.claimName(workload, workload.componentPath);
    const persistent = (props.volumes ?? []).filter(({ kind }) => kind === VolumeKind.PERSISTENT);
    this.checkWorkload(workload, onNode, persistent);
    const namespace = this.namespaceOf(workload.componentPath);
    const labels = this.labels(name, workload.componentPath, 'workload');
    const createFirst = props.update === UpdateStrategy.CREATE_FIRST;
    const lifecycle = createFirst ? { createBeforeDestroy: true } : undefined;
    const made: Made = {
      name,
      metadata: { namespace, labels },
      dependsOn: this.namespaceDependables(workload.componentPath),
      lifecycle,
    };
    const services = makeServices(workload, made);
    const { autoscaling } = props;
    const replicas = workload.replicas;
    const many = (autoscaling?.minReplicas ?? replicas) >= 2;
    const account = (props.discovers ?? false) ? this.account(workload, made) : undefined;
    const parts = this.podParts(workload, name, 'workload', {
      onNode,
      serviceAccount: account,
      stopSeconds: workload.stopSeconds,
      drains: (props.ports ?? []).length > 0 && !(props.perNode ?? false),
      spread: many,
    });
    const template = podTemplate(workload, {
      ...parts.pod,
      labels: { ...parts.pod.labels, ...scrapeLabels(workload) },
    });
    const wait = props.healthCheck.noneReason === undefined;
    const seconds = props.healthCheck.startSeconds + workload.stopSeconds + this.rolloutSeconds;
    const timeouts = { create: `${seconds}s`, update: `${seconds * Math.max(1, replicas)}s` };
    const dependsOn = [...parts.dependsOn, ...this.policies(workload, name), ...services];
    const selector = { matchLabels: { [INSTANCE]: name } };
    const common = { waitForRollout: wait, dependsOn };

    let pods: ITerraformDependable & { readonly metadata: { readonly name: string } };
    if (props.perNode ?? false) {
      pods = new bindings.DaemonSetV1(workload, 'workload', {
        ...common,
        metadata: { ...made.metadata, name },
        spec: {
          selector,
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '1' } },
          template,
        },
        timeouts,
      });
    } else if (persistent.length > 0) {
      pods = new bindings.StatefulSetV1(workload, 'workload', {
        ...common,
        metadata: { ...made.metadata, name },
        spec: {
          serviceName: name,
          replicas: String(replicas),
          selector,
          updateStrategy: [{ type: 'RollingUpdate', rollingUpdate: [{ partition: 0 }] }],
          template,
        },
        timeouts,
      });
    } else {
      pods = new bindings.DeploymentV1(workload, 'workload', {
        ...common,
        // Old and new stand side by side when one replaces the other: the cluster finds a name for each.
        metadata: { ...made.metadata, ...(createFirst ? { generateName: `${name}-` } : { name }) },
        spec: {
          // What is scaled automatically has as many as the autoscaler says.
          replicas: autoscaling === undefined ? String(replicas) : undefined,
          selector,
          strategy:
            props.update === UpdateStrategy.REPLACE
              ? { type: 'Recreate' }
              : { type: 'RollingUpdate', rollingUpdate: { maxSurge: '1', maxUnavailable: '0' } },
          // The deploy's own limit decides; a condition that gives up earlier would hide why.
          progressDeadlineSeconds: seconds,
          template,
        },
        timeouts,
        lifecycle,
      });
    }
    if (many) {
      new bindings.PodDisruptionBudgetV1(workload, 'budget', {
        metadata: { ...made.metadata, name },
        spec: { maxUnavailable: '1', selector },
        dependsOn: made.dependsOn,
        lifecycle,
      });
    }
    if (autoscaling !== undefined) makeAutoscaler(workload, made, pods.metadata.name);
    const host = this.hostOf(workload.componentPath);
    return { host, replicaHosts: [host], dependables: [pods] };
  }

  public deployTask(task: Task): Deployed {
    const name = this.claimName(task, task.componentPath);
    const parts = this.podParts(task, name, 'task', {
      onNode: false,
      restartPolicy: 'Never',
      script: task.props.script,
      stopSeconds: 10,
    });
    const seconds = task.timeoutSeconds + this.rolloutSeconds;
    const job = new bindings.JobV1(task, 'task', {
      metadata: { name, namespace: this.environment, labels: this.labels(name, task.componentPath, 'task') },
      spec: {
        // A node that goes away is no failure of the script.
        backoffLimit: 1,
        activeDeadlineSeconds: seconds,
        template: podTemplate(task, parts.pod),
      },
      waitForCompletion: true,
      timeouts: { create: `${seconds}s`, update: `${seconds}s` },
      dependsOn: [...parts.dependsOn, ...this.policies(task, name)],
    });
    return { host: name, replicaHosts: [], dependables: [job] };
  }

  public declareJob(job: Job): Deployed {
    const name = this.claimName(job, job.componentPath);
    const parts = this.podParts(job, name, 'job', {
      onNode: false,
      restartPolicy: 'Never',
      stopSeconds: job.stopSeconds,
    });
    const { schedule } = job.props;
    const labels = {
      ...this.labels(name, job.componentPath, 'job'),
      'cdktf-mlops.concurrency': String(job.concurrency),
    };
    const cron = new bindings.CronJobV1(job, 'job', {
      metadata: { name, namespace: this.environment, labels },
      spec: {
        // Without a schedule it is suspended: a run is made from it, so that what was declared is what runs.
        schedule: schedule?.cron ?? '0 0 1 1 *',
        timezone: 'Etc/UTC',
        suspend: schedule === undefined,
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          metadata: { labels },
          spec: { backoffLimit: 0, template: podTemplate(job, parts.pod) },
        },
      },
      dependsOn: [...parts.dependsOn, ...this.policies(job, name)],
    });
    return { host: name, replicaHosts: [], dependables: [cron] };
  }

  public createSecretBundle(bundle: SecretBundle): Deployed {
    const secret = this.secret(bundle, bundle.physicalName, bundle.componentPath, bundle.props!.secrets);
    return { host: bundle.physicalName, replicaHosts: [], dependables: [secret] };
  }

  /** Nothing to make: whoever publishes into it makes the ConfigMap that its readers mount where it is. */
  public createLiveDirectory(directory: LiveDirectory): Deployed {
    return { host: directory.physicalName, replicaHosts: [], dependables: [] };
  }

  public publishFiles(publication: PublishedFiles): Deployed {
    const { props } = publication;
    const { directory } = props;
    const dependsOn = [
      ...this.namespaceDependables(''),
      ...(props.names ?? []).flatMap((workload) => workload.dependables),
    ];
    const path = publication.componentPath;
    const name = this.claimName(publication, path);
    const labels = this.labels(name, path, 'publication');
    // A reader's old source of truth goes when the new one is in use, and what it named only after that.
    const lifecycle = { createBeforeDestroy: true };
    const files = new bindings.ConfigMapV1(publication, 'files', {
      metadata: { name: directory.physicalName, namespace: this.environment, labels },
      data: Object.fromEntries(Object.entries(props.files).map(([file, text]) => [file, escapeTemplate(text)])),
      dependsOn,
      lifecycle,
    });
    const confirm = (props.confirm ?? []).map(({ url, text }) => ({ endpoint: Endpoint.fromUrl(url), text }));
    if (confirm.length === 0) return { host: name, replicaHosts: [], dependables: [files] };

    const timeoutSeconds = props.timeoutSeconds ?? 60;
    const script = confirm.map(({ endpoint, text }) => confirmation(endpoint, text)).join('\n');
    const asker = { node: publication.node, componentPath: path, spec: ASKER };
    const self = { namespace: this.environment, name };
    const asked = confirm.map(({ endpoint }) => endpoint);
    const placeOf = (host: string) => this.placeOf(host);
    const policies = this.makePolicies(publication, name, labels, true, reachPolicies(self, asked, placeOf, []));
    const digest = shortHash(JSON.stringify([props.files, script]));
    const job = new bindings.JobV1(publication, 'confirmation', {
      metadata: { generateName: `${name}-`, namespace: this.environment, labels },
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: timeoutSeconds + this.rolloutSeconds,
        template: podTemplate(asker, {
          image: this.image(publication, ASKER.image),
          labels,
          annotations: { 'cdktf-mlops.content': digest },
          claims: {},
          imagePullSecrets: this.props.imagePullSecrets ?? [],
          onNode: false,
          restartPolicy: 'Never',
          script: `timeout=${timeoutSeconds}\n${script}`,
          stopSeconds: 1,
        }),
      },
      waitForCompletion: true,
      timeouts: {
        create: `${timeoutSeconds + this.rolloutSeconds}s`,
        update: `${timeoutSeconds + this.rolloutSeconds}s`,
      },
      dependsOn: [files, ...policies],
      lifecycle,
    });
    return { host: name, replicaHosts: [], dependables: [job] };
  }

  public hostOf(componentPath: string): string {
    const namespace = this.namespaceOf(componentPath);
    return `${this.nameOf(componentPath)}.${namespace}.svc.${this.clusterDomain}`;
  }

  public discover(job: ScrapeJob): Record<string, unknown> | undefined {
    return discoverTargets(
      { namespaces: [this.environment, this.nodeNamespace], domain: `svc.${this.clusterDomain}` },
      job,
    );
  }

  public watch(scope: Construct, thresholds: PlatformThresholds): PlatformWatch {
    return watchCluster(scope, this, [this.environment, this.nodeNamespace], thresholds);
  }

  private get rolloutSeconds(): number {
    return this.props.rolloutSeconds ?? 300;
  }

  private get nodeNamespace(): string {
    return `${this.environment}-node`;
  }

  private ensureProvider(): void {
    const stack = TerraformStack.of(this);
    const { kubeconfig: configPath, context: configContext } = this.props;
    const existing = stack.node
      .findAll()
      .find((c) => TerraformProvider.isTerraformProvider(c) && c.terraformResourceType === 'kubernetes');
    if (existing === undefined) {
      new bindings.KubernetesProvider(stack, 'kubernetes', { configPath, configContext });
    } else {
      check(
        configPath === undefined && configContext === undefined,
        this,
        configPath === undefined ? 'context' : 'kubeconfig',
        configPath ?? configContext,
        'the stack has a Kubernetes provider already: leave it out, or use another stack for another cluster',
      );
    }
    overrideProviderSource(stack, 'kubernetes');
  }

  private makeNamespace(): ITerraformDependable {
    const name = this.environment;
    const namespace = new bindings.NamespaceV1(this, 'namespace', {
      metadata: { name, labels: { ...this.labels(name, 'namespace', 'platform'), ...podSecurity(RESTRICTED) } },
    });
    const metadata = { name, namespace: name, labels: this.labels(name, 'namespace', 'platform') };
    new bindings.LimitRangeV1(this, 'limits', {
      metadata,
      spec: { limit: [{ type: 'Container', default: DEFAULT_LIMITS, defaultRequest: DEFAULT_REQUESTS }] },
      dependsOn: [namespace],
    });
    const hard = this.quota();
    if (hard !== undefined) {
      new bindings.ResourceQuotaV1(this, 'quota', { metadata, spec: { hard }, dependsOn: [namespace] });
    }
    this.denyByDefault('default-deny', metadata, namespace);
    return namespace;
  }

  /** Nobody reaches anybody, and everybody may ask for names; the rest is what workloads say that they reach. */
  private denyByDefault(
    id: string,
    metadata: { readonly namespace: string; readonly labels: Record<string, string> },
    namespace: ITerraformDependable,
  ): void {
    new bindings.NetworkPolicyV1(this, id, {
      metadata: { ...metadata, name: 'default-deny' },
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        egress: [{ ports: ['UDP', 'TCP'].map((protocol) => ({ port: '53', protocol })) }],
      },
      dependsOn: [namespace],
    });
  }

  private quota(): Record<string, string> | undefined {
    const { quota } = this.props;
    if (quota === undefined) return undefined;
    const { cpu, memory, storage, pods } = quota;
    if (pods !== undefined) checkWhole(this, 'quota.pods', pods, 1, 100_000);
    const hard: Record<string, string> = {};
    if (cpu !== undefined) hard['limits.cpu'] = millis(parseCpu(this, 'quota.cpu', cpu));
    if (memory !== undefined) hard['limits.memory'] = bytes(parseMemory(this, 'quota.memory', memory));
    if (storage !== undefined) hard['requests.storage'] = bytes(parseStorage(this, 'quota.storage', storage));
    if (pods !== undefined) hard.pods = String(pods);
    check(Object.keys(hard).length > 0, this, 'quota', quota, 'give cpu, memory, storage or pods, or leave it out');
    return hard;
  }

  /** The namespace of what has to see the machine itself, made for the first one. */
  private ensureNodeNamespace(): ITerraformDependable[] {
    if (this.namespaceResource === undefined) return [];
    if (this.nodeNamespaceResource !== undefined) return [this.nodeNamespaceResource];
    const name = this.nodeNamespace;
    const labels = this.labels(name, 'node-namespace', 'platform');
    this.nodeNamespaceResource = new bindings.NamespaceV1(this, 'node-namespace', {
      metadata: {
        name,
        labels: { ...labels, ...podSecurity('privileged') },
        annotations: {
          'cdktf-mlops.reason':
            "Exporters here read the machine's own file systems and processes, which 'restricted' forbids.",
        },
      },
    });
    this.denyByDefault('node-default-deny', { namespace: name, labels }, this.nodeNamespaceResource);
    return [this.nodeNamespaceResource];
  }

  private namespaceOf(componentPath: string): string {
    return this.onNode.has(componentPath) ? this.nodeNamespace : this.environment;
  }

  private namespaceDependables(componentPath: string): ITerraformDependable[] {
    if (this.onNode.has(componentPath)) return this.ensureNodeNamespace();
    return this.namespaceResource === undefined ? [] : [this.namespaceResource];
  }

  private nameOf(componentPath: string): string {
    return physicalName(this.environment, componentPath.split('/'), MAX_NAME);
  }

  private claimName(scope: IConstruct, componentPath: string): string {
    const name = this.nameOf(componentPath);
    const owner = this.names.get(name);
    const want = `the physical name is taken by ${owner}: give the construct another id`;
    check(owner === undefined, scope, 'id', name, want);
    this.names.set(name, scope.node.path);
    return name;
  }

  private labels(instance: string, path: string, kind: Kind): Record<string, string> {
    const stack = TerraformStack.of(this).node.id;
    return objectLabels({ instance, path, kind, environment: this.environment, stack });
  }

  private image(scope: IConstruct, image: Image): string {
    const reference = image.resolve(scope);
    const pushed = (scope.node.tryGetContext(PUSHED_IMAGES_CONTEXT) ?? {}) as Record<string, string>;
    return pushed[reference] ?? reference;
  }

  private checkWorkload(workload: Workload, onNode: boolean, persistent: readonly Volume[]): void {
    const { props } = workload;
    const host = (props.volumes ?? []).find(({ kind }) => kind === VolumeKind.HOST);
    check(
      host === undefined || (props.perNode ?? false),
      workload,
      'volumes',
      host?.hostPath,
      'a cluster has many machines, and their paths belong to them: use Volume.persistent, or perNode for an exporter',
    );
    check(
      persistent.length === 0 || workload.replicas <= 1,
      workload,
      'replicas',
      workload.replicas,
      `its volume '${persistent[0]?.name}' can be mounted by one pod only: use 1, or keep its data elsewhere`,
    );
    check(
      persistent.length === 0 || props.autoscaling === undefined,
      workload,
      'autoscaling',
      props.autoscaling,
      `its volume '${persistent[0]?.name}' can be mounted by one pod only: leave it out`,
    );
    check(
      persistent.length === 0 || props.update !== UpdateStrategy.CREATE_FIRST,
      workload,
      'update',
      props.update,
      'two pods would write to one volume: use UpdateStrategy.REPLACE',
    );
    check(
      props.autoscaling === undefined || props.resources?.cpuMillis !== undefined,
      workload,
      'resources.cpu',
      undefined,
      'name a processor limit: automatic scaling aims at a share of it',
    );
    const kept = [props.secrets, props.secretBundle].some((one) => one !== undefined);
    check(
      !onNode || (!kept && persistent.length === 0),
      workload,
      'secrets',
      'given',
      "leave secrets and persistent volumes to workloads of the environment's own namespace: this one sees the machine",
    );
    check(
      !onNode || (props.perNode ?? false),
      workload,
      'hostProcesses',
      true,
      'set perNode too: what watches a machine belongs on each of them',
    );
    for (const port of props.ports ?? []) this.claimPort(workload, port);
  }

  private claimPort(workload: Workload, { name, publish }: Port): void {
    if (publish === undefined) return;
    const prop = `ports.${name}.publish`;
    const where = publish.host === undefined ? `${publish.address}:${publish.port}` : publish.url('http');
    const owner = this.publishedPorts.get(where);
    check(owner === undefined, workload, prop, where, `it is taken by ${owner}: choose another port`);
    this.publishedPorts.set(where, workload.node.path);
    check(
      publish.host !== undefined || ['127.0.0.1', '0.0.0.0'].includes(publish.address),
      workload,
      prop,
      publish.address,
      "a cluster chooses its own addresses: use Publish.onLoopback, Publish.onAddress('0.0.0.0', port) or Publish.atHost",
    );
  }

  /** What every pod needs: files, secrets, claims, and the labels and digests that replace it when they change. */
  private podParts(
    container: Container,
    name: string,
    kind: Kind,
    more: Omit<PodParts, 'image' | 'labels' | 'annotations' | 'claims' | 'imagePullSecrets'>,
  ): { pod: PodParts; dependsOn: ITerraformDependable[] } {
    const { spec } = container;
    const path = container.componentPath;
    const namespace = this.namespaceOf(path);
    const labels = this.labels(name, path, kind);
    const dependsOn: ITerraformDependable[] = [
      ...this.namespaceDependables(path),
      ...(spec.dependsOn ?? []).flatMap((other) => other.dependables),
    ];
    const annotations: Record<string, string> = {};
    let configMap: string | undefined;
    if ((spec.files ?? []).length > 0) {
      const data = fileData(container);
      const files = new bindings.ConfigMapV1(container, 'files', {
        metadata: { name, namespace, labels },
        data,
        dependsOn: this.namespaceDependables(path),
      });
      dependsOn.push(files);
      configMap = name;
      annotations['cdktf-mlops.files'] = Fn.sha256(Fn.jsonencode(files.interpolationForAttribute('data')));
    }
    let secret: string | undefined;
    if (spec.secretBundle !== undefined) {
      secret = spec.secretBundle.physicalName;
      dependsOn.push(...spec.secretBundle.dependables);
      const version = spec.secretBundle.node.tryFindChild('version') as DataResource | undefined;
      if (version !== undefined) annotations['cdktf-mlops.secrets'] = version.id;
    } else if (Object.keys(spec.secrets ?? {}).length > 0) {
      secret = name;
      check(
        spec.user !== undefined,
        container,
        'user',
        undefined,
        "name the numeric 'uid:gid' that may read the secrets",
      );
      dependsOn.push(this.secret(container, name, path, spec.secrets!));
      annotations['cdktf-mlops.secrets'] = (container.node.findChild('version') as DataResource).id;
    }
    const claims: Record<string, string> = {};
    for (const volume of spec.volumes ?? []) {
      if (volume.kind !== VolumeKind.PERSISTENT) continue;
      const claim = this.claim(container, name, volume, labels);
      dependsOn.push(claim.resource);
      claims[volume.name!] = claim.name;
    }
    return {
      pod: {
        ...more,
        image: this.image(container, spec.image),
        labels,
        annotations,
        configMap,
        secret,
        claims,
        imagePullSecrets: this.props.imagePullSecrets ?? [],
      },
      dependsOn,
    };
  }

  private claim(container: Container, name: string, volume: Volume, labels: Record<string, string>) {
    const claimName = `${name}-${volume.name}`;
    checkName(container, 'volumes', claimName);
    const resource = new bindings.PersistentVolumeClaimV1(container, `volume-${volume.name}`, {
      metadata: { name: claimName, namespace: this.environment, labels },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: this.props.storageClass,
        resources: { requests: { storage: bytes(volume.sizeBytes!) } },
      },
      // Many classes bind a claim when its first pod is there, which comes after it.
      waitUntilBound: false,
      dependsOn: this.namespaceDependables(container.componentPath),
      lifecycle: volume.protect && !isUnprotected(this) ? { preventDestroy: true } : undefined,
    });
    return { name: claimName, resource };
  }

  private secret(scope: Construct, name: string, path: string, secrets: Record<string, Secret>): ITerraformDependable {
    const files = Object.keys(secrets).sort();
    // Its id is no secret and changes with the values: what pods are replaced by.
    new DataResource(scope, 'version', {
      triggersReplace: Fn.sensitive(
        Fn.sha256(
          Fn.join(
            '\n',
            files.map((file) => secrets[file].value),
          ),
        ),
      ),
    });
    return new bindings.SecretV1(scope, 'secrets', {
      metadata: { name, namespace: this.environment, labels: this.labels(name, path, 'secrets') },
      data: Object.fromEntries(files.map((file) => [file, secrets[file].value])),
      dependsOn: this.namespaceDependables(path),
    });
  }

  /** An identity that may read what a workload needs to know, and no more. */
  private account(workload: Workload, made: Made): string {
    return makeAccount(workload, made, [
      { id: '', namespace: this.environment, dependsOn: this.namespaceDependables('') },
      { id: 'node-', namespace: this.nodeNamespace, dependsOn: this.ensureNodeNamespace() },
    ]);
  }

  /** Policies add up, so that those who reach something of another stack bring the permission along. */
  private policies(container: Container, name: string): ITerraformDependable[] {
    const path = container.componentPath;
    const createFirst = container instanceof Workload && container.props.update === UpdateStrategy.CREATE_FIRST;
    const self = { namespace: this.namespaceOf(path), name };
    return this.makePolicies(container, name, this.labels(name, path, 'workload'), createFirst, [
      ...reachPolicies(self, container.spec.reaches ?? [], (host) => this.placeOf(host), clusterPorts(container)),
      ...(container instanceof Workload
        ? reachedPolicies(self, container.props, (from) => ({
            namespace: this.namespaceOf(from),
            name: this.nameOf(from),
          }))
        : []),
    ]);
  }

  private makePolicies(
    scope: Construct,
    name: string,
    labels: Record<string, string>,
    createFirst: boolean,
    policies: readonly Policy[],
  ): ITerraformDependable[] {
    return policies.map(
      ({ id, namespace, suffix, spec }) =>
        new bindings.NetworkPolicyV1(scope, id, {
          metadata: { name: physicalName(name, suffix), namespace, labels },
          spec,
          dependsOn: namespace === this.nodeNamespace ? this.ensureNodeNamespace() : this.namespaceDependables(''),
          lifecycle: createFirst ? { createBeforeDestroy: true } : undefined,
        }),
    );
  }

  /** Where a host of the environment runs; undefined for one that is elsewhere. */
  private placeOf(host: string): Place | undefined {
    const [name, namespace, ...rest] = host.split('.');
    if (rest.join('.') !== `svc.${this.clusterDomain}`) return undefined;
    return [this.environment, this.nodeNamespace].includes(namespace) ? { name, namespace } : undefined;
  }
}

/** What a container asks of the cluster itself: its API, and kubelets where it has rights beyond its namespaces. */
function clusterPorts(container: Container): number[] {
  if (!(container instanceof Workload) || !(container.props.discovers ?? false)) return [];
  return accessRules(container).cluster.length > 0 ? [...API_PORTS, KUBELET_PORT] : API_PORTS;
}

function isOnNode({ props }: Workload): boolean {
  return (props.hostProcesses ?? false) || (props.volumes ?? []).some(({ kind }) => kind === VolumeKind.HOST);
}

/** Labels by which Prometheus takes up a pod, and those that its series get. */
function scrapeLabels({ props }: Workload): Record<string, string> {
  if (props.scrape === undefined) return {};
  const { job, port, labels } = props.scrape;
  return {
    'cdktf-mlops.scrape': job,
    'cdktf-mlops.scrape-port': portName(port),
    ...Object.fromEntries(Object.entries(labels ?? {}).map(([label, value]) => [`cdktf-mlops.target.${label}`, value])),
  };
}

function podSecurity(level: string): Record<string, string> {
  return Object.fromEntries(['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, level]));
}

function checkName(scope: IConstruct, prop: string, name: string): void {
  check(
    typeof name === 'string' && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name) && name.length <= 63,
    scope,
    prop,
    name,
    "use lower-case letters, digits, '-' and '.', 63 characters at most",
  );
}

/** Asks each replica of a reader until all of them answer with the text, and says what is missing when time is up. */
function confirmation({ host, port, path }: Endpoint, text: string): string {
  const [name, ...rest] = host.split('.');
  const readers = [readersName(name), ...rest].join('.');
  return [
    'waited=0',
    'while :; do',
    `  pods=$(nslookup -type=a ${readers}. 2>/dev/null | sed -n '/^Name:/,$ s/^Address:  *//p')`,
    '  missing=',
    '  [ -n "$pods" ] || missing=all',
    '  for pod in $pods; do',
    `    wget -q -T 2 -O - "http://$pod:${port}${path}" 2>/dev/null | grep -qF '${text}' || missing="$missing $pod"`,
    '  done',
    '  [ -n "$missing" ] || break',
    '  waited=$((waited + 1))',
    '  if [ "$waited" -gt "$timeout" ]; then',
    `    echo "not in use after $timeout s at: $missing (${readers}); its log says why" >&2`,
    '    exit 1',
    '  fi',
    '  sleep 1',
    'done',
  ].join('\n');
}
