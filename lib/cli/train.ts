import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CommandError } from './command-error';
import { run } from './process';

/** What {@link Platform.train} takes. */
export interface TrainOptions {
  readonly environment: string;
  /** Component path of the runner, for example `training`. */
  readonly runner: string;
  /** Directory of the MLflow Project. */
  readonly project: string;
  /** Registered model that gets the version. */
  readonly register?: string;
  /** `key=value` each. */
  readonly parameters: readonly string[];
  /** Wait for a free place rather than fail when the runner is busy. */
  readonly wait: boolean;
  /** Where the run's log goes. */
  readonly log: (line: string) => void;
}

/** How a run ended. */
export interface TrainResult {
  readonly exitCode: number;
  /** What the run reported in its last line. @default - nothing */
  readonly report?: { readonly model?: string; readonly version?: string; readonly run_url?: string };
}

/** @throws CommandError when a directory is no MLflow Project */
export function checkProject(directory: string): void {
  if (existsSync(join(directory, 'MLproject'))) return;
  throw new CommandError(`${directory} is no MLflow Project: it has no file MLproject`, {
    remedy: 'name the directory of a project with --project.',
  });
}

/** What lies in the directory of a project and is not for its runs. */
export const NOT_OF_A_PROJECT = ['.git', '__pycache__', 'mlruns', '.venv'];

/** Whether a file of a project's directory belongs to what a run gets. */
export function isProjectFile(path: string): boolean {
  return !NOT_OF_A_PROJECT.includes(basename(path));
}

/** What a run adds to the declared command line. */
export function runArguments(options: TrainOptions, commit: string | undefined): string[] {
  return [
    ...(options.register === undefined ? [] : ['--register', options.register]),
    ...(commit === undefined ? [] : ['--git-commit', commit]),
    ...options.parameters.flatMap((parameter) => ['-P', parameter]),
  ];
}

/** The commit that a project comes from, where it lies in a git work tree and is unchanged. */
export async function gitCommit(project: string): Promise<string | undefined> {
  try {
    const status = await run('git', ['status', '--porcelain', '--', '.'], { cwd: project });
    if (status.code !== 0 || status.stdout.trim() !== '') return undefined;
    const head = await run('git', ['rev-parse', 'HEAD'], { cwd: project });
    return head.code === 0 ? head.stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}

/** What a run reported in its last line; undefined when that is no report. */
export function parseReport(line: string): TrainResult['report'] {
  try {
    return JSON.parse(line) as TrainResult['report'];
  } catch {
    return undefined;
  }
}
