import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT } from '../../lib/cli/command-error';
import { Docker } from '../../lib/cli/docker';
import { checkDisk, checkMachine, checkTerraform, ensureEngine, Machine, NEEDS, older } from '../../lib/cli/doctor';
import { Platform } from '../../lib/cli/platform';
import { Progress } from '../../lib/cli/progress';
import { FakePrograms, Lines } from './fake-programs';

const USER: Machine = {
  isRoot: false,
  isDebian: false,
  hasSystemd: false,
  nodeVersion: '20.18.0',
  rootPrograms: [],
  freeBytes: () => 100e9,
};
const NOT_RUNNING = {
  match: /^version/,
  stderr: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.',
  code: 1,
};
const RUNNING = { match: /^version/, stdout: '20.10.24\n' };
const TERRAFORM = { match: /^version/, stdout: '{"terraform_version": "1.11.4"}' };

const ROOT: Machine = { ...USER, isRoot: true, isDebian: true };
const APT = 'Reading package lists...\nNeed to get 60 MB of archives.\nSetting up docker.io (20.10.24) ...\n';

/** A platform that answers. */
const ENGINE = { prepare: () => Promise.resolve('Docker Engine 20.10.24, 100 GB free') } as unknown as Platform;

let fakes: FakePrograms;
const saved = { ...process.env };

beforeEach(() => {
  fakes = new FakePrograms();
  delete process.env.DOCKER_HOST;
  delete process.env.TERRAFORM_BINARY_NAME;
  process.env.CDKTF_MLOPS_CACHE = fakes.directory;
  process.env.CDKTF_MLOPS_ENGINE_WAIT_MS = '15000';
});

afterEach(() => {
  fakes.restore();
  process.env = { ...saved };
});

