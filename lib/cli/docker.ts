import { CommandError, EXIT } from './command-error';
import { lastLines, run, RunOptions, RunResult } from './process';
import { StackResource } from './stack-file';

/** Labels that every object of an environment carries. */
export const LABEL = {
  ENVIRONMENT: 'cdktf-mlops.environment',
  STACK: 'cdktf-mlops.stack',
  COMPONENT: 'cdktf-mlops.component',
  KIND: 'cdktf-mlops.kind',
  CONCURRENCY: 'cdktf-mlops.concurrency',
  SCHEDULE: 'cdktf-mlops.schedule',
} as const;

/** A container as `docker inspect` shows it: the part that is used here. */
export interface ContainerInfo {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Image: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly ExitCode: number;
    readonly StartedAt: string;
    readonly OOMKilled: boolean;
    readonly Error: string;
    readonly Health?: {
      readonly Status: string;
      readonly Log?: ReadonlyArray<{ readonly ExitCode: number; readonly Output: string }> | null;
    };
  };
  readonly Config: {
    readonly Image: string;
    readonly Labels?: Record<string, string> | null;
    readonly [key: string]: unknown;
  };
  readonly HostConfig: Record<string, unknown>;
  readonly NetworkSettings: { readonly Networks?: Record<string, { readonly NetworkID: string }> | null };
}

/** A network or volume, by the id that Terraform knows it by. */
export interface NamedObject {
  readonly id: string;
  readonly name: string;
}

/** The Docker command line. */
export class Docker {
  /** Runs `docker` to its end, whatever its exit code. */
  public run(args: readonly string[], options?: RunOptions): Promise<RunResult> {
    return run('docker', args, options);
  }

  /** @throws CommandError with what docker said, and the remedy */
  public async out(args: readonly string[], options?: RunOptions & { readonly remedy?: string }): Promise<string> {
    const result = await this.run(args, options);
    if (result.code === 0) return result.stdout;
    if (
      /Cannot connect to the Docker daemon|permission denied.*docker\.sock|error during connect/i.test(result.stderr)
    ) {
      throw unanswered(result.stderr);
    }
    throw new CommandError(`'docker ${args.slice(0, 2).join(' ')}' failed`, {
      log: lastLines(result.stderr, 5),
      remedy:
        options?.remedy ?? 'mend what Docker names above, then run the same command again: it goes on from there.',
    });
  }

  /** @throws CommandError with the remedy when the Engine does not answer */
  public async ping(): Promise<void> {
    const { code, stderr } = await this.run(['version', '--format', '{{.Server.Version}}'], { timeoutMs: 20_000 });
    if (code !== 0) throw unanswered(stderr);
  }

  /** All containers with all of these labels (`key` or `key=value`), stopped ones too. */
  public async containers(...labels: string[]): Promise<ContainerInfo[]> {
    const ids = await this.ids(['ps', '-a'], labels);
    return this.inspect(ids);
  }

  /** Those of the names and ids that exist. */
  public async inspect(names: readonly string[]): Promise<ContainerInfo[]> {
    if (names.length === 0) return [];
    // Exits with 1 when one of them is gone, and still prints the others.
    const result = await this.run(['container', 'inspect', ...names]);
    if (/Cannot connect|permission denied/i.test(result.stderr)) await this.out(['version']);
    return (JSON.parse(result.stdout === '' ? '[]' : result.stdout) as ContainerInfo[]).map((info) => ({
      ...info,
      Name: info.Name.replace(/^\//, ''),
    }));
  }

  /**
   * The containers of a declared one, the newest first: by its name, or by its labels where a part of the name is known
   * to Terraform only. Two of them stand side by side while one replaces the other.
   */
  public async containersOf(resource: StackResource): Promise<ContainerInfo[]> {
    if (resource.name !== undefined) return this.inspect([resource.name]);
    const wanted = [LABEL.ENVIRONMENT, LABEL.STACK, LABEL.COMPONENT, LABEL.KIND].flatMap((name) =>
      resource.labels[name] === undefined ? [] : [`${name}=${resource.labels[name]}`],
    );
    // Without labels every container of the machine would match.
    if (wanted.length === 0) return [];
    return (await this.containers(...wanted))
      .filter(({ Name }) => resource.namePattern.test(Name))
      .sort((a, b) => Date.parse(b.Created) - Date.parse(a.Created));
  }

  /** Networks with all of these labels. */
  public async networks(...labels: string[]): Promise<NamedObject[]> {
    const format = ['--format', '{{.ID}} {{.Name}}'];
    return named(await this.out(['network', 'ls', '--no-trunc', ...filters(labels), ...format]));
  }

  /** Volumes with all of these labels; a volume's id is its name. */
  public async volumes(...labels: string[]): Promise<NamedObject[]> {
    return named(await this.out(['volume', 'ls', ...filters(labels), '--format', '{{.Name}} {{.Name}}']));
  }

  /** The id of an image, or undefined when it is not there. */
  public async imageId(reference: string): Promise<string | undefined> {
    const result = await this.run(['image', 'inspect', '--format', '{{.Id}}', reference]);
    return result.code === 0 ? result.stdout.trim() : undefined;
  }

  /** The last lines that a container wrote, both streams in order of their arrival as far as can be told. */
  public async lastLog(container: string, lines: number): Promise<string[]> {
    const collected: string[] = [];
    await this.run(['logs', '--tail', String(lines), container], {
      discard: true,
      onLine: (line) => collected.push(line),
    });
    return collected
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-lines);
  }

  private async ids(command: string[], labels: string[]): Promise<string[]> {
    const output = await this.out([...command, '--no-trunc', '--quiet', ...filters(labels)]);
    return output.split('\n').filter((id) => id !== '');
  }
}

function unanswered(stderr: string): CommandError {
  return new CommandError('the Docker Engine does not answer', {
    log: lastLines(stderr, 2),
    remedy: 'run `cdktf-mlops doctor`: it starts the Engine where it may, or says how.',
    exitCode: EXIT.MACHINE,
  });
}

/** A label of a container. */
export function label(container: ContainerInfo, name: string): string | undefined {
  return container.Config.Labels?.[name];
}

function filters(labels: readonly string[]): string[] {
  return labels.flatMap((text) => ['--filter', `label=${text}`]);
}

function named(output: string): NamedObject[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ id: line.split(' ')[0], name: line.split(' ')[1] }));
}
