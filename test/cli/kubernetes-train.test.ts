import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { TrainOptions, TrainResult } from '../../lib/cli/train';
import { Answer, FakePrograms, Lines } from './fake-programs';
import { kubernetesProject, labelsOf, list, object, productionState } from './kubernetes-fixture';
import { temporaryDirectory } from './stack-fixture';

const LABELS = { ...labelsOf('training', 'job'), 'cdktf-mlops.concurrency': '1' };
const RUNNER = object('CronJob', 'production-training', {
  metadata: { labels: LABELS },
  spec: {
    suspend: true,
    jobTemplate: {
      metadata: { labels: LABELS },
      spec: {
        template: {
          metadata: { labels: LABELS },
          spec: {
            securityContext: { runAsNonRoot: true },
            containers: [
              {
                name: 'training',
                image: 'runtime@sha256:abc',
                command: ['mlops-train'],
                resources: { limits: { memory: '4Gi' }, requests: { cpu: '200m' } },
                securityContext: { allowPrivilegeEscalation: false },
              },
            ],
          },
        },
      },
    },
  },
});
const run = (name: string, status: object = {}, more: object = {}): Record<string, unknown> =>
  object('Job', name, {
    metadata: {
      labels: { ...LABELS, 'cdktf-mlops.kind': 'run' },
      creationTimestamp: new Date().toISOString(),
      ...more,
    },
    spec: {},
    status,
  });
const ended = (code: number): object =>
  object('Pod', 'pod', {
    spec: { containers: [{ name: 'training' }] },
    status: { containerStatuses: [{ name: 'training', state: { terminated: { exitCode: code } } }] },
  });

let fakes: FakePrograms;
let session: Session;
let options: TrainOptions;
let log: string[];

beforeEach(() => {
  fakes = new FakePrograms(true);
  fakes.add('git', [{ match: /./, code: 128 }]);
  fakes.add('terraform', [
    { match: /^init /, script: '/bin/mkdir -p .terraform' },
    { match: /^state pull/, stdout: productionState() },
  ]);
  session = new Session(kubernetesProject(), new Progress(new Lines()), undefined);
  const project = temporaryDirectory('project');
  writeFileSync(join(project, 'MLproject'), 'name: cancer\n');
  mkdirSync(join(project, '.git'));
  log = [];
  options = {
    environment: 'production',
    runner: 'training',
    project,
    register: 'cancer',
    parameters: ['config=forest'],
    wait: false,
    log: (line) => log.push(line),
  };
});

afterEach(() => fakes.restore());

const created = (): string => join(fakes.directory, 'created');

/** A cluster with these runs; what is created there is one of them, and its input is kept. */
function kubectl(runs: object[], code = 0, output = '', more: Answer[] = []): void {
  fakes.add('kubectl', [
    ...more,
    { match: /get namespaces/, stdout: '' },
    { match: /get deployments.apps,persistentvolumeclaims/, stdout: list(object('Deployment', 'production-registry')) },
    { match: /get cronjobs.batch/, stdout: list(RUNNER) },
    {
      match: /get jobs.batch --namespace/,
      // The Job that was created is there when it is asked for again.
      script: `[[ -e ${created()} ]] && stdout=$(<${created()}.list)`,
      stdout: list(...runs),
    },
    {
      match: /create /,
      script: `input=$(/bin/cat); printf '%s\\n' "$input" >> ${created()}; [[ $input == *'"kind":"Job"'* ]] && stdout=$input`,
      stdout: '{"kind":"ConfigMap","metadata":{"name":"x","uid":"x"}}',
    },
    { match: /get jobs.batch \S+ /, stdout: JSON.stringify(run('new')) },
    { match: /get pods /, stdout: list(ended(code)) },
    { match: /get pod /, stdout: JSON.stringify(ended(code)) },
    { match: /logs /, stdout: output },
    { match: /(patch|delete) / },
  ]);
  // The created Job is told with the name that it was given, by no uid: as the API would, it is the newest.
  writeFileSync(
    `${created()}.list`,
    list(...runs, { ...run('new'), metadata: { ...(run('new').metadata as object), uid: undefined } }),
  );
}

