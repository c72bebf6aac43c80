import { Construct } from 'constructs';
import { DockerPlatform, IPlatform, KubernetesPlatform } from '../../lib';
import { jobsOnDocker, orderOnDocker, publishedOnDocker, readDocker, tasksOnDocker } from './read-docker';
import {
  jobsOnKubernetes,
  orderOnKubernetes,
  publishedOnKubernetes,
  readKubernetes,
  tasksOnKubernetes,
} from './read-kubernetes';

/** What the contract says of one service, whatever platform runs it. */
export interface Service {
  readonly image: string;
  readonly environment: Record<string, string>;
  readonly command?: string[];
  readonly user?: string;
  readonly replicas: number;
  readonly memoryBytes?: number;
  readonly cpuMillis?: number;
  /** Paths of ordinary files and their content. */
  readonly files: Record<string, string>;
  /** Mount paths of everything that is not the image. */
  readonly mounts: string[];
  readonly waitsUntilHealthy: boolean;
  /** `address:port` on the outside. */
  readonly published: string[];
  /** Seconds between TERM and KILL. */
  readonly stopSeconds?: number;
  /** Whether a changed one is there before the old one goes. */
  readonly newFirst: boolean;
  readonly labels: Record<string, string>;
}

/** What the contract says of one task. */
export interface Preparation {
  readonly script: string;
  /** A deploy goes on when it has succeeded, and fails when it fails. */
  readonly awaited: boolean;
}

/** What the contract says of one job. */
export interface DeclaredJob {
  readonly image: string;
  readonly command?: string[];
  readonly concurrency?: string;
  /** The five fields of cron, where the platform starts runs itself. */
  readonly starts: 'by itself' | 'when somebody starts it';
}

type Synthesised = Record<string, unknown>;

/** A platform under the contract suite. */
export interface PlatformUnderTest {
  readonly name: string;
  create(scope: Construct, environment: string): IPlatform;
  /** Services by their component path. */
  read(synthesised: Synthesised): Record<string, Service>;
  /** Tasks by their component path. */
  tasks(synthesised: Synthesised): Record<string, Preparation>;
  /** Jobs by their component path. */
  jobs(synthesised: Synthesised): Record<string, DeclaredJob>;
  /** Files that are published into live directories, by the directory's physical name. */
  published(synthesised: Synthesised): Record<string, Record<string, string>>;
  /** Whether what is at one component path waits for what is at another. */
  order(synthesised: Synthesised, first: string, second: string): boolean;
  /** Features that it refuses, each with what its error says to do instead. */
  readonly refuses: Readonly<Record<string, string>>;
}

/** A further platform is one entry here. */
export const PLATFORMS: readonly PlatformUnderTest[] = [
  {
    name: 'Docker',
    create: (scope, environment) => new DockerPlatform(scope, 'platform', { environment }),
    read: readDocker,
    tasks: tasksOnDocker,
    jobs: jobsOnDocker,
    published: publishedOnDocker,
    order: orderOnDocker,
    refuses: {
      autoscaling: 'give replicas, or run it on Kubernetes',
      'a number of graphics processors': 'use Gpu.all()',
      'replicas that publish a port': 'publish a gateway in front of the replicas, or use 1',
      'a persistent volume while a new one starts': 'use UpdateStrategy.REPLACE',
      'a host name': 'use Publish.onLoopback or Publish.onAddress',
      'files in a read-only root': 'leave out files, or readOnlyRoot',
    },
  },
  {
    name: 'Kubernetes',
    create: (scope, environment) => new KubernetesPlatform(scope, 'platform', { environment }),
    read: readKubernetes,
    tasks: tasksOnKubernetes,
    jobs: jobsOnKubernetes,
    published: publishedOnKubernetes,
    order: orderOnKubernetes,
    refuses: {
      'all graphics processors': 'use Gpu.count(n)',
      'replicas with a persistent volume': 'use 1, or keep its data elsewhere',
      'a persistent volume while a new one starts': 'use UpdateStrategy.REPLACE',
      "a machine's directory": 'use Volume.persistent, or perNode for an exporter',
      "an address of one's own": "use Publish.onLoopback, Publish.onAddress('0.0.0.0', port) or Publish.atHost",
      root: 'name a user other than root',
      'a strong capability': 'lets CAP_NET_BIND_SERVICE be kept and no other',
    },
  },
];
