import { Machine } from './machine';
import { CheckFailed, interruption, Report, RunEnded } from './report';

/** What {@link runEndToEnd} takes. */
export interface EndToEnd {
  readonly report: Report;
  readonly machine: Machine;
  /** What `--help` says. */
  readonly usage: string;
  readonly checks: () => Promise<void>;
  /** Removes all that the checks made. Not called when E2E_KEEP is set. */
  readonly cleanUp: () => Promise<void>;
}

/** Runs an end-to-end program: its checks, then its end, also after a Ctrl-C. Sets the exit code of this process. */
export function runEndToEnd(program: EndToEnd): void {
  if (process.argv.length > 2) {
    // It takes minutes and a good part of the machine: nobody starts it by asking how it is used.
    const asked = process.argv.slice(2).every((argument) => ['--help', '-h'].includes(argument));
    console.log(program.usage);
    process.exit(asked ? 0 : 1);
  }
  main(program).then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(error instanceof CheckFailed ? error.message : error);
      process.exitCode = 1;
    },
  );
}

async function main({ report, machine, checks, cleanUp }: EndToEnd): Promise<number> {
  // State, plans and logs are for their owner alone.
  process.umask(0o077);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort();
      report.say('Interrupted: cleaning up (once more to stop at once)');
      machine.interrupt();
    });
  }
  report.say(`Everything that is said is in ${machine.log} until the end`);
  try {
    await checks();
  } catch (error) {
    if (!(error instanceof RunEnded)) throw error;
    report.say(error.message);
  } finally {
    const keep = (process.env.E2E_KEEP ?? '') !== '' && process.env.E2E_KEEP !== '0';
    if (keep) report.say('Everything stays up, as E2E_KEEP says.');
    else await cleanUp().catch((error: Error) => report.say(error.message));
    await machine.close();
  }
  const code = report.end();
  return interruption.signal.aborted ? 130 : code;
}
