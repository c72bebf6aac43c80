/**
 * `npm run bench`: what the library costs, as ratios to doing without it. Needs a running `staging` for the last part.
 *
 *   npm run bench [-- synth] [scale] [gateway]    only these parts
 */
import { compareGateway } from './gateway';
import { Cost, inTurn, median, medianRatio, run } from './measure';
import { outputDirectory, PlatformName, writeMany, writePair } from './programs';

const PARTS = ['synth', 'scale', 'gateway'] as const;
type Part = (typeof PARTS)[number];

const PLATFORMS: readonly PlatformName[] = ['docker', 'kubernetes'];
const ENVIRONMENT = 'staging';
const ENVIRONMENTS = 100;

const outcomes = { passed: 0, failed: 0 };

interface Limit {
  readonly atMost?: number;
  readonly atLeast?: number;
}

function report(what: string, ratio: number, limit: Limit, detail: string): void {
  const holds = ratio <= (limit.atMost ?? Infinity) && ratio >= (limit.atLeast ?? -Infinity);
  outcomes[holds ? 'passed' : 'failed']++;
  const wanted = limit.atMost === undefined ? `at least ${limit.atLeast}` : `at most ${limit.atMost}`;
  console.log(`${holds ? 'ok  ' : 'OVER'} ${what.padEnd(50)} ${ratio.toFixed(3)}  (${wanted}; ${detail})`);
}

const of = <T>(runs: readonly T[], value: (run: T) => number): number[] => runs.map(value);
const ms = (values: readonly number[]): string => `${median(values).toFixed(0)} ms`;

/** Importing the library and synthesising both stacks of `staging`, against the providers' classes alone. */
async function synth(platform: PlatformName): Promise<void> {
  const { library, bare, resources } = writePair(platform);
  console.log(`synth on ${platform}: import and synthesise ${resources} resources, 15 times each, in turn`);
  const { a, b } = await inTurn<Cost>(
    15,
    () => run(library, [outputDirectory('library')]),
    () => run(bare, [outputDirectory('bare')]),
  );
  for (const [name, value] of [
    ['processor time', (cost: Cost) => cost.cpuMs],
    ['wall time', (cost: Cost) => cost.wallMs],
  ] as const) {
    const detail = `library ${ms(of(a, value))}, bare ${ms(of(b, value))}`;
    report(`synth on ${platform}, ${name}`, medianRatio(of(a, value), of(b, value)), { atMost: 1.25 }, detail);
  }
}

interface Round {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly resources: number;
}

/**
 * What a resource costs in an app of many environments and in an app of one. Loading is not counted, and both are warm:
 * a cold program of one environment is so slow for each resource that the ratio could never fail.
 */
async function scale(platform: PlatformName): Promise<void> {
  const many = writeMany(platform);
  console.log(
    `scale on ${platform}: ${ENVIRONMENTS} environments in one app against 1, both warm, 3 processes each, in turn`,
  );
  const measure = (environments: number, rounds: number) => {
    const cost = run(many, [outputDirectory('many'), String(environments), String(rounds)]);
    const lines = cost.output.trim().split('\n');
    const all = lines.map((line) => JSON.parse(line) as Round);
    const perResource = (value: (round: Round) => number) => (round: Round) => value(round) / round.resources;
    // The second half: by then the code is compiled.
    const warm = all.slice(Math.floor(all.length / 2));
    return {
      cpu: median(warm.map(perResource((round) => round.cpuMs))),
      wall: median(warm.map(perResource((round) => round.wallMs))),
      peakMegabytes: cost.peakMegabytes,
      resources: all[0].resources,
    };
  };
  const { a, b } = await inTurn(
    3,
    () => measure(ENVIRONMENTS, 2),
    () => measure(1, 40),
  );
  const [for100, for1] = [of(a, (x) => x.cpu), of(b, (x) => x.cpu)];
  const detail = `${ENVIRONMENTS}: ${median(for100).toFixed(2)} ms, 1: ${median(for1).toFixed(2)} ms`;
  report(
    `a resource in ${ENVIRONMENTS} on ${platform}, processor time`,
    medianRatio(for100, for1),
    { atMost: 1.2 },
    detail,
  );
  // A run takes a minute, in which a busy machine's other work disturbs the one and not the other.
  const wall = medianRatio(
    of(a, (x) => x.wall),
    of(b, (x) => x.wall),
  );
  console.log(`     wall time ${wall.toFixed(3)}, not judged`);
  console.log(`     peak memory: ${megabytes(run(many, [outputDirectory('many'), String(ENVIRONMENTS), '1']))}`);
  console.log(`     peak memory: ${megabytes(run(many, [outputDirectory('many'), '1', '1']))}`);
}

function megabytes({ peakMegabytes, output }: Cost): string {
  const { resources } = JSON.parse(output) as Round;
  return `${peakMegabytes.toFixed(0)} MB for ${resources} resources`;
}

/** Predictions through the gateway against the model server itself. */
async function gateway(): Promise<void> {
  const { through, direct, description } = await compareGateway(ENVIRONMENT).catch((error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) throw error;
    throw new Error(`${error.message}: was ${ENVIRONMENT} changed meanwhile? Repeat when \`npm run status\` is well`);
  });
  console.log(`gateway: ${description}, in turn`);
  const [speedA, speedB] = [through, direct].map((runs) => of(runs, (x) => x.requestsPerSecond));
  const [waitA, waitB] = [through, direct].map((runs) => of(runs, (x) => x.medianMs));
  report('gateway, throughput', medianRatio(speedA, speedB), { atLeast: 0.95 }, both(speedA, speedB, '/s', 0));
  report('gateway, median latency', medianRatio(waitA, waitB), { atMost: 1.1 }, both(waitA, waitB, ' ms', 2));
}

function both(a: readonly number[], b: readonly number[], unit: string, digits: number): string {
  return `through ${median(a).toFixed(digits)}${unit}, direct ${median(b).toFixed(digits)}${unit}`;
}

async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}: there are ${PARTS.join(', ')}`);
  const onEach = (measure: (platform: PlatformName) => Promise<void>) => async () => {
    for (const platform of PLATFORMS) await measure(platform);
  };
  const run: Record<Part, () => Promise<void>> = { synth: onEach(synth), scale: onEach(scale), gateway };
  for (const part of PARTS) {
    if (asked.length > 0 && !asked.includes(part)) continue;
    try {
      await run[part]();
    } catch (error) {
      outcomes.failed++;
      console.log(`FAIL ${part}: ${(error as Error).message}`);
    }
  }
}

main()
  .catch((error: unknown) => {
    outcomes.failed++;
    console.error((error as Error).message);
  })
  .finally(() => {
    console.log(`${outcomes.passed} passed, ${outcomes.failed} failed`);
    process.exitCode = outcomes.failed === 0 ? 0 : 1;
  });
