import { App, TerraformStack, Testing } from 'cdktf';
import { Construct } from 'constructs';
import {
  Deployed,
  IPlatform,
  Job,
  LiveDirectory,
  PlatformThresholds,
  PlatformWatch,
  PublishedFiles,
  SecretBundle,
  Task,
  Workload,
} from '../../lib/core';
import { physicalName } from '../../lib/core/names';

/** A platform that makes nothing and remembers what it was given, so that components are tested by what they ask for. */
export class FakePlatform extends Construct implements IPlatform {
  public readonly environment: string;
  public spreadsReplicas = false;
  public watcher?: (scope: Construct, platform: IPlatform, thresholds: PlatformThresholds) => PlatformWatch;
  public readonly workloads: Workload[] = [];
  public readonly tasks: Task[] = [];
  public readonly jobs: Job[] = [];
  public readonly bundles: SecretBundle[] = [];
  public readonly directories: LiveDirectory[] = [];
  public readonly publications: PublishedFiles[] = [];

  constructor(scope: Construct, id: string, environment = 'test') {
    super(scope, id);
    this.environment = environment;
  }

  public deployWorkload(workload: Workload): Deployed {
    this.workloads.push(workload);
    const hosts = Array.from({ length: workload.replicas }, (_, index) => `${workload.physicalName}-${index + 1}`);
    return {
      ...nothing(workload.physicalName),
      replicaHosts: workload.replicas === 1 ? [workload.physicalName] : hosts,
    };
  }

  public deployTask(task: Task): Deployed {
    this.tasks.push(task);
    return nothing(task.physicalName);
  }

  public declareJob(job: Job): Deployed {
    this.jobs.push(job);
    return nothing(job.physicalName);
  }

  public createSecretBundle(bundle: SecretBundle): Deployed {
    this.bundles.push(bundle);
    return nothing(bundle.physicalName);
  }

  public createLiveDirectory(directory: LiveDirectory): Deployed {
    this.directories.push(directory);
    return nothing(directory.physicalName);
  }

  public publishFiles(files: PublishedFiles): Deployed {
    this.publications.push(files);
    return nothing(files.node.id);
  }

  public hostOf(path: string): string {
    return physicalName(this.environment, path.split('/'));
  }

  public discover(): undefined {
    return undefined;
  }

  public watch(scope: Construct, thresholds: PlatformThresholds): PlatformWatch {
    return (
      this.watcher?.(scope, this, thresholds) ?? {
        observability: [],
        containers: [],
        whenSilent: 'Look whether it runs.',
      }
    );
  }

  /** The workload of a component path, such as `registry/database`. */
  public workload(path: string): Workload {
    return named(this.workloads, path);
  }

  /** The task of a component path. */
  public task(path: string): Task {
    return named(this.tasks, path);
  }

  /** The job of a component path. */
  public job(path: string): Job {
    return named(this.jobs, path);
  }
}

/** A stack of the environment `test` on a {@link FakePlatform}. */
export function fakeStack(context?: Record<string, unknown>): {
  app: App;
  stack: TerraformStack;
  platform: FakePlatform;
} {
  const app = Testing.app(context === undefined ? undefined : { context });
  const stack = new TerraformStack(app, 'test');
  return { app, stack, platform: new FakePlatform(stack, 'platform') };
}

function nothing(host: string): Deployed {
  return { host, replicaHosts: [], dependables: [] };
}

function named<T extends { readonly componentPath: string }>(all: readonly T[], path: string): T {
  const found = all.find((one) => one.componentPath === path);
  if (found === undefined) {
    throw new Error(`nothing at '${path}', only at: ${all.map((one) => one.componentPath).join(', ')}`);
  }
  return found;
}