async function failure(work: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

function engine(machine: Machine, said: string[] = []): Promise<string> {
  return ensureEngine(new Docker(), machine, true, (line) => said.push(line));
}

describe('Docker', () => {
  test('a running Engine is left alone', async () => {
    fakes.add('docker', [RUNNING]);
    await expect(engine(USER)).resolves.toBe('20.10.24');
    expect(fakes.calls('docker')).toHaveLength(1);
  });

  test('an Engine that does not run is named, with how to start it, to a user who may not', async () => {
    fakes.add('docker', [NOT_RUNNING]);
    const error = await failure(engine({ ...USER, hasSystemd: true }));
    expect(error.message).toBe('the Docker Engine is not running');
    expect(error.remedy).toContain('sudo systemctl start docker');
    expect(error.exitCode).toBe(EXIT.MACHINE);
  });

  test('root has it started, and it is waited for', async () => {
    const flag = join(fakes.directory, 'started');
    fakes.add('docker', [
      {
        match: /^version/,
        stdout: '20.10.24',
        script: `[[ -e ${flag} ]] || { code=1 stdout='' stderr='Cannot connect to the Docker daemon'; }`,
      },
    ]);
    fakes.add('dockerd', [{ match: /^$/, script: `: > ${flag}` }]);
    const said: string[] = [];
    await expect(engine({ ...USER, isRoot: true }, said)).resolves.toBe('20.10.24');
    expect(said.join()).toContain('starting it');
  });

  test('an Engine that does not come up shows the last lines of its log', async () => {
    fakes.add('docker', [NOT_RUNNING]);
    process.env.CDKTF_MLOPS_ENGINE_WAIT_MS = '800';
    fakes.add('dockerd', [{ match: /^$/, stderr: 'failed to mount overlay: permission denied\n', code: 1 }]);
    const error = await failure(engine({ ...USER, isRoot: true }));
    expect(error.message).toBe('the Docker Engine was started and does not answer');
    expect(error.log).toEqual(['failed to mount overlay: permission denied']);
  });

  test('a user without the right to talk to it is told which group it takes', async () => {
    fakes.add('docker', [{ match: /^version/, stderr: 'permission denied while trying to connect', code: 1 }]);
    expect((await failure(engine(USER))).remedy).toContain('usermod -aG docker');
  });

  test('an Engine elsewhere is never started here', async () => {
    process.env.DOCKER_HOST = 'tcp://build:2375';
    fakes.add('docker', [NOT_RUNNING]);
    fakes.add('dockerd', [{ match: /^$/ }]);
    const error = await failure(engine({ ...USER, isRoot: true }));
    expect(error.message).toContain('DOCKER_HOST=tcp://build:2375');
    expect(fakes.calls('dockerd')).toEqual([]);
  });

  test('a user is told how to install it', async () => {
    expect((await failure(engine(USER))).message).toBe('Docker is not installed');
    expect((await failure(engine({ ...USER, isDebian: true }))).remedy).toContain('apt-get install docker.io iptables');
  });

  test('root on Debian has it installed', async () => {
    fakes.add('ready-docker', [RUNNING]);
    const copy = `/bin/cp ${join(fakes.directory, 'ready-docker')} ${join(fakes.directory, 'docker')}`;
    fakes.add('apt-get', [{ match: /update/ }, { match: /install/, script: copy, stdout: APT }]);
    fakes.add('apt-cache', [{ match: /^show docker-cli/, code: 100 }]);
    const said: string[] = [];
    await expect(engine(ROOT, said)).resolves.toBe('20.10.24');
    const [update, install] = fakes.calls('apt-get');
    expect(update).toMatch(/^-o DPkg::Lock::Timeout=300 .* update -q$/);
    expect(install).toMatch(/ install -q -y --no-install-recommends docker.io iptables$/);
    expect(said).toEqual([
      expect.stringContaining('Docker is not installed: installing'),
      'Need to get 60 MB of archives.',
      'Setting up docker.io (20.10.24) ...',
    ]);
  });

  test('a client without an Engine is no Docker: root on Debian has the Engine installed and started', async () => {
    const flag = join(fakes.directory, 'started');
    fakes.add('docker', [
      {
        match: /^version/,
        stdout: '20.10.24',
        script: `[[ -e ${flag} ]] || { code=1 stdout='' stderr='Cannot connect to the Docker daemon'; }`,
      },
    ]);
    // It lies where only root's PATH would find it, and finds its own helpers there.
    const place = join(fakes.directory, 'sbin');
    mkdirSync(place);
    fakes.add('ready-dockerd', [{ match: /^$/, script: `echo "$PATH" > ${flag}` }]);
    const copy = `/bin/cp ${join(fakes.directory, 'ready-dockerd')} ${join(place, 'dockerd')}`;
    fakes.add('apt-get', [{ match: /update/ }, { match: /install/, script: copy }]);
    fakes.add('apt-cache', [{ match: /^show docker-cli/, code: 100 }]);
    const said: string[] = [];
    await expect(engine({ ...ROOT, rootPrograms: [place] }, said)).resolves.toBe('20.10.24');
    expect(said[0]).toContain('there is a Docker client here, and no Docker Engine: installing docker.io');
    expect(readFileSync(flag, 'utf8').trim()).toBe(`${fakes.directory}:${place}`);
  });

  test('a user with a client alone is told how to install the Engine', async () => {
    fakes.add('docker', [NOT_RUNNING]);
    const error = await failure(engine({ ...USER, isDebian: true, hasSystemd: true }));
    expect(error.message).toBe('there is a Docker client here, and no Docker Engine');
    expect(error.remedy).toContain('apt-get install docker.io iptables');
  });

  test("nothing is installed for a client that talks to another context's Engine", async () => {
    fakes.add('docker', [NOT_RUNNING, { match: /^context show/, stdout: 'build-server\n' }]);
    fakes.add('apt-get', [{ match: /./ }]);
    const error = await failure(engine(ROOT));
    expect(error.message).toContain('DOCKER_CONTEXT=build-server');
    expect(error.remedy).toContain('docker context use default');
    expect(fakes.calls('apt-get')).toEqual([]);
  });

  test('a package manager that is at work is waited for, and named in the end', async () => {
    process.env.CDKTF_MLOPS_APT_WAIT_MS = '0';
    const locked = 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)\n';
    fakes.add('apt-get', [{ match: /update/, stderr: locked, code: 100 }]);
    const error = await failure(engine(ROOT));
    expect(error.log.join()).toContain('held by process 4711');
    expect(error.remedy).toContain('another package manager is at work');
    expect(error.exitCode).toBe(EXIT.MACHINE);
  });

  test('an installation that fails shows what apt said', async () => {
    fakes.add('apt-get', [{ match: /update/, stderr: 'E: Could not resolve deb.example\n', code: 100 }]);
    const error = await failure(engine({ ...USER, isRoot: true, isDebian: true }));
    expect(error.message).toBe('apt-get update failed');
    expect(error.log).toEqual(['E: Could not resolve deb.example']);
  });
});

