import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { showStatus, start } from '../../lib/cli/start';
import { Answer, FakePrograms, Lines } from './fake-programs';
import { fixtureProject, inspected, markDeployed, stateWith } from './stack-fixture';

const COMPONENTS = [
  { name: 'registry', url: 'http://127.0.0.1:5000', healthPath: '/health', credentials: 'registry' },
  { name: 'gateway', url: 'http://127.0.0.1:8080', healthPath: '/-/healthy' },
  { name: 'database', url: 'postgresql://staging-database:5432', healthPath: '' },
];
const TERRAFORM: Answer[] = [
  { match: /^init /, script: '/bin/mkdir -p .terraform' },
  { match: /^plan /, code: 0 },
  { match: /^state pull/, stdout: JSON.stringify(stateWith('c0ffee', 'a-generated-password')) },
  { match: /^output .* components/, stdout: JSON.stringify(JSON.stringify(COMPONENTS)) },
  {
    match: /^output .* credentials/,
    stdout: JSON.stringify(JSON.stringify({ registry: { username: 'admin', password: 'Xq7-generated' } })),
  },
];
const RUNNER = inspected({
  Id: 'runner',
  Name: '/staging-training',
  Config: {
    Image: 'runtime',
    Labels: { 'cdktf-mlops.component': 'training', 'cdktf-mlops.kind': 'job', 'cdktf-mlops.concurrency': '1' },
  },
});

let fakes: FakePrograms;
let lines: Lines;
let session: Session;
let models: string;
let registered: string[];
let requests: Array<{ url: string; authorization: string | null }>;

beforeEach(() => {
  fakes = new FakePrograms();
  lines = new Lines();
  const project = fixtureProject();
  markDeployed(project);
  session = new Session(project, new Progress(lines), undefined);
  registered = [];
  requests = [];
  // A second stack makes it an environment with a release.
  writeFileSync(
    join(project.outDir, 'manifest.json'),
    JSON.stringify({
      stacks: {
        staging: { workingDirectory: 'stacks/staging' },
        'staging-models': { workingDirectory: 'stacks/staging-models' },
      },
    }),
  );
  mkdirSync(join(project.outDir, 'stacks', 'staging-models'));
  writeFileSync(join(project.outDir, 'stacks', 'staging-models', 'cdk.tf.json'), '{}');
  const release = { models: { cancer: { versions: [{ version: 2, share: 100 }] } } };
  mkdirSync(join(project.root, 'releases'));
  writeFileSync(join(project.root, 'releases', 'staging.json'), JSON.stringify(release));
  mkdirSync(join(project.root, 'cancer'));
  writeFileSync(join(project.root, 'cancer', 'MLproject'), 'name: cancer\n');
  writeFileSync(join(project.root, 'cancer', 'data.py'), '');
  models = join(project.root, 'models.json');
  writeFileSync(
    models,
    JSON.stringify({
      cancer: { project: 'cancer', versions: { '1': { config: 'baseline' }, '2': { config: 'forest' } } },
    }),
  );
  jest.spyOn(global, 'fetch').mockImplementation((input, init) => {
    const url = String(input);
    requests.push({ url, authorization: new Headers(init?.headers).get('authorization') });
    const answer = url.includes('model-versions/search')
      ? { model_versions: registered.map((version) => ({ version, status: 'READY' })) }
      : { model_version: '2', outputs: [{ shape: [2, 2], data: [0.9, 0.1, 0.2, 0.8] }] };
    return Promise.resolve(new Response(JSON.stringify(answer)));
  });
  fakes.add('git', [{ match: /./, code: 128 }]);
  fakes.add('terraform', TERRAFORM);
});

afterEach(() => {
  fakes.restore();
  jest.restoreAllMocks();
});

/** The runner trains, and reports these versions one after the other. */
function docker(...versions: number[]): void {
  const counter = join(fakes.directory, 'trained');
  const next = `n=0; [[ -e ${counter} ]] && n=$(<${counter}); v=(${versions.join(' ')}); echo $((n + 1)) > ${counter}`;
  const held = { columns: ['a'], rows: [[1], [2]], labels: [0, 1] };
  fakes.add('docker', [
    { match: /^network ls/, stdout: 'net-1 staging\n' },
    { match: /^ps -a/, stdout: 'runner\n' },
    { match: /^container inspect runner/, stdout: JSON.stringify([RUNNER]) },
    { match: /^container inspect/, stdout: '[]', code: 1 },
    { match: /^create/, stdout: 'id' },
    { match: /^logs/, script: `${next}; stdout="{\\"version\\":\\"\${v[$n]}\\"}"` },
    { match: /^wait/, stdout: '0' },
    { match: /^run --rm/, stdout: JSON.stringify(held) },
    { match: /^(diff|cp|start|rm)/ },
  ]);
}

const begin = (): Promise<boolean> => start(session, { environment: 'staging', models });

test('trains, in their order, the versions that the registry lacks', async () => {
  docker(1, 2);
  await expect(begin()).resolves.toBe(true);
  const runs = fakes.calls('docker').filter((call) => call.startsWith('create'));
  expect(runs.map((call) => / -P (\S+)$/.exec(call)?.[1])).toEqual(['config=baseline', 'config=forest']);
});

