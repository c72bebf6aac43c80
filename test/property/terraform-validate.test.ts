import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import * as fc from 'fast-check';
import {
  AlertReceiver,
  ArtifactStore,
  ConfigFile,
  Database,
  DockerPlatform,
  Gpu,
  HealthCheck,
  Image,
  IPlatform,
  KubernetesPlatform,
  MlopsEnvironment,
  ModelRegistry,
  Publish,
  Release,
  ReleaseData,
  Resources,
  Secret,
  UpdateStrategy,
  Volume,
  Workload,
} from '../../lib';
import { ValidationError } from '../../lib/core/errors';
import { ProviderSupply, providerSupply, terraformProblems } from '../support/terraform';
import { environment, EnvironmentCase, release, ReleaseCase, workload, WorkloadCase } from './arbitraries';

/**
 * What the library accepts, Terraform accepts with the providers' schemas; what the library refuses, it refuses with an
 * error that says where. FC_SEED=<number> tries other cases than those of every day.
 */
const seed = Number(process.env.FC_SEED ?? 20_240_607);

const scratch = mkdtempSync(join(tmpdir(), 'mlops-property-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let supply: ProviderSupply;
// The plugins are built on first use.
beforeAll(() => void (supply = providerSupply('kubernetes')), 600_000);

/** Makes the platform of an environment, or for a stack that joins one. */
type MakePlatform = (scope: Construct, environment: string, join: boolean) => IPlatform;

const onDocker: MakePlatform = (scope, environment, joinNetwork) =>
  new DockerPlatform(scope, 'platform', { environment, joinNetwork });
const onKubernetes: MakePlatform = (scope, environment, joinNamespace) =>
  new KubernetesPlatform(scope, 'platform', { environment, joinNamespace });

function buildWorkload(scope: Construct, c: WorkloadCase, make: MakePlatform): void {
  const { id } = c;
  const platform = make(scope, 'test', false);
  const secret = (name: string) =>
    c.literalSecret ? (`literal ${name}` as unknown as Secret) : Secret.generated(scope, `secret-${name}`);
  new Workload(scope, id, {
    platform,
    image: Image.fromRegistry(c.image, { allowUnpinned: c.allowUnpinned }),
    entrypoint: c.entrypoint,
    command: c.command,
    environment: c.environment,
    files: c.files?.map((f) => ConfigFile.text(f.path, f.content, { executable: f.executable })),
    secrets: c.secrets && Object.fromEntries([...new Set(c.secrets)].map((name) => [name, secret(name)])),
    volumes: c.volumes?.map((v) => {
      if (v.kind === 'persistent') return Volume.persistent(v.name, v.path, { size: v.size, protect: v.protect });
      if (v.kind === 'existing') return Volume.existing(v.name, v.path);
      return v.kind === 'host' ? Volume.host(v.path, v.path) : Volume.scratch(v.path);
    }),
    resources: Resources.of({
      cpu: c.cpu,
      memory: c.memory,
      gpu: c.gpu === undefined ? undefined : c.gpu === 'all' ? Gpu.all() : Gpu.count(2),
    }),
    user: c.user,
    capabilities: c.capabilities,
    readOnlyRoot: c.readOnlyRoot,
    ports: c.ports?.map(({ publish, ...port }) => ({
      ...port,
      publish: publish === undefined ? undefined : Publish.onLoopback(publish),
    })),
    healthCheck:
      'none' in c.health
        ? HealthCheck.none(c.health.none)
        : 'command' in c.health
          ? HealthCheck.command(c.health.command, c.health.timing)
          : HealthCheck.http(c.health.path, c.health.port, c.health.timing),
    replicas: c.replicas,
    autoscaling: c.autoscaling,
    update: c.createFirst ? UpdateStrategy.CREATE_FIRST : undefined,
    stopSeconds: c.stopSeconds,
    hostProcesses: c.hostProcesses,
  });
}

function buildRelease(scope: Construct, data: ReleaseCase, make: MakePlatform): void {
  const platform = make(scope, 'test', true);
  new Release(scope, 'models', { platform, data: data as ReleaseData });
}

function buildEnvironment(scope: Construct, c: EnvironmentCase, make: MakePlatform): void {
  const secret = (id: string) => Secret.generated(scope, `secret-${id}`);
  const { database, artifacts, registry, gateway, monitoring, ...rest } = c;
  const existing = { host: 'db.example.com', databaseName: 'ml', username: 'ml' };
  const bucket = { endpointUrl: 'https://s3.example.com', bucket: 'models' };
  // What is no configuration at all goes through as it is.
  const made = <T extends object>(given: T | undefined, more: (given: T) => object): object | undefined =>
    given instanceof Object && !Array.isArray(given) ? more(given) : given;
  // An environment stands directly below its stack; so does one that is named like the construct around it.
  new MlopsEnvironment(scope, 'Default', {
    ...rest,
    platform: make(scope, scope.node.id, false),
    database: made(database, ({ existing: yes, ...more }) => ({
      ...more,
      ...(yes ? { existing: Database.fromExisting({ ...existing, password: secret('database') }) } : {}),
    })),
    artifacts: made(artifacts, ({ existing: yes, ...more }) => ({
      ...more,
      ...(yes
        ? { existing: ArtifactStore.fromBucket({ ...bucket, accessKey: secret('access'), secretKey: secret('key') }) }
        : {}),
    })),
    registry: made(registry, ({ existing: yes, ...more }) => ({
      ...more,
      ...(yes
        ? {
            existing: ModelRegistry.fromTrackingUri({
              trackingUri: 'https://mlflow.example.com',
              trainingUser: { username: 'train', password: secret('train') },
            }),
          }
        : {}),
    })),
    gateway: made(gateway, ({ tls, tokens, ...more }) => ({
      ...more,
      ...(tls ? { tlsCertificate: secret('tls') } : {}),
      ...(tokens ? { tokens: Object.fromEntries([...new Set(tokens)].map((u) => [u, secret(`token-${u}`)])) } : {}),
    })),
    monitoring: made(monitoring, ({ webhooks, ...more }) => ({
      ...more,
      ...(webhooks ? { receivers: webhooks.map(({ name, url }) => AlertReceiver.webhook(name, url)) } : {}),
    })),
  });
}

interface Kind {
  readonly name: string;
  readonly arbitrary: fc.Arbitrary<unknown>;
  readonly build: (scope: Construct, value: unknown) => void;
  readonly runs: number;
}

function kind<T>(
  name: string,
  runs: readonly [docker: number, kubernetes: number],
  arbitrary: fc.Arbitrary<T>,
  build: (scope: Construct, value: T, make: MakePlatform) => void,
): Kind[] {
  return (
    [
      ['Docker', onDocker, runs[0]],
      ['Kubernetes', onKubernetes, runs[1]],
    ] as const
  ).map(([platform, make, count]) => ({
    name: `${name} on ${platform}`,
    arbitrary,
    runs: count,
    build: (scope, value) => build(scope, value as T, make),
  }));
}

const kinds = [
  ...kind('workload', [150, 60], workload, buildWorkload),
  ...kind('release', [30, 8], release, buildRelease),
  ...kind('environment', [6, 2], environment, buildEnvironment),
];

interface Accepted {
  readonly kind: Kind;
  readonly value: unknown;
}
const accepted: Accepted[] = [];

test.each(kinds)(
  'any $name is either accepted, or refused with an error that says where, what and what is wanted',
  (given) => {
    const before = accepted.length;
    fc.assert(
      fc.property(given.arbitrary, (value) => {
        try {
          given.build(new TerraformStack(new App({ outdir: join(scratch, 'never') }), 'test'), value);
          accepted.push({ kind: given, value });
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationError);
          expect((error as Error).message).toMatch(/^(test(\/[^]+)?|[A-Z]\w+(\.\w+)?): '[^]+' is [^]+; [^]+/);
        }
      }),
      { seed, numRuns: given.runs },
    );
    expect(accepted.length - before).toBeGreaterThan(0);
    expect(readdirSync(join(scratch, 'never/stacks'))).toEqual([]);
  },
  60_000,
);

test('what is accepted is valid for Terraform', () => {
  const tried = kinds.reduce((sum, { runs }) => sum + runs, 0);
  expect(accepted.length).toBeGreaterThan(tried / 3);
  expect(accepted.length).toBeLessThan(tried);
  // All in one stack, since each validation starts the plugins anew. Every case has a platform of its own, so that none
  // takes another's names and ports.
  const problems = (cases: readonly Accepted[], directory: string): string[] => {
    const app = new App({ outdir: join(scratch, directory), context: supply.context });
    const stack = new TerraformStack(app, 'all');
    cases.forEach(({ kind, value }, index) => kind.build(new Construct(stack, `case-${index}`), value));
    app.synth();
    return terraformProblems(join(scratch, directory, 'stacks/all'), supply);
  };
  const found = problems(accepted, 'all');
  if (found.length === 0) return;
  // Which one is it? Halve until one is left.
  let suspects: readonly Accepted[] = accepted;
  for (let step = 0; suspects.length > 1; step++) {
    const half = suspects.slice(0, Math.ceil(suspects.length / 2));
    suspects = problems(half, `half-${step}`).length > 0 ? half : suspects.slice(half.length);
  }
  const [{ kind, value }] = suspects;
  throw new Error(
    `a ${kind.name} was accepted, and yet: ${found[0]}\nFC_SEED=${seed}, ${JSON.stringify(value, undefined, 2)}`,
  );
}, 300_000);
