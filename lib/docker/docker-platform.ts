import {
  Container as DockerContainer,
  ContainerConfig,
  ContainerHealthcheck,
  ContainerUpload,
  ContainerVolumes,
} from '@cdktf/provider-docker/lib/container';
import { Image as DockerImage } from '@cdktf/provider-docker/lib/image';
import { Network } from '@cdktf/provider-docker/lib/network';
import { DockerProvider } from '@cdktf/provider-docker/lib/provider';
import { Volume as DockerVolume } from '@cdktf/provider-docker/lib/volume';
import {
  DataResource,
  DefaultTokenResolver,
  Fn,
  ITerraformDependable,
  StringConcat,
  TerraformProvider,
  TerraformStack,
  Tokenization,
} from 'cdktf';
import { Construct, IConstruct } from 'constructs';
import { Container, SECRETS_DIRECTORY } from '../core/container';
import { check, ValidationError } from '../core/errors';
import { escapeTemplate } from '../core/escape';
import { Image } from '../core/image';
import { Job } from '../core/job';
import { LiveDirectory, PublishedFiles } from '../core/live-directory';
import { checkLabel, physicalName, shortHash } from '../core/names';
import { ScrapeJob } from '../core/observability';
import { Deployed, IPlatform, PlatformThresholds, PlatformWatch } from '../core/platform';
import { Publish } from '../core/port';
import { isUnprotected } from '../core/protection';
import { overrideProviderSource } from '../core/providers';
import { Resources } from '../core/resources';
import { Schedule } from '../core/schedule';
import { Secret } from '../core/secret';
import { SecretBundle } from '../core/secret-bundle';
import { Task } from '../core/task';
import { Volume, VolumeKind } from '../core/volume';
import { UpdateStrategy, Workload } from '../core/workload';
import { watchContainers } from './container-watch';
import { dockerHealthCheck } from './health';

/** What {@link DockerPlatform} takes. */
export interface DockerPlatformProps {
  /** Name of the environment; begins every physical name. RFC 1123 label, at most 30 characters. */
  readonly environment: string;
  /**
   * Join the network that another stack of the same environment makes, rather than make it. For release stacks.
   * @default false
   */
  readonly joinNetwork?: boolean;
  /** Address of the Engine, for example `unix:///var/run/docker.sock`. @default - DOCKER_HOST, else the default socket */
  readonly host?: string;
}

/** Where a finished preparation leaves its mark; its health check looks for it. */
const DONE = '/tmp/cdktf-mlops-done';

/**
 * Runs its arguments each time that the Unix time is a multiple of the period plus the offset; a run that takes longer
 * than the period leaves out what was due meanwhile. It asks the clock each minute, which may be set or stand still. TERM
 * ends it at once, and hands itself on to a run.
 */
const ON_SCHEDULE = `period=$1 offset=$2 child=
shift 2
trap '[ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; exit 143' TERM INT
while :; do
  now=$(date +%s)
  due=$(((now - offset) / period * period + period + offset))
  echo "the next run is due in $((due - now)) s"
  while [ "$now" -lt "$due" ]; do
    pause=$((due - now))
    [ "$pause" -le 60 ] || pause=60
    sleep "$pause" &
    child=$!
    wait "$child"
    now=$(date +%s)
  done
  "$@" &
  child=$!
  if wait "$child"; then echo 'the run succeeded'; else echo "the run failed with exit code $?" >&2; fi
  child=
done`;

/** A finished preparation stays this long, so that the deploy's health poll sees it, and then ends. */
const LINGER_SECONDS = 60;

/** What a root shell needs to hand files to another user. */
const HANDOVER_CAPABILITIES = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER'];

type Kind = 'workload' | 'task' | 'job' | 'secrets' | 'publication';

/**
 * Runs an environment on one Docker Engine: one network, named volumes, one container per replica.
 *
 * To reach the provider's own resource, for what the neutral contract does not say, use the construct tree:
 * `workload.node.findChild('container')`.
 */
export class DockerPlatform extends Construct implements IPlatform {
  /** Name of the environment. */
  public readonly environment: string;
  /** One machine: replicas share its fate, and a published port belongs to one container. */
  public readonly spreadsReplicas = false;
  private readonly networkName: string;
  /** Ids of images by their references. */
  private readonly images = new Map<string, string>();
  private readonly names = new Map<string, string>();
  private readonly publishedPorts: { readonly owner: string; readonly publish: Publish }[] = [];

