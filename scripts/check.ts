import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/freshness';

/**
 * `npm test`: everything that needs neither Docker nor Terraform's providers. First the parts that read the sources,
 * as many at once as there are cores, each with its output held back until it ends; then jest, live. All of them run,
 * whatever fails. What stands behind `--` goes to jest.
 */
interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly needs?: string;
}

const bin = (name: string): string => join(root, 'node_modules/.bin', name);
const script = (name: string): string[] => [process.execPath, '--import', 'tsx', `scripts/${name}.ts`];

const PARTS: readonly Part[] = [
  { name: 'type-check', command: [bin('tsc'), '--noEmit', '--pretty', String(process.stdout.isTTY ?? false)] },
  { name: 'build (jsii)', command: script('build') },
  {
    name: 'lint',
    command: [
      bin('eslint'),
      '--cache',
      '--cache-location=node_modules/.cache/eslint/',
      '--cache-strategy=content',
      '--max-warnings=0',
      '.',
    ],
  },
  {
    name: 'format',
    command: [
      bin('prettier'),
      '--check',
      '--log-level=warn',
      '--cache',
      '--cache-location=node_modules/.cache/prettier/cache',
      '--cache-strategy=content',
      '.',
    ],
  },
  { name: 'API reference', command: [...script('api'), '--check'], needs: 'build (jsii)' },
];

const HINTS: Readonly<Record<string, string>> = {
  lint: '`npm run lint:fix` repairs what can be repaired.',
  format: '`npm run format` formats all files.',
  'API reference': '`npm run api` writes docs/api.md anew.',
};

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
}

const outcomes: Outcome[] = [];

function report(part: string, passed: boolean, started: number, output = ''): void {
  const seconds = (Date.now() - started) / 1000;
  outcomes.push({ name: part, passed, seconds });
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${part.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s`);
  if (!passed) {
    const text = output.trim();
    if (text !== '') console.log(text.replace(/^/gm, '     '));
    if (HINTS[part] !== undefined) console.log(`     ${HINTS[part]}`);
  }
}

function run(command: readonly string[], live = false): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const [file, ...args] = command;
    const child = spawn(file, args, {
      cwd: root,
      stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Runs the parts, at most `limit` at once, each after the one that it needs. */
async function runParts(parts: readonly Part[], limit: number): Promise<void> {
  const waiting = [...parts];
  const done = new Map<string, boolean>();
  const running = new Set<Promise<void>>();
  const start = async (part: Part): Promise<void> => {
    const started = Date.now();
    if (part.needs !== undefined && done.get(part.needs) === false) {
      report(part.name, false, started, `not run: '${part.needs}' failed`);
      done.set(part.name, false);
      return;
    }
    const { code, output } = await run(part.command);
    report(part.name, code === 0, started, output);
    done.set(part.name, code === 0);
  };
  while (waiting.length > 0 || running.size > 0) {
    const next = waiting.findIndex((part) => part.needs === undefined || done.has(part.needs));
    if (next >= 0 && running.size < limit) {
      const [part] = waiting.splice(next, 1);
      const promise: Promise<void> = start(part).finally(() => running.delete(promise));
      running.add(promise);
    } else {
      await Promise.race(running);
    }
  }
}

/** Runs jest and returns how many of its tests passed and failed. */
async function runJest(args: readonly string[]): Promise<{ passed: number; failed: number }> {
  const results = join(root, 'node_modules/.cache/cdktf-mlops/jest.json');
  mkdirSync(join(results, '..'), { recursive: true });
  rmSync(results, { force: true });
  const started = Date.now();
  const { code } = await run([bin('jest'), '--json', `--outputFile=${results}`, ...args], true);
  report('unit tests', code === 0, started);
  if (!existsSync(results)) return { passed: 0, failed: 1 };
  const json = JSON.parse(readFileSync(results, 'utf8')) as Record<string, number>;
  // A suite that does not even load has no failed tests; jest's exit code is the last word.
  const failed = Math.max(json.numFailedTests + json.numRuntimeErrorTestSuites, code === 0 ? 0 : 1);
  return { passed: json.numPassedTests, failed };
}

async function main(): Promise<number> {
  const started = Date.now();
  const jestArgs = process.argv.slice(2);
  await runParts(PARTS, availableParallelism());
  const parts = [...outcomes];
  const tests = await runJest(jestArgs);
  const failedParts = parts.filter((part) => !part.passed);
  console.log('');
  for (const { name, passed, seconds } of outcomes) {
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s`);
  }
  console.log(`Took ${((Date.now() - started) / 1000).toFixed(1)} s.`);
  const passed = tests.passed + parts.length - failedParts.length;
  const failed = tests.failed + failedParts.length;
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
