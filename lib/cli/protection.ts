import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UNPROTECTED_CONTEXT } from '../core/protection';
import { CommandError } from './command-error';
import { ensureDataDir, Project, readJson } from './project';

/**
 * Environments whose data may be destroyed: `.cdktf-mlops/unprotected.json`, a sorted list of names; no file when there
 * is none.
 *
 * @throws CommandError when the file can't be read
 */
export function unprotectedEnvironments(project: Project): string[] {
  const file = fileOf(project);
  if (!existsSync(file)) return [];
  const read = readJson(file);
  if (Array.isArray(read) && read.every((name) => typeof name === 'string')) return read as string[];
  throw new CommandError(`${file} is no list of environments`, {
    remedy: 'remove it: then everything is protected again.',
  });
}

/** Records whether the data of an environment is protected. Returns whether that is news. */
export function recordProtection(project: Project, environment: string, isProtected: boolean): boolean {
  const before = unprotectedEnvironments(project);
  if (before.includes(environment) !== isProtected) return false;
  const names = isProtected ? before.filter((name) => name !== environment) : [...before, environment].sort();
  ensureDataDir(project);
  const file = fileOf(project);
  if (names.length === 0) {
    rmSync(file, { force: true });
  } else {
    writeFileSync(`${file}.part`, `${JSON.stringify(names)}\n`, { mode: 0o600 });
    renameSync(`${file}.part`, file);
  }
  return true;
}

/** What synth gets to know of it, as cdktf context. */
export function protectionContext(project: Project): Record<string, unknown> {
  const names = unprotectedEnvironments(project);
  return names.length === 0 ? {} : { [UNPROTECTED_CONTEXT]: names };
}

function fileOf(project: Project): string {
  return join(project.dataDir, 'unprotected.json');
}