  constructor(scope: Construct, id: string, props: DockerPlatformProps) {
    super(scope, id);
    this.environment = props.environment;
    checkLabel(this, 'environment', props.environment);
    check(props.environment.length <= 30, this, 'environment', props.environment, 'use at most 30 characters');
    this.ensureProvider(props.host);
    if (props.joinNetwork ?? false) {
      this.networkName = props.environment;
    } else {
      const network = new Network(this, 'network', {
        name: props.environment,
        labels: this.labels('network', 'workload'),
      });
      this.networkName = network.name;
    }
  }

  public deployWorkload(workload: Workload): Deployed {
    const { props } = workload;
    if (props.autoscaling !== undefined) {
      throw new ValidationError(
        workload,
        'autoscaling',
        props.autoscaling,
        'Docker has no autoscaling: give replicas, or run it on Kubernetes',
      );
    }
    const published = (props.ports ?? []).filter((port) => port.publish !== undefined);
    const routed = published.find((port) => port.publish!.host !== undefined);
    check(
      routed === undefined,
      workload,
      `ports.${routed?.name}.publish`,
      routed?.publish?.address,
      'Docker has no ingress controller: use Publish.onLoopback or Publish.onAddress',
    );
    if (published.length > 0 && workload.replicas > 1) {
      throw new ValidationError(
        workload,
        'replicas',
        workload.replicas,
        'a published port can belong to one container: publish a gateway in front of the replicas, or use 1',
      );
    }
    this.checkTimeout(workload, 'healthCheck.startSeconds', props.healthCheck.startSeconds);
    const createFirst = workload.update === UpdateStrategy.CREATE_FIRST;
    if (createFirst) this.checkCreateFirst(workload);
    for (const port of published) this.claimPort(workload, port.name, port.publish!);

    const base = this.containerConfig(workload, 'workload', dockerHealthCheck(props.healthCheck));
    const config: Omit<ContainerConfig, 'name' | 'image'> = {
      ...base,
      restart: 'unless-stopped',
      mustRun: true,
      wait: props.healthCheck.noneReason === undefined,
      waitTimeout: props.healthCheck.startSeconds,
      destroyGraceSeconds: workload.stopSeconds,
      stopTimeout: workload.stopSeconds,
      ports: published.map((port) => ({
        internal: port.port,
        external: port.publish!.port,
        ip: port.publish!.address,
        protocol: 'tcp',
      })),
      ...((props.hostProcesses ?? false)
        ? {
            pidMode: 'host',
            // The Engine adds the label by itself; without it every later plan would replace the container.
            securityOpts: [...base.securityOpts, 'label=disable'],
          }
        : {}),
      lifecycle: { ...base.lifecycle, ...(createFirst ? { createBeforeDestroy: true } : {}) },
    };
    const image = this.imageId(workload, workload.spec.image);
    // With "create first" old and new stand side by side for a while, so names change with the content: that of the
    // container also when an image was rebuilt under its old name, and the one that others know, so that they notice.
    const path = workload.componentPath.split('/');
    const parts = createFirst ? [...path, this.contentHash(workload, config)] : path;
    const host = physicalName(this.environment, parts);
    const suffix = createFirst ? `-${Fn.substr(image, 'sha256:'.length, 6)}` : '';
    const single = workload.replicas === 1;
    const replicaHosts = Array.from({ length: workload.replicas }, (_, index) =>
      this.claimName(workload, single ? host : physicalName(this.environment, [...parts, String(index + 1)])),
    );
    if (!single) this.claimName(workload, host);
    const containers = replicaHosts.map(
      (replicaHost, index) =>
        new DockerContainer(workload, single ? 'container' : `container-${index + 1}`, {
          ...config,
          name: `${replicaHost}${suffix}`,
          image,
          // The first alias is the workload's and the second this replica's.
          networksAdvanced: [{ name: this.networkName, aliases: single ? [host] : [host, replicaHost] }],
        }),
    );
    return { host, replicaHosts, dependables: containers };
  }

