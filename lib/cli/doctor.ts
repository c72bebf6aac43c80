import { existsSync, mkdirSync, openSync, readFileSync, statfsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT } from './command-error';
import { Docker } from './docker';
import type { Platform } from './platform';
import { lastLines, run, which } from './process';
import { Progress } from './progress';
import { cacheDir } from './project';
import type { StackFile } from './stack-file';
import { configFileEnv, terraformProgram } from './terraform';

/** What the machine must have. */
export const NEEDS = {
  /** cdktf 0.21 and the library. */
  node: '20.16.0',
  /** `terraform_data` and machine-readable output as they are used here. */
  terraform: '1.5.0',
  /** Images, wheels, and what building them needs meanwhile. */
  freshDiskGb: 12,
  /** Room for data when the images are there already. */
  diskGb: 2,
} as const;

/** What doctor asks the machine; tests answer in its place. */
export interface Machine {
  readonly isRoot: boolean;
  readonly isDebian: boolean;
  readonly hasSystemd: boolean;
  readonly nodeVersion: string;
  /** Where programs of root are, also when the PATH does not say so. */
  readonly rootPrograms: readonly string[];
  /** Free bytes of the file system that holds a path, for this user. */
  freeBytes(path: string): number;
}

/** The machine that this runs on. */
export const THIS_MACHINE: Machine = {
  isRoot: process.getuid?.() === 0,
  isDebian: existsSync('/etc/debian_version') && which('apt-get') !== undefined,
  hasSystemd: existsSync('/run/systemd/system'),
  nodeVersion: process.versions.node,
  rootPrograms: ['/usr/local/sbin', '/usr/sbin', '/sbin'],
  freeBytes(path) {
    const { bavail, bsize } = statfsSync(nearestExisting(path));
    return bavail * bsize;
  },
};

/**
 * Sees that Node and Terraform are there and new enough. Returns what they are, in a few words.
 *
 * @throws CommandError that names the first thing that is missing, and the remedy
 */
export async function checkTools(say: (line: string) => void, machine: Machine = THIS_MACHINE): Promise<string> {
  if (older(machine.nodeVersion, NEEDS.node)) {
    throw new CommandError(`Node ${machine.nodeVersion} is too old`, {
      remedy: `install Node ${NEEDS.node} or newer (https://nodejs.org).`,
      exitCode: EXIT.MACHINE,
    });
  }
  const terraform = await checkTerraform();
  const configFile = process.env.TF_CLI_CONFIG_FILE;
  if (configFile !== undefined && !existsSync(configFile)) {
    say(`TF_CLI_CONFIG_FILE names ${configFile}, which does not exist: Terraform runs without it`);
  }
  return `Node ${machine.nodeVersion}, Terraform ${terraform}`;
}

/**
 * Sees that the machine, and the platforms that are deployed to, have what a deploy needs: Node, Terraform; the Docker
 * Engine, which is installed and started where it may be, and disk; a cluster that answers.
 *
 * @throws CommandError that names the first thing that is missing, and the remedy
 */
export async function checkMachine(
  progress: Progress,
  platforms: readonly Platform[],
  stacks: readonly StackFile[],
  machine: Machine = THIS_MACHINE,
): Promise<void> {
  await progress.step('Looking at this machine', async (step) => {
    const found = [await checkTools((line) => step.line(line), machine)];
    for (const platform of platforms) found.push(await platform.prepare(stacks, (line) => step.line(line)));
    step.outcome = found.join(', ');
  });
}

/**
 * The version of Terraform.
 *
 * @throws CommandError when it is missing or too old
 */
export async function checkTerraform(): Promise<string> {
  const program = terraformProgram();
  const remedy =
    `install Terraform ${NEEDS.terraform} or newer: one binary from https://developer.hashicorp.com/terraform/install, ` +
    'put on the PATH (or named in TERRAFORM_BINARY_NAME).';
  if (which(program) === undefined) {
    throw new CommandError('Terraform is not installed, or not on the PATH', { remedy, exitCode: EXIT.MACHINE });
  }
  const { stdout, stderr, code } = await run(program, ['version', '-json'], {
    env: { CHECKPOINT_DISABLE: '1', ...configFileEnv() },
  });
  const version = /"terraform_version":\s*"([^"]+)"/.exec(stdout)?.[1] ?? /Terraform v(\S+)/.exec(stdout)?.[1];
  if (version === undefined) {
    throw new CommandError(`'${program} version' did not tell its version (exit code ${code})`, {
      log: lastLines(`${stdout}\n${stderr}`, 5),
      remedy,
      exitCode: EXIT.MACHINE,
    });
  }
  if (older(version, NEEDS.terraform)) {
    throw new CommandError(`Terraform ${version} is too old`, { remedy, exitCode: EXIT.MACHINE });
  }
  return version;
}

