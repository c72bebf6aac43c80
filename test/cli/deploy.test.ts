import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT } from '../../lib/cli/command-error';
import { deployStack } from '../../lib/cli/deploy';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { FakePrograms, Lines } from './fake-programs';
import { fixtureProject, inspected, markDeployed, stateWith } from './stack-fixture';

const PASSWORD = 'Zk3vQ8pLw2RtYx7NbA5mHc9D';
const ADDRESS = 'docker_container.registry_1';

const events = (...lines: object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const PLAN_CREATE = {
  match: /^plan /,
  code: 2,
  stdout: events({ type: 'planned_change', change: { action: 'create', resource: { addr: ADDRESS } } }),
};
const INIT = { match: /^init /, script: '/bin/mkdir -p .terraform' };
const STATE = { match: /^state pull/, stdout: JSON.stringify(stateWith('in-state', PASSWORD)) };
const NETWORKS = { match: /^network ls/, stdout: 'net-1 staging\n' };
const NO_VOLUMES = { match: /^volume ls/, stdout: '' };
const NO_CONTAINERS = { match: /^ps -a/, stdout: '' };

const hook = (type: string, action: string, elapsed = 0): object => ({
  type,
  hook: { resource: { addr: ADDRESS }, action, elapsed_seconds: elapsed },
});
const failed = (summary: string, detail = ''): object => ({
  type: 'diagnostic',
  diagnostic: { severity: 'error', summary, detail, address: ADDRESS },
});

let fakes: FakePrograms;
let lines: Lines;
let session: Session;
let stack: StackFile;

beforeEach(() => {
  fakes = new FakePrograms();
  lines = new Lines();
  session = new Session(fixtureProject(), new Progress(lines), undefined);
  markDeployed(session.project);
  stack = StackFile.get(session.project, 'staging');
});

afterEach(() => fakes.restore());

async function failure(): Promise<CommandError> {
  const error: unknown = await deployStack(session, stack, { yes: true }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

test('a plan without changes applies nothing, and says so', async () => {
  fakes.add('terraform', [INIT, { match: /^plan /, code: 0 }, STATE]);
  await expect(deployStack(session, stack, { yes: true })).resolves.toBe(false);
  expect(lines.text.join('')).toContain('Planning staging: nothing to change');
  expect(fakes.calls('terraform').filter((call) => call.startsWith('apply'))).toEqual([]);
});

test('initialises once for the same providers', async () => {
  fakes.add('terraform', [INIT, { match: /^plan /, code: 0 }, STATE]);
  await deployStack(session, stack, { yes: true });
  await deployStack(new Session(session.project, session.progress, undefined), stack, { yes: true });
  expect(fakes.calls('terraform').filter((call) => call.startsWith('init'))).toHaveLength(1);
});

test('an apply tells what is made, by readable names', async () => {
  fakes.add('terraform', [
    INIT,
    PLAN_CREATE,
    STATE,
    { match: /^apply /, stdout: events(hook('apply_start', 'create'), hook('apply_complete', 'create', 7)) },
  ]);
  fakes.add('docker', [NO_CONTAINERS, NETWORKS, NO_VOLUMES]);
  await expect(deployStack(session, stack, { yes: true })).resolves.toBe(true);
  expect(lines.text.join('')).toContain('created registry (container) (7 s)');
});

test('without a terminal and without --yes nothing is applied', async () => {
  fakes.add('terraform', [INIT, PLAN_CREATE, STATE]);
  const error: unknown = await deployStack(session, stack, { yes: false }).catch((reason: unknown) => reason);
  expect((error as CommandError).message).toContain('there is no terminal to ask on');
  expect((error as CommandError).remedy).toContain('--yes');
});

test('a workload that gets unhealthy is shown with its state, last check and last lines, without secrets', async () => {
  fakes.add('terraform', [
    INIT,
    PLAN_CREATE,
    STATE,
    { match: /^apply /, code: 1, stdout: events(failed('container failed to be in healthy state')) },
  ]);
  const sick = inspected({
    RestartCount: 2,
    State: {
      Status: 'running',
      Running: true,
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      Health: { Status: 'unhealthy', Log: [{ ExitCode: 1, Output: 'connection refused\n' }] },
    },
  });
  fakes.add('docker', [
    NO_CONTAINERS,
    NETWORKS,
    NO_VOLUMES,
    { match: /^container inspect/, stdout: JSON.stringify([sick]) },
    { match: /^logs --tail 30/, stdout: `dsn postgresql://mlflow:${PASSWORD}@db\n`, stderr: 'FATAL: no such role\n' },
  ]);
  const error = await failure();
  const text = error.render();
  expect(error.message).toBe('staging is not deployed: staging-registry did not become healthy');
  expect(text).toContain('staging-registry: running, unhealthy, restarted 2 times');
  expect(text).toContain('last health check (exit code 1): connection refused');
  expect(text).toContain('FATAL: no such role');
  expect(text).toContain('dsn postgresql://mlflow:********@db');
  expect(text).not.toContain(PASSWORD);
  expect(error.remedy).toContain('docker logs staging-registry');
});

test.each([
  ['Bind for 127.0.0.1:5000 failed: port is already allocated', /another program has the port/],
  ['mkdir /var/lib/docker: no space left on device', /free some disk space/],
  ['could not find an available, non-overlapping IPv4 address pool', /addresses left for another network/],
  ['unable to pull image x: manifest unknown', /cdktf-mlops images/],
  ['Error acquiring the state lock', /terraform force-unlock/],
])('%s', async (text, remedy) => {
  fakes.add('terraform', [
    INIT,
    PLAN_CREATE,
    STATE,
    { match: /^apply /, code: 1, stdout: events(failed('failed', text)) },
  ]);
  fakes.add('docker', [NO_CONTAINERS, NETWORKS, NO_VOLUMES, { match: /^container inspect/, stdout: '[]', code: 1 }]);
  const error = await failure();
  expect(error.render()).toContain(text);
  expect(error.remedy).toMatch(remedy);
  expect(error.exitCode).toBe(EXIT.FAILED);
});

test('a container that a killed apply left behind is removed before the apply', async () => {
  fakes.add('terraform', [INIT, PLAN_CREATE, STATE, { match: /^apply /, stdout: '' }]);
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'lost\n' },
    { match: /^container inspect lost/, stdout: JSON.stringify([inspected({ Id: 'lost' })]) },
    NETWORKS,
    NO_VOLUMES,
    { match: /^rm --force/ },
  ]);
  await deployStack(session, stack, { yes: true });
  expect(fakes.calls('docker')).toContain('rm --force --volumes lost');
  expect(lines.text.join('')).toContain('removing the container staging-registry: an apply that was killed left it');
});

