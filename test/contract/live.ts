/**
 * The platform contract, deployed for real: a small environment of web servers, which a deploy changes, breaks, mends
 * and destroys.
 *
 *   tsx test/contract/live.ts docker | kubernetes
 *
 * Needs Terraform, a Docker Engine, and for Kubernetes KUBECONFIG (or KUBE_CONFIG_PATH) and CDKTF_MLOPS_REGISTRY.
 * Prints a line for each case and ends with how many passed and failed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, LocalBackend, TerraformStack } from 'cdktf';
import {
  ConfigFile,
  HealthCheck,
  Image,
  IPlatform,
  Job,
  Resources,
  Secret,
  Task,
  UpdateStrategy,
  Volume,
  Workload,
} from '../../lib';
import { providerSupply } from '../support/terraform';
import { LIVE_PLATFORMS, LivePlatform } from './live-platforms';

const root = join(__dirname, '../..');
const PORT = 8000;
/** With signs that Terraform, a shell or a platform would replace. */
const TEXT = 'as given: ${a} %{b} $(c) $$ $HOME';
const USER = '1000:1000';

/** Names that resolve inside; on Docker that of what is created first is another one after each change. */
interface Hosts {
  readonly web: string;
  readonly store: string;
}

/** What differs between two deploys. */
interface Version {
  readonly generation: number;
  /** Path that the web servers are asked for their health at. */
  readonly health?: string;
  /** What the task ends with. */
  readonly exitCode?: number;
}

/** Web servers that say who they are; one that keeps what it is told; a task and a job that ask them. */
function declare(stack: TerraformStack, platform: IPlatform, { generation, health, exitCode }: Version): Hosts {
  const image = Image.fromCatalog('busybox');
  const resources = Resources.of({ cpu: '200m', memory: '32Mi' });
  const common = { platform, image, resources, user: USER };
  const ports = [{ name: 'http', port: PORT }];
  const secrets = { password: Secret.generated(stack, 'password') };
  const healthCheck = HealthCheck.http(health ?? '/', PORT, {
    startSeconds: 20,
    intervalSeconds: 2,
    timeoutSeconds: 2,
  });
  const shell = (...script: string[]) => ['sh', '-c', script.join('\n')];

  const store = new Workload(stack, 'store', {
    ...common,
    ports,
    secrets,
    healthCheck: HealthCheck.http('/', PORT, { startSeconds: 60, intervalSeconds: 2 }),
    volumes: [Volume.persistent('data', '/data', { size: '64Mi' })],
    entrypoint: shell(
      'echo "$GENERATION" >> /data/starts',
      'cp /data/starts /data/index.html',
      `exec busybox httpd -f -p ${PORT} -h /data`,
    ),
    environment: { GENERATION: String(generation) },
  });
  new Task(stack, 'prepare', {
    ...common,
    secrets,
    script: `test "$(wc -c < /run/secrets/password)" -eq 32\nbusybox wget -q -O - ${store.endpoint('http').url}/\ntest ${exitCode ?? 0} -eq 0`,
    environment: { GENERATION: String(generation) },
    dependsOn: [store],
    reaches: [store.endpoint('http')],
    timeoutSeconds: 45,
  });
  const web = new Workload(stack, 'web', {
    ...common,
    ports,
    healthCheck,
    replicas: 2,
    update: UpdateStrategy.CREATE_FIRST,
    stopSeconds: 2,
    files: [ConfigFile.text('/etc/web/text', TEXT)],
    volumes: [Volume.scratch('/www')],
    entrypoint: shell(
      'hostname > /www/name',
      'echo "$GENERATION" > /www/index.html',
      `exec busybox httpd -f -p ${PORT} -h /www`,
    ),
    environment: { GENERATION: String(generation), TEXT },
  });
  new Workload(stack, 'client', {
    ...common,
    healthCheck: HealthCheck.command(['true']),
    entrypoint: ['sleep', '100000'],
    stopSeconds: 1,
    reaches: [web.endpoint('http')],
  });
  new Job(stack, 'ask', {
    ...common,
    entrypoint: shell(`echo "asked: $(busybox wget -q -O - ${web.endpoint('http').url}/)"`),
    reaches: [web.endpoint('http')],
    stopSeconds: 1,
  });
  return { web: web.endpoint('http').host, store: store.endpoint('http').host };
}

