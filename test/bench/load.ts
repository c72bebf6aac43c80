import * as http from 'node:http';
import { performance } from 'node:perf_hooks';

/** What a round of requests showed. */
export interface Load {
  readonly requestsPerSecond: number;
  readonly medianMs: number;
}

/** A request that is sent again and again. */
export interface Request {
  readonly url: string;
  readonly body: string;
  /** Checks an answer's body. @throws when it is not the wanted one */
  readonly check: (body: string) => void;
}

/**
 * Sends requests over connections that stay open, `concurrency` of them at any time, and each next one when one is
 * answered.
 *
 * @throws for the first answer that is not wanted
 */
export async function load(request: Request, count: number, concurrency: number): Promise<Load> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies: number[] = [];
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const started = performance.now();
      request.check(await post(agent, request));
      latencies.push(performance.now() - started);
    }
  };
  try {
    // Connections are opened outside of what is measured.
    await Promise.all(Array.from({ length: concurrency }, () => post(agent, request)));
    const started = performance.now();
    await Promise.all(Array.from({ length: concurrency }, client));
    const seconds = (performance.now() - started) / 1000;
    latencies.sort((a, b) => a - b);
    return { requestsPerSecond: count / seconds, medianMs: latencies[Math.floor(latencies.length / 2)] };
  } finally {
    agent.destroy();
  }
}

function post(agent: http.Agent, { url, body }: Request): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method: 'POST', agent, headers, timeout: 30_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`${url} answered ${answer.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within 30 s`)));
    request.on('error', reject);
    request.end(body);
  });
}
