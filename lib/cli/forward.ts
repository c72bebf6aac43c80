import { ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './command-error';
import { Kubernetes, KubeObject } from './kubernetes';

/** Annotation of a Service: which of its ports are opened on which address and port of this machine. */
export const FORWARD_ANNOTATION = 'cdktf-mlops.forward';

/** A port of a Service that is opened on this machine. */
export interface Forward {
  readonly service: KubeObject;
  /** The Service's name of the port. */
  readonly portName: string;
  readonly address: string;
  /** Port on this machine; 0 for any that is free. */
  readonly localPort: number;
}

/** What the annotations of Services declare. */
export function forwardsOf(services: readonly KubeObject[]): Forward[] {
  return services.flatMap((service) => {
    const entries = (service.metadata.annotations?.[FORWARD_ANNOTATION] ?? '').split(',');
    return entries.flatMap((entry) => {
      const match = /^\s*([^=]+)=(.+):(\d+)\s*$/.exec(entry);
      return match === null ? [] : [{ service, portName: match[1], address: match[2], localPort: Number(match[3]) }];
    });
  });
}

/** One run of `kubectl port-forward` to a pod that is ready. */
export class Tunnel {
  /**
   * Opens it; returns when it takes connections.
   *
   * @throws CommandError when no pod is ready, or the port is taken
   */
  public static async open(kubernetes: Kubernetes, forward: Forward): Promise<Tunnel> {
    const { service, portName, address, localPort } = forward;
    const pod = await readyPod(kubernetes, service);
    if (pod === undefined) {
      throw new CommandError(`no pod of ${service.metadata.name} is ready`, {
        remedy: '`cdktf-mlops status` shows what is wrong with it.',
      });
    }
    const target = targetPort(service, portName);
    const child = spawn(
      'kubectl',
      [
        ...kubernetes.contextArguments,
        'port-forward',
        `--namespace=${service.metadata.namespace}`,
        `--address=${address}`,
        `pod/${pod}`,
        `${localPort === 0 ? '' : localPort}:${target}`,
      ],
      { env: { ...process.env, ...kubernetes.env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    return new Promise((resolve, reject) => {
      let said = '';
      const hear = (part: Buffer): void => {
        said += part.toString('utf8');
        const port = /Forwarding from (?:[\d.]+|\[[^\]]*\]):(\d+)/.exec(said)?.[1];
        if (port !== undefined) resolve(new Tunnel(child, pod, Number(port)));
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.on('error', reject);
      child.on('exit', () =>
        reject(
          new CommandError(`${service.metadata.name} can't be reached through the cluster`, {
            log: said.trim().split('\n').slice(-3),
            remedy: /address already in use|unable to listen/i.test(said)
              ? `another program has ${address}:${localPort}: stop it, or give the component another port.`
              : 'see that this user may create pods/portforward there.',
          }),
        ),
      );
    });
  }

  /** Resolves when it has ended. */
  public readonly ended: Promise<void>;

  private constructor(
    private readonly child: ChildProcess,
    public readonly pod: string,
    public readonly port: number,
  ) {
    this.ended = new Promise((resolve) => {
      if (child.exitCode !== null) resolve();
      child.on('exit', () => resolve());
    });
    process.on('exit', this.kill).once('SIGTERM', this.terminate);
  }

  public close(): void {
    process.off('exit', this.kill).off('SIGTERM', this.terminate);
    this.kill();
  }

  /** Who is told to end takes it along; who has more to clear up ends by itself. */
  private readonly terminate = (): void => {
    this.kill();
    if (process.listenerCount('SIGTERM') === 0) process.exit(143);
  };

  private readonly kill = (): void => void this.child.kill('SIGTERM');
}

/** Milliseconds between two looks whether the pod of a tunnel is still ready. */
const LOOK_MS = 2_000;

/** Keeps a port open until told to stop: opens it again when its pod is replaced, or the connection is lost. */
export async function keepForward(
  kubernetes: Kubernetes,
  forward: Forward,
  stop: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  let told = '';
  while (!stop.aborted) {
    let tunnel: Tunnel;
    try {
      tunnel = await Tunnel.open(kubernetes, forward);
    } catch (error) {
      const message = (error as Error).message;
      if (message !== told) say(`${message}: trying again`);
      told = message;
      await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
      continue;
    }
    if (told !== '') say(`${forward.service.metadata.name} is open again`);
    told = '';
    let alive = true;
    void tunnel.ended.then(() => (alive = false));
    while (alive && !stop.aborted) {
      await Promise.race([tunnel.ended, sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined)]);
      // kubectl notices that a pod is gone with the first request that fails.
      if (alive && !stop.aborted && !(await isReady(kubernetes, forward.service, tunnel.pod))) break;
    }
    tunnel.close();
    if (!stop.aborted) told = 'lost';
  }
}

async function readyPods(kubernetes: Kubernetes, service: KubeObject): Promise<string[]> {
  const selector = Object.entries((service.spec?.selector ?? {}) as Record<string, string>);
  const labels = selector.map(([key, value]) => `${key}=${value}`);
  if (labels.length === 0) return [];
  const pods = await kubernetes.list('pods', service.metadata.namespace, ...labels);
  return pods
    .filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        ((status?.conditions ?? []) as Array<{ type: string; status: string }>).some(
          (condition) => condition.type === 'Ready' && condition.status === 'True',
        ),
    )
    .map(({ metadata }) => metadata.name)
    .sort();
}

async function readyPod(kubernetes: Kubernetes, service: KubeObject): Promise<string | undefined> {
  return (await readyPods(kubernetes, service))[0];
}

async function isReady(kubernetes: Kubernetes, service: KubeObject, pod: string): Promise<boolean> {
  try {
    return (await readyPods(kubernetes, service)).includes(pod);
  } catch {
    return true; // the API server may be silent for a moment, while the tunnel stands
  }
}

/** The pods' port behind a Service's. */
function targetPort(service: KubeObject, name: string): string {
  const ports = (service.spec?.ports ?? []) as Array<{ name?: string; port: number; targetPort?: number | string }>;
  const port = ports.find((candidate) => (candidate.name ?? String(candidate.port)) === name) ?? ports[0];
  return String(port?.targetPort ?? port?.port);
}