  public deployTask(task: Task): Deployed {
    const name = this.claimName(task, task.physicalName);
    this.checkTimeout(task, 'timeoutSeconds', task.timeoutSeconds);
    const container = new DockerContainer(task, 'container', {
      ...this.containerConfig(task, 'task', doneCheck(task.timeoutSeconds)),
      ...this.preparation(task.props.script, task.timeoutSeconds),
      name,
      image: this.imageId(task, task.spec.image),
      networksAdvanced: [{ name: this.networkName }],
    });
    return { host: name, replicaHosts: [], dependables: [container] };
  }

  public declareJob(job: Job): Deployed {
    const name = this.claimName(job, job.physicalName);
    const { schedule } = job.props;
    const labels: Record<string, string> = { 'cdktf-mlops.concurrency': String(job.concurrency) };
    if (schedule !== undefined) labels['cdktf-mlops.schedule'] = schedule.cron;
    const config = this.containerConfig(job, 'job', undefined, labels);
    const container = new DockerContainer(job, 'container', {
      ...config,
      name,
      image: this.imageId(job, job.spec.image),
      // Without a schedule created and never started: a run is made from it, so that what was declared is what runs.
      ...(schedule === undefined
        ? { start: false, mustRun: false, restart: 'no' }
        : { entrypoint: this.scheduled(job, schedule), mustRun: true, restart: 'unless-stopped' }),
      stopTimeout: job.stopSeconds,
      destroyGraceSeconds: schedule === undefined ? undefined : job.stopSeconds,
      networksAdvanced: [{ name: this.networkName }],
    });
    return { host: name, replicaHosts: [], dependables: [container] };
  }

  /** Docker starts nothing by the clock: the container waits in a shell, and runs what was declared when it is due. */
  private scheduled(job: Job, schedule: Schedule): string[] {
    const { entrypoint } = job.spec;
    check(
      entrypoint !== undefined,
      job,
      'entrypoint',
      undefined,
      "on Docker give the entrypoint of a job with a schedule: a shell takes the place of the image's own",
    );
    const times = [String(schedule.periodSeconds), String(schedule.offsetSeconds)];
    return ['sh', '-c', ON_SCHEDULE, 'schedule', ...times, ...entrypoint].map(escapeTemplate);
  }

  public createSecretBundle(bundle: SecretBundle): Deployed {
    const { volume, prepared } = this.secretVolume(
      bundle,
      bundle.physicalName,
      bundle.componentPath,
      bundle.props!.secrets,
      bundle.props!.owner,
      [],
    );
    return { host: bundle.physicalName, replicaHosts: [], dependables: [volume, ...prepared] };
  }

  public createLiveDirectory(directory: LiveDirectory): Deployed {
    const name = this.claimName(directory, directory.physicalName);
    const volume = this.volume(directory, 'volume', name, directory.componentPath, false);
    const script = `chown ${directory.props!.owner} /volumes/0`;
    // A publication in the same stack is created first, and Terraform then treats what it depends on likewise: old and
    // new need two names.
    const hash = shortHash(script + Image.fromCatalog('busybox').resolve(directory));
    const prepared = this.prepare(directory, `${name}-prepare-${hash}`, directory.componentPath, {
      script,
      volumes: [{ volumeName: volume.name, containerPath: '/volumes/0' }],
    });
    return { host: name, replicaHosts: [], dependables: [volume, prepared] };
  }

