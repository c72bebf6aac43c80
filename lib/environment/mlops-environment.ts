import { Fn } from 'cdktf';
import { Construct } from 'constructs';
import { Backup } from '../backup/backup';
import { checkComponent, checkExisting, Kind } from '../core/component';
import { Endpoint } from '../core/endpoint';
import { check, checkKeys, Said } from '../core/errors';
import { LiveDirectory } from '../core/live-directory';
import { componentPath } from '../core/names';
import { IObservable } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkPort, checkWhole, parseCpu, parseMemory, parseStorage } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { SecretBundle } from '../core/secret-bundle';
import { IJenkins, Jenkins, JENKINS_LIMITS } from '../jenkins/jenkins';
import { Monitoring } from '../monitoring/monitoring';
import { Pushgateway } from '../monitoring/pushgateway';
import { ArtifactStore, IArtifactStore } from '../registry/artifact-store';
import { ContainerRegistry, IContainerRegistry } from '../registry/container-registry';
import { Database, IDatabase } from '../registry/database';
import { ARTIFACT_STORES, DATABASES, MODEL_REGISTRIES } from '../registry/existing';
import { IModelRegistry, ModelRegistry, REGISTRY_LIMITS } from '../registry/model-registry';
import { Gateway, GATEWAY_LIMITS, GATEWAY_USER } from '../serving/gateway';
import { MODEL_CREDENTIALS, RELEASE_DIRECTORY } from '../serving/release';
import { modelServersObservability } from '../serving/serving-observability';
import { TrainingRunner } from '../training/training-runner';
import {
  ArtifactsConfiguration,
  BackupsConfiguration,
  ContainersConfiguration,
  DatabaseConfiguration,
  GatewayConfiguration,
  IngressConfiguration,
  JenkinsConfiguration,
  MonitoringConfiguration,
  RegistryConfiguration,
  TrainingConfiguration,
} from './configuration';

/** What {@link MlopsEnvironment} takes: a platform, and for each component what differs from its defaults. */
export interface MlopsEnvironmentProps {
  /** Where it runs; names the environment. */
  readonly platform: IPlatform;
  /**
   * The PostgreSQL server in which the model registry keeps runs, versions and users.
   * @default - a server on a volume, not published
   */
  readonly database?: DatabaseConfiguration;
  /**
   * The S3 server in which the model registry keeps models and other files of runs.
   * @default - a server on a volume, not published
   */
  readonly artifacts?: ArtifactsConfiguration;
  /** The MLflow server that records training runs and the versions of models. @default - made, not published */
  readonly registry?: RegistryConfiguration;
  /** Where `cdktf-mlops train` runs a project: limits, and how many at once. @default - made */
  readonly training?: TrainingConfiguration;
  /** The entry for clients, which divides their requests among the released versions. @default - made, not published */
  readonly gateway?: GatewayConfiguration;
  /** The registry to which container images are pushed. @default - made, not published */
  readonly containers?: ContainersConfiguration;
  /** The Jenkins controller, which is configured as code. @default - made, not published */
  readonly jenkins?: JenkinsConfiguration;
  /**
   * Prometheus, Alertmanager and Grafana, which watch all of the others.
   * @default - made, not published, without receivers of alerts
   */
  readonly monitoring?: MonitoringConfiguration;
  /** Scheduled backups of the registry's database and artifacts, into another store. @default - none */
  readonly backups?: BackupsConfiguration;
  /** How components that have a `host` are reached through a cluster's ingress controller. @default - plain HTTP */
  readonly ingress?: IngressConfiguration;
  /**
   * Two replicas of what can have them, the model registry and the gateway, so that the loss of a machine is no outage.
   * Without effect on one machine (Docker): replicas would share its fate, and a published port belongs to one
   * container. What keeps data on a volume has one replica anywhere. @default false
   */
  readonly highlyAvailable?: boolean;
  /**
   * Refuse every plan that would destroy database, artifacts, backups, Jenkins' home, images or metrics, until
   * `cdktf-mlops unprotect <environment>` lifts it. @default false
   */
  readonly protect?: boolean;
}

/** What a person needs to know of a component, for status tables and outputs. */
export interface ComponentDescription {
  /** Path below the environment, for example `monitoring/prometheus`. */
  readonly name: string;
  /** URL on the machine, or inside the environment where it is not published. */
  readonly url: string;
  /** Path that answers with a status below 400 while it is healthy. */
  readonly healthPath: string;
  /** Key of {@link MlopsEnvironment.credentials}. @default - needs none */
  readonly credentials?: string;
}

