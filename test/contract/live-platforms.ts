import { spawnSync } from 'node:child_process';
import { Construct } from 'constructs';
import { DockerPlatform, IPlatform, KubernetesPlatform } from '../../lib';

/** What the live suite needs to know of a platform beside the contract. */
export interface LivePlatform {
  create(scope: Construct, environment: string): IPlatform;
  /** Makes an image of this machine one that the platform can run. Returns what the program's context must say. */
  supply(image: string): Record<string, unknown>;
  /** Runs a program in one of a component's running replicas. Returns what it printed, or undefined when it failed. */
  exec(environment: string, component: string, command: readonly string[]): string | undefined;
  /** Starts a declared job and waits for its end. Returns what it printed. */
  runJob(environment: string, component: string): string;
  /** What is there of an environment. */
  everything(environment: string): string[];
  /** Whether a workload reaches nothing but what it declares. */
  readonly isolates: boolean;
}

/** Runs a program. @throws with what it said when it fails */
export function run(program: string, ...args: string[]): string {
  const { stdout, stderr, status, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${program} ${args.slice(0, 4).join(' ')} ended with ${status}: ${stdout}${stderr}`);
  return stdout.trim();
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

const docker: LivePlatform = {
  create: (scope, environment) => new DockerPlatform(scope, 'platform', { environment }),
  supply: () => ({}),
  exec: (environment, component, command) => {
    const filters = { environment, component, kind: 'workload' };
    const [id] = lines(run('docker', 'ps', '-q', ...labelled(filters)));
    const { stdout, status } = spawnSync('docker', ['exec', id, ...command], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  },
  runJob: (environment, component) => {
    const [id] = lines(run('docker', 'ps', '-aq', ...labelled({ environment, component, kind: 'job' })));
    return run('docker', 'start', '--attach', id);
  },
  everything: (environment) =>
    [
      ['ps', '-a', '--format', '{{.Names}}'],
      ['volume', 'ls', '--format', '{{.Name}}'],
      ['network', 'ls', '--format', '{{.Name}}'],
    ].flatMap((args) => lines(run('docker', ...args, ...labelled({ environment })))),
  isolates: false,
};

function labelled(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).flatMap(([name, value]) => ['--filter', `label=cdktf-mlops.${name}=${value}`]);
}

const kubernetes: LivePlatform = {
  create: (scope, environment) => new KubernetesPlatform(scope, 'platform', { environment, rolloutSeconds: 30 }),
  supply: (image) => {
    const registry = process.env.CDKTF_MLOPS_REGISTRY;
    if (registry === undefined) throw new Error('name the registry that the cluster pulls from: CDKTF_MLOPS_REGISTRY');
    const target = `${registry}/${image}`;
    run('docker', 'tag', image, target);
    const digest = /sha256:[0-9a-f]{64}/.exec(run('docker', 'push', target))![0];
    return { 'cdktf-mlops:pushedImages': { [image]: `${target}@${digest}` } };
  },
  exec: (environment, component, command) => {
    const label = `cdktf-mlops.component=${component}`;
    const pods = run('kubectl', '-n', environment, 'get', 'pods', '-l', label, '--no-headers');
    const pod = lines(pods)
      .find((line) => /\s1\/1\s+Running/.test(line))
      ?.split(/\s+/)[0];
    if (pod === undefined) return undefined;
    const args = ['-n', environment, 'exec', pod, '--', ...command];
    const { stdout, status } = spawnSync('kubectl', args, { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  },
  runJob: (environment, component) => {
    const job = `${environment}-${component}`;
    const kubectl = (...args: string[]) => run('kubectl', '-n', environment, ...args);
    kubectl('create', 'job', `${job}-run`, `--from=cronjob/${job}`);
    kubectl('wait', '--for=condition=complete', `job/${job}-run`, '--timeout=90s');
    return kubectl('logs', `job/${job}-run`);
  },
  everything: (environment) =>
    lines(run('kubectl', 'get', 'namespaces', '-l', `cdktf-mlops.environment=${environment}`, '-o', 'name')).concat(
      lines(run('kubectl', 'get', 'clusterroles', '-l', `cdktf-mlops.environment=${environment}`, '-o', 'name')),
      lines(run('kubectl', 'get', 'persistentvolumes', '--no-headers')).filter((one) =>
        one.includes(` ${environment}/`),
      ),
    ),
  isolates: true,
};

/** A further platform is one entry here. */
export const LIVE_PLATFORMS: Readonly<Record<string, LivePlatform>> = { docker, kubernetes };
