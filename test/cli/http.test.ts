import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, Server } from 'node:https';
import { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from '../../lib/cli/http';
import { predict } from '../../lib/cli/predict';

const TOKEN = 'a-token-of-somebody';
const HELD = { columns: ['a'], rows: [[1], [2]], labels: [0, 1] };

let directory: string;
let server: Server;
let url: string;

// A gateway with tokens, and with a certificate for another name by an issuer that nobody knows.
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cdktf-mlops-tls-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=models.example.com', '-days', '1', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' });
  server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (asked, answer) => {
    if (asked.url === '/slow') return;
    if (asked.url === '/-/healthy') {
      answer.end('ok');
      return;
    }
    if (asked.headers.authorization !== `Bearer ${TOKEN}`) {
      answer.writeHead(401).end('who are you?');
      return;
    }
    answer.end(JSON.stringify({ model_version: '2', outputs: [{ shape: [2, 2], data: [0.9, 0.1, 0.2, 0.8] }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

test('the issuer of a certificate on the loopback address does not matter', async () => {
  await expect(request(`${url}/-/healthy`, { timeoutMs: 5_000 })).resolves.toEqual({ status: 200, text: 'ok' });
});

test('elsewhere it does', async () => {
  jest
    .spyOn(global, 'fetch')
    .mockRejectedValue(new TypeError('fetch failed', { cause: new Error('self-signed certificate') }));
  await expect(request('https://models.example.com/', { timeoutMs: 5_000 })).rejects.toThrow('self-signed certificate');
  jest.restoreAllMocks();
});

test('what does not answer ends with how long it was waited for', async () => {
  await expect(request(`${url}/slow`, { timeoutMs: 50 })).rejects.toThrow('no answer within 0.05 s');
});

test('a prediction shows the token', async () => {
  await expect(predict(url, 'cancer', HELD, TOKEN)).resolves.toMatchObject({ correct: 2, versions: ['2'] });
});

test('without a token it is said at once where it has to be', async () => {
  await expect(predict(url, 'cancer', HELD)).rejects.toMatchObject({
    log: ['401: who are you?'],
    remedy: expect.stringContaining("under 'gateway'") as string,
  });
});
