import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE_CATALOG } from '../../lib/core/image-catalog';

interface Stack {
  terraform: { required_providers: Record<string, { source: string; version: string }>; backend: object };
  provider: Record<string, object[]>;
  resource: Record<string, Record<string, Record<string, unknown>>>;
  data?: object;
  variable?: object;
}

const root = join(__dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'mlops-synthesis-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Synthesises in a process of its own, as two people on two machines would. */
async function synthesise(name: string, env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const home = join(scratch, name);
  const outdir = join(home, 'out');
  mkdirSync(home);
  await promisify(execFile)(process.execPath, ['--import', require.resolve('tsx'), join(__dirname, 'synthesise.ts')], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, CDKTF_OUTDIR: outdir, ...env },
  });
  const stacks = readdirSync(join(outdir, 'stacks')).sort();
  return Object.fromEntries(stacks.map((s) => [s, readFileSync(join(outdir, 'stacks', s, 'cdk.tf.json'), 'utf8')]));
}

let one: Record<string, string>;
let other: Record<string, string>;
beforeAll(async () => {
  [one, other] = await Promise.all([
    synthesise('one', { TZ: 'UTC', LANG: 'C' }),
    synthesise('other', {
      TZ: 'Pacific/Kiritimati',
      LANG: 'tr_TR.UTF-8',
      LC_ALL: 'tr_TR.UTF-8',
      USER: 'somebody',
      HOSTNAME: 'elsewhere',
      DOCKER_HOST: 'tcp://192.0.2.1:2375',
      PLANTED: 'planted-in-the-environment',
      TF_VAR_password: 'planted-in-the-environment',
      AWS_SECRET_ACCESS_KEY: 'planted-in-the-environment',
    }),
  ]);
}, 60_000);

const parsed = (name: string) => JSON.parse(one[name]) as Stack;

test('the environment and its release are two stacks', () => {
  expect(Object.keys(one)).toEqual(['staging', 'staging-models']);
});

test('providers are the published ones, in exact versions', () => {
  const docker = { source: 'kreuzwerker/docker', version: '3.6.2' };
  const random = { source: 'hashicorp/random', version: '3.7.2' };
  expect(parsed('staging').terraform.required_providers).toEqual({ docker, random });
  expect(parsed('staging-models').terraform.required_providers).toEqual({ docker });
});

test('images are pinned entries of the catalog, upstream or our own', () => {
  const catalog = Object.values(IMAGE_CATALOG).map(({ upstream, own }) => upstream ?? own);
  for (const name of Object.keys(one)) {
    for (const image of Object.values(parsed(name).resource.docker_image)) {
      expect(catalog).toContain(image.name);
      expect(image.name).toMatch(/:(?!latest$)\w[\w.-]*$/);
    }
    for (const container of Object.values(parsed(name).resource.docker_container)) {
      expect(container.image).toMatch(/^\$\{docker_image\.[\w-]+\.image_id\}$/);
    }
  }
});

test('only resources that the library is meant to make are made', () => {
  expect(Object.keys(parsed('staging').resource).sort()).toEqual([
    'docker_container',
    'docker_image',
    'docker_network',
    'docker_volume',
    'random_password',
    'terraform_data',
  ]);
  expect(Object.keys(parsed('staging-models').resource).sort()).toEqual(['docker_container', 'docker_image']);
  for (const name of Object.keys(one)) {
    expect(parsed(name).data).toBeUndefined();
    expect(parsed(name).variable).toBeUndefined();
  }
});

test('nothing of airgap/ is in it', () => {
  expect(
    Object.values(one)
      .join()
      .match(/.{0,40}air-?gap.{0,40}/gi),
  ).toBeNull();
});

test('another directory, home, user, language, clock and environment give the same bytes', () => {
  expect(other).toEqual(one);
});

test('no path, name or variable of the machine is in it', () => {
  const all = Object.values({ ...one }).join();
  for (const trace of [root, scratch, tmpdir() + '/mlops', process.execPath, 'planted', 'node_modules']) {
    expect(all).not.toContain(trace);
  }
  expect(all).not.toMatch(new RegExp(`\\b${hostname().replace(/\W/g, '\\$&')}\\b`));
  if (userInfo().username !== 'root') expect(all).not.toContain(userInfo().username);
});

test('state is kept outside of what is synthesised', () => {
  for (const name of Object.keys(one)) {
    expect(parsed(name).terraform.backend).toEqual({ local: { path: `../../../.cdktf-mlops/state/${name}.tfstate` } });
  }
});

test('everything that is published is published on loopback', () => {
  const ports = Object.keys(one).flatMap((name) =>
    Object.values(parsed(name).resource.docker_container).flatMap(
      ({ ports }) => (ports as { ip: string; external: number }[] | undefined) ?? [],
    ),
  );
  expect(ports.map(({ external }) => external).sort((a, b) => a - b)).toEqual([
    3000, 5000, 5001, 8080, 8081, 9090, 9093,
  ]);
  for (const { ip } of ports) expect(ip).toBe('127.0.0.1');
});

test('generated secrets are read by files of their preparations and by digests, and by nothing else', () => {
  for (const name of Object.keys(one)) {
    for (const [id, container] of Object.entries(parsed(name).resource.docker_container)) {
      const { upload, ...rest } = container;
      expect([id, JSON.stringify(rest)]).toEqual([id, expect.not.stringMatching(/random_password|nonsensitive/)]);
      const kind = (rest.labels as { label: string; value: string }[]).find(
        (l) => l.label === 'cdktf-mlops.kind',
      )!.value;
      if (kind !== 'secrets') {
        expect([id, JSON.stringify(upload ?? [])]).toEqual([id, expect.not.stringContaining('random_password')]);
      }
    }
  }
});