const train = (): Promise<TrainResult> =>
  session.platformOf(StackFile.get(session.project, 'production')).train(options);

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the API has them
const inputs = (): Array<Record<string, any>> =>
  readFileSync(created(), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a run is what the deploy declared, with the project handed over and arguments', async () => {
  kubectl([], 0, '2026-01-01T00:00:01Z epoch 1\n2026-01-01T00:00:02Z {"model":"cancer","version":"2"}\n');
  await expect(train()).resolves.toEqual({ exitCode: 0, report: { model: 'cancer', version: '2' } });
  expect(log).toEqual(['epoch 1']);
  const [job, archive] = inputs();
  expect(job.metadata.name).toMatch(/^production-training-run-\w+$/);
  expect(job.metadata.labels['cdktf-mlops.kind']).toBe('run');
  expect(job.spec).toMatchObject({ suspend: true, backoffLimit: 0 });
  const { spec, metadata } = job.spec.template;
  // Policies find the pod by the labels that were declared.
  expect(metadata.labels).toEqual(LABELS);
  expect(spec).toMatchObject({ hostname: 'production-training', restartPolicy: 'Never' });
  expect(spec.containers[0]).toMatchObject({
    command: ['mlops-train'],
    args: ['--register', 'cancer', '-P', 'config=forest'],
    resources: { limits: { memory: '4Gi' }, requests: { cpu: '200m' } },
    volumeMounts: [{ name: 'project', mountPath: '/project' }],
  });
  expect(spec.initContainers[0]).toMatchObject({
    image: 'runtime@sha256:abc',
    resources: { limits: { memory: '4Gi' } },
    securityContext: { allowPrivilegeEscalation: false },
  });
  expect(archive.kind).toBe('ConfigMap');
  expect(spec.volumes[1].projected.sources).toEqual([{ configMap: { name: archive.metadata.name } }]);
  expect(archive.metadata.ownerReferences[0]).toMatchObject({ kind: 'Job', name: job.metadata.name });
  expect(fakes.calls('kubectl').some((call) => /patch job \S+ .*"suspend":false/.test(call))).toBe(true);
});

test("ends with the run's exit code", async () => {
  kubectl([], 7, '2026-01-01T00:00:01Z error: no data\n');
  await expect(train()).resolves.toMatchObject({ exitCode: 7 });
  expect(log).toEqual(['error: no data']);
});

test('a runner that is busy refuses another run, and nothing is made', async () => {
  kubectl([run('one')]);
  await expect(train()).rejects.toMatchObject({
    message: "the runner 'training' is busy: 1 of 1 runs are under way",
    remedy: expect.stringContaining('--wait') as string,
  });
  expect(fakes.calls('kubectl').some((call) => call.includes('create '))).toBe(false);
});

test('ended runs are kept, but for the last few; what never started is removed', async () => {
  const done = { conditions: [{ type: 'Complete', status: 'True' }] };
  const at = (hour: number): object => ({ creationTimestamp: `2026-01-01T0${hour}:00:00Z` });
  const runs = [1, 2, 3, 4, 5].map((hour) => run(`ended-${hour}`, done, at(hour)));
  const lost = { ...run('lost', {}, at(6)), spec: { suspend: true } };
  kubectl([...runs, lost]);
  await train().catch(() => undefined);
  const deleted = fakes.calls('kubectl').flatMap((call) => /delete jobs.batch (\S+)/.exec(call)?.[1] ?? []);
  expect([...new Set(deleted)]).toEqual(expect.arrayContaining(['ended-1', 'ended-2', 'lost']));
  expect(deleted).not.toContain('ended-3');
});

test('a pod that can not start ends the run, with why', async () => {
  const failed = object('Pod', 'pod', {
    spec: { containers: [{ name: 'training' }] },
    status: {
      phase: 'Failed',
      initContainerStatuses: [{ name: 'unpack-project', state: { terminated: { exitCode: 2, reason: 'Error' } } }],
    },
  });
  kubectl([], 0, 'tar: no space left\n', [{ match: /get pods /, stdout: list(failed) }]);
  await expect(train()).rejects.toMatchObject({
    message: expect.stringMatching(/^the run production-training-run-\w+ did not start$/) as string,
    log: expect.arrayContaining([
      'unpack-project Error (exit code 2)',
      expect.stringContaining('tar: no space left'),
    ]) as string[],
  });
  expect(fakes.calls('kubectl').at(-2)).toContain('delete jobs.batch production-training-run-');
});

test('a project that is too large for a run is refused before anything is made', async () => {
  kubectl([]);
  writeFileSync(join(options.project, 'data.bin'), randomBytes(10_000_000));
  await expect(train()).rejects.toMatchObject({
    message: expect.stringContaining('10.0 MB compressed, 9 MB may be') as string,
    remedy: expect.stringContaining('volume of the runner') as string,
  });
  expect(fakes.calls('kubectl').some((call) => call.includes('create '))).toBe(false);
});

test('an unknown runner is named', async () => {
  kubectl([]);
  options = { ...options, runner: 'gpu' };
  await expect(train()).rejects.toMatchObject({ remedy: 'use one of: training.' });
});
