import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { checkComponent, checkGiven } from '../core/component';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check, checkKeys } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Task } from '../core/task';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';
import { scrapeJobName } from '../monitoring/job-name';
import { artifactStoreObservability } from './storage-observability';

/** A bucket of an S3 server, ours or one that exists: what its users need to know of it. */
export interface IArtifactStore {
  /** The S3 API. */
  readonly endpoint: Endpoint;
  readonly bucket: string;
  /** Region that requests are signed for, for example `us-east-1`. */
  readonly region: string;
  /** Access key id. */
  readonly accessKey: Secret;
  /** Secret access key. */
  readonly secretKey: Secret;
  /** What must be there before it can be used; nothing for a bucket that exists. */
  readonly dependables: ITerraformDependable[];
  /** The workload and the task behind {@link dependables}. */
  readonly containers: Container[];
}

/** What {@link ArtifactStore} takes. */
export interface ArtifactStoreProps {
  readonly platform: IPlatform;
  /** Name of the bucket, as S3 takes it. @default artifacts */
  readonly bucket?: string;
  /** Region that requests are signed for. @default us-east-1 */
  readonly region?: string;
  /** Access key id of the server's one account. @default - generated */
  readonly accessKey?: Secret;
  /** Secret access key of the server's one account. @default - generated */
  readonly secretKey?: Secret;
  /** Capacity of the objects' volume, such as `50Gi`. @default 50Gi */
  readonly storage?: string;
  /** @default - 1 core, 512Mi */
  readonly resources?: Resources;
  /** Make it reachable from outside the environment. @default - inside only */
  readonly publish?: Publish;
  /** Refuse every plan that would destroy the objects. @default false */
  readonly protect?: boolean;
}

/** What {@link ArtifactStore.fromBucket} takes. */
export interface ExistingBucketProps {
  /** The S3 API, for example `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpointUrl: string;
  readonly bucket: string;
  /** @default us-east-1 */
  readonly region?: string;
  readonly accessKey: Secret;
  readonly secretKey: Secret;
}

/** No user of the published image, which runs as root; the server needs its own volume only. */
const USER = '1000:1000';
const PORT = 7070;
const MOUNT = '/data';
const HEALTH = '/health';
const DEFAULT_REGION = 'us-east-1';

const KEYS: Record<keyof ArtifactStoreProps, true> = {
  platform: true,
  bucket: true,
  region: true,
  accessKey: true,
  secretKey: true,
  storage: true,
  resources: true,
  publish: true,
  protect: true,
};

const EXISTING_KEYS: Record<keyof ExistingBucketProps, true> = {
  endpointUrl: true,
  bucket: true,
  region: true,
  accessKey: true,
  secretKey: true,
};

/** Versity's S3 gateway on a volume that outlives it, with one bucket. Objects are plain files on the volume. */
export class ArtifactStore extends Construct implements IArtifactStore, IObservable {
  /** A bucket of any S3 server that exists already. */
  public static fromBucket(props: ExistingBucketProps): IArtifactStore {
    const where = 'ArtifactStore.fromBucket';
    checkKeys(where, 'props', props, Object.keys(EXISTING_KEYS));
    checkGiven(where, props, {
      endpointUrl: "give the S3 API's URL, for example 'https://s3.eu-central-1.amazonaws.com'",
      bucket: "give the bucket's name",
      accessKey: 'give the access key id as a Secret',
      secretKey: 'give the secret access key as a Secret',
    });
    checkBucket(where, props.bucket);
    return {
      endpoint: Endpoint._fromUrl(where, 'endpointUrl', props.endpointUrl),
      bucket: props.bucket,
      region: props.region ?? DEFAULT_REGION,
      accessKey: props.accessKey,
      secretKey: props.secretKey,
      dependables: [],
      containers: [],
    };
  }

