import { Construct } from 'constructs';
import { checkComponent } from '../core/component';
import { Endpoint } from '../core/endpoint';
import { check, checkKeys, Said } from '../core/errors';
import { LiveDirectory, PublishedFiles } from '../core/live-directory';
import { checkLabel } from '../core/names';
import { IPlatform } from '../core/platform';
import { checkWhole, parseCpu, parseMemory } from '../core/quantity';
import { Resources } from '../core/resources';
import { SecretBundle } from '../core/secret-bundle';
import { Autoscaling, UpdateStrategy } from '../core/workload';
import { METRICS_PORT, RELEASE_FILE, releaseHash, renderReleaseConfig } from './haproxy';
import { ModelServer } from './model-server';
import { MODELS_JOB } from './serving-observability';

/** One version of a model and its share of the model's traffic. */
export interface ReleasedVersion {
  /** Version in the environment's registry: 1 or more. */
  readonly version: number;
  /** Per cent of the model's requests, a whole number from 0 to 100; the shares of a model add up to 100. */
  readonly share: number;
}

/** What is served of one model. */
export interface ReleasedModel {
  /** One entry for each version that runs. */
  readonly versions: ReleasedVersion[];
  /** Servers of each version; excludes `autoscaling`. @default 1 */
  readonly replicas?: number;
  /**
   * Bounds between which a cluster scales the servers of each version; on one machine the lower one is how many run.
   * @default - none, or as `highlyAvailable` of the release says
   */
  readonly autoscaling?: Autoscaling;
  /** Processor limit of each server, for example `500m`. @default 1 */
  readonly cpu?: string;
  /** Memory limit of each server. @default 1Gi */
  readonly memory?: string;
}

/** Which model versions an environment serves, with which share of the traffic. The content of `releases/<env>.json`. */
export interface ReleaseData {
  /** By the registered model's name. */
  readonly models: Record<string, ReleasedModel>;
}

/** What {@link Release} takes. */
export interface ReleaseProps {
  /** A platform that joins the environment's network. */
  readonly platform: IPlatform;
  readonly data: ReleaseData;
  /**
   * Scale the servers of each version of a model whose data says neither `replicas` nor `autoscaling` from two to four;
   * on one machine, two run. @default false
   */
  readonly highlyAvailable?: boolean;
  /** Where the versions are kept. @default - the registry of the environment, by its name */
  readonly trackingEndpoint?: Endpoint;
  /** User that reads the registry. @default serving */
  readonly username?: string;
  /** File `registry-password`. @default - the bundle `model-credentials` of the environment */
  readonly credentials?: SecretBundle;
}

const KEYS: Record<keyof ReleaseProps, true> = {
  platform: true,
  data: true,
  highlyAvailable: true,
  trackingEndpoint: true,
  username: true,
  credentials: true,
};

/** Name of the live directory through which a release reaches gateway and Prometheus. */
export const RELEASE_DIRECTORY = 'release';
/** Name of the bundle with the credentials that model servers read the registry with. */
export const MODEL_CREDENTIALS = 'model-credentials';
/** How model servers of a highly available release are scaled. */
const HIGHLY_AVAILABLE: Autoscaling = { minReplicas: 2, maxReplicas: 4 };
/** File with the gateway's backends. */
export const ROUTES_FILE = RELEASE_FILE;
/** File with Prometheus' targets. */
export const TARGETS_FILE = 'model-targets.json';

/**
 * A release: one server for each version, and the gateway's shares. A change starts new servers, moves the shares in
 * the running gateway once they are healthy, and only then stops old servers; the environment is not touched.
 */
export class Release extends Construct {
  /** The servers, by `<model>/v<version>`. */
  public readonly servers: Record<string, ModelServer>;

  constructor(scope: Construct, id: string, props: ReleaseProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform, data } = props;
    this.checkData(data);
    const { highlyAvailable } = props;
    check(
      highlyAvailable === undefined || typeof highlyAvailable === 'boolean',
      this,
      'highlyAvailable',
      highlyAvailable,
      'give true or false',
    );
    const trackingEndpoint = props.trackingEndpoint ?? Endpoint.fromUrl(`http://${platform.hostOf('registry')}:5000`);
    const credentials = props.credentials ?? SecretBundle.fromName(this, 'credentials', platform, MODEL_CREDENTIALS);