test('what a crashed plugin left running outside of the state is removed, and the deploy goes on', async () => {
  // The published provider may crash when it has waited too long; what it was making beside then never gets into the state.
  fakes.add('terraform', [
    INIT,
    PLAN_CREATE,
    STATE,
    { match: /^apply /, code: 1, stdout: events(failed('Plugin did not respond', 'The plugin encountered an error')) },
  ]);
  fakes.add('docker', [NO_CONTAINERS, NETWORKS, NO_VOLUMES, { match: /^container inspect/, stdout: '[]', code: 1 }]);
  expect((await failure()).remedy).toContain('`cdktf-mlops deploy staging` again, which clears that away first');

  const kind = (value: string): object => ({
    Image: 'x',
    Labels: {
      'cdktf-mlops.component': value,
      'cdktf-mlops.environment': 'staging',
      'cdktf-mlops.kind': value,
      'cdktf-mlops.stack': 'staging',
    },
  });
  const on = (name: string, id: string): object => ({ Networks: { [name]: { NetworkID: id } } });
  const all = [
    inspected({ Id: 'in-state', Name: '/staging-registry' }),
    // Running and healthy, and a sibling that was created and never started: neither is in the state.
    inspected({ Id: 'healthy', Name: '/staging-database', Config: kind('workload') }),
    inspected({ Id: 'created', Name: '/staging-gateway', NetworkSettings: on('staging', '') }),
    // A preparation is on no network that would tell whose it is.
    inspected({
      Id: 'prepared',
      Name: '/staging-release-prepare-1a2b',
      Config: kind('task'),
      NetworkSettings: on('none', 'n'),
    }),
    // A training run is not made by Terraform.
    inspected({ Id: 'run', Name: '/staging-training-run-1', Config: kind('run') }),
  ];
  fakes.add('terraform', [INIT, PLAN_CREATE, STATE, { match: /^apply /, stdout: '' }]);
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'in-state\nhealthy\ncreated\nprepared\nrun\n' },
    { match: /^container inspect/, stdout: JSON.stringify(all) },
    NETWORKS,
    { match: /^volume ls/, stdout: 'staging-database-data staging-database-data\n' },
    { match: /^rm --force/ },
  ]);
  await expect(deployStack(session, stack, { yes: true })).resolves.toBe(true);
  expect(fakes.calls('docker').filter((call) => /^(rm|volume rm|network rm)/.test(call))).toEqual([
    'rm --force --volumes healthy',
    'rm --force --volumes created',
    'rm --force --volumes prepared',
  ]);
});

test("another checkout's containers are never removed", async () => {
  fakes.add('terraform', [INIT, PLAN_CREATE, STATE, { match: /^apply /, stdout: '' }]);
  const other = inspected({ Id: 'theirs', NetworkSettings: { Networks: { staging: { NetworkID: 'net-of-others' } } } });
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'theirs\n' },
    { match: /^container inspect theirs/, stdout: JSON.stringify([other]) },
    NETWORKS,
    NO_VOLUMES,
  ]);
  const error = await failure();
  expect(error.message).toBe("staging exists on this Docker Engine, and this project's state does not know it");
  expect(error.remedy).toContain('another checkout');
  expect(fakes.calls('docker').filter((call) => call.startsWith('rm'))).toEqual([]);
});

test('data of a state that is lost is not taken over in silence', async () => {
  fakes.add('terraform', [INIT, PLAN_CREATE, { match: /^state pull/, stdout: '' }, { match: /^apply /, stdout: '' }]);
  fakes.add('docker', [
    NO_CONTAINERS,
    { match: /^network ls/, stdout: '' },
    { match: /^volume ls/, stdout: 'staging-database-data staging-database-data\n' },
  ]);
  expect((await failure()).log).toEqual(['volume staging-database-data']);
});

test('providers that can not be had end with what to do', async () => {
  fakes.add('terraform', [
    { match: /^init /, code: 1, stderr: '│ Error: Failed to query available provider packages\n│ no such host' },
  ]);
  const error = await failure();
  expect(error.message).toBe('terraform init failed');
  expect(error.remedy).toContain("'cdktf-mlops:providers'.");
  // There is no airgap/ to choose in this project.
  expect(error.remedy).not.toContain('airgap');
  for (const part of ['images', 'providers']) {
    mkdirSync(join(session.project.root, 'airgap', part), { recursive: true });
    writeFileSync(join(session.project.root, 'airgap', part, 'build.sh'), '');
  }
  session = new Session(session.project, session.progress, undefined);
  expect((await failure()).remedy).toContain('cdktf-mlops supply airgap');
});