  public publishFiles(publication: PublishedFiles): Deployed {
    const { props } = publication;
    for (const workload of props.names ?? []) {
      check(
        workload.update === UpdateStrategy.CREATE_FIRST,
        publication,
        'names',
        workload.node.path,
        'on Docker give the workload UpdateStrategy.CREATE_FIRST, so that it is there before the files name it',
      );
    }
    const files = Object.keys(props.files).sort();
    const confirm = (props.confirm ?? []).map(({ file }) => file);
    const timeoutSeconds = props.timeoutSeconds ?? 60;
    this.checkTimeout(publication, 'timeoutSeconds', timeoutSeconds);
    const script = [
      // A reader must never see half a file.
      ...files.map((f) => `rm -f /live/${f}.error; cp /publish/${f} /live/.${f}.new && mv /live/.${f}.new /live/${f}`),
      ...confirm.map(
        (f) =>
          `until cmp -s /publish/${f} /live/${f}.loaded; do if [ -s /live/${f}.error ]; then cat /live/${f}.error >&2; ` +
          // The reader's own last good copy goes back, so that a restart does not meet the refused one.
          `[ -f /live/${f}.loaded ] && cp /live/${f}.loaded /live/.${f}.new && mv /live/.${f}.new /live/${f}; ` +
          'exit 1; fi; sleep 1; done',
      ),
    ].join('\n');
    const image = Image.fromCatalog('busybox');
    const hash = shortHash(JSON.stringify([files.map((f) => [f, props.files[f]]), script, image.resolve(publication)]));
    const name = this.claimName(
      publication,
      physicalName(this.environment, [...publication.componentPath.split('/'), hash]),
    );
    const container = new DockerContainer(publication, 'container', {
      ...this.common(publication.componentPath, 'publication', HANDOVER_CAPABILITIES),
      healthcheck: doneCheck(timeoutSeconds),
      ...this.preparation(script, timeoutSeconds),
      name,
      image: this.imageId(publication, image),
      user: '0:0',
      upload: files.map((f) => ({ file: `/publish/${f}`, content: escapeTemplate(props.files[f]) })),
      volumes: [{ volumeName: props.directory.physicalName, containerPath: '/live' }],
      networkMode: 'none',
      // The old publication goes only when the new one is in use, and what it named only after that.
      lifecycle: { createBeforeDestroy: true },
      dependsOn: [...(props.names ?? []).flatMap((w) => w.dependables), ...props.directory.dependables],
    });
    return { host: name, replicaHosts: [], dependables: [container] };
  }

  public hostOf(path: string): string {
    return physicalName(this.environment, path.split('/'));
  }

  /** Containers have names that resolve; Prometheus needs no other way. */
  public discover(_job: ScrapeJob): Record<string, unknown> | undefined {
    return undefined;
  }

  /** Docker has no metrics of containers of its own. */
  public watch(scope: Construct, thresholds: PlatformThresholds): PlatformWatch {
    return watchContainers(scope, this, thresholds);
  }

  private ensureProvider(host: string | undefined): void {
    const stack = TerraformStack.of(this);
    const existing = stack.node
      .findAll()
      .find((c) => TerraformProvider.isTerraformProvider(c) && c.terraformResourceType === 'docker');
    if (existing === undefined) {
      new DockerProvider(stack, 'docker', { host });
    } else if (host !== undefined && host !== (existing as DockerProvider).host) {
      throw new ValidationError(
        this,
        'host',
        host,
        `the stack's Docker provider has ${(existing as DockerProvider).host ?? 'the default host'} already: ` +
          'leave host out, or use another stack for another Engine',
      );
    }
    overrideProviderSource(stack, 'docker');
  }

  private contentHash(workload: Workload, config: object): string {
    const content = {
      ...config,
      dependsOn: undefined,
      lifecycle: undefined,
      image: workload.spec.image.resolve(workload),
    };
    const resolved: unknown = Tokenization.resolve(content, {
      scope: workload,
      resolver: new DefaultTokenResolver(new StringConcat()),
      preparing: false,
    });
    return shortHash(JSON.stringify(resolved));
  }

  /** The id, not the name: a rebuilt image of the same name is noticed only by its id. */
  private imageId(scope: IConstruct, image: Image): string {
    const reference = image.resolve(scope);
    let imageId = this.images.get(reference);
    if (imageId === undefined) {
      // The digest keeps references apart that differ only in what an id can't hold.
      const id = `image-${reference.replace(/[^A-Za-z0-9]+/g, '-')}-${shortHash(reference)}`;
      // Each reading of an attribute makes a token and captures a stack for it: read once.
      ({ imageId } = new DockerImage(this, id, { name: reference, keepLocally: true }));
      this.images.set(reference, imageId);
    }
    return imageId;
  }

  private claimPort(workload: Workload, name: string, publish: Publish): void {
    const everywhere = '0.0.0.0';
    for (const { owner, publish: other } of this.publishedPorts) {
      const meet = other.address === publish.address || [other.address, publish.address].includes(everywhere);
      check(
        other.port !== publish.port || !meet,
        workload,
        `ports.${name}.publish`,
        `${publish.address}:${publish.port}`,
        `it is taken by ${owner}: choose another port`,
      );
    }
    this.publishedPorts.push({ owner: workload.node.path, publish });
  }

