import { CommandError } from './command-error';

/** What {@link Platform.runJob} takes. */
export interface JobRun {
  readonly environment: string;
  /** Component path of the job, for example `backup/restore`. */
  readonly component: string;
  /** Arguments of the declared entrypoint, in the place of the declared ones. */
  readonly args: readonly string[];
  /** What the step is called while it runs. */
  readonly title: string;
  /** Where the run's log goes. */
  readonly log: (line: string) => void;
}

/** How a run ended. */
export interface JobResult {
  readonly exitCode: number;
  /** What the run reported in its last line, as JSON. @default - nothing */
  readonly report?: unknown;
}

/** Collects a run's log: the last line that is JSON is its report, all others go on. */
export class JobLog {
  private last = '';

  constructor(private readonly log: (line: string) => void) {}

  public line(text: string): void {
    if (text.startsWith('{')) this.last = text;
    else this.log(text);
  }

  /** Undefined when there was no report. */
  public get report(): unknown {
    try {
      return JSON.parse(this.last);
    } catch {
      return undefined;
    }
  }
}

/** The error for a job that an environment has not. */
export function noJob(environment: string, component: string): CommandError {
  return new CommandError(`the environment '${environment}' has no job '${component}'`, {
    remedy: `deploy it first: \`cdktf-mlops deploy ${environment}\`; or declare it in the program.`,
  });
}
