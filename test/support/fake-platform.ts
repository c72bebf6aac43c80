import { App, TerraformStack, Testing } from 'cdktf';
import { Construct } from 'constructs';
import { Deployed, IPlatform, Job, LiveDirectory, PublishedFiles, SecretBundle, Task, Workload } from '../../lib/core';

/** A platform that makes nothing and remembers what it was given, so that components are tested by what they ask for. */
export class FakePlatform extends Construct implements IPlatform {
  public readonly environment: string;
  public needsContainerExporter = true;
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
    return { host: workload.physicalName, dependables: [] };
  }

  public deployTask(task: Task): Deployed {
    this.tasks.push(task);
    return { host: task.physicalName, dependables: [] };
  }

  public declareJob(job: Job): Deployed {
    this.jobs.push(job);
    return { host: job.physicalName, dependables: [] };
  }

  public createSecretBundle(bundle: SecretBundle): Deployed {
    this.bundles.push(bundle);
    return { host: bundle.physicalName, dependables: [] };
  }

  public createLiveDirectory(directory: LiveDirectory): Deployed {
    this.directories.push(directory);
    return { host: directory.physicalName, dependables: [] };
  }

  public publishFiles(files: PublishedFiles): Deployed {
    this.publications.push(files);
    return { host: files.node.id, dependables: [] };
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

function named<T extends { readonly componentPath: string }>(all: readonly T[], path: string): T {
  const found = all.find((one) => one.componentPath === path);
  if (found === undefined) {
    throw new Error(`nothing at '${path}', only at: ${all.map((one) => one.componentPath).join(', ')}`);
  }
  return found;
}