  /** The provider gives up creating anything after 20 minutes, whatever else it was told. */
  private checkTimeout(scope: IConstruct, prop: string, seconds: number): void {
    check(seconds <= 1140, scope, prop, seconds, "on Docker want at most 1140: the provider's own limit is 20 minutes");
  }

  private claimName(scope: IConstruct, name: string): string {
    const owner = this.names.get(name);
    check(
      owner === undefined,
      scope,
      'id',
      name,
      `the physical name is taken by ${owner}: give the construct another id`,
    );
    this.names.set(name, scope.node.path);
    return name;
  }

  private labels(path: string, kind: Kind, more: Record<string, string> = {}) {
    const labels: Record<string, string> = {
      'cdktf-mlops.component': path,
      'cdktf-mlops.environment': this.environment,
      'cdktf-mlops.kind': kind,
      'cdktf-mlops.stack': TerraformStack.of(this).node.id,
      ...more,
    };
    return Object.entries(labels).map(([label, value]) => ({ label, value }));
  }

  /** What every container gets. */
  private common(path: string, kind: Kind, capabilities: string[] = [], more: Record<string, string> = {}) {
    return {
      labels: this.labels(path, kind, more),
      capabilities: { drop: ['ALL'], add: capabilities.length > 0 ? [...capabilities].sort() : undefined },
      securityOpts: ['no-new-privileges:true'],
      logDriver: 'json-file',
      logOpts: { 'max-file': '3', 'max-size': '10m' },
    };
  }

  /** A container that succeeds by becoming healthy, lingers and ends. */
  private preparation(script: string, timeoutSeconds: number) {
    const wrapped = `set -e\n${script}\ntouch ${DONE}\nexec sleep ${LINGER_SECONDS}`;
    return {
      entrypoint: ['sh', '-c', escapeTemplate(wrapped)],
      restart: 'no',
      mustRun: false,
      wait: true,
      waitTimeout: timeoutSeconds,
    };
  }

  private containerConfig(
    container: Container,
    kind: Kind,
    health: ContainerHealthcheck | undefined,
    labels: Record<string, string> = {},
  ) {
    const { spec } = container;
    if ((spec.readOnlyRoot ?? false) && (spec.files ?? []).length > 0) {
      throw new ValidationError(
        container,
        'readOnlyRoot',
        true,
        'Docker can not place files on a read-only root: leave out files, or readOnlyRoot',
      );
    }
    const resources = this.resourceConfig(container, spec.resources);
    const mounts = this.mounts(container);
    const uploads: ContainerUpload[] = (spec.files ?? []).map((file) => ({
      file: file.path,
      content: file.content,
      // The provider's own `executable` lets only root run the file.
      permissions: file.executable ? '0755' : undefined,
    }));
    const environment = Object.entries(spec.environment ?? {}).map(([key, value]) => escapeTemplate(`${key}=${value}`));
    const dependsOn: ITerraformDependable[] = [...mounts.dependsOn];
    for (const other of spec.dependsOn ?? []) dependsOn.push(...other.dependables);
    return {
      ...this.common(container.componentPath, kind, spec.capabilities, {
        ...labels,
        'cdktf-mlops.fixed': fixed(health, mounts.tmpfs, resources.cpuQuota),
      }),
      ...resources,
      healthcheck: health,
      entrypoint: spec.entrypoint?.map(escapeTemplate),
      command: spec.command?.map(escapeTemplate),
      env: environment.length > 0 ? environment.sort() : undefined,
      upload: uploads.length > 0 ? uploads : undefined,
      user: spec.user,
      readOnly: spec.readOnlyRoot,
      volumes: mounts.volumes,
      tmpfs: mounts.tmpfs,
      dependsOn,
      lifecycle: mounts.replaceTriggeredBy.length > 0 ? { replaceTriggeredBy: mounts.replaceTriggeredBy } : {},
    };
  }

  private resourceConfig(container: Container, resources: Resources | undefined) {
    if (resources?.gpu?.number !== undefined) {
      throw new ValidationError(
        container,
        'resources.gpu',
        resources.gpu.number,
        "Docker's provider can give all processors or none: use Gpu.all()",
      );
    }
    const memory = resources?.memoryBytes === undefined ? undefined : Math.ceil(resources.memoryBytes / 2 ** 20);
    const cpu = resources?.cpuMillis;
    return {
      memory,
      // Without it every later plan shows a change; equal to the memory it means "no swap".
      memorySwap: memory,
      cpuPeriod: cpu === undefined ? undefined : 100_000,
      cpuQuota: cpu === undefined ? undefined : cpu * 100,
      gpus: resources?.gpu === undefined ? undefined : 'all',
    };
  }