  public readonly endpoint: Endpoint;
  public readonly bucket: string;
  public readonly region: string;
  public readonly accessKey: Secret;
  public readonly secretKey: Secret;
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: ArtifactStoreProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform } = props;
    this.bucket = props.bucket ?? 'artifacts';
    this.region = props.region ?? DEFAULT_REGION;
    checkBucket(this, this.bucket);
    check(
      `/${this.bucket}` !== HEALTH,
      this,
      'bucket',
      this.bucket,
      'choose another name: the health check has this one',
    );
    check(
      /^[a-z0-9]+(-[a-z0-9]+)*$/.test(this.region),
      this,
      'region',
      this.region,
      "write a region such as 'us-east-1'",
    );
    this.accessKey = props.accessKey ?? Secret.generated(this, 'access-key', { length: 20 });
    this.secretKey = props.secretKey ?? Secret.generated(this, 'secret-key', { length: 40 });
    const secrets = { 'access-key': this.accessKey, 'secret-key': this.secretKey };

    const server = new Workload(this, 'Resource', {
      platform,
      image: Image.fromCatalog('s3'),
      entrypoint: [
        'sh',
        '-c',
        START,
        'start',
        '--port',
        `:${PORT}`,
        '--region',
        this.region,
        '--health',
        HEALTH,
        'posix',
        MOUNT,
      ],
      secrets,
      volumes: [Volume.persistent('data', MOUNT, { size: props.storage ?? '50Gi', protect: props.protect })],
      user: USER,
      ports: [{ name: 's3', port: PORT, publish: props.publish }],
      healthCheck: HealthCheck.http(HEALTH, PORT, { startSeconds: 60 }),
      stopSeconds: 30,
      resources: props.resources ?? Resources.of({ cpu: '1', memory: '512Mi' }),
    });
    this.endpoint = server.endpoint('s3');

    const bucket = new Task(this, 'bucket', {
      platform,
      image: Image.fromCatalog('s3'),
      environment: { ADMIN_ENDPOINT_URL: this.endpoint.url, ADMIN_REGION: this.region, BUCKET: this.bucket },
      secrets,
      user: USER,
      script: CREATE_BUCKET,
      reaches: [this.endpoint],
      dependsOn: [server],
    });
    this.containers = [server, bucket];
    this.observability = artifactStoreObservability({
      job: scrapeJobName(this, platform.environment),
      healthUrl: `${this.endpoint.url}${HEALTH}`,
    });
  }

  public get dependables(): ITerraformDependable[] {
    return this.containers.flatMap((container) => container.dependables);
  }
}

function checkBucket(scope: Construct | string, bucket: string): void {
  check(
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !/\.\.|^\d+(\.\d+){3}$/.test(bucket),
    scope,
    'bucket',
    bucket,
    "use 3 to 63 lower-case letters, digits, '.' and '-', beginning and ending with a letter or digit",
  );
}

/**
 * The server takes its keys from flags or the environment only. The shell reads them from the secret's files, so that
 * neither the command line nor the container's declared environment shows them.
 */
const START = `set -eu
ROOT_ACCESS_KEY=$(cat /run/secrets/access-key)
ROOT_SECRET_KEY=$(cat /run/secrets/secret-key)
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
exec versitygw "$@"`;

/** The server's own client, so that the store needs no other image. A bucket that is there already is as good. */
const CREATE_BUCKET = `ADMIN_ACCESS_KEY=$(cat /run/secrets/access-key)
ADMIN_SECRET_KEY=$(cat /run/secrets/secret-key)
export ADMIN_ACCESS_KEY ADMIN_SECRET_KEY
if ! error=$(versitygw admin create-bucket --owner "$ADMIN_ACCESS_KEY" --bucket "$BUCKET" 2>&1); then
  # "AlreadyExists" after a change of the access key: the server has one account, which may use every bucket.
  case $error in
    *BucketAlreadyOwnedByYou* | *BucketAlreadyExists*) ;;
    *) printf '%s\\n' "$error" >&2; exit 1 ;;
  esac
fi`;