test('trains nothing that is there, and shows what the gateway answers', async () => {
  registered = ['1', '2'];
  docker();
  await expect(begin()).resolves.toBe(false);
  expect(fakes.calls('docker').filter((call) => call.startsWith('create'))).toEqual([]);
  const shown = lines.text.join('');
  expect(shown).toContain('Models: the registry has every version that is released');
  expect(shown).toContain('2 of 2 right (100.0 %), answered by version 2');
  expect(requests.at(-1)?.url).toBe('http://127.0.0.1:8080/v2/models/cancer/infer');
  expect(requests[0].authorization).toBe(`Basic ${Buffer.from('admin:Xq7-generated').toString('base64')}`);
});

test('a gateway with tokens is asked with the one that the outputs name', async () => {
  registered = ['1', '2'];
  docker();
  const credentials = {
    registry: { username: 'admin', password: 'Xq7-generated' },
    gateway: { username: 'ci', password: 'a-token-of-ci' },
  };
  const others = TERRAFORM.filter(({ match }) => !match.source.includes('credentials'));
  const answer = { match: /^output .* credentials/, stdout: JSON.stringify(JSON.stringify(credentials)) };
  fakes.add('terraform', [...others, answer]);
  await begin();
  expect(requests.at(-1)).toEqual({
    url: 'http://127.0.0.1:8080/v2/models/cancer/infer',
    authorization: 'Bearer a-token-of-ci',
  });
  expect(lines.text.join('')).not.toContain('a-token-of-ci');
});

test('a gateway without a port of its own is not asked', async () => {
  registered = ['1', '2'];
  docker();
  const inside = COMPONENTS.map((component) =>
    component.name === 'gateway' ? { ...component, url: 'http://staging-gateway:8080' } : component,
  );
  const others = TERRAFORM.filter(({ match }) => !match.source.includes('components'));
  const answer = { match: /^output .* components/, stdout: JSON.stringify(JSON.stringify(inside)) };
  fakes.add('terraform', [...others, answer]);
  await expect(begin()).resolves.toBe(false);
  expect(lines.text.join('')).toContain("without a port of its own it is not asked for 'cancer'");
});

test('a registry that refuses is told with what to do', async () => {
  docker();
  jest.spyOn(global, 'fetch').mockResolvedValue(new Response('no such user', { status: 401 }));
  await expect(begin()).rejects.toMatchObject({
    log: ['no such user'],
    remedy: expect.stringContaining('deploy the environment again') as string,
  });
});

test('a project whose rows can not be read is told what is wanted', async () => {
  registered = ['1', '2'];
  fakes.add('docker', [
    { match: /^network ls/, stdout: 'net-1 staging\n' },
    { match: /^ps -a/, stdout: 'runner\n' },
    { match: /^container inspect runner/, stdout: JSON.stringify([RUNNER]) },
    { match: /^run --rm/, stdout: 'a warning\n' },
  ]);
  await expect(begin()).rejects.toMatchObject({ remedy: expect.stringContaining('load_split()') as string });
});

test('a version that nobody says how to train is named', async () => {
  writeFileSync(models, '{}');
  docker();
  await expect(begin()).rejects.toMatchObject({
    message: expect.stringContaining("the registry lacks version 1 of 'cancer'") as string,
    remedy: expect.stringContaining('cdktf-mlops train staging') as string,
  });
});

test('a version that was deleted from the registry is named', async () => {
  registered = ['1', '3'];
  docker();
  await expect(begin()).rejects.toThrow("the release names version 2 of 'cancer', which the registry no longer has");
});

test('another number than the wanted one ends it', async () => {
  registered = ['1'];
  docker(7);
  await expect(begin()).rejects.toThrow("version 2 of 'cancer' was to be made, and the registry counted 7");
});

test('the table shows where things are, and never a password', async () => {
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'c0ffee\n' },
    { match: /^container inspect/, stdout: JSON.stringify([inspected()]) },
  ]);
  const table = await showStatus(session, 'staging');
  expect(table).toMatch(/^COMPONENT +URL +HEALTH +RESTARTS +CREDENTIALS$/m);
  expect(table).toMatch(/^registry +http:\/\/127.0.0.1:5000 +healthy +0 +registry$/m);
  expect(table).toMatch(/^database +- +healthy/m);
  expect(table).not.toContain('Xq7-generated');
});

test('a component that does not answer makes it an error', async () => {
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'c0ffee\n' },
    { match: /^container inspect/, stdout: JSON.stringify([inspected()]) },
  ]);
  jest.spyOn(global, 'fetch').mockImplementation(() => Promise.resolve(new Response('', { status: 503 })));
  await expect(showStatus(session, 'staging')).rejects.toMatchObject({
    message: 'gateway, registry: not healthy',
    log: expect.arrayContaining([expect.stringContaining('http://127.0.0.1:5000/health answers 503')]) as string[],
  });
});
