#!/usr/bin/env node
// Installs the packages of package-lock.json when they are missing or another lock file's. It runs before anything is
// installed, so it needs nothing but Node itself, and takes a few milliseconds when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.cache', 'cdktf-mlops', 'lock.sha256');

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const wanted = engines.node.replace(/^>=/, '').split('.').map(Number);
const found = process.versions.node.split('.').map(Number);
const difference = wanted.map((part, index) => found[index] - part).find((part) => part !== 0) ?? 0;
if (difference < 0) {
  console.error(`Node ${process.versions.node} is too old: this project needs ${engines.node}.`);
  process.exit(1);
}

const hash = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

/** The hash of the lock file that node_modules was installed from, as far as it can be told. */
function installed() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : undefined;
}

/** Whether npm's own record in node_modules names the same packages, for whoever ran `npm ci` or `npm install` by hand. */
function installedByHand() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) {
    return false;
  }
  const has = JSON.parse(readFileSync(record, 'utf8')).packages;
  const wants = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wants).every(
    ([path, { version, optional, integrity }]) =>
      path === '' || (has[path] ? has[path].version === version && has[path].integrity === integrity : optional),
  );
}

function record() {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${hash}\n`);
}

if (installed() !== hash) {
  if (installedByHand()) {
    record();
  } else {
    const started = process.hrtime.bigint();
    console.error('Installing the npm packages of package-lock.json (npm ci) ...');
    const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      // Standard output belongs to the command that comes after this.
      stdio: ['ignore', 2, 'inherit'],
      shell: process.platform === 'win32',
    });
    if (error || status !== 0) {
      console.error(
        `npm ci failed${error ? ` (${error.message})` : ''}. If the message above names the network, see that ` +
          '`npm ping` answers; if it names the lock file, run `npm install` and commit package-lock.json.',
      );
      process.exit(status || 1);
    }
    record();
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    console.error(`Installed in ${seconds.toFixed(1)} s.`);
  }
}