  private mounts(container: Container) {
    const { spec } = container;
    const volumes: ContainerVolumes[] = [];
    const owned: ContainerVolumes[] = [];
    const tmpfs: Record<string, string> = {};
    const dependsOn: ITerraformDependable[] = [];
    const replaceTriggeredBy: string[] = [];
    for (const volume of spec.volumes ?? []) {
      switch (volume.kind) {
        case VolumeKind.SCRATCH:
          tmpfs[volume.mountPath] = 'rw,nosuid,nodev,mode=1777';
          break;
        case VolumeKind.HOST:
          volumes.push({ hostPath: volume.hostPath, containerPath: volume.mountPath, readOnly: true });
          break;
        case VolumeKind.EXISTING:
          volumes.push({ volumeName: volume.name, containerPath: volume.mountPath, readOnly: volume.readOnly });
          break;
        case VolumeKind.LIVE:
          volumes.push({ volumeName: volume.directory!.physicalName, containerPath: volume.mountPath });
          dependsOn.push(...volume.directory!.dependables);
          break;
        case VolumeKind.PERSISTENT: {
          const { name: volumeName } = this.persistentVolume(container, volume);
          volumes.push({ volumeName, containerPath: volume.mountPath });
          owned.push({ volumeName, containerPath: `/volumes/${owned.length}` });
          break;
        }
      }
    }
    if (spec.secretBundle !== undefined) {
      volumes.push({
        volumeName: `${spec.secretBundle.physicalName}-secrets`,
        containerPath: SECRETS_DIRECTORY,
        readOnly: true,
      });
      dependsOn.push(...spec.secretBundle.dependables);
      const version = spec.secretBundle.node.tryFindChild('version') as DataResource | undefined;
      if (version !== undefined) replaceTriggeredBy.push(bareAddress(version));
    }
    if (Object.keys(spec.secrets ?? {}).length > 0) {
      const owner = this.requireUser(container);
      const made = this.secretVolume(
        container,
        container.physicalName,
        container.componentPath,
        spec.secrets!,
        owner,
        owned,
      );
      volumes.push({ volumeName: made.volume.name, containerPath: SECRETS_DIRECTORY, readOnly: true });
      dependsOn.push(...made.prepared);
      replaceTriggeredBy.push(bareAddress(made.version));
    } else if (spec.user !== undefined && owned.length > 0) {
      const prepared = this.prepare(container, `${container.physicalName}-prepare`, container.componentPath, {
        script: chownScript(spec.user, owned),
        volumes: owned,
      });
      dependsOn.push(prepared);
    }
    return { volumes, tmpfs: Object.keys(tmpfs).length > 0 ? tmpfs : undefined, dependsOn, replaceTriggeredBy };
  }

  private requireUser(container: Container): string {
    const { user } = container.spec;
    if (user === undefined) {
      throw new ValidationError(container, 'user', undefined, "name the numeric 'uid:gid' that may read the secrets");
    }
    return user.includes(':') ? user : `${user}:${user}`;
  }

  private persistentVolume(container: Container, volume: Volume): DockerVolume {
    const name = this.claimName(container, `${container.physicalName}-${volume.name}`);
    return this.volume(container, `volume-${volume.name}`, name, container.componentPath, volume.protect);
  }

  private volume(scope: Construct, id: string, name: string, path: string, protect: boolean): DockerVolume {
    return new DockerVolume(scope, id, {
      name,
      labels: this.labels(path, 'workload'),
      lifecycle: protect && !isUnprotected(this) ? { preventDestroy: true } : undefined,
    });
  }

