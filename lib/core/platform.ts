import { ITerraformDependable } from 'cdktf';
import { IConstruct } from 'constructs';
import { Job } from './job';
import { LiveDirectory, PublishedFiles } from './live-directory';
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
  /** The machine's container metrics come from an exporter of ours (Docker), or from the platform (Kubernetes). */
  readonly needsContainerExporter: boolean;
}
