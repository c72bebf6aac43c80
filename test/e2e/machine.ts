import { ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync, WriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from '../../lib/cli/process';
import { findProject, Project } from '../../lib/cli/project';
import { recordedSupply } from '../../lib/cli/supply';
import { ENVIRONMENT } from './program/environment';
import { CheckFailed, interruption } from './report';

/** How a program ended, and what it said on both streams together. */
export interface Ended {
  readonly code: number;
  /** Both streams, as they came. */
  readonly output: string;
  readonly stdout: string;
  readonly seconds: number;
}

/** A program that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** The repository. */
export const ROOT = join(__dirname, '..', '..');

/** The programs and files of one end-to-end run; a subclass knows where its environment runs. */
export abstract class Machine {
  public readonly project: Project;
  /** Readable by its owner alone; gone at the end. */
  public readonly scratch = mkdtempSync(join(tmpdir(), 'cdktf-mlops-e2e-'));
  /** Everything that any program said. */
  public readonly log = join(this.scratch, 'output.log');
  private readonly logStream: WriteStream = createWriteStream(this.log, { mode: 0o600 });
  private readonly children = new Set<ChildProcess>();

  /** @param directory of the program that declares the environment, in `program/` */
  constructor(directory: string) {
    this.project = findProject(join(__dirname, 'program', directory));
  }

  /** Variables that every program gets beside this one's own. */
  protected get env(): Record<string, string> {
    return {};
  }

  /**
   * Starts one of the Python programs beside the environment, as a client. A password reaches it through standard input
   * and a file. `/state` is a directory that it shares with those before and after it.
   */
  public abstract startPython(script: string, ...args: string[]): Promise<PythonRun>;

  /** What a Python program wrote to this file of `/state`. */
  public abstract readState(file: string): Promise<string>;

  /** Starts a program, with what it says in the log. */
  public start(program: string, args: readonly string[], options: StartOptions = {}): Running {
    const started = Date.now();
    this.logStream.write(`\n$ ${program} ${args.join(' ')}\n`);
    const child = spawn(program, args, {
      cwd: options.cwd ?? this.project.root,
      env: { ...process.env, ...this.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A Ctrl-C is for this program to handle: it ends the others in their own way.
      detached: true,
    });
    this.children.add(child);
    let output = '';
    let stdout = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
      this.logStream.write(chunk);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      keep(chunk);
    });
    child.stderr.on('data', keep);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        this.children.delete(child);
        const seconds = (Date.now() - started) / 1000;
        resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 130), output, stdout, seconds });
      });
    });
    return { child, ended };
  }

  /** Starts our command in the end-to-end project. */
  public startCommand(...args: string[]): Running {
    return this.start(process.execPath, ['--import', 'tsx', join(ROOT, 'lib', 'cli', 'main.ts'), ...args]);
  }

  /** @throws CheckFailed with its last lines unless our command ends with 0 */
  public async command(...args: string[]): Promise<Ended> {
    const ended = await this.startCommand(...args).ended;
    if (ended.code === 0) return ended;
    throw new CheckFailed(
      [`cdktf-mlops ${args.join(' ')} ended with ${ended.code}`, ...lastLines(ended.output, 25)].join('\n'),
    );
  }

  /** Runs Terraform itself in the directory of a stack. */
  public terraform(stack: string, ...args: string[]): Promise<Ended> {
    const rc = recordedSupply(this.project)?.terraformRc;
    return this.start('terraform', args, {
      cwd: join(this.project.outDir, 'stacks', stack),
      env: {
        TF_IN_AUTOMATION: '1',
        TF_INPUT: '0',
        CHECKPOINT_DISABLE: '1',
        ...(rc === undefined ? {} : { TF_CLI_CONFIG_FILE: rc }),
      },
    }).ended;
  }

  /** The state of a stack as it lies in its file, also while an apply writes it. */
  public state(stack: string): State {
    try {
      return JSON.parse(readFileSync(join(this.project.dataDir, 'state', `${stack}.tfstate`), 'utf8')) as State;
    } catch {
      return {};
    }
  }

  /** The login of the registry's administrator, as the outputs have it. */
  public registryLogin(): Login {
    const value = this.state(ENVIRONMENT).outputs?.credentials?.value;
    if (typeof value !== 'string') throw new CheckFailed('the stack has no output with credentials');
    return (JSON.parse(value) as Record<string, Login>).registry;
  }

  /** @throws CheckFailed unless the program ends with 0. Returns what it printed. */
  public async python(script: string, ...args: string[]): Promise<string> {
    const { code, output } = await (await this.startPython(script, ...args)).ended;
    if (code === 0) return output.trim();
    throw new CheckFailed([`${script} ended with ${code}`, ...lastLines(output, 12)].join('\n'));
  }

  /** Everything that any program said so far. */
  public logged(): Promise<string> {
    return new Promise((resolve, reject) =>
      this.logStream.write('', (error) => (error ? reject(error) : resolve(readFileSync(this.log, 'utf8')))),
    );
  }

  /** Tells every program that runs to end in its own way. */
  public interrupt(): void {
    for (const child of this.children) child.kill('SIGINT');
  }

  /** Ends what still runs, and removes what only this run needed. */
  public async close(): Promise<void> {
    this.interrupt();
    await new Promise<void>((resolve) => this.logStream.end(resolve));
    rmSync(this.scratch, { recursive: true, force: true });
  }
}

/** A Python program that runs. */
export interface PythonRun extends Running {
  /** Sends it a TERM. */
  stop(): Promise<void>;
}

/** A name and a password. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** What {@link Machine.start} takes. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string;
}

/** The part of a state that is used here. */
export interface State {
  /** Grows with every change. */
  readonly serial?: number;
  readonly lineage?: string;
  readonly outputs?: Record<string, { readonly sensitive?: boolean; readonly value?: unknown }>;
  readonly resources?: ReadonlyArray<{
    readonly type: string;
    readonly name: string;
    readonly instances?: ReadonlyArray<{ readonly attributes?: Record<string, unknown> }>;
  }>;
}

/**
 * Asks again and again until there is an answer.
 *
 * @throws CheckFailed when there is none in time
 */
export async function eventually<T>(
  what: string,
  timeoutSeconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
  everyMs = 1000,
): Promise<T> {
  const end = Date.now() + timeoutSeconds * 1000;
  let last = '';
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = ` (${(error as Error).message})`;
    }
    if (interruption.signal.aborted) throw new CheckFailed(`${what}: interrupted`);
    if (Date.now() > end) throw new CheckFailed(`${what}: not within ${timeoutSeconds} s${last}`);
    await sleep(everyMs);
  }
}

/** Process ids of the direct children of a process that run a program of this name. */
export function childrenOf(parent: number, name: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, comm, rest] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
        return comm === name && Number(rest.split(' ')[1]) === parent;
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}
