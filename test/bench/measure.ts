import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What a program cost, from its first line to its end, without Node's own start. */
export interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMegabytes: number;
  /** What it wrote to its standard output. */
  readonly output: string;
}

/**
 * Runs a JavaScript program in a process of its own.
 *
 * @throws when it fails
 */
export function run(script: string, args: readonly string[]): Cost {
  const result = spawnSync(process.execPath, ['--require', join(__dirname, 'probe.js'), script, ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // cdktf asks a server for its newest version otherwise.
    env: { ...process.env, CHECKPOINT_DISABLE: '1' },
  });
  if (result.status !== 0) throw new Error(`${script} failed:\n${result.stdout}${result.stderr}`);
  const cost = JSON.parse(result.output[3]!) as Omit<Cost, 'output'>;
  return { ...cost, output: result.stdout };
}

/** Calls two measurements in turn (A B A B …) after one of each for nothing, so that drift meets both alike. */
export async function inTurn<T>(
  times: number,
  a: () => T | Promise<T>,
  b: () => T | Promise<T>,
): Promise<{ a: T[]; b: T[] }> {
  const results = { a: [] as T[], b: [] as T[] };
  await a();
  await b();
  for (let i = 0; i < times; i++) {
    results.a.push(await a());
    results.b.push(await b());
  }
  return results;
}

/** The median of the ratios of neighbours: what disturbs the machine for a second disturbs both of a pair. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, index) => value / b[index]));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
