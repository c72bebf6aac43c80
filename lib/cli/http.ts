import { request as secureRequest } from 'node:https';

/** What {@link request} takes. */
export interface HttpOptions {
  /** @default GET */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks a server once; redirections are not followed.
 *
 * The certificate of what listens on this machine's own loopback address is taken as it is: it is the environment's
 * own, is made out to another name than 127.0.0.1 and often by an issuer that only its users trust, and what is sent
 * there does not leave the machine. Everywhere else the certificate must hold.
 *
 * @throws Error that says why there is no answer
 */
export async function request(url: string | URL, options: HttpOptions): Promise<HttpAnswer> {
  const target = new URL(url);
  if (target.protocol === 'https:' && isLoopback(target.hostname)) return requestUnverified(target, options);
  try {
    const answer = await fetch(target, {
      method: options.method ?? 'GET',
      headers: options.headers,
      body: options.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    const { cause, message } = error as Error;
    throw new Error((cause as Error | undefined)?.message ?? message, { cause: error });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function requestUnverified(url: URL, options: HttpOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers, body, timeoutMs } = options;
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = secureRequest(url, { method, headers, signal, rejectUnauthorized: false, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
      answer.on('error', reject);
    });
    asked.on('error', (error) =>
      reject(signal.aborted ? new Error(`no answer within ${timeoutMs / 1000} s`, { cause: error }) : error),
    );
    asked.end(body);
  });
}
