import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { CommandError, EXIT } from './command-error';
import { lastLines, run, RunOptions, RunResult, which } from './process';
import { blocks, StackFile } from './stack-file';

/** Which cluster is talked to, and as whom. */
export interface KubeConfig {
  /** The kubeconfig file; several, as KUBECONFIG has them. @default - none: the service account of the pod it runs in */
  readonly path?: string;
  /** @default - the file's current context */
  readonly context?: string;
}

/** An object of the API: the part that is used here. */
export interface KubeObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: ReadonlyArray<{ readonly kind: string; readonly name: string; readonly uid: string }>;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what differs by kind is read where the kind is known
  readonly spec?: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  readonly status?: any;
}

/** Seconds after which the API server counts as silent. */
const TIMEOUT_S = 20;

/**
 * The cluster of a stack: what its provider block names; else what KUBE_CONFIG_PATH, KUBECONFIG and KUBE_CTX say; else
 * `~/.kube/config`.
 */
export function kubeConfigOf(stack: StackFile): KubeConfig {
  const [block = {}] = blocks(stack.providers.kubernetes);
  const path = literal(block.config_path) ?? process.env.KUBE_CONFIG_PATH ?? process.env.KUBECONFIG ?? defaultPath();
  const context = literal(block.config_context) ?? process.env.KUBE_CTX;
  return {
    ...(path === undefined || path === '' ? {} : { path: absolute(path, stack.directory, block.config_path === path) }),
    ...(context === undefined || context === '' ? {} : { context }),
  };
}

/** The Kubernetes command line, for one cluster. */
export class Kubernetes {
  constructor(public readonly config: KubeConfig) {}

  /** What Terraform's provider reads from its environment to reach the same cluster. */
  public get terraformEnv(): Record<string, string> {
    const { path, context } = this.config;
    return {
      ...(path === undefined
        ? {}
        : path.includes(delimiter)
          ? { KUBE_CONFIG_PATHS: path }
          : { KUBE_CONFIG_PATH: path }),
      ...(context === undefined ? {} : { KUBE_CTX: context }),
    };
  }

  /** How a person calls it with the same cluster. */
  public command(args: string): string {
    return `kubectl${this.config.context === undefined ? '' : ` --context ${this.config.context}`} ${args}`;
  }

  /** Arguments that choose the context. */
  public get contextArguments(): string[] {
    return this.config.context === undefined ? [] : ['--context', this.config.context];
  }

  /** Variables that choose the file. */
  public get env(): Record<string, string> {
    return this.config.path === undefined ? {} : { KUBECONFIG: this.config.path };
  }

