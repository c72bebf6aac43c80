import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from './command-error';
import { isRunning } from './process';
import { ensureDataDir, Project } from './project';

/** Who works on a project. */
interface Holder {
  readonly pid: number;
  /** What it was started as. */
  readonly command: string;
  /** ISO 8601. */
  readonly since: string;
  /** Tells a process from a later one of the same number. @default - the system does not tell */
  readonly startTicks?: string;
}

/**
 * Keeps two commands from synthesising, building and deploying the same project at once, up to the end of this process.
 * What a killed command left is taken over. Terraform's own lock of each state stands beside it, for other programs and
 * other machines.
 *
 * @throws CommandError that names the other process
 */
export function lockProject(project: Project, command: string): void {
  const file = join(ensureDataDir(project), 'lock.json');
  const own: Holder = {
    pid: process.pid,
    command,
    since: new Date().toISOString(),
    startTicks: startTicks(process.pid),
  };
  for (let attempt = 0; ; attempt++) {
    try {
      create(file, `${JSON.stringify(own)}\n`);
      process.on('exit', () => release(file, own));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = read(file);
    if (holder?.pid === process.pid && holder.startTicks === own.startTicks) return;
    if (attempt >= 3 || (holder !== undefined && works(holder))) throw busy(project, file, holder);
    rmSync(file, { force: true });
  }
}

/** Writes a file that must not be there yet, so that of two at once one succeeds; nobody ever reads half of it. */
function create(file: string, text: string): void {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, text, { mode: 0o600 });
  try {
    linkSync(part, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // A file system without hard links.
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  } finally {
    rmSync(part, { force: true });
  }
}

function busy(project: Project, file: string, holder: Holder | undefined): CommandError {
  const who =
    holder === undefined ? file : `\`cdktf-mlops ${holder.command}\` (process ${holder.pid}, since ${holder.since})`;
  return new CommandError(`another command works on ${project.root}: ${who}`, {
    remedy: 'wait until it has ended, or end it with Ctrl-C where it runs; then run this again. Nothing was changed.',
  });
}

function works(holder: Holder): boolean {
  return isRunning(holder.pid) && (holder.startTicks === undefined || holder.startTicks === startTicks(holder.pid));
}

function read(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined; // gone meanwhile
  }
}

function release(file: string, own: Holder): void {
  if (read(file)?.pid === own.pid) rmSync(file, { force: true });
}

/** When a process began, in ticks since the machine did: field 22 of its `stat`, counted behind its name. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