class Live {
  private readonly directory = mkdtempSync(join(tmpdir(), 'mlops-contract-'));
  private readonly environment: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly context: Record<string, unknown>;
  private hosts: Hosts = { web: '', store: '' };
  private passed = 0;
  private failed = 0;

  constructor(
    name: string,
    private readonly platform: LivePlatform,
  ) {
    this.environment = `contract-${name}`;
    const { context, env } = providerSupply(name === 'kubernetes' ? 'kubernetes' : undefined);
    const recorded = join(root, '.cdktf-mlops/supply.json');
    const images = existsSync(recorded)
      ? (JSON.parse(readFileSync(recorded, 'utf8')) as { context?: Record<string, unknown> }).context
      : {};
    const given = { ...images, ...context };
    const image = Image.fromCatalog('busybox').resolve(new App({ context: given }));
    this.context = { ...given, ...platform.supply(image) };
    const { KUBE_CONFIG_PATH: path = process.env.KUBECONFIG } = process.env;
    this.env = { ...process.env, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1', KUBE_CONFIG_PATH: path, ...env };
  }

  public async run(): Promise<number> {
    try {
      await this.cases();
    } catch (error) {
      this.report(false, 'the suite came to its end', (error as Error).message);
    } finally {
      this.destroy();
      rmSync(this.directory, { recursive: true, force: true });
    }
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed;
  }

  private async cases(): Promise<void> {
    this.deploy({ generation: 1 }, 'the environment is deployed');
    this.check('an environment variable arrives as it was given', this.ask('web', 'printf %s "$TEXT"'), TEXT);
    this.check('a file arrives as it was given', this.ask('web', 'cat /etc/web/text'), TEXT);
    this.check('a secret is a file', this.ask('store', 'wc -c < /run/secrets/password'), '32');
    this.check(
      'which only its user and group can read',
      this.ask('store', 'stat -L -c %a /run/secrets/password | tail -c 2; id -u'),
      '0\n1000',
    );
    this.check(
      'and which no variable holds',
      this.ask('store', 'env | grep -cF "$(cat /run/secrets/password)"'),
      undefined,
    );
    this.check('both replicas answer behind one name', this.names(), 2);
    this.check('a job runs when it is started', this.platform.runJob(this.environment, 'ask'), 'asked: 1');
    if (this.platform.isolates) {
      const denied = this.ask('client', `busybox wget -q -T 3 -O - http://${this.hosts.store}:${PORT}/`);
      this.check('what is not declared is not reached', denied, undefined);
    }
    this.check('a second plan is empty', this.plan(), 0);

    const watcher = this.watch({ generation: 2 });
    this.deploy({ generation: 2 }, 'a change is deployed');
    const { asked, failedInARow } = await watcher.stop();
    this.report(
      failedInARow <= 2,
      'something answers all the while',
      `${asked} requests, ${failedInARow} failed in a row`,
    );
    this.check('the new one answers', this.get('web'), '2');
    this.check('a volume outlives what it is mounted by', this.ask('store', 'cat /data/starts'), '1\n2');

    this.deploy({ generation: 3, health: '/missing' }, 'one that never gets healthy fails the deploy', false);
    this.check('and the old one answers', this.get('web'), '2');
    this.deploy({ generation: 4, exitCode: 3 }, 'a task that fails fails the deploy', false);
    this.deploy({ generation: 5 }, 'what is right again is deployed');
    this.check('and answers', this.get('web'), '5');
    this.check('and then a plan is empty', this.plan(), 0);
  }

  private destroy(): void {
    if (!existsSync(join(this.directory, 'stacks/live/.terraform'))) return;
    const { status, output, seconds } = this.terraform('destroy', '-auto-approve', '-no-color');
    this.report(status === 0, 'the environment is destroyed', status === 0 ? `${seconds} s` : lastLines(output));
    const left = this.platform.everything(this.environment);
    this.report(left.length === 0, 'and nothing of it is left', left.join(', '));
  }

  private deploy(version: Version, what: string, succeeds = true): void {
    const [stack, platform] = this.program();
    const hosts = declare(stack, platform, version);
    (stack.node.root as App).synth();
    if (!existsSync(join(this.directory, 'stacks/live/.terraform'))) {
      const { status, output } = this.terraform('init', '-no-color');
      if (status !== 0) throw new Error(lastLines(output));
    }
    const { status, output, seconds } = this.terraform('apply', '-auto-approve', '-no-color');
    if (status === 0) this.hosts = hosts;
    const said = succeeds ? '' : `: ${/Error: .*/.exec(output)?.[0] ?? ''}`;
    this.report(
      (status === 0) === succeeds,
      what,
      (status === 0) === succeeds ? `${seconds} s${said}` : lastLines(output),
    );
  }

  private program(): [TerraformStack, IPlatform] {
    const stack = new TerraformStack(new App({ outdir: this.directory, context: this.context }), 'live');
    new LocalBackend(stack, { path: join(this.directory, 'state') });
    return [stack, this.platform.create(stack, this.environment)];
  }

  private plan(): number | null {
    return this.terraform('plan', '-detailed-exitcode', '-no-color').status;
  }

  private terraform(...args: string[]): { status: number | null; output: string; seconds: number } {
    const started = Date.now();
    const cwd = join(this.directory, 'stacks/live');
    const { stdout, stderr, status } = spawnSync('terraform', args, { cwd, env: this.env, encoding: 'utf8' });
    return { status, output: stdout + stderr, seconds: Math.round((Date.now() - started) / 1000) };
  }

  private ask(component: string, script: string): string | undefined {
    return this.platform.exec(this.environment, component, ['sh', '-c', script]);
  }

  private get(component: keyof Hosts): string | undefined {
    return this.ask('client', `busybox wget -q -T 5 -O - http://${this.hosts[component]}:${PORT}/`);
  }

  /** How many replicas answer by the one name. */
  private names(): number {
    const loop = `for i in $(seq 40); do busybox wget -q -T 5 -O - http://${this.hosts.web}:${PORT}/name; done | sort -u | wc -l`;
    return Number(this.ask('client', loop));
  }

  /** Asks the old and the coming one again and again, beside this process, which waits for Terraform. */
  private watch(next: Version): { stop(): Promise<{ asked: number; failedInARow: number }> } {
    const coming = declare(...this.program(), next).web;
    const asks = [...new Set([this.hosts.web, coming])].map(
      (host) => `busybox wget -q -T 1 -O - http://${host}:${PORT}/`,
    );
    const loop = `while :; do ${asks.join(' || ')} || echo failed; sleep 0.3; done`;
    const exec =
      this.platform === LIVE_PLATFORMS.docker
        ? ['docker', 'exec', `${this.environment}-client`, 'sh', '-c', loop]
        : ['kubectl', '-n', this.environment, 'exec', `deploy/${this.environment}-client`, '--', 'sh', '-c', loop];
    const child = spawn(exec[0], exec.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return {
      stop: async () => {
        // What was printed while Terraform ran is read now.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        child.kill();
        const answers = text.split('\n').filter((line) => line !== '');
        const runs = answers.join(' ').match(/(failed ?)+/g) ?? [];
        return { asked: answers.length, failedInARow: Math.max(0, ...runs.map((run) => run.trim().split(' ').length)) };
      },
    };
  }

  private check(what: string, got: unknown, wanted: unknown): void {
    const holds = got === wanted;
    this.report(holds, what, holds ? '' : `got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
  }

  private report(holds: boolean, what: string, detail: string): void {
    if (holds) this.passed++;
    else this.failed++;
    console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${detail === '' ? '' : ` (${detail})`}`);
  }
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-12).join('\n     ');
}

const [name] = process.argv.slice(2);
if (name === undefined || !(name in LIVE_PLATFORMS)) {
  console.error(`usage: tsx test/contract/live.ts ${Object.keys(LIVE_PLATFORMS).join(' | ')}`);
  process.exitCode = 64;
} else {
  void new Live(name, LIVE_PLATFORMS[name]).run().then((failed) => (process.exitCode = failed === 0 ? 0 : 1));
}
