import { Construct } from 'constructs';
import { checkComponent, checkGiven } from '../core/component';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { checkLabel } from '../core/names';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkWhole } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { SecretBundle } from '../core/secret-bundle';
import { withoutOwn } from '../core/words';
import { Autoscaling, LiveTarget, UpdateStrategy, Workload } from '../core/workload';

/** Port of the Open Inference Protocol. */
export const MODEL_PORT = 8080;
/** Port of a model server's metrics. */
export const MODEL_METRICS_PORT = 8082;

/** What {@link ModelServer} takes. */
export interface ModelServerProps {
  readonly platform: IPlatform;
  /** Name under which it answers, `/v2/models/<name>`. RFC 1123 label. @default - the registered model's name */
  readonly modelName?: string;
  /**
   * The version to serve, as `models:/<name>/<version>`. A server resolves it once, when it loads, so that an alias
   * (`models:/<name>@champion`) is refused unless `allowAlias` is set.
   */
  readonly modelUri: string;
  /** Serve what an alias names at the time of each start. @default false */
  readonly allowAlias?: boolean;
  /** Where the model is kept. */
  readonly trackingEndpoint: Endpoint;
  /** User that reads the registry. */
  readonly username: string;
  /** That user's password; excludes `credentials`. @default - none */
  readonly password?: Secret;
  /** A bundle of another stack with a file `registry-password`; excludes `password`. @default - none */
  readonly credentials?: SecretBundle;
  /** @default - the image that training runs in too */
  readonly image?: Image;
  /** 0 or more. @default 1 */
  readonly replicas?: number;
  /** Kubernetes only. @default - none */
  readonly autoscaling?: Autoscaling;
  /** @default - 1 core, 1Gi */
  readonly resources?: Resources;
  /** @default - inside the environment only: the gateway is the way in */
  readonly publish?: Publish;
  /** Environment variables; never a secret. @default - none */
  readonly environment?: Record<string, string>;
  /** @default UpdateStrategy.REPLACE */
  readonly update?: UpdateStrategy;
  /** Seconds that requests under way may take at the end. @default 30 */
  readonly stopSeconds?: number;
  /** Component paths of workloads that ask it, where workloads reach only what is declared. @default - none */
  readonly reachedBy?: string[];
  /** How Prometheus finds its replicas where it discovers targets. @default - by its name only */
  readonly scrape?: LiveTarget;
}

const KEYS: Record<keyof ModelServerProps, true> = {
  platform: true,
  modelName: true,
  modelUri: true,
  allowAlias: true,
  trackingEndpoint: true,
  username: true,
  password: true,
  credentials: true,
  image: true,
  replicas: true,
  autoscaling: true,
  resources: true,
  publish: true,
  environment: true,
  update: true,
  stopSeconds: true,
  reachedBy: true,
  scrape: true,
};

/** Parts of `models:/<name>/<version>` or `models:/<name>@<alias>`. */
const MODEL_URI =
  /^models:\/(?<name>[a-z0-9]([-a-z0-9]*[a-z0-9])?)(?:\/(?<version>[1-9]\d*)|@(?<alias>[A-Za-z][\w-]*))$/;

/** MLServer with MLflow's runtime: serves one registered version by the Open Inference Protocol v2. */
export class ModelServer extends Construct {
  /** Name under which it answers. */
  public readonly modelName: string;
  /** Open Inference Protocol. */
  public readonly endpoint: Endpoint;
  /** What runs it. */
  public readonly workload: Workload;

  constructor(scope: Construct, id: string, props: ModelServerProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const match = MODEL_URI.exec(props.modelUri);
    check(
      match !== null,
      this,
      'modelUri',
      props.modelUri,
      "write 'models:/<name>/<version>', for example 'models:/cancer/3'",
    );
    check(
      match.groups!.alias === undefined || (props.allowAlias ?? false),
      this,
      'modelUri',
      props.modelUri,
      'name a version: an alias is resolved only when the server starts; or pass allowAlias: true',
    );
    this.modelName = props.modelName ?? match.groups!.name;
    checkLabel(this, 'modelName', this.modelName);
    if (props.replicas !== undefined) checkWhole(this, 'replicas', props.replicas, 0, 1000);
    check(
      (props.password === undefined) !== (props.credentials === undefined),
      this,
      'password',
      '(not shown)',
      'give either password or credentials',
    );
    checkGiven(this, props, {
      trackingEndpoint: "give the registry's endpoint, or Endpoint.fromUrl",
      username: "give the registry's user that the server reads with",
    });
    const own = {
      MLOPS_MODEL_NAME: this.modelName,
      MLOPS_MODEL_URI: props.modelUri,
      MLFLOW_TRACKING_URI: props.trackingEndpoint.url,
      // By the registry, and not past it: nothing but the registry reaches the artifact store.
      MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'false',
      MLFLOW_TRACKING_USERNAME: props.username,
      MLFLOW_TRACKING_PASSWORD_FILE: '/run/secrets/registry-password',
    };
    this.workload = new Workload(this, 'Resource', {
      platform: props.platform,
      image: props.image ?? Image.fromCatalog('model-runtime'),
      entrypoint: ['mlops-serve'],
      environment: { ...withoutOwn(this, props.environment ?? {}, own), ...own },
      secrets: props.password === undefined ? undefined : { 'registry-password': props.password },
      secretBundle: props.credentials,
      user: '1000:1000',
      ports: [
        { name: 'http', port: MODEL_PORT, publish: props.publish },
        { name: 'metrics', port: MODEL_METRICS_PORT },
      ],
      healthCheck: HealthCheck.http(`/v2/models/${this.modelName}/ready`, MODEL_PORT, { startSeconds: 300 }),
      replicas: props.replicas,
      autoscaling: props.autoscaling,
      resources: props.resources ?? Resources.of({ cpu: '1', memory: '1Gi' }),
      reaches: [props.trackingEndpoint],
      update: props.update,
      stopSeconds: props.stopSeconds,
      reachedBy: props.reachedBy,
      scrape: props.scrape,
    });
    this.endpoint = this.workload.endpoint('http');
  }
}
