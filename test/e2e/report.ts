/** A check that did not pass, in one line. */
export class CheckFailed extends Error {}

/** Ends the run: what follows needs what failed. */
export class RunEnded extends Error {}

/** Set when the user has pressed Ctrl-C: nothing new is begun. */
export const interruption = new AbortController();

/** @throws CheckFailed with this message when the condition does not hold */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CheckFailed(message);
}

/** Prints a numbered line for each check, with its figure and its time, and counts. */
export class Report {
  private readonly began = Date.now();
  private passed = 0;
  private failed = 0;

  constructor(private readonly print: (line: string) => void = (line) => process.stdout.write(`${line}\n`)) {}

  /**
   * Runs a check, which returns its figure. One that fails is told, and the next one follows.
   *
   * @throws RunEnded when it fails and is `required`, and after a Ctrl-C
   */
  public async check(title: string, run: () => Promise<string>, required = false): Promise<void> {
    if (interruption.signal.aborted) throw new RunEnded('Interrupted: the other checks were not run');
    const started = Date.now();
    const number = String(this.passed + this.failed + 1).padStart(2);
    try {
      const figure = await run();
      this.passed += 1;
      this.print(`${number}  ok      ${title}: ${figure} (${seconds(started)})`);
    } catch (error) {
      if (error instanceof RunEnded) throw error;
      this.failed += 1;
      const message = error instanceof CheckFailed ? error.message : ((error as Error).stack ?? String(error));
      this.print(`${number}  FAILED  ${title}: ${message.replace(/\n/g, '\n            ')} (${seconds(started)})`);
      if (interruption.signal.aborted) throw new RunEnded('Interrupted: the other checks were not run');
      if (required) throw new RunEnded(`everything that follows needs '${title}'`);
    }
  }

  /** A line below the check that is under way. */
  public note(line: string): void {
    this.print(`            ${line}`);
  }

  /** Something that stands between the checks. */
  public say(line: string): void {
    this.print(line);
  }

  /** Prints the last line. Returns the exit code. */
  public end(): number {
    this.print(`Took ${seconds(this.began)}.`);
    this.print(`${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
