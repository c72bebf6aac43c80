import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { CommandError, EXIT } from './command-error';

/** What {@link run} takes. */
export interface RunOptions {
  /** @default - this process' */
  readonly cwd?: string;
  /** Added to this process' environment. @default - nothing */
  readonly env?: Record<string, string | undefined>;
  /** Text for its standard input. @default - empty */
  readonly input?: string;
  /** Called with each line as it comes. @default - lines are only collected */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Keep no copy of the output: for what may be long. @default false */
  readonly discard?: boolean;
  /** Milliseconds after which it is ended. @default - no limit */
  readonly timeoutMs?: number;
  /** Let a shell read the program as a command line. @default false */
  readonly shell?: boolean;
  /**
   * Permissions that new files lack. Secrets stand in what Terraform writes; what goes into images must be readable by
   * every user there. @default 0o077
   */
  readonly umask?: number;
  /** Keep the terminal's Ctrl-C from the program. @default false */
  readonly detached?: boolean;
  /**
   * Hand a first Ctrl-C on to the program, which ends in its own way, instead of having the terminal send it. Called
   * with the count of interrupts so far. Implies `detached`. @default - the terminal interrupts it
   */
  readonly onInterrupt?: (count: number) => void;
}

/** How a program ended. */
export interface RunResult {
  /** Exit code; 128 and the signal's number where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Where a program is found on the PATH, or undefined. */
export function which(program: string): string | undefined {
  const candidates = program.includes('/')
    ? [program]
    : (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, program));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/**
 * Runs a program to its end and returns how it ended, whatever its exit code was.
 *
 * @throws CommandError when it can't be started
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawnWithUmask(program, args, options);
  let interrupts = 0;
  const interrupt = (): void => {
    interrupts += 1;
    // Once: a second one makes Terraform give up at once and leave things outside of its state.
    if (interrupts === 1) child.kill('SIGINT');
    options.onInterrupt!(interrupts);
  };
  if (options.onInterrupt !== undefined) process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          child.kill('SIGKILL');
        }, options.timeoutMs);

  try {
    const output = { stdout: [] as string[], stderr: [] as string[] };
    const read = (source: Readable, stream: 'stdout' | 'stderr'): Promise<void> =>
      new Promise((resolve) => {
        const lines = createInterface({ input: source, crlfDelay: Infinity });
        lines.on('line', (line) => {
          if (options.discard !== true) output[stream].push(line);
          options.onLine?.(line, stream);
        });
        lines.on('close', resolve);
      });
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(options.input ?? '');
    const ended = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
    });
    const [code] = await Promise.all([ended, read(child.stdout, 'stdout'), read(child.stderr, 'stderr')]);
    return { code, stdout: output.stdout.join('\n'), stderr: output.stderr.join('\n'), timedOut };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new CommandError(`'${program}' is not installed, or not on the PATH`, {
        remedy: 'run `cdktf-mlops doctor`: it says what is missing and how to get it.',
        exitCode: EXIT.MACHINE,
        cause: error,
      });
    }
    throw error;
  } finally {
    clearTimeout(timer);
    if (options.onInterrupt !== undefined) process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Whether there is a process of that number, whoever's it is. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** The last lines of a text that are not empty. */
export function lastLines(text: string, count: number): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count);
}

function spawnWithUmask(program: string, args: readonly string[], options: RunOptions) {
  const before = process.umask(options.umask ?? 0o077);
  try {
    return spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      shell: options.shell ?? false,
      detached: options.detached ?? options.onInterrupt !== undefined,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } finally {
    process.umask(before);
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 } as Record<string, number>)[signal ?? ''] ?? 0;
}
