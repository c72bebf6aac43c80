/** How the command ends; what scripts may rely on. */
export const EXIT = {
  /** Done, or nothing to do. */
  OK: 0,
  /** It did not work, or something is not healthy. */
  FAILED: 1,
  /** `plan` only: there are changes. */
  CHANGES: 2,
  /** The machine lacks something: Docker, Terraform, disk, a port. */
  MACHINE: 3,
  /** Stopped by Ctrl-C. */
  INTERRUPTED: 130,
} as const;

/** What a {@link CommandError} takes. */
export interface CommandErrorOptions {
  /** What the reader does about it, as one or more sentences. @default - none is known */
  readonly remedy?: string;
  /** The last lines of a log that show the cause. @default - none */
  readonly log?: readonly string[];
  /** @default EXIT.FAILED */
  readonly exitCode?: number;
  /** The error underneath, shown with DEBUG only. @default - none */
  readonly cause?: unknown;
}

/** An end of the command that is explained in one message: cause, last log lines, remedy. */
export class CommandError extends Error {
  public readonly remedy: string | undefined;
  public readonly log: readonly string[];
  public readonly exitCode: number;

  constructor(message: string, options: CommandErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CommandError';
    this.remedy = options.remedy;
    this.log = options.log ?? [];
    this.exitCode = options.exitCode ?? EXIT.FAILED;
  }

  /** The message as it is printed. */
  public render(): string {
    return [
      `error: ${this.message}`,
      ...this.log.map((line) => `  | ${line}`),
      ...(this.remedy === undefined ? [] : [`remedy: ${this.remedy}`]),
    ].join('\n');
  }
}
