import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Docker } from '../../lib/cli/docker';
import { Progress } from '../../lib/cli/progress';
import { DockerTrainOptions, trainOnDocker } from '../../lib/cli/docker-train';
import { Answer, FakePrograms, Lines } from './fake-programs';
import { inspected, temporaryDirectory } from './stack-fixture';

const TEMPLATE = inspected({
  Id: 'template',
  Name: '/staging-training',
  Image: 'sha256:runtime',
  Config: {
    Image: 'sha256:runtime',
    Labels: {
      'cdktf-mlops.component': 'training',
      'cdktf-mlops.environment': 'staging',
      'cdktf-mlops.kind': 'job',
      'cdktf-mlops.stack': 'staging',
      'cdktf-mlops.concurrency': '2',
    },
    Env: ['MLFLOW_TRACKING_URI=http://staging-registry:5000'],
    User: '1000:1000',
    Entrypoint: ['mlops-train'],
    Cmd: null,
    StopTimeout: 30,
  },
  HostConfig: {
    NetworkMode: 'staging',
    Memory: 4294967296,
    MemorySwap: 4294967296,
    CpuPeriod: 100000,
    CpuQuota: 200000,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges:true'],
    LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } },
  },
  Mounts: [{ Type: 'volume', Name: 'staging-training-secrets', Destination: '/run/secrets', RW: false }],
});
const FOUND: Answer[] = [
  { match: /^ps -a/, stdout: 'template\n' },
  { match: /^container inspect template/, stdout: JSON.stringify([TEMPLATE]) },
];
const REST: Answer[] = [
  { match: /^container inspect/, stdout: '[]', code: 1 },
  { match: /^diff/, stdout: 'A /run/secrets\nA /etc/runner\nA /etc/runner/settings.yaml\nC /etc\n' },
  { match: /^(cp|start|stop|rm)/ },
];

let fakes: FakePrograms;
let options: DockerTrainOptions;
let log: string[];

beforeEach(() => {
  fakes = new FakePrograms();
  // A directory of no git work tree, and git is not found either.
  fakes.add('git', [{ match: /./, code: 128 }]);
  const project = temporaryDirectory('project');
  writeFileSync(join(project, 'MLproject'), 'name: cancer\n');
  log = [];
  options = {
    environment: 'staging',
    runner: 'training',
    project,
    register: 'cancer',
    parameters: ['config=forest'],
    wait: false,
    log: (line) => log.push(line),
  };
});

afterEach(() => fakes.restore());

const start = (): ReturnType<typeof trainOnDocker> => trainOnDocker(new Docker(), new Progress(new Lines()), options);

test('a run is what the deploy declared, and arguments', async () => {
  fakes.add('docker', [
    ...FOUND,
    ...REST,
    { match: /^create/, stdout: 'id' },
    { match: /^logs --follow/, stdout: 'epoch 1\n{"model":"cancer","version":"2"}\n' },
    { match: /^wait/, stdout: '0\n' },
  ]);
  await expect(start()).resolves.toEqual({ exitCode: 0, report: { model: 'cancer', version: '2' } });
  expect(log).toEqual(['epoch 1']);
  const created = fakes.calls('docker').find((call) => call.startsWith('create')) ?? '';
  for (const part of [
    '--name staging-training-run-1',
    '--label cdktf-mlops.kind=run',
    '--env MLFLOW_TRACKING_URI=http://staging-registry:5000',
    '--user 1000:1000',
    '--memory 4294967296 --memory-swap 4294967296',
    '--cpu-quota 200000',
    '--cap-drop ALL',
    '--security-opt no-new-privileges:true',
    '--log-opt max-size=10m',
    '--network staging',
    '--mount type=volume,source=staging-training-secrets,target=/run/secrets,readonly',
    '--entrypoint mlops-train sha256:runtime --register cancer -P config=forest',
  ]) {
    expect(created).toContain(part);
  }
  expect(created).not.toContain('cdktf-mlops.kind=job');
  const copied = fakes.calls('docker').filter((call) => call.startsWith('cp'));
  expect(copied[0]).toContain('template:/etc/runner');
  expect(copied).toHaveLength(3);
  expect(copied[2]).toMatch(/staging-training-run-1:\/project$/);
  expect(fakes.calls('docker').at(-1)).toBe('rm --force --volumes staging-training-run-1');
});