/** The keys of a struct, each of them. */
type KeysOf<T> = Record<keyof T, true>;

/** Keys of each configuration; a plain JavaScript, JSON or Python caller gets no compiler's help. */
const KEYS: {
  database: KeysOf<DatabaseConfiguration>;
  artifacts: KeysOf<ArtifactsConfiguration>;
  registry: KeysOf<RegistryConfiguration>;
  training: KeysOf<TrainingConfiguration>;
  gateway: KeysOf<GatewayConfiguration>;
  containers: KeysOf<ContainersConfiguration>;
  jenkins: KeysOf<JenkinsConfiguration>;
  monitoring: KeysOf<MonitoringConfiguration>;
  backups: KeysOf<BackupsConfiguration>;
  ingress: KeysOf<IngressConfiguration>;
} = {
  database: { existing: true, storage: true },
  artifacts: { existing: true, storage: true },
  registry: {
    existing: true,
    port: true,
    host: true,
    replicas: true,
    allowedHosts: true,
    cpu: true,
    memory: true,
    alerts: true,
  },
  training: { enabled: true, cpu: true, memory: true, concurrency: true, maxAgeDays: true },
  gateway: {
    enabled: true,
    port: true,
    host: true,
    replicas: true,
    tlsCertificate: true,
    tokens: true,
    cpu: true,
    memory: true,
    alerts: true,
    modelAlerts: true,
  },
  containers: { enabled: true, existing: true, port: true, storage: true },
  jenkins: { enabled: true, existing: true, port: true, host: true, storage: true, cpu: true, memory: true },
  monitoring: {
    enabled: true,
    receivers: true,
    heartbeat: true,
    retentionDays: true,
    storage: true,
    prometheusPort: true,
    alertmanagerPort: true,
    grafanaPort: true,
    grafanaHost: true,
    alerts: true,
  },
  backups: { enabled: true, target: true, storage: true, schedule: true, keep: true },
  ingress: { className: true, tlsSecretName: true },
};

/** What an `existing` component has, and where it comes from. */
const EXISTING: Readonly<Record<string, Kind>> = {
  database: DATABASES,
  artifacts: ARTIFACT_STORES,
  registry: MODEL_REGISTRIES,
  containers: { factory: 'ContainerRegistry.fromAddress', members: ['address'] },
  jenkins: { factory: 'Jenkins.fromUrl', members: ['endpoint'] },
};

/**
 * Everything that one stage needs: database, artifact store, model registry, training runner, gateway, container
 * registry, Jenkins and monitoring, wired together. What is served is a {@link Release} in a stack of its own.
 */
export class MlopsEnvironment extends Construct {
  public readonly registry: IModelRegistry;
  public readonly training?: TrainingRunner;
  public readonly gateway?: Gateway;
  public readonly containers?: IContainerRegistry;
  public readonly jenkins?: IJenkins;
  public readonly monitoring?: Monitoring;
  public readonly backup?: Backup;
  /** What a person needs to know of each component. */
  public readonly components: ComponentDescription[] = [];
  private readonly secrets: Record<string, { username?: string; password: Secret }> = {};

