import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { addBackupCommands, BackupReport, backupTable, chooseBackup } from '../../lib/cli/backup';
import { ContainerInfo, Docker } from '../../lib/cli/docker';
import { runJobOnDocker, startContainerAgain } from '../../lib/cli/docker-jobs';
import { JobResult, JobRun } from '../../lib/cli/jobs';
import { Kubernetes } from '../../lib/cli/kubernetes';
import { startComponentAgain } from '../../lib/cli/kubernetes-train';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { FakePrograms, Lines } from './fake-programs';
import { inspected } from './stack-fixture';

const backup = (time: string, complete = true): BackupReport => ({
  time,
  complete,
  database: {
    bytes: 1_234_567,
    rows: { 'public.runs': 40, 'public.users': 2 },
    server: '17.6',
    schema: { 'public.alembic_version': 'abc' },
    sha256: 'f00d',
  },
  artifacts: { objects: 3, bytes: 999 },
  seconds: 4.2,
});
// Nobody is there to ask, also when a person runs these tests.
beforeEach(() => Object.defineProperty(process.stdin, 'isTTY', { value: false, configurable: true }));

const NEW = backup('20260102T023000Z');
const OLD = backup('20260101T023000Z');
const HALF: BackupReport = { time: '20260103T023000Z', complete: false };
const RESTORED = {
  time: OLD.time,
  rows: 42,
  tables: 2,
  artifacts: 3,
  dependents: ['registry', 'registry/users'],
  seconds: { verify: 0.1, artifacts: 2, database: 1, all: 3.1 },
};

/** Runs the command line with jobs that report what they are asked for; returns what was printed and what was run. */
async function command(args: string[], results: Record<string, JobResult> = {}) {
  const runs: JobRun[] = [];
  const printed: string[] = [];
  const told = new Lines();
  const answers: Record<string, JobResult> = {
    list: { exitCode: 0, report: { backups: [HALF, NEW, OLD] } },
    backup: { exitCode: 0, report: NEW },
    restore: { exitCode: 0, report: RESTORED },
    ...results,
  };
  const again: string[] = [];
  const platform = {
    startAgain: (_environment: string, components: readonly string[]): Promise<void> => {
      again.push(...components);
      return Promise.resolve();
    },
    runJob: (run: JobRun): Promise<JobResult> => {
      runs.push(run);
      run.log('its last word');
      return Promise.resolve(answers[run.args[0]]);
    },
  };
  const session = { platformOfEnvironment: () => platform, progress: new Progress(told) } as unknown as Session;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addBackupCommands(program, { session: () => Promise.resolve(session), print: (text) => printed.push(text) });
  const outcome = program.parseAsync(args, { from: 'user' }).then(
    () => undefined,
    (error: Error) => error,
  );
  return { error: await outcome, printed: printed.join('\n'), told: told.text.join('\n'), runs, again };
}

test('backup runs the job now and says what it wrote', async () => {
  const { printed, runs } = await command(['backup', 'staging']);
  expect(runs).toMatchObject([{ environment: 'staging', component: 'backup', args: ['backup'] }]);
  expect(printed).toContain('backup 20260102T023000Z, made in 4.2 s');
  expect(printed).toContain('1.2 MB, 42 rows, PostgreSQL 17.6, schema abc');
  expect(printed).toContain('3 objects, 999 B');
});

test('a loss is accepted only when that is asked for', async () => {
  const { runs } = await command(['backup', 'staging', '--accept-loss', '--job', 'nightly']);
  expect(runs).toMatchObject([{ component: 'nightly', args: ['backup', '--accept-loss'] }]);
});

test('a backup that failed ends with the exit code and the last lines of its log', async () => {
  const { error } = await command(['backup', 'staging'], { backup: { exitCode: 7 } });
  expect(error).toMatchObject({
    message: "'backup backup' ended with exit code 7",
    log: ['its last word'],
    exitCode: 7,
  });
});

test('backups lists the newest first and says which are not complete', async () => {
  const { printed } = await command(['backups', 'staging']);
  expect(printed.split('\n').map((line) => line.split(/\s{2,}/).slice(0, 2))).toEqual([
    ['TIME', 'COMPLETE'],
    [HALF.time, 'no'],
    [NEW.time, 'yes'],
    [OLD.time, 'yes'],
  ]);
  expect(JSON.parse((await command(['backups', 'staging', '--json'])).printed)).toEqual([HALF, NEW, OLD]);
  expect(backupTable([])).toBe('There are no backups.');
});

