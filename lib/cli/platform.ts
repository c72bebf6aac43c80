import { JobResult, JobRun } from './jobs';
import { StackFile } from './stack-file';
import { TerraformState } from './terraform';
import { TrainOptions, TrainResult } from './train';

/** Where the stacks of an environment run, as the verbs of the command see it. */
export interface Platform {
  /** What messages call it: `this Docker Engine`. */
  readonly place: string;
  /** What messages call data that `--keep-data` keeps: `volumes`. */
  readonly dataName: string;
  /** Variables that the stacks' provider reads from Terraform's environment. */
  readonly terraformEnv: Readonly<Record<string, string>>;
  /** What is known about error texts of this platform, and what to do about them; `<stack>` stands for its name. */
  readonly remedies: ReadonlyArray<readonly [RegExp, string]>;

  /** @throws CommandError when it does not answer */
  ping(): Promise<void>;
  /**
   * Sees that it answers, and starts it where that may be done; that this user may do there what these stacks take.
   * Returns what is told about it, in a few words.
   *
   * @throws CommandError with the remedy
   */
  prepare(stacks: readonly StackFile[], say: (line: string) => void): Promise<string>;
  /**
   * Sees that what these stacks demand of it is there: ports, storage classes. Returns what was looked at.
   *
   * @throws CommandError that names what is missing
   */
  checkDemands(stacks: readonly StackFile[]): Promise<string>;
  /** Sees that the images of ours that these stacks use can be had there; builds them where that is what it takes. */
  ensureImages(stacks: readonly StackFile[]): Promise<void>;

  /**
   * Refuses to go on where another checkout of the project deployed the same stack; changes nothing.
   *
   * @throws CommandError that names what it has there
   */
  checkOwner(stack: StackFile, state: TerraformState | undefined): Promise<void>;
  /** The same check; then removes what a killed apply of ours left outside of the state. */
  clearLeftovers(stack: StackFile, state: TerraformState | undefined): Promise<void>;
  /** Removes what a killed apply left, before the stack's end: it would hold what is removed. Never what may be others'. */
  clearForDestroy(stack: StackFile, state: TerraformState | undefined): Promise<void>;
  /** Removes what carries the stack's labels and is not in its state. */
  clean(stack: StackFile, state: TerraformState | undefined, options: CleanOptions): Promise<CleanResult>;

  /** How the object of a resource is; undefined when nothing is wrong with it, or it can't be found. */
  explain(stack: StackFile, address: string): Promise<Finding | undefined>;
  /** Everything that an environment has there. */
  observe(environment: string): Promise<Observed[]>;
  /** What a deploy makes or starts again although the program and the state agree, one line each. */
  lost(state: TerraformState | undefined): Promise<string[]>;
  /** Whether objects of a Terraform type are made again without loss: `--keep-data` removes only those. */
  isDisposable(type: string): boolean;
  /** Ends the environment's training runs, and removes them. */
  removeRuns(environment: string): Promise<void>;
  /** What it still has of an environment, or of one of its stacks. */
  remains(environment: string, stack?: string): Promise<Remaining[]>;

  /** Trains in a runner that a deploy declared. */
  train(options: TrainOptions): Promise<TrainResult>;
  /**
   * Runs a job that a deploy declared to its end.
   *
   * @throws CommandError when there is no such job
   */
  runJob(options: JobRun): Promise<JobResult>;
  /**
   * Starts components again, each when the one before is well: workloads anew, tasks once more.
   *
   * @throws CommandError when one does not become well
   */
  startAgain(environment: string, components: readonly string[]): Promise<void>;
  /** What a Python program prints in the image of a runner, with nothing of the environment; undefined without runner. */
  runProgram(environment: string, runner: string, program: string): Promise<ProgramResult | undefined>;
  /** Opens a component's URL for this machine; undefined when it is reached from inside of the environment only. */
  open(environment: string, url: string): Promise<OpenUrl | undefined>;
  /** What tells a person all that a workload wrote: a command line. */
  logCommand(workload: string): string;
}

/** What {@link Platform.clean} takes. */
export interface CleanOptions {
  /** Also what may belong to another checkout. */
  readonly force: boolean;
  /** With `force`: data too. */
  readonly data: boolean;
}

/** What {@link Platform.clean} did. */
export interface CleanResult {
  readonly removed: number;
  /** Names of what may belong to another checkout, and was left alone. */
  readonly leftAlone: readonly string[];
}

/** What is wrong with a workload. */
export interface Finding {
  readonly name: string;
  readonly lines: readonly string[];
  /** @default - none is known */
  readonly remedy?: string;
}

/** Something that an environment has: a container; a Deployment, a Job, a claim. */
export interface Observed {
  /** Path of its component, for example `registry/database`. */
  readonly component: string;
  /** `workload`, `task`, `job`, or another kind that a label tells. */
  readonly kind: string;
  /** What is wrong with it. @default - nothing */
  readonly problem?: string;
  readonly restarts: number;
  /** How many replicas are ready, of how many. @default - it has no replicas */
  readonly replicas?: { readonly ready: number; readonly desired: number };
  /** What it stores data in, in words. @default - nothing */
  readonly storage?: string;
}

/** Something that is left of an environment. */
export interface Remaining {
  /** `volume staging-database-data`. */
  readonly name: string;
  /** Whether `--keep-data` keeps it. */
  readonly data: boolean;
}

/** How a program ended. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A URL that answers on this machine until it is closed. */
export interface OpenUrl {
  readonly url: string;
  close(): void;
}