  constructor(scope: Construct, id: string, props: MlopsEnvironmentProps) {
    super(scope, id);
    this.checkConfiguration(props);
    const { platform } = props;
    const watched: IObservable[] = [];
    const withMonitoring = props.monitoring?.enabled ?? true;

    const made = props.registry?.existing === undefined ? this.makeRegistry(props, watched) : undefined;
    this.registry = made?.registry ?? props.registry!.existing!;
    const monitoringScope = new Construct(this, 'monitoring');
    const pushgateway = withMonitoring
      ? new Pushgateway(monitoringScope, 'pushgateway', { platform, protect: props.protect })
      : undefined;

    if (props.training?.enabled ?? true) {
      this.training = new TrainingRunner(this, 'training', {
        platform,
        registry: this.registry,
        pushgateway: pushgateway?.endpoint,
        resources: Resources.of({ cpu: props.training?.cpu ?? '2', memory: props.training?.memory ?? '4Gi' }),
        concurrency: props.training?.concurrency,
        maxAgeDays: props.training?.maxAgeDays,
      });
      watched.push(this.training);
    }
    if (props.backups !== undefined && (props.backups.enabled ?? true)) {
      this.backup = this.makeBackup(props, props.backups, made!, watched, pushgateway?.endpoint);
    }

    const directory = LiveDirectory.create(this, RELEASE_DIRECTORY, { platform, owner: GATEWAY_USER });
    if (props.gateway?.enabled ?? true) {
      this.gateway = new Gateway(this, 'gateway', {
        platform,
        directory,
        publish: publish(props, props.gateway?.port, props.gateway?.host),
        replicas: replicas(props, props.gateway?.replicas),
        tlsCertificate: props.gateway?.tlsCertificate,
        tokens: props.gateway?.tokens,
        resources: limits(props.gateway, GATEWAY_LIMITS),
        alerts: props.gateway?.alerts,
      });
      watched.push(this.gateway, {
        observability: modelServersObservability({ alerts: props.gateway?.modelAlerts }),
      });
      const users = Object.entries(props.gateway?.tokens ?? {});
      users.forEach(([username, password], index) => {
        this.secrets[index === 0 ? 'gateway' : `gateway-${username}`] = { username, password };
      });
      this.describe('gateway', this.gateway.endpoint, '/-/healthy', users.length > 0 ? 'gateway' : undefined);
    }
    // Released servers live in another stack, which must not see the password itself.
    SecretBundle.create(this, MODEL_CREDENTIALS, {
      platform,
      secrets: { 'registry-password': this.registry.servingUser.password },
      owner: '1000:1000',
    });

    if (props.containers?.enabled ?? true) {
      this.containers = props.containers?.existing ?? this.makeContainers(props, watched);
    }
    if (props.jenkins?.enabled ?? true) {
      this.jenkins = props.jenkins?.existing ?? this.makeJenkins(props, watched);
    }
    if (withMonitoring) {
      this.monitoring = this.makeMonitoring(monitoringScope, props, watched, directory, pushgateway!);
    }
  }

  /**
   * User names and passwords of those components that have them (the gateway's tokens too: `gateway` is the first
   * user's, `gateway-<user>` each other's), as one sensitive value: hand it to a Terraform output
   * that is marked as sensitive, and to nothing else.
   */
  public get credentials(): string {
    return Fn.jsonencode(
      Object.fromEntries(
        Object.entries(this.secrets).map(([name, { username, password }]) => [
          name,
          { ...(username === undefined ? {} : { username }), password: password.value },
        ]),
      ),
    );
  }

  private makeRegistry(
    props: MlopsEnvironmentProps,
    watched: IObservable[],
  ): { registry: ModelRegistry; database: IDatabase; artifacts: IArtifactStore } {
    const { platform } = props;
    const protect = props.protect ?? false;
    let database = props.database?.existing;
    if (database === undefined) {
      const made = new Database(this, 'database', {
        platform,
        databaseName: 'mlflow',
        storage: props.database?.storage,
        protect,
      });
      watched.push(made);
      this.describe('database', made.endpoint, '');
      database = made;
    }
    let artifacts = props.artifacts?.existing;
    if (artifacts === undefined) {
      const made = new ArtifactStore(this, 'artifacts', { platform, storage: props.artifacts?.storage, protect });
      watched.push(made);
      this.describe('artifacts', made.endpoint, '');
      artifacts = made;
    }
    const registry = new ModelRegistry(this, 'registry', {
      platform,
      database,
      artifacts,
      publish: publish(props, props.registry?.port, props.registry?.host),
      replicas: replicas(props, props.registry?.replicas),
      allowedHosts: props.registry?.allowedHosts,
      resources: limits(props.registry, REGISTRY_LIMITS),
      alerts: props.registry?.alerts,
    });
    watched.push(registry);
    this.secrets.registry = registry.admin;
    this.secrets['registry-training'] = registry.trainingUser;
    this.describe('registry', registry.endpoint, '/health', 'registry');
    return { registry, database, artifacts };
  }

  private makeBackup(
    props: MlopsEnvironmentProps,
    configuration: BackupsConfiguration,
    source: {
      readonly registry: ModelRegistry;
      readonly database: IDatabase;
      readonly artifacts: IArtifactStore;
    },
    watched: IObservable[],
    pushgateway: Endpoint | undefined,
  ): Backup {
    const { platform, protect } = props;
    let target = configuration.target;
    if (target === undefined) {
      const store = new ArtifactStore(this, 'backup-store', {
        platform,
        bucket: 'backups',
        storage: configuration.storage,
        protect,
      });
      watched.push(store);
      this.describe('backup-store', store.endpoint, '');
      target = store;
    }
    const backup = new Backup(this, 'backup', {
      platform,
      database: source.database,
      artifacts: source.artifacts,
      dependents: source.registry.containers,
      target,
      schedule: configuration.schedule,
      keep: configuration.keep,
      pushgateway,
    });
    watched.push(backup);
    return backup;
  }