test('restore takes the newest complete backup, by its time, in the job beside', async () => {
  const { runs, printed, again } = await command(['restore', 'staging', '--yes']);
  expect(runs.map(({ component, args }) => [component, args])).toEqual([
    ['backup', ['list']],
    ['backup/restore', ['restore', '--at', NEW.time]],
  ]);
  expect(printed).toContain('restored the backup 20260101T023000Z in 3.1 s');
  expect(printed).toContain('42 rows in 2 tables in 1 s');
  expect(again).toEqual(['registry', 'registry/users']);
});

test('restore asks first, and says what is overwritten', async () => {
  const { error, told, runs } = await command(['restore', 'staging', '--at', OLD.time]);
  expect(error!.message).toContain('there is no terminal to ask on');
  expect(told).toContain("Everything in the registry's database of staging is replaced by the backup 20260101T023000Z");
  expect(runs).toHaveLength(1);
});

test.each([
  ['yesterday', "'yesterday' is no time of a backup"],
  [HALF.time, `the backup ${HALF.time} of 'staging' was not completed`],
  ['20200101T000000Z', "'staging' has no backup 20200101T000000Z"],
])('restore --at %s is refused and changes nothing', async (at, message) => {
  const { error, runs } = await command(['restore', 'staging', '--yes', '--at', at]);
  expect(error!.message).toBe(message);
  expect(runs.filter(({ component }) => component === 'backup/restore')).toEqual([]);
});

test('where there is no complete backup, one can be made', () => {
  expect(() => chooseBackup('staging', [HALF], 'latest')).toThrow("'staging' has no complete backup");
});

describe('on Docker', () => {
  const TEMPLATE = inspected({
    Id: 'template',
    Name: 'staging-backup',
    Image: 'sha256:backup',
    Config: {
      Image: 'sha256:backup',
      Labels: {
        'cdktf-mlops.component': 'backup',
        'cdktf-mlops.kind': 'job',
        'cdktf-mlops.schedule': '30 2 * * *',
      },
      Env: ['BACKUP_KEEP=14'],
      Entrypoint: ['sh', '-c', 'while :; do :; done', 'schedule', '86400', '9000', 'mlops-backup'],
      Cmd: ['backup'],
    },
    HostConfig: { NetworkMode: 'staging' },
    Mounts: [{ Type: 'volume', Name: 'staging-backup-secrets', Destination: '/run/secrets', RW: false }],
  });
  let fakes: FakePrograms;
  beforeEach(() => (fakes = new FakePrograms()));
  afterEach(() => fakes.restore());

  test('a run is made from the declaration, without the loop that waits and with other arguments', async () => {
    fakes.add('docker', [
      { match: /^logs/, stdout: 'a line\n{"time": "now"}\n' },
      { match: /^wait/, stdout: '0\n' },
      { match: /^container inspect/, stdout: '[]', code: 1 },
      { match: /^(create|diff|start|rm)/ },
    ]);
    const log: string[] = [];
    const result = await runJobOnDocker(new Docker(), new Progress(new Lines()), TEMPLATE as unknown as ContainerInfo, {
      environment: 'staging',
      component: 'backup',
      args: ['list'],
      title: 'Looking',
      log: (line) => log.push(line),
    });
    expect(result).toEqual({ exitCode: 0, report: { time: 'now' } });
    expect(log).toEqual(['a line']);
    const [created] = fakes.calls('docker').filter((call) => call.startsWith('create'));
    expect(created).toMatch(/--entrypoint mlops-backup sha256:backup list$/);
    expect(created).toContain('--label cdktf-mlops.kind=run');
    expect(created).not.toContain('cdktf-mlops.schedule');
    expect(created).toContain('--mount type=volume,source=staging-backup-secrets,target=/run/secrets,readonly');
    expect(fakes.calls('docker').at(-1)).toMatch(/^rm --force --volumes staging-backup-run-/);
  });

  const STARTED = '2026-01-02T03:04:05.9Z';
  const task = (state: Record<string, unknown>) =>
    inspected({
      Id: 'task',
      Name: 'staging-registry-users',
      State: { Running: true, ExitCode: 0, StartedAt: STARTED, ...state },
      Config: { Labels: { 'cdktf-mlops.kind': 'task' }, Healthcheck: { Test: ['CMD', 'test', '-f', '/tmp/done'] } },
    }) as unknown as ContainerInfo;

  test('a task that runs again is done when its mark is a new one', async () => {
    const second = Date.parse(STARTED) / 1000;
    fakes.add('docker', [
      { match: /^restart/ },
      { match: /^container inspect/, stdout: JSON.stringify([task({})]) },
      // The mark of its first run, and then that of the second.
      {
        match: /^exec staging-registry-users stat -c %Y \/tmp\/done$/,
        script: `[[ -e ${fakes.directory}/seen ]] && stdout=${Math.floor(second)} || stdout=${Math.floor(second) - 60}; : > ${fakes.directory}/seen`,
      },
    ]);
    await startContainerAgain(new Docker(), task({}));
    expect(fakes.calls('docker').filter((call) => call.startsWith('exec'))).toHaveLength(2);
  });

  test('what does not come back is told with its last words', async () => {
    fakes.add('docker', [
      { match: /^restart/ },
      { match: /^container inspect/, stdout: JSON.stringify([task({ Running: false, ExitCode: 1 })]) },
      { match: /^logs/, stdout: 'no such user\n' },
    ]);
    await expect(startContainerAgain(new Docker(), task({}))).rejects.toMatchObject({
      message: 'staging-registry-users did not come back after it was started again',
      log: ['no such user'],
    });
  });
});