    const servers: Record<string, ModelServer> = {};
    for (const [name, model] of Object.entries(data.models)) {
      const models = new Construct(this, name);
      const scaled =
        model.autoscaling ??
        ((highlyAvailable ?? false) && model.replicas === undefined ? HIGHLY_AVAILABLE : undefined);
      for (const { version } of model.versions) {
        servers[`${name}/v${version}`] = new ModelServer(models, `v${version}`, {
          platform,
          modelUri: `models:/${name}/${version}`,
          trackingEndpoint,
          username: props.username ?? 'serving',
          credentials,
          ...(platform.spreadsReplicas
            ? { replicas: model.replicas, autoscaling: scaled }
            : { replicas: scaled?.minReplicas ?? model.replicas }),
          resources: Resources.of({ cpu: model.cpu ?? '1', memory: model.memory ?? '1Gi' }),
          update: UpdateStrategy.CREATE_FIRST,
          reachedBy: ['gateway', 'monitoring/prometheus'],
          scrape: { job: MODELS_JOB, port: 'metrics', labels: { model: name, version: String(version) } },
        });
      }
    }
    this.servers = servers;

    const server = (name: string, version: number) => servers[`${name}/v${version}`];
    const routes = renderReleaseConfig(
      {
        models: Object.entries(data.models).map(([name, model]) => ({
          name,
          versions: model.versions.map(({ version, share }) => ({
            version: String(version),
            share,
            host: server(name, version).endpoint.host,
            port: server(name, version).endpoint.port,
            replicas: server(name, version).workload.replicaAddresses('http').length,
          })),
        })),
      },
      this,
    );
    new PublishedFiles(this, 'shares', {
      platform,
      directory: LiveDirectory.fromName(this, 'directory', platform, RELEASE_DIRECTORY),
      files: {
        [ROUTES_FILE]: routes,
        [TARGETS_FILE]: `${JSON.stringify(
          Object.entries(data.models).flatMap(([name, model]) =>
            model.versions.map(({ version }) => ({
              targets: server(name, version).workload.replicaAddresses('metrics'),
              labels: { model: name, version: String(version) },
            })),
          ),
          undefined,
          2,
        )}\n`,
      },
      confirm: [
        {
          file: ROUTES_FILE,
          url: `http://${platform.hostOf('gateway')}:${METRICS_PORT}/-/release`,
          text: `"release":"${releaseHash(routes)}"`,
        },
      ],
      // The gateway confirms when its last old worker has answered its last request.
      timeoutSeconds: 180,
      names: Object.values(servers).map((s) => s.workload),
    });
  }

  private checkData(data: ReleaseData): void {
    checkKeys(this, 'data', data, ['models']);
    check(
      typeof data.models === 'object' && data.models !== null && !Array.isArray(data.models),
      this,
      'data.models',
      data.models,
      'give an object of models by name',
    );
    for (const [name, model] of Object.entries(data.models)) {
      const prop = `data.models.${name}`;
      checkLabel(this, prop, name);
      checkKeys(this, prop, model, ['versions', 'replicas', 'autoscaling', 'cpu', 'memory']);
      check(
        Array.isArray(model.versions) && model.versions.length > 0,
        this,
        `${prop}.versions`,
        model.versions,
        'name at least one version',
      );
      const seen = new Set<number>();
      for (const [index, entry] of model.versions.entries()) {
        const at = `${prop}.versions[${index}]`;
        checkKeys(this, at, entry, ['version', 'share']);
        checkWhole(this, `${at}.version`, entry.version, 1, 1_000_000_000);
        checkWhole(this, `${at}.share`, entry.share, 0, 100);
        const twice = new Said(`names version ${entry.version} twice`);
        check(!seen.has(entry.version), this, `${prop}.versions`, twice, 'name each version once');
        seen.add(entry.version);
      }
      const sum = model.versions.reduce((total, entry) => total + entry.share, 0);
      check(sum === 100, this, `${prop}.versions`, model.versions, `the shares must add up to 100, not ${sum}`);
      if (model.replicas !== undefined) checkWhole(this, `${prop}.replicas`, model.replicas, 1, 100);
      if (model.autoscaling !== undefined) this.checkAutoscaling(prop, model.autoscaling, model.replicas);
      if (model.cpu !== undefined) parseCpu(this, `${prop}.cpu`, model.cpu);
      if (model.memory !== undefined) parseMemory(this, `${prop}.memory`, model.memory);
    }
  }

  private checkAutoscaling(model: string, scaling: Autoscaling, replicas: number | undefined): void {
    const prop = `${model}.autoscaling`;
    checkKeys(this, prop, scaling, ['minReplicas', 'maxReplicas', 'cpuPercent']);
    const { minReplicas, maxReplicas, cpuPercent } = scaling;
    checkWhole(this, `${prop}.minReplicas`, minReplicas, 1, 100);
    checkWhole(this, `${prop}.maxReplicas`, maxReplicas, 1, 100);
    check(
      maxReplicas >= minReplicas,
      this,
      `${prop}.maxReplicas`,
      maxReplicas,
      `want at least minReplicas, which is ${minReplicas}`,
    );
    checkWhole(this, `${prop}.cpuPercent`, cpuPercent ?? 80, 1, 100);
    check(replicas === undefined, this, `${model}.replicas`, replicas, 'leave it out: autoscaling has minReplicas');
  }
}
