import { CommandError } from '../../lib/cli/command-error';
import { Docker } from '../../lib/cli/docker';
import { buildImages, ownImages, pushImages } from '../../lib/cli/images';
import { Progress } from '../../lib/cli/progress';
import { FakePrograms, Lines } from './fake-programs';

const NO_BUILDX = { match: /^buildx version/, code: 1 };

let fakes: FakePrograms;
let lines: Lines;
let progress: Progress;

beforeEach(() => {
  fakes = new FakePrograms();
  lines = new Lines();
  progress = new Progress(lines);
});

afterEach(() => fakes.restore());

const build = (): string => fakes.calls('docker').find((call) => call.startsWith('build ')) ?? '';

test('builds from the folder of that name, and says how far it is', async () => {
  fakes.add('docker', [
    NO_BUILDX,
    { match: /^image inspect/, code: 1 },
    { match: /^build/, stdout: 'Step 1/9 : FROM python\nnoise\n' },
  ]);
  await expect(buildImages(new Docker(), progress, ['mlflow'])).resolves.toBe(1);
  expect(build()).toMatch(/^build --tag cdktf-mlops\/mlflow:\S+ --label cdktf-mlops.sources=\w+ .*images\/mlflow$/);
  expect(lines.text.join('')).toContain('Step 1/9 : FROM python');
  expect(lines.text.join('')).not.toContain('noise');
});

test('an image of the same sources is kept', async () => {
  fakes.add('docker', [NO_BUILDX, { match: /^image inspect/, code: 1 }, { match: /^build/ }]);
  await buildImages(new Docker(), progress, ['mlflow']);
  const sources = /cdktf-mlops.sources=(\w+)/.exec(build())?.[1];
  fakes.add('docker', [NO_BUILDX, { match: /^image inspect/, stdout: `${sources}\n` }]);
  await expect(buildImages(new Docker(), progress, ['mlflow'])).resolves.toBe(0);
});

test('a build that fails ends with its last lines and a remedy', async () => {
  fakes.add('docker', [
    NO_BUILDX,
    { match: /^image inspect/, code: 1 },
    {
      match: /^build/,
      stdout: 'Step 3/9 : RUN pip install\n',
      stderr: 'ERROR: No matching distribution found for mlflow\n',
      code: 1,
    },
  ]);
  const error: unknown = await buildImages(new Docker(), progress, ['mlflow']).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  expect((error as CommandError).message).toMatch(/^the image cdktf-mlops\/mlflow:\S+ could not be built$/);
  expect((error as CommandError).log.at(-1)).toBe('ERROR: No matching distribution found for mlflow');
  expect((error as CommandError).remedy).toContain("'cdktf-mlops:images'");
});

test('an unknown key is refused, with those that there are', async () => {
  await expect(buildImages(new Docker(), progress, ['postgres'])).rejects.toMatchObject({
    message: "'postgres' is no image that is built here",
    remedy: `use: ${[...ownImages().keys()].join(', ')}.`,
  });
});

const DIGEST = `sha256:${'5a'.repeat(32)}`;

test('pushes under the name of the registry, and tells the digest', async () => {
  fakes.add('docker', [
    { match: /^tag/ },
    { match: /^push/, stdout: `0a1b: Pushed\n1.2: digest: ${DIGEST} size: 1234\n` },
  ]);
  const pushed = await pushImages(new Docker(), progress, 'registry.example.com/ml/', ['cdktf-mlops/mlflow:1.2']);
  const target = 'registry.example.com/ml/cdktf-mlops/mlflow:1.2';
  expect(pushed).toEqual({ 'cdktf-mlops/mlflow:1.2': `${target}@${DIGEST}` });
  expect(fakes.calls('docker')).toEqual([`tag cdktf-mlops/mlflow:1.2 ${target}`, `push ${target}`]);
  expect(lines.text.join('')).toContain(`Pushing ${target}: done`);
});

test('says what the registry had already', async () => {
  fakes.add('docker', [
    { match: /^tag/ },
    { match: /^push/, stdout: `0a1b: Layer already exists\n1.2: digest: ${DIGEST} size: 1234\n` },
  ]);
  await pushImages(new Docker(), progress, 'registry.example.com', ['cdktf-mlops/mlflow:1.2']);
  expect(lines.text.join('')).toContain('mlflow:1.2: was there');
});

test.each([
  ['no basic auth credentials', 'docker login registry.example.com'],
  ['Get "https://registry.example.com/v2/": dial tcp: lookup registry.example.com: no such host', 'does not answer'],
  ['http: server gave HTTP response to HTTPS client', 'insecure-registries'],
])('a push that ends with %j says what to do', async (stderr, remedy) => {
  fakes.add('docker', [{ match: /^tag/ }, { match: /^push/, stderr, code: 1 }]);
  await expect(
    pushImages(new Docker(), progress, 'registry.example.com/ml', ['cdktf-mlops/mlflow:1.2']),
  ).rejects.toMatchObject({ log: [stderr], remedy: expect.stringContaining(remedy) as string });
});

test('an image that was never built is not pushed; how it is built is said', async () => {
  fakes.add('docker', [{ match: /^tag/, stderr: 'Error: No such image: cdktf-mlops/mlflow', code: 1 }]);
  await expect(
    pushImages(new Docker(), progress, 'registry.example.com/ml', ['cdktf-mlops/mlflow:1.2']),
  ).rejects.toMatchObject({ remedy: expect.stringContaining('cdktf-mlops images') as string });
});
