import { Construct } from 'constructs';
import { checkComponent, checkExisting } from '../core/component';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { Image } from '../core/image';
import { Job } from '../core/job';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Volume } from '../core/volume';
import { withoutOwn } from '../core/words';
import { MODEL_REGISTRIES } from '../registry/existing';
import { IModelRegistry } from '../registry/model-registry';
import { trainingObservability } from './training-observability';

/** What {@link TrainingRunner} takes. */
export interface TrainingRunnerProps {
  readonly platform: IPlatform;
  /** Where runs are logged and models are registered. */
  readonly registry: IModelRegistry;
  /** @default - the image that model servers run too, so that what was trained can be served */
  readonly image?: Image;
  /** Limits of one run. @default - 2 cores, 4Gi */
  readonly resources?: Resources;
  /** How many runs may be under way at once. @default 1 */
  readonly concurrency?: number;
  /** Data that runs read. @default - none */
  readonly volumes?: Volume[];
  /** Where runs push their outcome for Prometheus. @default - nowhere */
  readonly pushgateway?: Endpoint;
  /** Environment variables of every run; never a secret. @default - none */
  readonly environment?: Record<string, string>;
  /** Secrets of every run, as files in `/run/secrets`. @default - only the registry's password */
  readonly secrets?: Record<string, Secret>;
  /** Days after which an alert says that no run has succeeded. @default 30 */
  readonly maxAgeDays?: number;
}

const KEYS: Record<keyof TrainingRunnerProps, true> = {
  platform: true,
  registry: true,
  image: true,
  resources: true,
  concurrency: true,
  volumes: true,
  pushgateway: true,
  environment: true,
  secrets: true,
  maxAgeDays: true,
};

/**
 * Where models are trained: image, limits, data and rights, declared by a deploy and used from outside of it. A run is
 * started by `cdktf-mlops train`, by a schedule or by a pipeline.
 */
export class TrainingRunner extends Construct implements IObservable {
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: TrainingRunnerProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    checkExisting(this, 'registry', props.registry, MODEL_REGISTRIES);
    const own = {
      MLFLOW_TRACKING_URI: props.registry.endpoint.url,
      // By the registry, and not past it: nothing but the registry reaches the artifact store.
      MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'false',
      MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: 'false',
      MLFLOW_TRACKING_USERNAME: props.registry.trainingUser.username,
      MLFLOW_TRACKING_PASSWORD_FILE: '/run/secrets/registry-password',
      // Where a person finds the run's page.
      MLOPS_REGISTRY_PUBLIC_URL: props.registry.endpoint.publishedUrl ?? props.registry.endpoint.url,
      ...(props.pushgateway === undefined ? {} : { MLOPS_PUSHGATEWAY_URL: props.pushgateway.url }),
    };
    check(
      !Object.hasOwn(props.secrets ?? {}, 'registry-password'),
      this,
      'secrets',
      'registry-password',
      'choose another name: the password of the training user has this one',
    );
    const job = new Job(this, 'Resource', {
      platform: props.platform,
      image: props.image ?? Image.fromCatalog('model-runtime'),
      entrypoint: ['mlops-train'],
      environment: { ...withoutOwn(this, props.environment ?? {}, own), ...own },
      secrets: { ...props.secrets, 'registry-password': props.registry.trainingUser.password },
      user: '1000:1000',
      volumes: props.volumes,
      resources: props.resources ?? Resources.of({ cpu: '2', memory: '4Gi' }),
      concurrency: props.concurrency,
      reaches: [props.registry.endpoint, ...(props.pushgateway === undefined ? [] : [props.pushgateway])],
    });
    this.containers = [job];
    this.observability = trainingObservability({ maxAgeDays: props.maxAgeDays });
  }
}
