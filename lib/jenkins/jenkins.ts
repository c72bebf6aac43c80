import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { checkComponent } from '../core/component';
import { ConfigFile } from '../core/config-file';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { componentPath } from '../core/names';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkWhole } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';
import { scrapeJobName } from '../monitoring/job-name';
import {
  checkExtraConfiguration,
  jenkinsConfiguration,
  JenkinsDockerCloud,
  JenkinsGrant,
  JenkinsKubernetesCloud,
  renderConfiguration,
} from './configuration';
import { jenkinsObservability } from './jenkins-observability';

/** A Jenkins controller, ours or one that exists. */
export interface IJenkins {
  /** Its web interface and API. */
  readonly endpoint: Endpoint;
  /** What must be there before it can be used; nothing for a controller that exists. */
  readonly dependables: ITerraformDependable[];
  /** The workload behind {@link dependables}. */
  readonly containers: Container[];
}

/** What {@link Jenkins} takes. */
export interface JenkinsProps {
  readonly platform: IPlatform;
  /** A controller with the plugins that the configuration needs. @default - the image of `images/jenkins` */
  readonly image?: Image;
  /** Id of the administrator. @default admin */
  readonly adminUsername?: string;
  /** Password of the administrator. @default - generated */
  readonly adminPassword?: Secret;
  /** Make it reachable from outside the environment. @default - inside only */
  readonly publish?: Publish;
  /** Where people reach it: links in mails and build pages begin with it. @default - as published, else the inner URL */
  readonly url?: string;
  /** Address that mails come from. @default - none */
  readonly adminAddress?: string;
  /** Text on the front page. @default - says that the configuration is code */
  readonly systemMessage?: string;
  /**
   * Rights beside those of the administrator. @default - everybody who has signed in reads and builds, nobody else sees
   * anything
   */
  readonly grants?: JenkinsGrant[];
  /** Where agents are started as containers. @default - no agents: what connects by itself, over WebSocket, may build */
  readonly dockerCloud?: JenkinsDockerCloud;
  /** Where agents are started as pods. @default - no agents of this kind */
  readonly kubernetesCloud?: JenkinsKubernetesCloud;
  /**
   * More YAML for the Configuration as Code plugin. It may add to what the construct writes and not change it. A
   * `${name}` in it is the secret of that name. @default - none
   */
  readonly extraConfiguration?: string;
  /** Secrets for `extraConfiguration`, by name. @default - none */
  readonly secrets?: Record<string, Secret>;
  /** Per cent of the memory limit that the Java heap may take, 10 to 90. @default 60 */
  readonly heapPercent?: number;
  /** @default - 2 cores, 2Gi */
  readonly resources?: Resources;
  /** Capacity of the volume with jobs, builds and accounts, such as `20Gi`. @default 20Gi */
  readonly storage?: string;
  /** Refuse every plan that would destroy jobs, builds and accounts. @default false */
  readonly protect?: boolean;
}

const KEYS: Record<keyof JenkinsProps, true> = {
  platform: true,
  image: true,
  adminUsername: true,
  adminPassword: true,
  publish: true,
  url: true,
  adminAddress: true,
  systemMessage: true,
  grants: true,
  dockerCloud: true,
  kubernetesCloud: true,
  extraConfiguration: true,
  secrets: true,
  heapPercent: true,
  resources: true,
  storage: true,
  protect: true,
};

/** uid and gid of `jenkins` in the published image. */
const USER = '1000:1000';
const PORT = 8080;
/** Limits unless others are given. */
export const JENKINS_LIMITS = { cpu: '2', memory: '2Gi' };
const HOME = '/var/jenkins_home';
/** Outside of the home directory, so that a reload never meets a file of an older deploy. */
const CONFIGURATION_DIRECTORY = '/etc/jenkins/casc';
/** Configuration as Code reads `${name}` from the file of that name in `/run/secrets`. */
const PASSWORD_FILE = 'jenkins-admin-password';

const SYSTEM_MESSAGE = 'This controller is configured as code. A change made here is lost with the next deploy.';
const GRANTS: JenkinsGrant[] = [
  { group: 'authenticated', permissions: ['Overall/Read', 'Job/Read', 'Job/Build', 'Job/Cancel', 'View/Read'] },
];

/**
 * A Jenkins controller that is configured as code: pinned plugins, one administrator, no build on the controller
 * itself, metrics for Prometheus. Jobs, builds and accounts live on a volume that outlives the container.
 */
