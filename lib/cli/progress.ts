/** Something that takes lines, such as process.stderr. */
export interface LineSink {
  write(text: string): unknown;
}

/** What is being done, shown line by line with the time that it took. Goes to standard error; results do not. */
export class Progress {
  private readonly started = Date.now();

  constructor(private readonly sink: LineSink = process.stderr) {}

  /** One line about what happens within a step. */
  public line(text: string): void {
    this.sink.write(`      ${text}\n`);
  }

  /** One line that stands by itself. */
  public say(text: string): void {
    this.sink.write(`${text}\n`);
  }

  /**
   * Announces a step, does it, and says how long it took. While nothing else is heard of it, a line every 30 seconds
   * says that it goes on.
   */
  public async step<T>(title: string, work: (step: Step) => Promise<T>): Promise<T> {
    const started = Date.now();
    const step = new Step(this);
    this.sink.write(`[${clock(started - this.started)}] ${title} ...\n`);
    const timer = setInterval(() => {
      if (Date.now() - step.lastHeard < 30_000) return;
      this.line(`... ${step.doing ?? title} (${duration(Date.now() - started)} so far)`);
      step.lastHeard = Date.now();
    }, 5_000);
    timer.unref();
    try {
      const result = await work(step);
      this.sink.write(
        `[${clock(Date.now() - this.started)}] ${title}: ${step.outcome} (${duration(Date.now() - started)})\n`,
      );
      return result;
    } catch (error) {
      this.sink.write(`[${clock(Date.now() - this.started)}] ${title}: failed (${duration(Date.now() - started)})\n`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** Milliseconds since the command began. */
  public get elapsedMs(): number {
    return Date.now() - this.started;
  }
}

/** A step that is going on. */
export class Step {
  /** What stands behind its title at the end. @default done */
  public outcome = 'done';
  /** What it is busy with just now. */
  public doing: string | undefined;
  /** When the last line about it was printed. */
  public lastHeard = Date.now();

  constructor(private readonly progress: Progress) {}

  /** One line about it. */
  public line(text: string): void {
    this.lastHeard = Date.now();
    this.progress.line(text);
  }
}

/** `850 ms`, `4.2 s`, `2 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
