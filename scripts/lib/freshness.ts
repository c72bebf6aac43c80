import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository's root directory. */
export const root = join(__dirname, '../..');

const cache = join(root, 'node_modules/.cache/cdktf-mlops');

/** A hash of the names and contents of files and of whole folders, given relative to the root. */
export function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) addTo(hash, path);
  return hash.digest('hex');
}

function addTo(hash: ReturnType<typeof createHash>, path: string): void {
  const absolute = join(root, path);
  if (!existsSync(absolute)) {
    hash.update(`missing ${path}\n`);
  } else if (statSync(absolute).isDirectory()) {
    for (const name of readdirSync(absolute).sort()) {
      if (name !== '__pycache__') addTo(hash, `${path}/${name}`);
    }
  } else {
    const content = readFileSync(absolute);
    hash.update(`${path} ${content.length}\n`).update(content);
  }
}

/** Whether an output was made from inputs of this hash and still exists. */
export function isFresh(name: string, hash: string, outputs: readonly string[]): boolean {
  const stamp = join(cache, `${name}.sha256`);
  return (
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8').trim() === hash &&
    outputs.every((output) => existsSync(join(root, output)))
  );
}

/** Remembers which inputs an output was made from. */
export function record(name: string, hash: string): void {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, `${name}.sha256`), `${hash}\n`);
}

/**
 * Runs an action alone: two shells that build at once would remove each other's files.
 *
 * @throws when another process holds the lock for five minutes
 */
export function withLock<T>(name: string, action: () => T): T {
  const lock = join(cache, `${name}.lock`);
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + 300_000;
  while (!tryLock(lock)) {
    if (Date.now() > deadline) throw new Error(`${lock} is held by another process; remove it if there is none`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    return action();
  } finally {
    rmdirSync(lock);
  }
}

function tryLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // A killed build leaves its lock; none takes this long.
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 240_000) rmdirSync(lock);
    return false;
  }
}
