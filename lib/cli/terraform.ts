import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './command-error';
import { Mask } from './mask';
import { isRunning, lastLines, run, RunOptions, RunResult } from './process';
import { Progress, Step } from './progress';
import { StackFile } from './stack-file';
import { Supply } from './supply';

/** One error that Terraform reported. */
export interface Diagnostic {
  readonly summary: string;
  readonly detail: string;
  /** Address of the resource, where it belongs to one. */
  readonly address: string | undefined;
}

/** A change that a plan holds. */
export interface PlannedChange {
  readonly address: string;
  readonly action: string;
}

/** A plan that was made. */
export interface Plan {
  /** Whether there is anything to do. */
  readonly changes: boolean;
  readonly planned: readonly PlannedChange[];
  /** Where it is kept; it holds secrets. */
  readonly file: string;
}

/** What {@link Terraform.plan} takes. */
export interface PlanOptions {
  readonly destroy?: boolean;
  /** Addresses to keep to. @default - everything */
  readonly targets?: readonly string[];
}

/** Terraform reported errors. */
export class TerraformFailure extends Error {
  constructor(
    public readonly verb: string,
    public readonly diagnostics: readonly Diagnostic[],
    /** Lines that were no JSON. */
    public readonly rest: readonly string[],
    /** Whether Ctrl-C ended it. */
    public readonly interrupted: boolean,
  ) {
    super(`terraform ${verb} failed`);
  }
}

/** Name of Terraform's program; cdktf reads the same variable. */
export function terraformProgram(): string {
  return process.env.TERRAFORM_BINARY_NAME ?? 'terraform';
}

/** Terraform's configuration file: the supply's own; else what the environment names, unless there is no such file. */
export function configFileEnv(own?: string): { TF_CLI_CONFIG_FILE?: string | undefined } {
  if (own !== undefined) return { TF_CLI_CONFIG_FILE: own };
  const named = process.env.TF_CLI_CONFIG_FILE;
  return named === undefined || existsSync(named) ? {} : { TF_CLI_CONFIG_FILE: undefined };
}

const PLANS = 'cdktf-mlops-plans-';

