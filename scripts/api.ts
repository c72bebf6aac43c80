import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/freshness';

const REFERENCE = 'docs/api.md';

/** Renders the API reference from the docstrings that jsii collected. */
function render(): string {
  const directory = mkdtempSync(join(tmpdir(), 'cdktf-mlops-api-'));
  try {
    const output = join(directory, 'api.md');
    const { status, error } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/jsii-docgen/bin/jsii-docgen'), '--language=typescript', `--output=${output}`],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (error) throw error;
    if (status !== 0) throw new Error(`jsii-docgen ended with ${status}`);
    return readFileSync(output, 'utf8')
      .replace(/\{@link (\S+?)\s*\}/g, '`$1`')
      .replace(/[ \t]+$/gm, '')
      .trimEnd()
      .concat('\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writes docs/api.md; with --check, only says whether it is what the docstrings say. */
function main(): number {
  const build = spawnSync(process.execPath, ['--import', 'tsx', join(root, 'scripts/build.ts')], {
    cwd: root,
    stdio: 'inherit',
  });
  if (build.status !== 0) return build.status ?? 1;
  const file = join(root, REFERENCE);
  const wanted = render();
  const found = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!process.argv.includes('--check')) {
    mkdirSync(join(root, 'docs'), { recursive: true });
    writeFileSync(file, wanted);
    console.log(`${REFERENCE}: ${found === wanted ? 'was up to date' : 'written'}.`);
    return 0;
  }
  if (found === wanted) return 0;
  const line = firstDifference(found, wanted);
  console.error(`${REFERENCE} is stale: it differs from the docstrings from line ${line} on. Run \`npm run api\`.`);
  return 1;
}

function firstDifference(found: string, wanted: string): number {
  const [has, wants] = [found.split('\n'), wanted.split('\n')];
  const index = wants.findIndex((line, number) => line !== has[number]);
  return (index < 0 ? wants.length : index) + 1;
}

process.exitCode = main();