/**
 * The version of the Docker Engine, which is installed and started where that may be done: as root, on Debian.
 *
 * @throws CommandError when it does not answer in the end
 */
export async function ensureEngine(
  docker: Docker,
  machine: Machine,
  mend: boolean,
  say: (line: string) => void,
): Promise<string> {
  if (which('docker') === undefined) {
    if (!mend || !machine.isRoot || !machine.isDebian) throw notInstalled('Docker is not installed', machine);
    await installDocker(say, 'Docker is not installed');
  }
  let answer = await engineVersion(docker);
  if (answer.version !== undefined) return answer.version;
  if (/permission denied/i.test(answer.error)) {
    throw new CommandError('this user may not talk to the Docker Engine', {
      log: lastLines(answer.error, 2),
      remedy: 'as root: `usermod -aG docker <user>`, then log in again.',
      exitCode: EXIT.MACHINE,
    });
  }
  const elsewhere = await engineElsewhere(docker);
  if (elsewhere !== undefined) {
    throw new CommandError(`the Docker Engine at ${elsewhere} does not answer`, {
      log: lastLines(answer.error, 2),
      remedy: elsewhere.startsWith('DOCKER_HOST')
        ? 'start it there, or unset DOCKER_HOST to use the one of this machine.'
        : 'start it there, or `docker context use default` (and unset DOCKER_CONTEXT) to use the one of this machine.',
      exitCode: EXIT.MACHINE,
    });
  }
  // A client alone is no Engine. (Elsewhere than on Debian the Engine may be a desktop program.)
  if (machine.isDebian && engineProgram(machine) === undefined) {
    const why = 'there is a Docker client here, and no Docker Engine';
    if (!mend || !machine.isRoot) throw notInstalled(why, machine);
    await installDocker(say, why);
    answer = await engineVersion(docker);
    if (answer.version !== undefined) return answer.version;
  }
  if (!mend || !machine.isRoot || engineProgram(machine) === undefined) {
    throw new CommandError('the Docker Engine is not running', {
      log: lastLines(answer.error, 2),
      remedy: machine.hasSystemd
        ? 'start it: `sudo systemctl start docker`.'
        : 'start it (`dockerd` as root, or Docker Desktop), then run this again.',
      exitCode: EXIT.MACHINE,
    });
  }
  return startEngine(docker, machine, say);
}

/**
 * Free space in GB where images and downloads are kept.
 *
 * @throws CommandError when it is too little
 */
export async function checkDisk(
  docker: Docker,
  needed: number,
  say: (line: string) => void,
  machine: Machine = THIS_MACHINE,
): Promise<number> {
  const info = await docker.run(['info', '--format', '{{.DockerRootDir}}']);
  const root = info.code === 0 && existsSync(info.stdout.trim()) ? [info.stdout.trim()] : [];
  const free = [...root, cacheDir()]
    .map((path) => ({ path, gb: machine.freeBytes(path) / 1e9 }))
    .sort((a, b) => a.gb - b.gb)[0];
  const shown = free.gb < 10 ? free.gb.toFixed(1) : String(Math.floor(free.gb));
  if (free.gb < needed) {
    throw new CommandError(`the disk is nearly full: ${shown} GB free at ${free.path}, ${needed} GB are needed`, {
      remedy:
        'free some space (`docker system df` tells what images and volumes take), or set CDKTF_MLOPS_CACHE to another disk.',
      exitCode: EXIT.MACHINE,
    });
  }
  if (free.gb < needed * 1.25) say(`the disk is getting full: ${shown} GB free at ${free.path}`);
  return Number(shown);
}

/** Whether a version is older than another; `1.5.0-beta1` counts as 1.5.0. */
export function older(version: string, than: string): boolean {
  const parts = (text: string): number[] => text.replace(/^v/, '').split(/[.+-]/).slice(0, 3).map(Number);
  const difference = parts(version)
    .map((part, index) => part - parts(than)[index])
    .find((value) => value !== 0);
  return (difference ?? 0) < 0;
}

async function engineVersion(docker: Docker): Promise<{ version?: string; error: string }> {
  const result = await docker.run(['version', '--format', '{{.Server.Version}}'], { timeoutMs: 20_000 });
  const version = result.stdout.trim();
  return result.code === 0 && version !== '' ? { version, error: '' } : { error: result.stderr };
}

function notInstalled(message: string, machine: Machine): CommandError {
  return new CommandError(message, {
    remedy: machine.isDebian
      ? 'install it as root: `apt-get install docker.io iptables` (or run this as root: it does so itself).'
      : 'install Docker Engine 20.10 or newer: https://docs.docker.com/engine/install.',
    exitCode: EXIT.MACHINE,
  });
}

