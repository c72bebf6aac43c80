import { Construct } from 'constructs';
import { DockerPlatform, IPlatform } from '../../lib';
import { orderOnDocker, readDocker } from './read-docker';

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
  readonly stopSeconds?: number;
  readonly labels: Record<string, string>;
}

/** A platform under the contract suite. */
export interface PlatformUnderTest {
  readonly name: string;
  create(scope: Construct, environment: string): IPlatform;
  /** Services by their name inside the environment. */
  read(synthesised: Record<string, unknown>): Record<string, Service>;
  /** Whether one service waits for another. */
  order(synthesised: Record<string, unknown>, first: string, second: string): boolean;
  /** Features that it refuses. */
  readonly refuses: readonly string[];
}

/** A further platform is one line here. */
export const PLATFORMS: readonly PlatformUnderTest[] = [
  {
    name: 'Docker',
    create: (scope, environment) => new DockerPlatform(scope, 'platform', { environment }),
    read: readDocker,
    order: orderOnDocker,
    refuses: ['autoscaling', 'gpu count', 'published replicas'],
  },
];
