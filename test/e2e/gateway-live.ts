/**
 * Changes a gateway's release under load, with real HAProxy containers, and counts what is lost.
 *
 *   npx tsx test/e2e/gateway-live.ts [--image haproxy:3.0.11-alpine] [--rate 150] [--seconds 6] [--keep]
 *
 * The model servers are HAProxy too: they answer with their version after 5 ms and, like MLServer, end on a signal once
 * what has begun is answered. Clients retry nothing: one kind opens a connection for every request, the other keeps
 * its connections and lets them idle.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { IMAGE_CATALOG } from '../../lib/core/image-catalog';
import {
  GATEWAY_ENTRYPOINT,
  GatewayModelVersion,
  renderGatewayConfig,
  renderReleaseConfig,
} from '../../lib/serving/haproxy';

const { values: args } = parseArgs({
  options: {
    image: { type: 'string' },
    rate: { type: 'string', default: '150' },
    seconds: { type: 'string', default: '6' },
    keep: { type: 'boolean', default: false },
  },
});
const RATE = Number(args.rate);
const SECONDS = Number(args.seconds);
const PREFIX = `gateway-live-${process.pid}`;
const MODEL = 'cancer';
/** What asks a model server's container, with whatever its image has, whether it is ready. */
const PROBE = ['wget -q -O -', 'curl -fsS'].map((get) => `${get} http://127.0.0.1:8080/v2/health/ready`).join(' || ');

const files = mkdtempSync(join(tmpdir(), `${PREFIX}-`));
const containers = new Set<string>();
let failures = 0;

/** Not the synchronous kind: the load goes on meanwhile. */
function docker(...argv: string[]): Promise<string> {
  return new Promise((resolve, reject) =>
    execFile('docker', argv, { maxBuffer: 2 ** 30 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout.trim()),
    ),
  );
}