  private makeContainers(props: MlopsEnvironmentProps, watched: IObservable[]): ContainerRegistry {
    const registry = new ContainerRegistry(this, 'containers', {
      platform: props.platform,
      publish: publish(props, props.containers?.port),
      storage: props.containers?.storage,
      protect: props.protect,
    });
    watched.push(registry);
    this.describe('containers', registry.endpoint, '/v2/');
    return registry;
  }

  private makeJenkins(props: MlopsEnvironmentProps, watched: IObservable[]): Jenkins {
    const jenkins = new Jenkins(this, 'jenkins', {
      platform: props.platform,
      publish: publish(props, props.jenkins?.port, props.jenkins?.host),
      storage: props.jenkins?.storage,
      resources: limits(props.jenkins, JENKINS_LIMITS),
      protect: props.protect,
    });
    watched.push(jenkins);
    this.secrets.jenkins = { username: jenkins.adminUsername, password: jenkins.adminPassword };
    this.describe('jenkins', jenkins.endpoint, '/login', 'jenkins');
    return jenkins;
  }

  private makeMonitoring(
    scope: Construct,
    props: MlopsEnvironmentProps,
    watch: IObservable[],
    liveDirectory: LiveDirectory,
    pushgateway: Pushgateway,
  ): Monitoring {
    const configuration = props.monitoring;
    const database = this.registry.database;
    const monitoringUser = database?.monitoringUser;
    const monitoring = new Monitoring(scope, 'Default', {
      platform: props.platform,
      watch,
      liveDirectory,
      pushgateway,
      database:
        database === undefined || monitoringUser === undefined
          ? undefined
          : {
              host: database.endpoint.host,
              port: database.endpoint.port,
              database: database.databaseName,
              username: monitoringUser.username,
              password: monitoringUser.password,
              sslMode: database.sslMode,
            },
      receivers: configuration?.receivers,
      heartbeat: configuration?.heartbeat,
      retentionDays: configuration?.retentionDays,
      storage: configuration?.storage,
      publishPrometheus: publish(props, configuration?.prometheusPort),
      publishAlertmanager: publish(props, configuration?.alertmanagerPort),
      publishGrafana: publish(props, configuration?.grafanaPort, configuration?.grafanaHost),
      alerts: configuration?.alerts,
      protect: props.protect,
    });
    this.secrets.grafana = monitoring.grafanaAdmin;
    this.describe('monitoring/prometheus', monitoring.prometheus, '/-/healthy');
    this.describe('monitoring/alertmanager', monitoring.alertmanager, '/-/healthy');
    this.describe('monitoring/grafana', monitoring.grafana, '/api/health', 'grafana');
    return monitoring;
  }

  private describe(name: string, endpoint: Endpoint, healthPath: string, credentials?: string): void {
    this.components.push({ name, url: endpoint.publishedUrl ?? endpoint.url, healthPath, credentials });
  }

  private checkConfiguration(props: MlopsEnvironmentProps): void {
    checkComponent(this, props, { platform: true, protect: true, highlyAvailable: true, ...KEYS });
    for (const prop of ['protect', 'highlyAvailable'] as const) this.checkFlag(prop, props[prop]);
    check(
      componentPath(this, props.platform.environment) === '',
      this,
      'id',
      this.node.path,
      `give it the environment's name, '${props.platform.environment}', directly below the stack: a release finds its parts by their names`,
    );
    for (const [component, keys] of Object.entries(KEYS)) {
      const configuration = (props as unknown as Record<string, object | undefined>)[component];
      if (configuration === undefined) continue;
      checkKeys(this, component, configuration, Object.keys(keys));
      this.checkComponent(component, configuration as Record<string, unknown>);
    }
    this.checkPorts(props);
    const { training, database, artifacts, registry, gateway, jenkins } = props;
    for (const [component, limited] of Object.entries({ training, registry, gateway, jenkins })) {
      if (limited?.cpu !== undefined) parseCpu(this, `${component}.cpu`, limited.cpu);
      if (limited?.memory !== undefined) parseMemory(this, `${component}.memory`, limited.memory);
    }
    const { containers, monitoring, backups } = props;
    const stateful = { database, artifacts, containers, jenkins, monitoring, backups };
    for (const [component, kept] of Object.entries(stateful)) {
      if (kept?.storage !== undefined) parseStorage(this, `${component}.storage`, kept.storage);
    }
    for (const [component, spread] of Object.entries({ registry, gateway })) {
      if (spread?.replicas !== undefined) checkWhole(this, `${component}.replicas`, spread.replicas, 1, 100);
    }
    this.checkHosts(props);
    this.checkBackups(props);
    if (registry?.existing !== undefined) {
      const useless = database !== undefined ? 'database' : artifacts !== undefined ? 'artifacts' : undefined;
      check(useless === undefined, this, useless ?? '', 'given', 'leave it out: registry.existing has its own');
    }
  }