export class Jenkins extends Construct implements IJenkins, IObservable {
  /** A controller that exists already, by its URL. */
  public static fromUrl(url: string): IJenkins {
    return { endpoint: Endpoint._fromUrl('Jenkins.fromUrl', 'url', url), dependables: [], containers: [] };
  }

  public readonly endpoint: Endpoint;
  /** Where people reach it. */
  public readonly url: string;
  /** Id of the administrator. */
  public readonly adminUsername: string;
  /** Password of the administrator. */
  public readonly adminPassword: Secret;
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: JenkinsProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform } = props;
    this.adminUsername = props.adminUsername ?? 'admin';
    check(
      /^[A-Za-z0-9][\w.-]*$/.test(this.adminUsername),
      this,
      'adminUsername',
      this.adminUsername,
      "use letters, digits, '.', '_' and '-'",
    );
    const heapPercent = props.heapPercent ?? 60;
    checkWhole(this, 'heapPercent', heapPercent, 10, 90);
    check(
      !(PASSWORD_FILE in (props.secrets ?? {})),
      this,
      'secrets',
      PASSWORD_FILE,
      "choose another name: the administrator's password has it",
    );
    this.url = this.publicUrl(platform, props);
    this.adminPassword = props.adminPassword ?? Secret.generated(this, 'admin-password');

    const server = new Workload(this, 'Resource', {
      platform,
      image: props.image ?? Image.fromCatalog('jenkins'),
      environment: {
        CASC_JENKINS_CONFIG: CONFIGURATION_DIRECTORY,
        // Without it a missing secret would become an empty password.
        CASC_STRICT_SECRET_RESOLUTION: 'true',
        JAVA_OPTS: [
          '-Djenkins.install.runSetupWizard=false',
          `-XX:MaxRAMPercentage=${heapPercent}`,
          '-XX:+ExitOnOutOfMemoryError',
        ].join(' '),
        JENKINS_SLAVE_AGENT_PORT: '-1',
      },
      files: this.configurationFiles(props),
      secrets: { ...props.secrets, [PASSWORD_FILE]: this.adminPassword },
      volumes: [Volume.persistent('home', HOME, { size: props.storage ?? '20Gi', protect: props.protect })],
      user: USER,
      ports: [{ name: 'http', port: PORT, publish: props.publish }],
      healthCheck: HealthCheck.http('/login', PORT, { startSeconds: 300 }),
      stopSeconds: 60,
      resources: props.resources ?? Resources.of(JENKINS_LIMITS),
      reaches: clouds(props),
    });
    this.endpoint = server.endpoint('http');
    this.containers = [server];
    this.observability = jenkinsObservability({
      job: scrapeJobName(this, platform.environment),
      address: this.endpoint.address,
    });
  }

  public get dependables(): ITerraformDependable[] {
    return this.containers.flatMap((container) => container.dependables);
  }

  private publicUrl(platform: IPlatform, props: JenkinsProps): string {
    if (props.url !== undefined) {
      Endpoint._fromUrl(this, 'url', props.url);
      return props.url.endsWith('/') ? props.url : `${props.url}/`;
    }
    // Names are made from paths, so the inner one is known before the workload is there to ask.
    const host = platform.hostOf(componentPath(this, platform.environment));
    const { publish } = props;
    return publish === undefined ? `http://${host}:${PORT}/` : `${publish.url('http')}/`;
  }

  private configurationFiles(props: JenkinsProps): ConfigFile[] {
    const own = jenkinsConfiguration(this, {
      adminUsername: this.adminUsername,
      adminPasswordFile: PASSWORD_FILE,
      url: this.url,
      adminAddress: props.adminAddress,
      systemMessage: props.systemMessage ?? SYSTEM_MESSAGE,
      grants: props.grants ?? GRANTS,
      dockerCloud: props.dockerCloud,
      kubernetesCloud: props.kubernetesCloud,
    });
    const files = [ConfigFile.text(`${CONFIGURATION_DIRECTORY}/controller.yaml`, renderConfiguration(own))];
    if (props.extraConfiguration !== undefined) {
      checkExtraConfiguration(this, props.extraConfiguration, own);
      files.push(ConfigFile.text(`${CONFIGURATION_DIRECTORY}/extra.yaml`, props.extraConfiguration));
    }
    return files;
  }
}

/** The machines that agents are started on. */
function clouds({ dockerCloud, kubernetesCloud }: JenkinsProps): Endpoint[] {
  return [dockerCloud?.dockerHost, kubernetesCloud?.serverUrl]
    .filter((url) => url !== undefined)
    .map((url) => Endpoint.fromUrl(url));
}