  /**
   * A volume with the secrets as files. They are uploaded into a container of their own, because one sensitive upload
   * makes a plan hide all uploads of its container, and because uploads belong to root.
   */
  private secretVolume(
    scope: Construct,
    name: string,
    path: string,
    secrets: Record<string, Secret>,
    owner: string,
    owned: ContainerVolumes[],
  ) {
    const volumeName = this.claimName(scope, `${name}-secrets`);
    const volume = this.volume(scope, 'secrets', volumeName, path, false);
    const files = Object.keys(secrets).sort();
    // The trigger is the values' digest and not the preparing container: that one may be pruned and come back.
    const version = new DataResource(scope, 'version', {
      triggersReplace: Fn.sensitive(
        Fn.sha256(
          Fn.join(
            '\n',
            files.map((f) => secrets[f].value),
          ),
        ),
      ),
    });
    const prepared = this.prepare(scope, `${name}-prepare`, path, {
      script: [
        // What is no longer handed over must not stay.
        `for f in /secrets/*; do case "$(basename "$f")" in ${files.join('|')}) ;; *) rm -f "$f" ;; esac; done`,
        ...files.map(
          (f) =>
            `cp /upload/${f} /secrets/.${f} && chown ${owner} /secrets/.${f} && chmod 0400 /secrets/.${f} && mv -f /secrets/.${f} /secrets/${f}`,
        ),
        `chown ${owner} /secrets && chmod 0500 /secrets`,
        ...(owned.length > 0 ? [chownScript(owner, owned)] : []),
      ].join('\n'),
      volumes: [{ volumeName: volume.name, containerPath: '/secrets' }, ...owned],
      upload: files.map((f) => ({ file: `/upload/${f}`, content: secrets[f].value, permissions: '0400' })),
    });
    return { volume, version, prepared: [prepared] };
  }

  private prepare(
    scope: Construct,
    name: string,
    path: string,
    what: { script: string; volumes: ContainerVolumes[]; upload?: ContainerUpload[] },
  ): DockerContainer {
    return new DockerContainer(scope, 'prepare', {
      ...this.common(path, 'secrets', HANDOVER_CAPABILITIES),
      healthcheck: doneCheck(60),
      ...this.preparation(what.script, 60),
      name: this.claimName(scope, name),
      image: this.imageId(scope, Image.fromCatalog('busybox')),
      user: '0:0',
      networkMode: 'none',
      volumes: what.volumes,
      upload: what.upload,
    });
  }

  private checkCreateFirst(workload: Workload): void {
    if ((workload.props.ports ?? []).some((port) => port.publish !== undefined)) {
      throw new ValidationError(
        workload,
        'update',
        workload.update,
        'two containers can not publish one port: use UpdateStrategy.REPLACE, or publish a gateway in front of it',
      );
    }
    if ((workload.spec.volumes ?? []).some((volume) => volume.kind === VolumeKind.PERSISTENT)) {
      throw new ValidationError(
        workload,
        'update',
        workload.update,
        'two containers would write to one volume: use UpdateStrategy.REPLACE',
      );
    }
    if ((workload.spec.dependsOn ?? []).length > 0) {
      throw new ValidationError(
        workload,
        'dependsOn',
        (workload.spec.dependsOn ?? []).map((c) => c.node.path),
        'on Docker put what it depends on into another stack, or use UpdateStrategy.REPLACE: Terraform would create the dependencies first too, under names that are taken',
      );
    }
    if (workload.spec.secrets !== undefined || (workload.spec.secretBundle?.dependables ?? []).length > 0) {
      throw new ValidationError(
        workload,
        'update',
        workload.update,
        'on Docker take its secrets from a SecretBundle of another stack, or use UpdateStrategy.REPLACE',
      );
    }
  }
}

/** `replace_triggered_by` is the one place where Terraform refuses the `${}` that cdktf would write. */
function bareAddress(resource: DataResource): string {
  return `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
}

/** Health check of a preparation: its script has ended well. */
function doneCheck(timeoutSeconds: number): ContainerHealthcheck {
  return {
    test: ['CMD', 'test', '-f', DONE],
    interval: '1s',
    timeout: '5s',
    startPeriod: '0s',
    retries: timeoutSeconds,
  };
}

/**
 * A digest of what the provider claims to change in place while the Engine does not: as a label, which forces a
 * replacement, it makes a change of them real.
 */
function fixed(...parts: unknown[]): string {
  return shortHash(JSON.stringify(parts.map((part) => part ?? null)));
}

function chownScript(owner: string, volumes: ContainerVolumes[]): string {
  // Docker gives a volume that is empty when it is first mounted the image's content and owner; the file prevents it.
  return volumes
    .map(({ containerPath }) => `touch ${containerPath}/.cdktf-mlops && chown ${owner} ${containerPath}`)
    .join('\n');
}
