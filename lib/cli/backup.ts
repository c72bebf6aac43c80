import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { CommandError } from './command-error';
import { JobResult } from './jobs';
import { Session } from './session';
import { renderTable } from './table';

/** What the commands need of the command line that they belong to. */
export interface BackupContext {
  /** The project, as it was synthesised last. */
  readonly session: () => Promise<Session>;
  /** Writes a result. */
  readonly print: (text: string) => void;
}

/** A backup as the job reports it: of one that was not completed, the time only. */
export interface BackupReport {
  readonly time: string;
  readonly complete?: boolean;
  readonly database?: {
    readonly bytes: number;
    readonly rows: Readonly<Record<string, number>>;
    readonly server: string;
    readonly schema: Readonly<Record<string, string>>;
    readonly sha256: string;
  };
  readonly artifacts?: { readonly objects: number; readonly bytes: number };
  readonly seconds?: number;
}

/** What a restore reports. */
export interface RestoreReport {
  readonly time: string;
  readonly rows: number;
  readonly tables: number;
  readonly artifacts: number;
  /** Components that have to be started again. */
  readonly dependents: readonly string[];
  readonly seconds: {
    readonly verify: number;
    readonly artifacts: number;
    readonly database: number;
    readonly all: number;
  };
}

/** Times as the job names backups, or the newest. */
const TIME = /^(latest|\d{8}T\d{6}Z)$/;

/** Adds `backup`, `backups` and `restore`. */
export function addBackupCommands(command: Command, context: BackupContext): void {
  command
    .command('backup')
    .argument('<environment>', 'name of the environment')
    .option('--job <path>', 'component path of the backup', 'backup')
    .option('--accept-loss', 'also when the registry has lost more than half of what the last backup found')
    .description("back up the registry's database and artifacts now")
    .action(async (environment: string, options: { job: string; acceptLoss?: boolean }) => {
      const session = await context.session();
      const args = ['backup', ...(options.acceptLoss === true ? ['--accept-loss'] : [])];
      const report = await run(session, environment, options.job, args, `Backing up ${environment}`);
      context.print(describeBackup(report as BackupReport));
    });

  command
    .command('backups')
    .argument('<environment>', 'name of the environment')
    .option('--job <path>', 'component path of the backup', 'backup')
    .option('--json', 'as JSON')
    .description('list the backups of an environment, the newest first')
    .action(async (environment: string, options: { job: string; json?: boolean }) => {
      const session = await context.session();
      const backups = await list(session, environment, options.job);
      context.print(options.json === true ? JSON.stringify(backups, undefined, 2) : backupTable(backups));
    });

  command
    .command('restore')
    .argument('<environment>', 'name of the environment')
    .option('--job <path>', 'component path of the backup', 'backup')
    .option('--at <time>', "which backup: a time of `cdktf-mlops backups`, or 'latest'", 'latest')
    .option('--yes', 'restore without asking')
    .description("replace the registry's database by a backup of it, and bring back the artifacts")
    .action(async (environment: string, options: { job: string; at: string; yes?: boolean }) => {
      if (!TIME.test(options.at)) {
        throw new CommandError(`'${options.at}' is no time of a backup`, {
          remedy: `use one that \`cdktf-mlops backups ${environment}\` lists, such as 20260131T023000Z, or 'latest'.`,
        });
      }
      const session = await context.session();
      const chosen = chooseBackup(environment, await list(session, environment, options.job), options.at);
      if (options.yes !== true) await confirmRestore(session, environment, chosen);
      const report = (await run(
        session,
        environment,
        `${options.job}/restore`,
        // The one that was agreed to, although another may have been made meanwhile.
        ['restore', '--at', chosen.time],
        `Restoring ${environment}`,
      )) as RestoreReport;
      await session.platformOfEnvironment(environment).startAgain(environment, report.dependents);
      context.print(describeRestore(report));
    });
}

/**
 * The backup of that time.
 *
 * @throws CommandError when there is none, or it was not completed
 */
