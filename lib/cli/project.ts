import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError } from './command-error';

/** The cdktf project that the command works on. */
export interface Project {
  /** Directory of cdktf.json. */
  readonly root: string;
  /** Command line that synthesises. */
  readonly app: string;
  /** Context of cdktf.json. */
  readonly context: Record<string, unknown>;
  /** Where synth writes. */
  readonly outDir: string;
  /** `.cdktf-mlops`: the recorded supply and local state. Readable by its owner alone. */
  readonly dataDir: string;
}

/**
 * The project of a directory: the nearest cdktf.json at or above it.
 *
 * @throws CommandError when there is none, or it can't be read
 */
export function findProject(from: string): Project {
  let root = from;
  while (!existsSync(join(root, 'cdktf.json'))) {
    if (dirname(root) === root) {
      throw new CommandError(`there is no cdktf.json in ${from} or above it`, {
        remedy: 'run the command in the directory of a cdktf project.',
      });
    }
    root = dirname(root);
  }
  const file = join(root, 'cdktf.json');
  const config = readJson(file) as { app?: unknown; context?: Record<string, unknown>; output?: string };
  if (typeof config.app !== 'string' || config.app.trim() === '') {
    throw new CommandError(`${file} names no 'app'`, {
      remedy: 'give it the command that synthesises, as `cdktf init` does.',
    });
  }
  return {
    root,
    app: config.app,
    context: config.context ?? {},
    outDir: join(root, config.output ?? 'cdktf.out'),
    dataDir: join(root, '.cdktf-mlops'),
  };
}

/**
 * What a JSON file of the project says.
 *
 * @throws CommandError when it can't be read
 */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch (error) {
    throw new CommandError(`${file} can't be read as JSON: ${(error as Error).message}`, {
      remedy: 'correct the file; `git diff` shows what was changed in it last.',
      cause: error,
    });
  }
}

/** The project's data directory, made where it is missing. */
export function ensureDataDir(project: Project): string {
  mkdirSync(project.dataDir, { recursive: true, mode: 0o700 });
  return project.dataDir;
}

/** Where this package keeps what it ships beside its code: `images/`. */
export function packageRoot(): string {
  return join(__dirname, '..', '..');
}

/** Where downloads and logs are kept between runs. */
export function cacheDir(): string {
  return process.env.CDKTF_MLOPS_CACHE ?? join(process.env.HOME ?? '/tmp', '.cache', 'cdktf-mlops');
}