test("ends with the run's exit code, and removes it", async () => {
  fakes.add('docker', [
    ...FOUND,
    ...REST,
    { match: /^create/, stdout: 'id' },
    { match: /^logs/, stderr: 'error: no data\n' },
    { match: /^wait/, stdout: '7\n' },
  ]);
  await expect(start()).resolves.toMatchObject({ exitCode: 7 });
  expect(log).toEqual(['error: no data']);
  expect(fakes.calls('docker').at(-1)).toMatch(/^rm/);
});

test('a second run takes the second place, a third is refused', async () => {
  const taken = (place: string): Answer => ({
    match: new RegExp(`^create --name staging-training-run-${place}`),
    stderr: 'is already in use',
    code: 1,
  });
  fakes.add('docker', [
    ...FOUND,
    ...REST,
    taken('1'),
    { match: /^create/, stdout: 'id' },
    { match: /^logs/ },
    { match: /^wait/, stdout: '0' },
  ]);
  await start();
  expect(fakes.calls('docker')).toContain('start staging-training-run-2');
  fakes.add('docker', [...FOUND, ...REST, taken('1'), taken('2')]);
  await expect(start()).rejects.toMatchObject({
    message: "the runner 'training' is busy: 2 of 2 runs are under way",
    remedy: expect.stringContaining('--wait') as string,
  });
});

test('what a killed command left is no run: its place is free again', async () => {
  const dead = inspected({
    Name: '/staging-training-run-1',
    State: { Status: 'exited', Running: false, ExitCode: 0, OOMKilled: false, Error: '' },
    Config: { Image: 'x', Labels: { 'cdktf-mlops.kind': 'run' } },
  });
  fakes.add('docker', [
    ...FOUND,
    { match: /^container inspect staging-training-run-1/, stdout: JSON.stringify([dead]) },
    ...REST,
    { match: /^create/, stdout: 'id' },
    { match: /^logs/ },
    { match: /^wait/, stdout: '0' },
  ]);
  await start();
  expect(fakes.calls('docker').indexOf('rm --force --volumes staging-training-run-1')).toBeLessThan(
    fakes.calls('docker').findIndex((call) => call.startsWith('create')),
  );
});

test('an unknown runner, or none, is named', async () => {
  fakes.add('docker', FOUND);
  await expect(
    trainOnDocker(new Docker(), new Progress(new Lines()), { ...options, runner: 'gpu' }),
  ).rejects.toMatchObject({
    message: "the environment 'staging' has no training runner 'gpu'",
    remedy: 'use one of: training.',
  });
  fakes.add('docker', [{ match: /^ps -a/, stdout: '' }]);
  await expect(start()).rejects.toMatchObject({ remedy: 'deploy it first: `cdktf-mlops deploy staging`.' });
});

test('a directory that is no project is refused before anything is made', async () => {
  await expect(
    trainOnDocker(new Docker(), new Progress(new Lines()), { ...options, project: fakes.directory }),
  ).rejects.toThrow('it has no file MLproject');
  expect(fakes.calls('docker')).toEqual([]);
});

test("a runner of another checkout's environment is refused before anything is made", async () => {
  fakes.add('docker', FOUND);
  const other = { ...options, ownNetworks: new Set<string>() };
  await expect(trainOnDocker(new Docker(), new Progress(new Lines()), other)).rejects.toMatchObject({
    message: "the environment 'staging' on this Docker Engine is not this project's",
    remedy: expect.stringContaining('train there') as string,
  });
  expect(fakes.calls('docker').some((call) => call.startsWith('create'))).toBe(false);
});

test('an environment that the project does not declare is told from those that it does', async () => {
  fakes.add('docker', [{ match: /^ps -a/, stdout: '' }]);
  const unknown = { ...options, environment: 'nosuch', environments: ['staging'] };
  await expect(trainOnDocker(new Docker(), new Progress(new Lines()), unknown)).rejects.toMatchObject({
    message: "there is no environment 'nosuch'",
    remedy: 'use one of: staging.',
  });
});