describe('on Kubernetes', () => {
  const LABELS = { 'cdktf-mlops.component': 'registry.users', 'cdktf-mlops.kind': 'task' };
  const TASK = {
    kind: 'Job',
    metadata: { name: 'staging-registry-users', namespace: 'staging', uid: '1', labels: LABELS },
    spec: {
      backoffLimit: 2,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': '1' } },
      template: {
        metadata: {
          labels: { ...LABELS, 'batch.kubernetes.io/controller-uid': '1', 'job-name': 'staging-registry-users' },
        },
        spec: { containers: [{ name: 'registry-users', image: 'mlflow' }] },
      },
    },
  };
  const again = (component: string): Promise<string | undefined> =>
    startComponentAgain(new Kubernetes({}), 'staging', component);
  let fakes: FakePrograms;
  beforeEach(() => (fakes = new FakePrograms()));
  afterEach(() => fakes.restore());

  test('the pods of a workload go one after the other, each when the one before has come back', async () => {
    const object = (kind: string, name: string) => ({ kind, metadata: { name, namespace: 'staging', uid: name } });
    fakes.add('kubectl', [
      {
        match: /get deployments.apps,statefulsets.apps .*component=registry/,
        stdout: JSON.stringify({ items: [object('Deployment', 'staging-registry')] }),
      },
      { match: /get pods/, stdout: JSON.stringify({ items: [object('Pod', 'a'), object('Pod', 'b')] }) },
      { match: /^(delete|rollout)/ },
    ]);
    expect(await again('registry')).toBe('deployment/staging-registry');
    const done = fakes.calls('kubectl').filter((call) => /^(delete|rollout)/.test(call));
    expect(done.map((call) => call.split(' ').slice(0, 3).join(' '))).toEqual([
      'delete pod a',
      'rollout status deployment/staging-registry',
      'delete pod b',
      'rollout status deployment/staging-registry',
    ]);
  });

  test('a task runs once more, in a Job that owns its pods and goes', async () => {
    const pod = {
      kind: 'Pod',
      metadata: { name: 'pod', namespace: 'staging', uid: '2' },
      spec: { containers: [{ name: 'registry-users' }] },
      status: { containerStatuses: [{ name: 'registry-users', state: { terminated: { exitCode: 0 } } }] },
    };
    const created = join(fakes.directory, 'created.json');
    fakes.add('kubectl', [
      { match: /get deployments.apps/, stdout: '' },
      { match: /get jobs.batch/, stdout: JSON.stringify({ items: [TASK] }) },
      {
        match: /create --filename=-/,
        stdout: JSON.stringify({ ...TASK, metadata: { ...TASK.metadata, name: 'staging-registry-users-again' } }),
        script: `/bin/cat > '${created}'`,
      },
      { match: /get pods/, stdout: JSON.stringify({ items: [pod] }) },
      { match: /get pod pod/, stdout: JSON.stringify(pod) },
      { match: /^(logs|delete)/ },
    ]);
    expect(await again('registry/users')).toBe('staging-registry-users');
    const job = JSON.parse(readFileSync(created, 'utf8')) as typeof TASK;
    expect(job.metadata.name).toMatch(/^staging-registry-users-again-/);
    expect(job.metadata.labels).toEqual({ ...LABELS, 'cdktf-mlops.kind': 'run' });
    expect(job.spec).toEqual({
      backoffLimit: 2,
      template: { ...TASK.spec.template, metadata: { labels: LABELS } },
    });
    expect(fakes.calls('kubectl').at(-1)).toContain('delete jobs.batch staging-registry-users-again');
  });

  test('what is not there is told', async () => {
    fakes.add('kubectl', [{ match: /get/, stdout: '' }]);
    expect(await again('other')).toBeUndefined();
  });
});