function dockerWithInput(input: string, ...argv: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', argv, { stdio: ['pipe', 'ignore', 'inherit'] });
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`docker ${argv.join(' ')}: ${code}`))));
    child.stdin.end(input);
  });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function report(what: string, passed: boolean, figure: string): void {
  if (!passed) failures++;
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${what.padEnd(66)} ${figure}`);
}

/** A local image of HAProxy, by preference the catalog's. */
async function findImage(): Promise<string> {
  const local = (await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n');
  const upstream = IMAGE_CATALOG.haproxy.upstream!;
  return args.image ?? local.find((name) => name.startsWith('cdktf-mlops.airgap/haproxy:')) ?? upstream;
}

function write(name: string, content: string): string {
  const path = join(files, name);
  writeFileSync(path, content, { mode: 0o644 });
  return path;
}

/** A model server that answers with its version. */
async function startServer(image: string, id: string, version: number, alias: string): Promise<void> {
  const lua = write('pause.lua', 'core.register_action("pause", { "http-req" }, function() core.msleep(5) end)\n');
  const config = write(
    `server-${version}.cfg`,
    `global
  lua-load /etc/server/pause.lua
  hard-stop-after 20s
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 1s
  timeout http-keep-alive 5s
frontend server
  bind :8080
  http-request return status 200 content-type application/json string '{"ready":true}' if { path /v2/health/ready }
  http-request lua.pause
  http-request return status 200 content-type application/json lf-string '{"model_name":"${MODEL}","model_version":"${version}","path":"%[path]"}'
`,
  );
  const name = `${PREFIX}-${id}`;
  containers.add(name);
  await docker(
    ...['run', '-d', '--name', name, '--network', PREFIX, '--network-alias', alias, '--user', '99:99'],
    ...['--stop-signal', 'USR1', '-v', `${lua}:/etc/server/pause.lua:ro`, '-v', `${config}:/etc/server/server.cfg:ro`],
    ...['--entrypoint', 'haproxy', image, '-W', '-db', '-f', '/etc/server/server.cfg'],
  );
  const ready = `i=0; until ${PROBE}; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done`;
  await docker('exec', name, 'sh', '-c', ready);
}

async function startGateway(image: string): Promise<void> {
  const name = `${PREFIX}-gateway`;
  containers.add(name);
  await docker('volume', 'create', PREFIX);
  await docker('run', '--rm', '--user', '0', '--entrypoint', 'chown', '-v', `${PREFIX}:/live`, image, '99:99', '/live');
  const base = write('haproxy.cfg', renderGatewayConfig());
  const entrypoint = write('entrypoint.sh', GATEWAY_ENTRYPOINT);
  await docker(
    ...['run', '-d', '--name', name, '--network', PREFIX, '--user', '99:99', '-v', `${PREFIX}:/live`],
    ...['-p', '127.0.0.1::8080', '-p', '127.0.0.1::8405', '-v', `${base}:/etc/gateway/haproxy.cfg:ro`],
    ...['-v', `${entrypoint}:/etc/gateway/entrypoint.sh:ro`],
    ...['--entrypoint', 'sh', image, '/etc/gateway/entrypoint.sh'],
  );
}

async function port(internal: number): Promise<number> {
  const published = await docker('port', `${PREFIX}-gateway`, String(internal));
  return Number(published.split('\n')[0].split(':')[1]);
}

interface Answer {
  readonly status: number;
  readonly version?: string;
  readonly body: string;
}

function request(path: string, to: number, agent: http.Agent | false = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = path.startsWith('/-/') || path === '/metrics' ? undefined : '{"inputs":[]}';
    const req = http.request(
      {
        host: '127.0.0.1',
        port: to,
        path,
        agent,
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length },
        timeout: 15_000,
      },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () =>
          resolve({
            status: res.statusCode!,
            version: res.headers['x-model-version'] as string | undefined,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    req.on('timeout', () => req.destroy(new Error('timeout')));
    req.on('error', reject);
    req.end(body);
  });
}

/** Sends requests at a fixed rate, whatever becomes of them, and counts. */
class Load {
  public sent = 0;
  public lost: string[] = [];
  public answered = new Map<string, number>();
  private readonly pending = new Set<Promise<void>>();
  private running = true;
  private readonly agents: (http.Agent | false)[];
  private readonly loop: Promise<void>;

  constructor(
    private readonly to: number,
    private readonly rate: number,
    keepAlive: number,
  ) {
    this.agents =
      keepAlive === 0
        ? [false]
        : Array.from({ length: keepAlive }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
    this.loop = this.run();
  }

  /** Answers per version since the last call. */
  public take(): Map<string, number> {
    const taken = this.answered;
    this.answered = new Map();
    return taken;
  }

  /** Waits for the answers to what has been sent so far. */
  public async settle(): Promise<void> {
    await Promise.all(this.pending);
  }

  public async end(): Promise<void> {
    this.running = false;
    await this.loop;
    await Promise.all(this.pending);
    for (const agent of this.agents) if (agent) agent.destroy();
  }

  private async run(): Promise<void> {
    const begin = performance.now();
    while (this.running) {
      while (this.sent < ((performance.now() - begin) / 1000) * this.rate) {
        const one = this.one(this.agents[this.sent++ % this.agents.length]).finally(() => this.pending.delete(one));
        this.pending.add(one);
      }
      await sleep(2);
    }
  }

  private async one(agent: http.Agent | false): Promise<void> {
    try {
      const answer = await request(`/v2/models/${MODEL}/infer`, this.to, agent);
      const body = JSON.parse(answer.body) as Record<string, string>;
      if (answer.status !== 200 || body.model_version !== answer.version || body.model_name !== MODEL) {
        this.lost.push(`${answer.status} ${answer.version} ${answer.body}`);
      } else {
        this.answered.set(answer.version, (this.answered.get(answer.version) ?? 0) + 1);
      }
    } catch (error) {
      this.lost.push(String(error));
    }
  }
}

function release(shares: Record<number, number>, replicas: Record<number, number> = {}): string {
  const versions = Object.entries(shares).map(([version, share]): GatewayModelVersion => ({
    version: Number(version),
    share,
    host: `${PREFIX}-model-v${version}`,
    port: 8080,
    replicas: replicas[Number(version)],
  }));
  return renderReleaseConfig({ models: [{ name: MODEL, versions }] });
}

/** Publishes a release as an apply does and waits for the gateway's word; returns the milliseconds it took. */
async function publish(text: string, expected: 'loaded' | 'error' = 'loaded'): Promise<number> {
  const begin = performance.now();
  const gateway = `${PREFIX}-gateway`;
  const put = 'cat >/live/models.cfg.new && mv /live/models.cfg.new /live/models.cfg';
  await dockerWithInput(text, 'exec', '-i', gateway, 'sh', '-c', put);
  const confirmed =
    expected === 'loaded'
      ? 'cmp -s /live/models.cfg /live/models.cfg.loaded'
      : '[ "$(head -n 1 /live/models.cfg)" = "$(head -n 1 /live/models.cfg.error)" ]';
  const wait = `i=0; until ${confirmed}; do i=$((i+1)); [ $i -lt 400 ] || exit 1; sleep 0.1; done 2>/dev/null`;
  await docker('exec', gateway, 'sh', '-c', wait);
  return performance.now() - begin;
}

function percent(counts: Map<string, number>, version: string): number {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return (100 * (counts.get(version) ?? 0)) / Math.max(1, all);
}

async function metric(pattern: RegExp): Promise<string | undefined> {
  return pattern.exec((await request('/metrics', await port(8405))).body)?.[1];
}

async function waitFor(what: string, condition: () => Promise<boolean>, seconds = 20): Promise<void> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(200)) {
    if (await condition().catch(() => false)) return;
  }
  report(what, false, `not within ${seconds} s`);
}

async function main(): Promise<void> {
  const image = await findImage();
  console.log(`image ${image}, ${RATE} new connections/s and 20 kept-alive requests/s`);
  await docker('network', 'create', PREFIX);
  await startGateway(image);
  let at = await port(8080);
  const metricsAt = await port(8405);
  await waitFor('gateway is healthy', async () => (await request('/-/healthy', metricsAt)).status === 200);
  const before = await request(`/v2/models/${MODEL}/infer`, at);
  const unready = await request('/-/ready', at);
  report(
    'without a release: healthy, not ready, says that nothing is released',
    before.status === 503 && unready.status === 503 && before.body.includes('no model is released'),
    `${before.status} ${before.body}`,
  );

  await startServer(image, 'v1', 1, `${PREFIX}-model-v1`);
  await startServer(image, 'v2', 2, `${PREFIX}-model-v2`);
  const first = await publish(release({ 1: 100, 2: 0 }));
  report('first release is confirmed', true, `${first.toFixed(0)} ms`);

  const fresh = new Load(at, RATE, 0);
  const kept = new Load(at, 20, 40);
  const settle = () => Promise.all([fresh.settle(), kept.settle()]);
  const loads = () => `${fresh.sent} + ${kept.sent} sent, ${fresh.lost.length} + ${kept.lost.length} lost`;
  const cycle: Record<number, number>[] = [
    { 1: 0, 2: 100 },
    { 1: 50, 2: 50 },
    { 1: 100, 2: 0 },
    { 1: 50, 2: 50 },
    { 1: 90, 2: 10 },
    { 1: 0, 2: 100 },
  ];
  for (const shares of cycle) {
    const took = await publish(release(shares));
    fresh.take();
    kept.take();
    await sleep(SECONDS * 1000);
    const counts = fresh.take();
    const got = percent(counts, '2');
    report(
      `shares ${shares[1]}/${shares[2]} are what is answered`,
      Math.abs(got - shares[2]) <= (shares[2] % 100 === 0 ? 0 : 3),
      `${got.toFixed(1)} % of new connections, ${percent(kept.take(), '2').toFixed(1)} % of kept; confirmed in ${took.toFixed(0)} ms`,
    );
  }

  const pinned = await request(`/v2/models/${MODEL}/versions/1/infer`, at);
  report('a version without a share answers when it is asked for', pinned.version === '1', `version ${pinned.version}`);

  await publish(release({ 2: 100 }));
  await docker('stop', '-t', '30', `${PREFIX}-v1`);
  await sleep(3000);
  await settle();
  report('switching versions loses nothing', fresh.lost.length + kept.lost.length === 0, loads());

  await publish('# release 0\nbackend broken\n  such a line is none of HAProxy\n', 'error');
  const why = await docker('exec', `${PREFIX}-gateway`, 'cat', '/live/models.cfg.error');
  report(
    'a refused release changes nothing and says why',
    why.includes("unknown keyword 'such'") && (await request(`/v2/models/${MODEL}/infer`, at)).version === '2',
    why.split('\n').find((line) => line.includes('unknown')) ?? why,
  );
  await publish(release({ 2: 100 }));

  const lostBefore = fresh.lost.length + kept.lost.length;
  await startServer(image, 'v2-again', 2, `${PREFIX}-model-v2`);
  await docker('stop', '-t', '30', `${PREFIX}-v2`);
  await sleep(4000);
  await settle();
  report(
    'replacing a server behind its name loses nothing',
    fresh.lost.length + kept.lost.length === lostBefore,
    loads(),
  );

  await startServer(image, 'v2-second', 2, `${PREFIX}-model-v2`);
  await publish(release({ 2: 100 }, { 2: 2 }));
  await sleep(3000);
  const spread = await metric(
    /haproxy_server_http_responses_total\{proxy="model_cancer",server="2_2",code="2xx"\} (\d+)/,
  );
  report('replicas behind one name share its traffic', Number(spread) > 50, `${spread} answers of the second`);
  const lostUntilKill = fresh.lost.length + kept.lost.length;
  await docker('kill', '-s', 'KILL', `${PREFIX}-v2-second`);
  await sleep(5000);
  await settle();
  const lostByKill = fresh.lost.length + kept.lost.length - lostUntilKill;
  report('killing one of two servers loses only what it was answering', lostByKill <= 5, `${lostByKill} lost`);
  const lostAfterKill = fresh.lost.length + kept.lost.length;
  await sleep(3000);
  await settle();
  report('and nothing after', fresh.lost.length + kept.lost.length === lostAfterKill, loads());
  await Promise.all([fresh.end(), kept.end()]);

  await startServer(image, 'v1-again', 1, `${PREFIX}-model-v1`);
  await publish(release({ 1: 25, 2: 75 }));
  const users = await metric(/haproxy_sticktable_used\{name="users",type="string"\} (\d+)/);
  report('users counted before a reload are still counted after it', users === '1', `${users} user, no request since`);

  await docker('restart', '-t', '30', `${PREFIX}-gateway`);
  at = await port(8080);
  await waitFor('gateway is ready again', async () => (await request('/-/ready', at)).status === 200);
  await sleep(2500);
  const again = new Load(at, RATE, 0);
  await sleep(SECONDS * 1000);
  await again.end();
  const kept25 = percent(again.answered, '1');
  report(
    'shares are kept over a restart of the gateway',
    Math.abs(kept25 - 25) <= 3 && again.lost.length === 0,
    `${kept25.toFixed(1)} % of version 1, ${again.sent} sent, ${again.lost.length} lost`,
  );

  const slow = new Load(at, RATE, 0);
  await sleep(1000);
  const stopping = performance.now();
  await docker('stop', '-t', '30', `${PREFIX}-gateway`);
  const took = performance.now() - stopping;
  await slow.end();
  const state = await docker('inspect', '--format', '{{.State.ExitCode}}', `${PREFIX}-gateway`);
  report('the gateway stops with status 0 under load', state === '0', `status ${state} in ${took.toFixed(0)} ms`);

  const failed = (await docker('logs', `${PREFIX}-gateway`)).split('\n').filter((line) => /"status": 5/.test(line));
  for (const line of failed.slice(-20)) console.log(`       log: ${line}`);
  for (const text of new Set([...fresh.lost, ...kept.lost, ...again.lost])) console.log(`       lost: ${text}`);
}

function cleanUp(): void {
  if (args.keep) return;
  for (const name of containers) execFileSync('docker', ['rm', '-f', name], { stdio: 'ignore' });
  for (const kind of ['volume', 'network']) execFileSync('docker', [kind, 'rm', PREFIX], { stdio: 'ignore' });
  rmSync(files, { recursive: true, force: true });
}

main()
  .catch(async (error) => {
    failures++;
    console.error(error);
    console.error(await docker('logs', '--tail', '30', `${PREFIX}-gateway`));
  })
  .finally(() => {
    cleanUp();
    console.log(failures === 0 ? 'all passed' : `${failures} failed`);
    process.exitCode = failures === 0 ? 0 : 1;
  });