/** Removes this user's plans of commands that were killed: they hold secrets. What can't be removed stops nothing. */
export function sweepPlans(parent = tmpdir()): void {
  for (const name of entries(parent).filter((entry) => entry.startsWith(PLANS))) {
    const directory = join(parent, name);
    const pid = Number(name.slice(PLANS.length).split('-')[0]);
    try {
      if (lstatSync(directory).uid === process.getuid?.() && !isRunning(pid)) {
        rmSync(directory, { recursive: true, force: true });
      }
    } catch {
      // gone meanwhile, or not ours to remove
    }
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** What {@link Terraform} takes. */
export interface TerraformOptions {
  readonly supply: Supply | undefined;
  readonly progress: Progress;
  readonly mask: Mask;
  /** Whether the project could be supplied without registries. */
  readonly hasAirgap: boolean;
  /** What the providers of the stack read from the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Terraform in the directory of one stack. */
export class Terraform {
  private scratch: string | undefined;
  private readonly removeScratch = (): void => {
    process.off('exit', this.removeScratch);
    if (this.scratch !== undefined) {
      rmSync(this.scratch, { recursive: true, force: true });
    }
    this.scratch = undefined;
  };

  private readonly supply: Supply | undefined;
  private readonly progress: Progress;
  private readonly mask: Mask;

  constructor(
    private readonly stack: StackFile,
    private readonly options: TerraformOptions,
  ) {
    this.supply = options.supply;
    this.progress = options.progress;
    this.mask = options.mask;
  }

  /** Initialises the directory, unless that was done already for the same providers and backend. */
  public async init(): Promise<void> {
    const stamp = join(this.stack.directory, '.terraform', 'cdktf-mlops.sha256');
    const wanted = createHash('sha256')
      .update(JSON.stringify([this.stack.settings, this.supply?.terraformRc]))
      .digest('hex');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    await this.progress.step(`Initialising Terraform for ${this.stack.name}`, async () => {
      const result = await this.run(['init', '-input=false', '-no-color', '-upgrade']);
      if (result.code !== 0) throw initFailure(result, this.supply, this.options.hasAirgap);
      writeFileSync(stamp, wanted);
    });
  }

  /** Makes a plan, with a refresh. */
  public async plan(step: Step, options: PlanOptions = {}): Promise<Plan> {
    // Plans hold secrets in clear: a directory of our own (0700), away with it at the end.
    this.removeScratch();
    sweepPlans();
    this.scratch = mkdtempSync(join(tmpdir(), `${PLANS}${process.pid}-`));
    process.on('exit', this.removeScratch);
    const file = join(this.scratch, `${this.stack.name}.tfplan`);
    const args = ['plan', '-json', '-input=false', '-lock-timeout=5s', '-detailed-exitcode', `-out=${file}`];
    if (options.destroy === true) args.push('-destroy');
    args.push(...(options.targets ?? []).map((address) => `-target=${address}`));
    const planned: PlannedChange[] = [];
    const code = await this.stream('plan', args, step, [2], (event) => {
      if (event.type !== 'planned_change' || event.change?.action === 'noop') return;
      planned.push({ address: event.change?.resource?.addr ?? '', action: event.change?.action ?? '' });
    });
    if (code !== 2) {
      this.removeScratch();
    }
    return { changes: code === 2, planned, file };
  }

  /** Applies a plan, and says what happens to each resource. */
  public async apply(plan: Plan, step: Step): Promise<void> {
    const told = new Map<string, number>();
    try {
      await this.stream('apply', ['apply', '-json', '-input=false', '-lock-timeout=5s', plan.file], step, [], (event) =>
        this.tell(event, step, told),
      );
    } finally {
      this.removeScratch();
    }
  }

  /** The text of a plan as Terraform writes it, without a refresh: a refresh removes stopped containers. */
  public planText(): Promise<RunResult> {
    return this.run(['plan', '-input=false', '-refresh=false', '-detailed-exitcode', '-lock=false', '-no-color']);
  }

  /** The state, with its secrets; undefined when there is none. They are hidden in what is shown from now on. */
  public async state(): Promise<TerraformState | undefined> {
    const result = await this.run(['state', 'pull']);
    // Taken for "nothing is deployed" a failure here would make others delete, or deploy a second time.
    if (result.code !== 0) {
      throw new CommandError(`the state of ${this.stack.name} can't be read`, {
        log: lastLines(this.mask.apply(result.stderr).replace(/[╷│╵]/g, ''), 8),
        remedy: `see that the backend of ${this.stack.name} answers and may be read by this user, then run the same command again.`,
      });
    }
    if (result.stdout.trim() === '') return undefined;
    const state = JSON.parse(result.stdout) as TerraformState;
    this.mask.addState(state);
    return state;
  }

  /** One output, or undefined when the stack has none of that name, or is not deployed. */
  public async output(name: string): Promise<unknown> {
    const result = await this.run(['output', '-json', '-no-color', name]);
    if (result.code !== 0) return undefined;
    const value = JSON.parse(result.stdout) as unknown;
    // A program may hand over JSON as text, to keep Terraform from unifying the types in it.
    return typeof value === 'string' && /^[[{]/.test(value) ? (JSON.parse(value) as unknown) : value;
  }

  private run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(terraformProgram(), args, {
      cwd: this.stack.directory,
      ...options,
      env: {
        TF_IN_AUTOMATION: '1',
        TF_INPUT: '0',
        CHECKPOINT_DISABLE: '1',
        ...this.options.env,
        ...configFileEnv(this.supply?.terraformRc),
      },
    });
  }

  private async stream(
    verb: string,
    args: readonly string[],
    step: Step,
    goodCodes: readonly number[],
    onEvent: (event: TerraformEvent) => void,
  ): Promise<number> {
    const diagnostics: Diagnostic[] = [];
    const rest: string[] = [];
    let interrupted = false;
    const result = await this.run(args, {
      discard: true,
      onInterrupt: (count) => {
        interrupted = true;
        step.line(
          count === 1
            ? 'interrupted: Terraform finishes what it has begun and writes its state; this can take a minute'
            : 'still finishing; nothing is lost as long as Terraform is left to end by itself',
        );
      },
      onLine: (line) => {
        const event = parseEvent(line);
        if (event === undefined) {
          if (line.trim() !== '') rest.push(line);
        } else if (event.type === 'diagnostic' && event.diagnostic?.severity === 'error') {
          diagnostics.push({
            summary: event.diagnostic.summary ?? '',
            detail: event.diagnostic.detail ?? '',
            address: event.diagnostic.address,
          });
        } else {
          onEvent(event);
        }
      },
    });
    if (result.code !== 0 && !goodCodes.includes(result.code)) {
      throw new TerraformFailure(verb, diagnostics, rest, interrupted);
    }
    return result.code;
  }

  private tell(event: TerraformEvent, step: Step, told: Map<string, number>): void {
    const hook = event.hook;
    if (hook?.resource === undefined || hook.action === 'read') return;
    const title = this.stack.title(hook.resource.addr);
    const seconds = hook.elapsed_seconds ?? 0;
    switch (event.type) {
      case 'apply_start':
        step.doing = title;
        // What is made in no time is told once, when it is there.
        if (/^(docker_container|kubernetes_(deployment|stateful_set|daemonset|job)\w*)\./.test(hook.resource.addr)) {
          step.line(`${VERBS[hook.action ?? '']?.[0] ?? hook.action} ${title}`);
        }
        break;
      case 'apply_progress':
        step.doing = title;
        if (seconds - (told.get(hook.resource.addr) ?? 0) < 20) break;
        told.set(hook.resource.addr, seconds);
        step.line(`waiting for ${title}: ${seconds} s`);
        break;
      case 'apply_complete':
        step.line(`${VERBS[hook.action ?? '']?.[1] ?? hook.action} ${title} (${seconds} s)`);
        break;
      case 'apply_errored':
        step.line(`FAILED ${title} (${seconds} s)`);
        break;
      default:
    }
  }
}

/** The part of a state that is used here. */
export interface TerraformState {
  readonly resources?: ReadonlyArray<{
    readonly mode?: string;
    readonly type: string;
    readonly name: string;
    readonly instances?: ReadonlyArray<{ readonly attributes?: Record<string, unknown> }>;
  }>;
}

/** Ids of all objects of one type that a state knows, deposed ones too. */
export function idsInState(state: TerraformState | undefined, type: string): Set<string> {
  const ids = (state?.resources ?? [])
    .filter((resource) => resource.type === type && resource.mode !== 'data')
    .flatMap((resource) => resource.instances ?? [])
    .map((instance) => instance.attributes?.id);
  return new Set(ids.filter((id): id is string => typeof id === 'string'));
}

const VERBS: Readonly<Record<string, readonly [string, string]>> = {
  create: ['creating', 'created'],
  update: ['changing', 'changed'],
  delete: ['removing', 'removed'],
};

function initFailure(result: RunResult, supply: Supply | undefined, hasAirgap: boolean): CommandError {
  const text = `${result.stdout}\n${result.stderr}`;
  const unreachable = /Failed to query available provider packages|could not connect to registry|no such host/i.test(
    text,
  );
  return new CommandError('terraform init failed', {
    log: lastLines(text.replace(/[╷│╵]/g, ''), 12),
    remedy: !unreachable
      ? undefined
      : supply?.supply === 'airgap'
        ? 'the plugins of airgap/ are not where supply.json says: run `cdktf-mlops supply airgap`.'
        : "the Terraform registry does not answer. Mend the network, or name your own registry's providers in the context " +
          `'cdktf-mlops:providers'${hasAirgap ? ', or choose the air-gapped supply on purpose: `cdktf-mlops supply airgap`' : ''}.`,
  });
}

function parseEvent(line: string): TerraformEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as TerraformEvent;
  } catch {
    return undefined;
  }
}

/** A line of Terraform's machine-readable output. */
interface TerraformEvent {
  readonly type?: string;
  readonly diagnostic?: {
    readonly severity?: string;
    readonly summary?: string;
    readonly detail?: string;
    readonly address?: string;
  };
  readonly change?: { readonly action?: string; readonly resource?: { readonly addr: string } };
  readonly hook?: {
    readonly resource?: { readonly addr: string };
    readonly action?: string;
    readonly elapsed_seconds?: number;
  };
}
