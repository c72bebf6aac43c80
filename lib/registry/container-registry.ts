import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { checkComponent } from '../core/component';
import { ConfigFile } from '../core/config-file';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';
import { toYaml } from '../core/yaml';
import { scrapeJobName } from '../monitoring/job-name';
import { containerRegistryObservability } from './storage-observability';

/** A container registry, ours or one that exists: what its users need to know of it. */
export interface IContainerRegistry {
  /** How image references begin, for example `registry.example.com` or `127.0.0.1:5000`. */
  readonly address: string;
  /** What must be there before it can be used; nothing for a registry that exists. */
  readonly dependables: ITerraformDependable[];
  /** The workload behind {@link dependables}. */
  readonly containers: Container[];
}

/** What {@link ContainerRegistry} takes. */
export interface ContainerRegistryProps {
  readonly platform: IPlatform;
  /**
   * Make it reachable from outside the environment; a container engine pulls and pushes from there. Beyond loopback
   * only with `htpasswd`. @default - inside only
   */
  readonly publish?: Publish;
  /** Users and their bcrypt hashes, the text of an Apache htpasswd file. @default - everybody who reaches it may push */
  readonly htpasswd?: Secret;
  /** Capacity of the images' volume, such as `50Gi`. @default 50Gi */
  readonly storage?: string;
  /** @default - 1 core, 512Mi */
  readonly resources?: Resources;
  /** Refuse every plan that would destroy the images. @default false */
  readonly protect?: boolean;
}

/** No user of the published image, which runs as root; the server needs its own volume only. */
const USER = '1000:1000';
const PORT = 5000;
const METRICS_PORT = 5001;
const MOUNT = '/var/lib/registry';

const KEYS: Record<keyof ContainerRegistryProps, true> = {
  platform: true,
  publish: true,
  htpasswd: true,
  storage: true,
  resources: true,
  protect: true,
};

/** The distribution registry on a volume that outlives it. Images can be deleted; metrics have a port of their own. */
export class ContainerRegistry extends Construct implements IContainerRegistry, IObservable {
  /** A registry that exists already, by how image references begin: `registry.example.com[:port][/path]`. */
  public static fromAddress(address: string): IContainerRegistry {
    check(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/.test(address),
      'ContainerRegistry.fromAddress',
      'address',
      address,
      'write it as image references begin: host[:port][/path], without a scheme',
    );
    return { address, dependables: [], containers: [] };
  }

  public readonly address: string;
  /** The registry's HTTP API, as seen from inside the environment. */
  public readonly endpoint: Endpoint;
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: ContainerRegistryProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { publish, htpasswd } = props;
    check(
      publish === undefined || publish.address.startsWith('127.') || htpasswd !== undefined,
      this,
      'publish',
      publish?.address,
      'give htpasswd too: without it everybody who reaches the address may push images',
    );
    const server = new Workload(this, 'Resource', {
      platform: props.platform,
      image: Image.fromCatalog('registry'),
      files: [ConfigFile.text('/etc/docker/registry/config.yml', configuration(htpasswd !== undefined))],
      secrets: htpasswd === undefined ? undefined : { htpasswd },
      volumes: [Volume.persistent('data', MOUNT, { size: props.storage ?? '50Gi', protect: props.protect })],
      user: USER,
      ports: [
        { name: 'http', port: PORT, publish },
        { name: 'metrics', port: METRICS_PORT },
      ],
      // `/` needs no credentials; the API's own `/v2/` would answer 401.
      healthCheck: HealthCheck.http('/', PORT, { startSeconds: 60 }),
      stopSeconds: 30,
      resources: props.resources ?? Resources.of({ cpu: '1', memory: '512Mi' }),
    });
    this.containers = [server];
    this.endpoint = server.endpoint('http');
    this.address = publish === undefined ? this.endpoint.address : `${publish.address}:${publish.port}`;
    this.observability = containerRegistryObservability({
      job: scrapeJobName(this, props.platform.environment),
      address: server.endpoint('metrics').address,
    });
  }

  public get dependables(): ITerraformDependable[] {
    return this.containers.flatMap((container) => container.dependables);
  }
}

function configuration(authentication: boolean): string {
  return toYaml({
    version: '0.1',
    log: { level: 'info', fields: { service: 'registry' } },
    storage: {
      filesystem: { rootdirectory: MOUNT },
      cache: { blobdescriptor: 'inmemory' },
      delete: { enabled: true },
    },
    http: {
      addr: `:${PORT}`,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
      debug: { addr: `:${METRICS_PORT}`, prometheus: { enabled: true, path: '/metrics' } },
    },
    ...(authentication ? { auth: { htpasswd: { realm: 'registry', path: '/run/secrets/htpasswd' } } } : {}),
    health: { storagedriver: { enabled: true, interval: '10s', threshold: 3 } },
  });
}