describe('Terraform', () => {
  test('is named when it is missing, with where to get it', async () => {
    const error = await failure(checkTerraform());
    expect(error.message).toBe('Terraform is not installed, or not on the PATH');
    expect(error.remedy).toContain('developer.hashicorp.com/terraform/install');
    expect(error.exitCode).toBe(EXIT.MACHINE);
  });

  test.each(['1.4.7', '0.15.5', '1.5.0-alpha1', '1.5.0', '1.11.4', '2.0.0'])('%s', async (version) => {
    fakes.add('terraform', [
      { match: /^version/, stdout: JSON.stringify({ terraform_version: version }, undefined, 2) },
    ]);
    if (older(version, NEEDS.terraform)) {
      expect((await failure(checkTerraform())).message).toBe(`Terraform ${version} is too old`);
    } else {
      await expect(checkTerraform()).resolves.toBe(version);
    }
  });

  test('one that tells no version shows what it said', async () => {
    fakes.add('terraform', [{ match: /./, stderr: 'exec format error', code: 126 }]);
    expect((await failure(checkTerraform())).log).toEqual(['exec format error']);
  });
});

describe('disk', () => {
  test('too little is refused, with the place and the need', async () => {
    fakes.add('docker', [{ match: /^info/, code: 1 }]);
    const error = await failure(
      checkDisk(new Docker(), NEEDS.freshDiskGb, () => undefined, { ...USER, freeBytes: () => 3.2e9 }),
    );
    expect(error.message).toBe(`the disk is nearly full: 3.2 GB free at ${fakes.directory}, 12 GB are needed`);
    expect(error.remedy).toContain('docker system df');
  });

  test("little is said aloud; the fuller of Docker's and our own place counts", async () => {
    fakes.add('docker', [{ match: /^info/, stdout: '/\n' }]);
    const said: string[] = [];
    const freeBytes = (path: string): number => (path === '/' ? 13e9 : 500e9);
    await checkDisk(new Docker(), NEEDS.freshDiskGb, (line) => said.push(line), { ...USER, freeBytes });
    expect(said).toEqual(['the disk is getting full: 13 GB free at /']);
  });
});

test('Node that is too old is refused', async () => {
  const error = await failure(checkMachine(new Progress(new Lines()), [], [], { ...USER, nodeVersion: '18.20.0' }));
  expect(error.message).toBe('Node 18.20.0 is too old');
});

test('a configuration file of Terraform that is not there is said, and done without', async () => {
  fakes.add('docker', [RUNNING, { match: /^info/, stdout: '/\n' }]);
  fakes.add('terraform', [{ ...TERRAFORM, script: `[[ -z \${TF_CLI_CONFIG_FILE-} ]] || { code=1 stdout=''; }` }]);
  process.env.TF_CLI_CONFIG_FILE = join(fakes.directory, 'missing.rc');
  const lines = new Lines();
  await checkMachine(new Progress(lines), [ENGINE], [], USER);
  expect(lines.text.join('')).toContain('missing.rc, which does not exist: Terraform runs without it');
});

test('a machine that has everything is described in one line', async () => {
  fakes.add('docker', [RUNNING, { match: /^info/, stdout: '/\n' }]);
  fakes.add('terraform', [TERRAFORM]);
  const lines = new Lines();
  await checkMachine(new Progress(lines), [ENGINE], [], USER);
  expect(lines.text.join('')).toContain('Node 20.18.0, Terraform 1.11.4, Docker Engine 20.10.24, 100 GB free');
});