  private checkComponent(component: string, configuration: Record<string, unknown>): void {
    const { enabled, existing } = configuration;
    this.checkFlag(`${component}.enabled`, enabled);
    if (existing === undefined) return;
    checkExisting(this, `${component}.existing`, existing, EXISTING[component]);
    const useless = Object.keys(configuration).find(
      (key) => key !== 'existing' && key !== 'enabled' && configuration[key] !== undefined,
    );
    check(
      useless === undefined,
      this,
      `${component}.${useless}`,
      'given beside existing',
      'leave it out: what exists is not configured here',
    );
  }

  private checkFlag(prop: string, value: unknown): void {
    check(value === undefined || typeof value === 'boolean', this, prop, value, 'give true or false');
  }

  private checkHosts(props: MlopsEnvironmentProps): void {
    const { registry, gateway, jenkins, monitoring } = props;
    const taken = new Map<string, string>();
    for (const [prop, host, port] of [
      ['registry.host', registry?.host, registry?.port],
      ['gateway.host', gateway?.host, gateway?.port],
      ['jenkins.host', jenkins?.host, jenkins?.port],
      ['monitoring.grafanaHost', monitoring?.grafanaHost, monitoring?.grafanaPort],
    ] as const) {
      if (host === undefined) continue;
      check(port === undefined, this, prop, new Said('is given beside a port'), 'give one of them');
      check(!taken.has(host), this, prop, host, `it is taken by '${taken.get(host)}': choose another host`);
      taken.set(host, prop);
    }
    check(
      gateway?.host === undefined || gateway.tlsCertificate === undefined,
      this,
      'gateway.tlsCertificate',
      new Said('is given beside gateway.host'),
      "leave it out: the ingress controller speaks TLS, with the certificate of 'ingress.tlsSecretName'",
    );
    check(
      props.ingress === undefined || taken.size > 0,
      this,
      'ingress',
      props.ingress,
      "give a component a 'host', or leave it out",
    );
  }

  private checkBackups({ backups, registry }: MlopsEnvironmentProps): void {
    if (backups === undefined) return;
    check(
      registry?.existing === undefined,
      this,
      'backups',
      new Said('is given beside registry.existing'),
      'leave it out: what exists is backed up where it is made',
    );
    if (backups.target === undefined) return;
    checkExisting(this, 'backups.target', backups.target, ARTIFACT_STORES);
    check(
      backups.storage === undefined,
      this,
      'backups.storage',
      new Said('is given beside backups.target'),
      'leave it out: the target has a capacity of its own',
    );
  }

  private checkPorts(props: MlopsEnvironmentProps): void {
    const taken = new Map<number, string>();
    for (const component of Object.keys(KEYS)) {
      const configuration = (props as unknown as Record<string, Record<string, unknown> | undefined>)[component] ?? {};
      for (const [key, port] of Object.entries(configuration)) {
        if (!/^port$|Port$/.test(key) || port === undefined) continue;
        const prop = `${component}.${key}`;
        checkPort(this, prop, port as number);
        if (configuration.enabled === false) continue;
        const owner = taken.get(port as number);
        check(owner === undefined, this, prop, port, `it is taken by '${owner}': choose another port`);
        taken.set(port as number, prop);
      }
    }
  }
}

/** Limits of a component: those that its configuration says, and the usual ones for the rest. */
function limits(
  configuration: { readonly cpu?: string; readonly memory?: string } | undefined,
  usual: { readonly cpu: string; readonly memory: string },
): Resources {
  return Resources.of({ cpu: configuration?.cpu ?? usual.cpu, memory: configuration?.memory ?? usual.memory });
}

/** Replicas of what can have several: as its configuration says, else as the environment's does where that helps. */
function replicas(props: MlopsEnvironmentProps, given: number | undefined): number | undefined {
  return given ?? ((props.highlyAvailable ?? false) && props.platform.spreadsReplicas ? 2 : undefined);
}

function publish(props: MlopsEnvironmentProps, port?: number, host?: string): Publish | undefined {
  if (host !== undefined) return Publish.atHost(host, props.ingress);
  return port === undefined ? undefined : Publish.onLoopback(port);
}
