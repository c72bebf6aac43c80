import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { CommandError, EXIT } from './command-error';
import { Docker } from './docker';
import { run, which } from './process';
import { PublishedPort, StackFile } from './stack-file';

/**
 * Refuses to go on when a port that a stack publishes is taken by something else than the stack's own container.
 *
 * @throws CommandError that names the port, who has it, and what wants it
 */
export async function checkPorts(stacks: readonly StackFile[], docker: Docker): Promise<void> {
  const wanted = stacks.flatMap((stack) => stack.publishedPorts().map((port) => ({ ...port, stack: stack.name })));
  const taken: string[] = [];
  for (const port of wanted) {
    if (await isFree(port)) continue;
    if ((await docker.containersOf(port.container)).some(({ State }) => State.Running)) continue;
    taken.push(
      `${port.ip}:${port.port}, wanted by ${port.path} (${port.stack}), is taken by ${await whoHas(port, docker)}`,
    );
  }
  if (taken.length === 0) return;
  throw new CommandError(taken.length === 1 ? 'a port is taken' : `${taken.length} ports are taken`, {
    log: taken,
    remedy: 'stop what has it, or give the component another port in the configuration of the environment.',
    exitCode: EXIT.MACHINE,
  });
}

/** Whether a program could listen there. */
export function isFree({ ip, port }: Pick<PublishedPort, 'ip' | 'port'>): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen({ host: ip, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function whoHas({ port }: PublishedPort, docker: Docker): Promise<string> {
  const containers = await docker.run(['ps', '--filter', `publish=${port}`, '--format', '{{.Names}}']);
  const name = containers.stdout.split('\n')[0];
  if (containers.code === 0 && name !== '') return `the container ${name}`;
  return (await processOn(port)) ?? 'a process that this user may not see';
}

/** `nginx (process 4711)`: who listens on a TCP port, as far as this user may know. */
export async function processOn(port: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    if (which('lsof') === undefined) return undefined;
    const { stdout } = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']);
    const pid = /^p(\d+)$/m.exec(stdout)?.[1];
    return pid === undefined ? undefined : `${/^c(.+)$/m.exec(stdout)?.[1] ?? 'a process'} (process ${pid})`;
  }
  const sockets = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeningSockets(file, port)));
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    if (descriptors(pid).some((target) => sockets.has(target))) {
      return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (process ${pid})`;
    }
  }
  return undefined;
}

/** What a process has open; nothing for a process that has ended, or is another user's. */
function descriptors(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    });
  } catch {
    return [];
  }
}

function listeningSockets(file: string, port: number): string[] {
  let table: string;
  try {
    table = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
}