  /** Runs `kubectl` to its end, whatever its exit code. */
  public run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run('kubectl', [...this.contextArguments, ...args], { ...options, env: { ...this.env, ...options.env } });
  }

  /** @throws CommandError with what kubectl said, and the remedy */
  public async out(args: readonly string[], options: RunOptions & { readonly remedy?: string } = {}): Promise<string> {
    const result = await this.run([`--request-timeout=${TIMEOUT_S}s`, ...args], options);
    if (result.code === 0) return result.stdout;
    throw this.failure(args.slice(0, 2).join(' '), result.stderr, options.remedy);
  }

  /** The error for a `kubectl` that failed. */
  public failure(what: string, stderr: string, remedy?: string): CommandError {
    if (UNANSWERED.test(stderr)) return this.unanswered(stderr);
    return new CommandError(`'kubectl ${what}' failed`, {
      log: lastLines(stderr, 5),
      remedy: /forbidden/i.test(stderr)
        ? 'have this user given the right that the line above names, then run the same command again.'
        : (remedy ?? 'mend what kubectl names above, then run the same command again: it goes on from there.'),
    });
  }

  /**
   * Objects of these kinds (`deployments,pods`) in a namespace, with all of these labels.
   *
   * @param namespace undefined for kinds that are in none
   */
  public async list(kinds: string, namespace: string | undefined, ...labels: string[]): Promise<KubeObject[]> {
    const place = namespace === undefined ? [] : ['--namespace', namespace];
    const selector = labels.length === 0 ? [] : ['--selector', labels.join(',')];
    const output = await this.out(['get', kinds, ...place, ...selector, '--output=json', '--ignore-not-found']);
    if (output.trim() === '') return [];
    const read = JSON.parse(output) as KubeObject & { readonly items?: KubeObject[] };
    return read.items ?? [read];
  }

  /** One object, or undefined when there is none, or its kind is not known there. */
  public async get(kind: string, name: string, namespace?: string): Promise<KubeObject | undefined> {
    const place = namespace === undefined ? [] : ['--namespace', namespace];
    const output = await this.out(['get', kind, name, ...place, '--output=json', '--ignore-not-found']);
    return output.trim() === '' ? undefined : (JSON.parse(output) as KubeObject);
  }

  /** Creates an object; tells when one of that name is there already. */
  public async create(object: object): Promise<{ readonly object?: KubeObject; readonly stderr: string }> {
    const result = await this.run(
      [`--request-timeout=${TIMEOUT_S}s`, 'create', '--filename=-', '--output=json', '--validate=false'],
      { input: JSON.stringify(object) },
    );
    return { object: result.code === 0 ? (JSON.parse(result.stdout) as KubeObject) : undefined, stderr: result.stderr };
  }

  /** Deletes objects of one kind, where they are there; waits until they are gone. */
  public async delete(kind: string, names: readonly string[], namespace?: string): Promise<void> {
    if (names.length === 0) return;
    const place = namespace === undefined ? [] : ['--namespace', namespace];
    const result = await this.run(['delete', kind, ...names, ...place, '--ignore-not-found', '--timeout=120s'], {
      detached: true,
    });
    if (result.code !== 0) throw this.failure(`delete ${kind}`, result.stderr);
  }

  /**
   * The version of the API server.
   *
   * @throws CommandError when kubectl, its file or its context is missing, or the server does not answer
   */
  public async ping(): Promise<string> {
    this.checkProgram();
    await this.checkConfig();
    const result = await this.run(['version', '--output=json', '--request-timeout=10s'], { timeoutMs: 30_000 });
    const version = /"serverVersion"[^]*?"gitVersion":\s*"([^"]+)"/.exec(result.stdout)?.[1];
    if (result.code === 0 && version !== undefined) return version;
    throw this.unanswered(result.timedOut ? 'no answer within 30 s' : result.stderr);
  }

  private checkProgram(): void {
    if (which('kubectl') !== undefined) return;
    throw new CommandError('kubectl is not installed, or not on the PATH', {
      remedy: 'install it: one binary from https://kubernetes.io/docs/tasks/tools, put on the PATH.',
      exitCode: EXIT.MACHINE,
    });
  }

  /** Sees that file and context are there before a server is asked that may be another one. */
  private async checkConfig(): Promise<void> {
    const { path, context } = this.config;
    if (path === undefined) {
      if (process.env.KUBERNETES_SERVICE_HOST !== undefined) return;
      throw new CommandError('there is no kubeconfig', {
        remedy: `name one in KUBECONFIG, or put it at ${join(homedir(), '.kube', 'config')}.`,
        exitCode: EXIT.MACHINE,
      });
    }
    const missing = path.split(delimiter).filter((file) => file !== '' && !existsSync(file));
    if (missing.length > 0) {
      throw new CommandError(`the kubeconfig ${missing.join(', ')} does not exist`, {
        remedy: 'name another one in KUBECONFIG, or in the configuration of the environment.',
        exitCode: EXIT.MACHINE,
      });
    }
    const result = await run('kubectl', ['config', 'view', '--output=json'], { env: this.env });
    if (result.code !== 0) {
      throw new CommandError(`the kubeconfig ${path} can't be read`, {
        log: lastLines(result.stderr, 3),
        remedy: 'correct the file, or name another one in KUBECONFIG.',
        exitCode: EXIT.MACHINE,
      });
    }
    const view = JSON.parse(result.stdout) as {
      'current-context'?: string;
      contexts?: Array<{ name: string }> | null;
    };
    const names = (view.contexts ?? []).map(({ name }) => name);
    const wanted = context ?? view['current-context'] ?? '';
    if (names.includes(wanted)) return;
    throw new CommandError(
      wanted === ''
        ? `the kubeconfig ${path} names no current context`
        : `the kubeconfig ${path} has no context '${wanted}'`,
      {
        remedy: `name one of its contexts in KUBE_CTX, or in the configuration of the environment: ${names.join(', ') || '(it has none)'}.`,
        exitCode: EXIT.MACHINE,
      },
    );
  }

  private unanswered(stderr: string): CommandError {
    const { path, context } = this.config;
    const refused = /Unauthorized|must be logged in|x509|certificate|executable .* not found|getting credentials/i.test(
      stderr,
    );
    return new CommandError(
      `the API server of the cluster ${refused ? 'does not take the credentials' : 'does not answer'}`,
      {
        log: [
          `kubeconfig ${path ?? "(the pod's service account)"}, context ${context ?? '(the current one)'}`,
          ...lastLines(stderr, 2),
        ],
        remedy: refused
          ? 'log in again, or name another context in KUBE_CTX.'
          : 'see that the cluster runs and can be reached from here, or name another context in KUBE_CTX.',
        exitCode: EXIT.MACHINE,
      },
    );
  }
}

const UNANSWERED =
  /Unable to connect to the server|connection to the server .* was refused|did you specify the right host|i\/o timeout|no such host|net\/http: |TLS handshake|context deadline exceeded|You must be logged in|Unauthorized|getting credentials/i;

function defaultPath(): string | undefined {
  const path = join(homedir(), '.kube', 'config');
  return existsSync(path) || process.env.KUBERNETES_SERVICE_HOST === undefined ? path : undefined;
}

function literal(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && !value.includes('${') ? value : undefined;
}

/** Terraform's provider reads paths relative to the stack's directory; the environment's are relative to ours. */
function absolute(path: string, directory: string, fromStack: boolean): string {
  const base = fromStack ? directory : process.cwd();
  return path
    .split(delimiter)
    .filter((file) => file !== '')
    .map((file) => resolve(base, file.replace(/^~(?=\/|$)/, homedir())))
    .join(delimiter);
}
