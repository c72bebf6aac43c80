/**
 * Compares two ways to the same server: median latency and throughput, as ratios.
 *
 *   npx tsx test/e2e/http-compare.ts --direct http://172.18.0.2:8080/v2/models/cancer/infer \
 *     --through http://172.18.0.3:8080/v2/models/cancer/infer --body request.json [--fresh] [--clients 2] [--rounds 20]
 *
 * Both are measured in turn, in short rounds, so that whatever else the machine does falls on both alike. The figures
 * are medians over the rounds' ratios.
 */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import { parseArgs } from 'node:util';

/** What to compare, and how. */
export interface CompareOptions {
  readonly direct: string;
  readonly through: string;
  /** Body of every request. */
  readonly body: string;
  /** Open a connection for every request. @default false */
  readonly fresh?: boolean;
  /** Requests at a time. @default 2 */
  readonly clients?: number;
  /** @default 20 */
  readonly rounds?: number;
  /** Length of a round for either way. @default 1 */
  readonly seconds?: number;
}

/** What was measured. */
export interface Comparison {
  /** Median latency through, divided by direct. */
  readonly latency: number;
  /** Throughput through, divided by direct. */
  readonly throughput: number;
  /** Medians of latency in milliseconds and of throughput in requests per second. */
  readonly direct: { readonly ms: number; readonly perSecond: number };
  readonly through: { readonly ms: number; readonly perSecond: number };
}

/** Measures both ways. Throws when an answer is not 200. */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const clients = options.clients ?? 2;
  const seconds = options.seconds ?? 1;
  await round(options.direct, options, clients, seconds);
  await round(options.through, options, clients, seconds);
  const direct: Round[] = [];
  const through: Round[] = [];
  for (let i = 0; i < (options.rounds ?? 20); i++) {
    // Either way is first in every other round.
    const turns = [
      async () => direct.push(await round(options.direct, options, clients, seconds)),
      async () => through.push(await round(options.through, options, clients, seconds)),
    ];
    for (const turn of i % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const ratios = (of: (round: Round) => number) => median(direct.map((d, i) => of(through[i]) / of(d)));
  const middle = (rounds: Round[]) => ({
    ms: median(rounds.map(({ ms }) => ms)),
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  });
  return {
    latency: ratios(({ ms }) => ms),
    throughput: ratios(({ perSecond }) => perSecond),
    direct: middle(direct),
    through: middle(through),
  };
}

interface Round {
  readonly ms: number;
  readonly perSecond: number;
}

async function round(url: string, { body, fresh }: CompareOptions, clients: number, seconds: number): Promise<Round> {
  const agent = fresh === true ? false : new http.Agent({ keepAlive: true, maxSockets: clients });
  const took: number[] = [];
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - begin < seconds * 1000) {
        const sent = performance.now();
        await request(url, body, agent);
        took.push(performance.now() - sent);
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1000;
  if (agent !== false) agent.destroy();
  return { ms: median(took), perSecond: took.length / elapsed };
}

function request(url: string, body: string, agent: http.Agent | false): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const req = http.request(url, { method: 'POST', agent, headers }, (res) => {
      res.resume();
      res.on('error', reject);
      res.on('end', () => (res.statusCode === 200 ? resolve() : reject(new Error(`${url}: ${res.statusCode}`))));
    });
    req.on('error', reject);
    req.end(body);
  });
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      direct: { type: 'string' },
      through: { type: 'string' },
      body: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      clients: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '20' },
    },
  });
  if (args.direct === undefined || args.through === undefined || args.body === undefined) {
    throw new Error('--direct, --through and --body are needed');
  }
  const result = await compare({
    direct: args.direct,
    through: args.through,
    body: readFileSync(args.body, 'utf8'),
    fresh: args.fresh,
    clients: Number(args.clients),
    rounds: Number(args.rounds),
  });
  for (const way of ['direct', 'through'] as const) {
    console.log(`${way.padEnd(8)} ${result[way].ms.toFixed(2)} ms, ${result[way].perSecond.toFixed(0)} requests/s`);
  }
  console.log(`latency ${result.latency.toFixed(3)}, throughput ${result.throughput.toFixed(3)}`);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}