/** What makes the client talk to another Engine than this machine's own, as `NAME=value`; undefined for its own. */
async function engineElsewhere(docker: Docker): Promise<string | undefined> {
  const host = process.env.DOCKER_HOST ?? '';
  if (host !== '') return /^unix:\/\/(\/var)?\/run\/docker\.sock$/.test(host) ? undefined : `DOCKER_HOST=${host}`;
  const { code, stdout } = await docker.run(['context', 'show']);
  const context = code === 0 ? stdout.trim() : '';
  return context === '' || context === 'default' ? undefined : `DOCKER_CONTEXT=${context}`;
}

function engineProgram(machine: Machine): string | undefined {
  return which('dockerd') ?? machine.rootPrograms.map((place) => which(join(place, 'dockerd'))).find(Boolean);
}

async function installDocker(say: (line: string) => void, why: string): Promise<void> {
  say(`${why}: installing docker.io and iptables from Debian; this takes a few minutes`);
  const remedy = "see that Debian's mirror answers (`apt-get update`), or install Docker by hand.";
  await apt(['update', '-q'], 'apt-get update failed', remedy, say);
  // The command line is a package of its own since trixie.
  const cli = await run('apt-cache', ['show', 'docker-cli']);
  const packages = ['docker.io', 'iptables', ...(cli.code === 0 ? ['docker-cli'] : [])];
  const args = ['install', '-q', '-y', '--no-install-recommends', ...packages];
  await apt(args, 'Docker could not be installed', remedy, say);
}

/** Debian's package manager, which asks nothing, and is waited for while another one has its locks. */
async function apt(args: string[], failure: string, remedy: string, say: (line: string) => void): Promise<void> {
  const waitMs = Number(process.env.CDKTF_MLOPS_APT_WAIT_MS ?? 300_000);
  const options = ['-o', `DPkg::Lock::Timeout=${Math.ceil(waitMs / 1000)}`, '-o', 'Dpkg::Options::=--force-confold'];
  const started = Date.now();
  for (;;) {
    const result = await run('apt-get', [...options, ...args], {
      env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      umask: 0o022,
      onLine: (line) => {
        if (/^(Need to get|After this|Unpacking|Setting up|Waiting for cache lock|Fetched)/.test(line)) say(line);
      },
    });
    if (result.code === 0) return;
    // Its time-out is for dpkg's lock only, not for that of the package lists.
    const locked = /Could not get lock|is another process using it|Unable to lock/i.test(result.stderr);
    if (locked && Date.now() - started < waitMs) {
      say('another package manager is at work: waiting for it');
      await sleep(5_000);
      continue;
    }
    throw new CommandError(failure, {
      log: lastLines(`${result.stdout}\n${result.stderr}`, 15),
      remedy: locked
        ? 'another package manager is at work (its number is above): let it end, then run this again.'
        : remedy,
      exitCode: EXIT.MACHINE,
    });
  }
}

async function startEngine(docker: Docker, machine: Machine, say: (line: string) => void): Promise<string> {
  const log = join(cacheDir(), 'logs', 'dockerd.log');
  mkdirSync(dirname(log), { recursive: true });
  say(`the Docker Engine is not running: starting it (its log: ${machine.hasSystemd ? 'journalctl -u docker' : log})`);
  if (machine.hasSystemd) {
    await run('systemctl', ['start', 'docker'], { timeoutMs: 120_000 });
  } else {
    const output = openSync(log, 'a', 0o600);
    // It outlives this command: a session of its own, its output in a file, and no directory that it would keep busy. It
    // finds containerd, runc and iptables on its PATH.
    const daemon = spawn(engineProgram(machine) ?? 'dockerd', [], {
      cwd: '/',
      env: { ...process.env, PATH: [process.env.PATH, ...machine.rootPrograms].filter(Boolean).join(delimiter) },
      detached: true,
      stdio: ['ignore', output, output],
    });
    daemon.on('error', () => undefined); // what it said stands in the log, and it does not answer
    daemon.unref();
  }
  const started = Date.now();
  while (Date.now() - started < Number(process.env.CDKTF_MLOPS_ENGINE_WAIT_MS ?? 60_000)) {
    const answer = await engineVersion(docker);
    if (answer.version !== undefined) return answer.version;
    await sleep(500);
  }
  const shown = machine.hasSystemd
    ? (await run('journalctl', ['-u', 'docker', '-n', '12', '--no-pager', '-o', 'cat'])).stdout
    : readFileSync(log, 'utf8');
  throw new CommandError('the Docker Engine was started and does not answer', {
    log: lastLines(shown, 12),
    remedy: 'its log says why; start it by hand (`dockerd`) until it stays up, then run this again.',
    exitCode: EXIT.MACHINE,
  });
}

function nearestExisting(path: string): string {
  let current = path;
  while (!existsSync(current)) current = dirname(current);
  return current;
}
