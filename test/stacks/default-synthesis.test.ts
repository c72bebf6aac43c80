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
  await run(home, env);
  const outdir = join(home, 'out');
  const stacks = readdirSync(join(outdir, 'stacks')).sort();
  return Object.fromEntries(stacks.map((s) => [s, readFileSync(join(outdir, 'stacks', s, 'cdk.tf.json'), 'utf8')]));
}

/** Runs the program in a directory of its own; returns how many files of the Kubernetes provider it loaded. */
async function run(home: string, env: NodeJS.ProcessEnv, ...environments: string[]): Promise<number> {
  mkdirSync(home);
  const program = ['--import', require.resolve('tsx'), join(__dirname, 'synthesise.ts'), ...environments];
  const { stdout } = await promisify(execFile)(process.execPath, program, {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, CDKTF_OUTDIR: join(home, 'out'), ...env },
  });
  return Number(stdout);
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
}, 120_000);

const parsed = (name: string) => JSON.parse(one[name]) as Stack;

/** Those that run on Docker. */
const STAGING = ['staging', 'staging-models'];

test('each environment and its release are two stacks', () => {
  expect(Object.keys(one)).toEqual(['production', 'production-models', 'staging', 'staging-models']);
});

test('a program that runs on Docker only loads nothing of the Kubernetes provider', async () => {
  expect(await run(join(scratch, 'docker'), {}, 'staging')).toBe(0);
  expect(await run(join(scratch, 'kubernetes'), {}, 'production')).toBeGreaterThan(0);
}, 120_000);

test('providers are the published ones, in exact versions', () => {
  const docker = { source: 'kreuzwerker/docker', version: '3.6.2' };
  const random = { source: 'hashicorp/random', version: '3.7.2' };
  expect(parsed('staging').terraform.required_providers).toEqual({ docker, random });
  expect(parsed('staging-models').terraform.required_providers).toEqual({ docker });
  // Terraform reads a name alone as one of HashiCorp's.
  const kubernetes = { source: 'kubernetes', version: '2.38.0' };
  expect(parsed('production').terraform.required_providers).toEqual({ kubernetes, random });
  expect(parsed('production-models').terraform.required_providers).toEqual({ kubernetes });
});

test('images are pinned entries of the catalog, upstream or our own', () => {
  const catalog = Object.values(IMAGE_CATALOG).map(({ upstream, own }) => upstream ?? own);
  for (const name of STAGING) {
    for (const image of Object.values(parsed(name).resource.docker_image)) {
      expect(catalog).toContain(image.name);
      expect(image.name).toMatch(/:(?!latest$)\w[\w.-]*$/);
    }
    for (const container of Object.values(parsed(name).resource.docker_container)) {
      expect(container.image).toMatch(/^\$\{docker_image\.[\w-]+\.image_id\}$/);
    }
  }
  for (const name of ['production', 'production-models']) {
    const images = [...one[name].matchAll(/"image": "([^"]+)"/g)].map(([, image]) => image);
    expect(images.length).toBeGreaterThan(name === 'production' ? 15 : 1);
    for (const image of images) expect(catalog).toContain(image);
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
  for (const name of Object.keys(one)) expect(parsed(name).data).toBeUndefined();
  for (const name of [...STAGING, 'production-models']) expect(parsed(name).variable).toBeUndefined();
});

test('production is given its certificate and who is told about alerts, or it is not deployed', () => {
  expect(parsed('production').variable).toEqual({
    alert_webhook: { description: expect.any(String), sensitive: true, type: 'string' },
    gateway_certificate: { description: expect.any(String), sensitive: true, type: 'string' },
  });
});

test('production is hardened', () => {
  const { resource } = parsed('production');
  const named = (type: string) =>
    Object.values(resource[type]).map((one) => (one.metadata as { name: string }).name.replace('production-', ''));
  expect(named('kubernetes_pod_disruption_budget_v1').sort()).toEqual(['gateway', 'registry']);
  expect(named('kubernetes_resource_quota_v1')).toHaveLength(1);
  const schedules = Object.values(resource.kubernetes_cron_job_v1).map(({ spec }) => {
    const { schedule, suspend } = spec as { schedule: string; suspend: boolean };
    return suspend ? 'never' : schedule;
  });
  expect(schedules.sort()).toEqual(['30 2 * * *', 'never', 'never']);
  const claims = Object.values(resource.kubernetes_persistent_volume_claim_v1);
  expect(claims.length).toBe(7);
  for (const { lifecycle } of claims) expect(lifecycle).toMatchObject({ prevent_destroy: true });
  expect(JSON.stringify(resource.kubernetes_stateful_set_v1)).toContain('retention.time=90d');
  const [scaling] = Object.values(parsed('production-models').resource.kubernetes_horizontal_pod_autoscaler_v2);
  expect(scaling.spec).toMatchObject({ min_replicas: 2, max_replicas: 4 });
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
  const ports = STAGING.flatMap((name) =>
    Object.values(parsed(name).resource.docker_container).flatMap(
      ({ ports }) => (ports as { ip: string; external: number }[] | undefined) ?? [],
    ),
  );
  expect(ports.map(({ external }) => external).sort((a, b) => a - b)).toEqual([
    3000, 5000, 5001, 8080, 8081, 9090, 9093,
  ]);
  for (const { ip } of ports) expect(ip).toBe('127.0.0.1');
  const { resource } = parsed('production');
  expect(resource.kubernetes_ingress_v1).toBeUndefined();
  const types = Object.values(resource.kubernetes_service_v1).map(({ spec }) => (spec as { type?: string }).type);
  expect(types.filter((type) => type !== undefined)).toEqual([]);
});

test('generated secrets are read by files of their preparations and by digests, and by nothing else', () => {
  for (const name of STAGING) {
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
  const { resource } = parsed('production');
  for (const [type, ones] of Object.entries(resource)) {
    if (['kubernetes_secret_v1', 'terraform_data', 'random_password'].includes(type)) continue;
    expect([type, JSON.stringify(ones)]).toEqual([
      type,
      expect.not.stringMatching(/random_password|var\.|nonsensitive/),
    ]);
  }
});
