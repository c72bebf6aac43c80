import { ITerraformDependable } from 'cdktf';
import { Construct, IConstruct } from 'constructs';
import { Container } from './container';
import { Job } from './job';
import { LiveDirectory, PublishedFiles } from './live-directory';
import { Observability, ScrapeJob } from './observability';
import { SecretBundle } from './secret-bundle';
import { Task } from './task';
import { Workload } from './workload';

/** What a platform made for a workload, a task, a job, a bundle or a directory. */
export interface Deployed {
  /** Name that resolves inside the environment, where the thing has one; else the physical name. */
  readonly host: string;
  /** A name for each replica, where the platform can tell them apart; else the one name. */
  readonly replicaHosts: string[];
  /** What to depend on in order to come after it. */
  readonly dependables: ITerraformDependable[];
}

/**
 * Where an environment runs. It takes neutral descriptions and is the only thing that makes resources of the provider.
 *
 * The methods are called by the constructs of `lib/core`, not by users. What a platform can't do it refuses with an
 * error that says what to use instead.
 */
export interface IPlatform extends IConstruct {
  /** Name of the environment, for example `staging`. RFC 1123 label. */
  readonly environment: string;
  deployWorkload(workload: Workload): Deployed;
  deployTask(task: Task): Deployed;
  declareJob(job: Job): Deployed;
  createSecretBundle(bundle: SecretBundle): Deployed;
  createLiveDirectory(directory: LiveDirectory): Deployed;
  publishFiles(files: PublishedFiles): Deployed;
  /**
   * The name that resolves inside the environment for the workload at a component path, for example `registry` or
   * `monitoring/grafana`; also for one of another stack.
   */
  hostOf(componentPath: string): string;
  /**
   * Whether replicas stand on different machines where there are some, share one published port, and can be scaled
   * automatically.
   */
  readonly spreadsReplicas: boolean;
  /**
   * How Prometheus finds the targets of a job, as keys of its `scrape_config`; undefined where it takes the job's own
   * targets.
   */
  discover(job: ScrapeJob): Record<string, unknown> | undefined;
  /** Makes what watches containers, and whatever else the platform runs; called once, by the monitoring. */
  watch(scope: Construct, thresholds: PlatformThresholds): PlatformWatch;
}

/** When to tell somebody about containers. */
export interface PlatformThresholds {
  /** Restarts of one container within 15 minutes. */
  readonly restarts: number;
  /** Share of its memory limit that a container uses. */
  readonly memoryShare: number;
  /** Share of a volume that must be free. */
  readonly diskFreeShare: number;
}

/** What a platform made to watch its containers, and what there is to see. */
export interface PlatformWatch {
  readonly observability: Observability[];
  readonly containers: Container[];
  /** What to do first when something does not answer, in the words of the platform's own tool. */
  readonly whenSilent: string;
}