export function chooseBackup(environment: string, backups: readonly BackupReport[], at: string): BackupReport {
  const complete = backups.filter((backup) => backup.complete === true);
  const chosen = at === 'latest' ? complete[0] : complete.find(({ time }) => time === at);
  if (chosen !== undefined) return chosen;
  const halfMade = backups.some(({ time }) => time === at);
  throw new CommandError(
    halfMade
      ? `the backup ${at} of '${environment}' was not completed`
      : `'${environment}' has no ${at === 'latest' ? 'complete backup' : `backup ${at}`}`,
    {
      remedy:
        complete.length === 0
          ? `make one: \`cdktf-mlops backup ${environment}\`.`
          : `use one of: ${complete.map(({ time }) => time).join(', ')}.`,
    },
  );
}

/** One line for each backup. */
export function backupTable(backups: readonly BackupReport[]): string {
  if (backups.length === 0) return 'There are no backups.';
  return renderTable(
    ['TIME', 'COMPLETE', 'DATABASE', 'ROWS', 'ARTIFACTS', 'THEIR SIZE'],
    backups.map(({ time, complete, database, artifacts }) => [
      time,
      complete === true ? 'yes' : 'no',
      database === undefined ? '' : size(database.bytes),
      database === undefined ? '' : String(rowsOf(database)),
      artifacts === undefined ? '' : String(artifacts.objects),
      artifacts === undefined ? '' : size(artifacts.bytes),
    ]),
  );
}

function describeBackup({ time, database, artifacts, seconds }: BackupReport): string {
  const schema = Object.values(database!.schema).join(', ');
  return [
    `backup ${time}, made in ${seconds} s`,
    `database:  ${size(database!.bytes)}, ${rowsOf(database!)} rows, PostgreSQL ${database!.server}` +
      (schema === '' ? '' : `, schema ${schema}`),
    `           sha256 ${database!.sha256}`,
    `artifacts: ${artifacts!.objects} objects, ${size(artifacts!.bytes)}`,
  ].join('\n');
}

function describeRestore({ time, rows, tables, artifacts, seconds }: RestoreReport): string {
  return [
    `restored the backup ${time} in ${seconds.all} s`,
    `verified:  ${seconds.verify} s`,
    `artifacts: ${artifacts} in ${seconds.artifacts} s`,
    `database:  ${rows} rows in ${tables} tables in ${seconds.database} s`,
  ].join('\n');
}

async function list(session: Session, environment: string, job: string): Promise<BackupReport[]> {
  const report = await run(session, environment, job, ['list'], `Looking for backups of ${environment}`);
  return (report as { readonly backups: BackupReport[] }).backups;
}

/** Runs one of the jobs and returns what it reports. */
async function run(
  session: Session,
  environment: string,
  component: string,
  args: readonly string[],
  title: string,
): Promise<unknown> {
  const log: string[] = [];
  const result: JobResult = await session.platformOfEnvironment(environment).runJob({
    environment,
    component,
    args,
    title,
    log: (line) => {
      log.push(line);
      session.progress.line(line);
    },
  });
  if (result.exitCode === 0 && result.report !== undefined) return result.report;
  throw new CommandError(`'${component} ${args.join(' ')}' ended with exit code ${result.exitCode}`, {
    log: log.slice(-5),
    remedy: 'mend what its last line names, then run the same command again.',
    exitCode: result.exitCode === 0 ? 1 : result.exitCode,
  });
}

async function confirmRestore(session: Session, environment: string, backup: BackupReport): Promise<void> {
  const { time, database, artifacts } = backup;
  session.progress.say(
    `Everything in the registry's database of ${environment} is replaced by the backup ${time} ` +
      `(${rowsOf(database!)} rows); what was logged since then is lost.`,
  );
  session.progress.say(
    `${artifacts!.objects} artifacts (${size(artifacts!.bytes)}) are brought back where they are missing or differ; others stay.`,
  );
  if (!process.stdin.isTTY) {
    throw new CommandError('a restore overwrites data, and there is no terminal to ask on', {
      remedy: 'look at `cdktf-mlops backups`, then restore with `--yes`.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Restore ${environment}? Only 'yes' is taken: `);
  terminal.close();
  if (answer.trim() !== 'yes') throw new CommandError('not confirmed: nothing was changed');
}

function rowsOf({ rows }: NonNullable<BackupReport['database']>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
