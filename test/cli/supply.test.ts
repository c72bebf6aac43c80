import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Progress } from '../../lib/cli/progress';
import { Project } from '../../lib/cli/project';
import {
  buildAirgapImages,
  chooseSupply,
  prepareSupply,
  recordedSupply,
  recordSupply,
  Supply,
} from '../../lib/cli/supply';
import { Lines } from './fake-programs';
import { fixtureProject } from './stack-fixture';

let project: Project;
let lines: Lines;
let progress: Progress;

beforeEach(() => {
  project = fixtureProject();
  lines = new Lines();
  progress = new Progress(lines);
});

afterEach(() => jest.restoreAllMocks());

function registries(answer: (url: string) => number): void {
  jest.spyOn(global, 'fetch').mockImplementation((url) => {
    const status = answer(String(url));
    return status === 0 ? Promise.reject(new Error('no route')) : Promise.resolve(new Response('', { status }));
  });
}

function addAirgap(version = '0.1.1', images = '{"postgres":"cdktf-mlops.airgap/postgres:17-abc"}'): void {
  const mirror = join(project.root, 'cache', 'mirror');
  for (const name of ['docker', 'random']) {
    rmSync(join(mirror, 'airgap.local', 'cdktf-mlops', name), { recursive: true, force: true });
    mkdirSync(join(mirror, 'airgap.local', 'cdktf-mlops', name, version), { recursive: true });
  }
  const scripts = {
    providers: `echo "building the plugins $*" >&2\n[ "$1" = kubernetes ] && mkdir -p ${mirror}/airgap.local/cdktf-mlops/kubernetes/${version}\necho ${mirror}`,
    images: `[ "$1" = --print-context ] && { echo '${images}'; exit; }\nprintf 'error: the step "wheels" failed\\n  | no network\\n  remedy: mend it\\n' >&2; exit 1`,
  };
  for (const [part, script] of Object.entries(scripts)) {
    const file = join(project.root, 'airgap', part, 'build.sh');
    mkdirSync(join(project.root, 'airgap', part), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
}

test('with all registries answering, the published supply is recorded, for nobody else to read', async () => {
  addAirgap();
  registries((url) => (url.endsWith('/v2/') ? 401 : 200));
  await expect(prepareSupply(project, progress)).resolves.toEqual({ supply: 'published', context: {} });
  expect(statSync(join(project.dataDir, 'supply.json')).mode & 0o777).toBe(0o600);
  expect(statSync(project.dataDir).mode & 0o777).toBe(0o700);
});

test.each(['registry.terraform.io', 'registry-1.docker.io', 'gcr.io', 'quay.io'])(
  'without %s it goes air-gapped, says so aloud and records it',
  async (name) => {
    addAirgap();
    registries((url) => (url.includes(name) ? 0 : 200));
    await prepareSupply(project, progress);
    expect(lines.text.join('')).toContain(`${name} can't be reached from here: this project is deployed AIR-GAPPED.`);
    expect(recordedSupply(project)).toEqual({
      supply: 'airgap',
      context: {
        'cdktf-mlops:providers': {
          docker: { source: 'airgap.local/cdktf-mlops/docker', version: '0.1.1' },
          random: { source: 'airgap.local/cdktf-mlops/random', version: '0.1.1' },
        },
        'cdktf-mlops:images': { postgres: 'cdktf-mlops.airgap/postgres:17-abc' },
      },
      terraformRc: join(project.root, 'cache', 'terraform.rc'),
    });
  },
);

test('a page of a portal in front of the network is no registry', async () => {
  addAirgap();
  registries(() => 302);
  expect((await prepareSupply(project, progress)).supply).toBe('airgap');
});

test('where cdktf.json names providers and a mirror, no public registry is asked', async () => {
  addAirgap();
  const context = { 'cdktf-mlops:providers': {}, 'cdktf-mlops:imageMirror': 'registry.example.com/mirror' };
  const fetched = jest.spyOn(global, 'fetch').mockRejectedValue(new Error('no route'));
  expect((await prepareSupply({ ...project, context }, progress)).supply).toBe('published');
  expect(fetched).not.toHaveBeenCalled();
});

test('a recorded choice stays, whatever answers now', async () => {
  addAirgap();
  await chooseSupply(project, 'published', progress);
  const fetched = jest.spyOn(global, 'fetch').mockRejectedValue(new Error('no route'));
  expect((await prepareSupply(project, progress)).supply).toBe('published');
  expect(fetched).not.toHaveBeenCalled();
});

test('an air-gapped choice follows its sources', async () => {
  addAirgap();
  await chooseSupply(project, 'airgap', progress);
  addAirgap('0.1.2', '{"postgres":"cdktf-mlops.airgap/postgres:17-def"}');
  const supply = await prepareSupply(project, progress);
  expect(supply.context['cdktf-mlops:images']).toEqual({ postgres: 'cdktf-mlops.airgap/postgres:17-def' });
  expect(lines.text.join('')).toContain('The sources in airgap/ have changed');
  expect(JSON.parse(readFileSync(join(project.dataDir, 'supply.json'), 'utf8'))).toEqual(supply);
});

test('builds the plugin for Kubernetes when a stack wants it, and keeps it then', async () => {
  addAirgap();
  const providers = (supply: Supply): string[] => Object.keys(supply.context['cdktf-mlops:providers'] as object);
  expect(providers(await chooseSupply(project, 'airgap', progress))).toEqual(['docker', 'random']);
  const wanted = await prepareSupply(project, progress, { kubernetes: true });
  expect(providers(wanted)).toEqual(['docker', 'kubernetes', 'random']);
  expect(await prepareSupply(project, progress)).toEqual(wanted);
});

test('what was pushed is kept as long as it is the same image', async () => {
  addAirgap();
  const supply = await chooseSupply(project, 'airgap', progress);
  const pushed = { 'cdktf-mlops.airgap/postgres:17-abc': `r.example/p:17@sha256:${'0'.repeat(64)}` };
  const context = { ...supply.context, 'cdktf-mlops:pushedImages': { ...pushed, 'cdktf-mlops.airgap/old:1': 'r/old' } };
  recordSupply(project, { ...supply, context });
  expect((await prepareSupply(project, progress)).context['cdktf-mlops:pushedImages']).toEqual(pushed);
  addAirgap('0.1.2', '{"postgres":"cdktf-mlops.airgap/postgres:17-def"}');
  expect((await prepareSupply(project, progress)).context).not.toHaveProperty('cdktf-mlops:pushedImages');
});

test('where there is no airgap/, silent registries leave the published supply, and that is said', async () => {
  registries(() => 0);
  expect((await prepareSupply(project, progress)).supply).toBe('published');
  expect(lines.text.join('')).toContain('there is no airgap/ here');
  await expect(chooseSupply(project, 'airgap', progress)).rejects.toThrow('has no airgap/');
});

test('a record that can not be read is named, with how to choose again', async () => {
  mkdirSync(project.dataDir);
  writeFileSync(join(project.dataDir, 'supply.json'), '{');
  await expect(prepareSupply(project, progress)).rejects.toMatchObject({
    remedy: expect.stringContaining('cdktf-mlops supply') as string,
  });
});

test('a failing image build ends with its own message, once', async () => {
  addAirgap();
  await expect(buildAirgapImages(project, progress, ['mlflow'])).rejects.toMatchObject({
    message: 'an image could not be built',
    log: ['error: the step "wheels" failed', 'no network'],
    remedy: 'mend it',
  });
  expect(lines.text.join('')).not.toContain('no network');
  expect(existsSync(project.dataDir)).toBe(false);
});
