import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformStack } from 'cdktf';
import {
  AlertReceiver,
  ArtifactStore,
  ConfigFile,
  ContainerRegistry,
  Database,
  DockerPlatform,
  Endpoint,
  HealthCheck,
  Image,
  IPlatform,
  Jenkins,
  MlopsEnvironment,
  MlopsEnvironmentProps,
  ModelRegistry,
  ModelServer,
  PublishedFiles,
  LiveDirectory,
  Publish,
  Release,
  ReleaseData,
  Resources,
  Secret,
  SecretBundle,
  Task,
  TrainingRunner,
  Volume,
  Workload,
  WorkloadProps,
} from '../../lib';
import { GatewayAlerts } from '../../lib/serving/gateway-observability';
import { Gateway } from '../../lib/serving/gateway';

/**
 * What bad input gets: an error at synth that names the construct, the prop, the value and what is wanted, and nothing
 * written.
 */
const scratch = mkdtempSync(join(tmpdir(), 'mlops-bad-input-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Build = (stack: TerraformStack, platform: IPlatform) => void;

/** Runs a whole program, as `stacks/main.ts` is one, and says how it ended and what it wrote. */
function program(build: Build): { message: string; written: string[] } {
  const outdir = mkdtempSync(join(scratch, 'out-'));
  let message = '';
  try {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, 'staging');
    build(stack, new DockerPlatform(stack, 'platform', { environment: 'staging' }));
    app.synth();
  } catch (error) {
    message = (error as Error).message;
  }
  const stacks = join(outdir, 'stacks');
  return { message, written: existsSync(stacks) ? readdirSync(stacks) : [] };
}

const any = (value: unknown) => value as never;
const user = { username: 'someone', password: any({}) };
const healthCheck = HealthCheck.none('a test');
const image = Image.fromRegistry('example.com/app:1.2.3');
const web =
  (props: Partial<WorkloadProps>, id = 'web'): Build =>
  (stack, platform) =>
    void new Workload(stack, id, { platform, image, healthCheck, ...props });
const environment =
  (props: Omit<MlopsEnvironmentProps, 'platform'>): Build =>
  (stack, platform) =>
    void new MlopsEnvironment(stack, 'staging', { platform, ...props });
const release =
  (data: unknown): Build =>
  (stack, platform) =>
    void new Release(stack, 'models', { platform, data: data as ReleaseData });
const one = { versions: [{ version: 1, share: 100 }] };
const scaled = (autoscaling: object) => release({ models: { cancer: { ...one, autoscaling } } });
const versions = (...all: unknown[]) => release({ models: { cancer: { versions: all } } });
const server =
  (props: object): Build =>
  (stack, platform) =>
    void new ModelServer(stack, 'server', {
      platform,
      modelUri: 'models:/cancer/1',
      trackingEndpoint: Endpoint.fromUrl('http://mlflow:5000'),
      username: 'serving',
      credentials: SecretBundle.fromName(stack, 'credentials', platform, 'model-credentials'),
      ...props,
    });
const gateway =
  (alerts: GatewayAlerts): Build =>
  (stack, platform) =>
    void new Gateway(stack, 'gateway', { platform, alerts });

const cases: Record<string, [Build, string][]> = {
  'an image that is malformed or not pinned': [
    [() => Image.fromRegistry('app:latest'), `Image.fromRegistry: 'reference' is "app:latest"; pin it to a version`],
    [() => Image.fromRegistry('app'), `Image.fromRegistry: 'reference' is "app"; pin it to a version`],
    [() => Image.fromRegistry('My App:1'), `Image.fromRegistry: 'reference' is "My App:1"; write it as [host[:port]/]`],
    [() => Image.fromRegistry('host:70000/app:1'), `'reference' is "host:70000/app:1"; write it as [host[:port]/]`],
    [() => Image.fromCatalog('toString'), `Image.fromCatalog: 'key' is "toString"; use one of: alertmanager, `],
    [web({ image: any(undefined) }), `staging/web: 'image' is missing; give Image.fromRegistry`],
  ],
  'a quantity of memory or processor time': [
    [() => Resources.of({ memory: '1GB' }), `Resources.of: 'memory' is "1GB"; write a memory quantity such as '512Mi'`],
    [() => Resources.of({ memory: '5Mi' }), `Resources.of: 'memory' is "5Mi"; want at least '6Mi'`],
    [() => Resources.of({ cpu: '1 core' }), `Resources.of: 'cpu' is "1 core"; write a cpu quantity such as '500m'`],
    [() => Volume.persistent('data', '/data', { size: 'big' }), `Volume.persistent: 'size' is "big"; write a memory`],
    [environment({ training: { cpu: 'two' } }), `staging/staging: 'training.cpu' is "two"; write a cpu quantity`],
    ...(['artifacts', 'containers', 'jenkins', 'monitoring', 'backups'] as const).map((component): [Build, string] => [
      environment({ [component]: { storage: 'much' } }),
      `staging/staging: '${component}.storage' is "much"; write a memory quantity`,
    ]),
    [environment({ training: { memory: '4GiB' } }), `staging/staging: 'training.memory' is "4GiB"; write a memory`],
    [environment({ database: { storage: '10' } }), `staging/staging: 'database.storage' is "10"; want at least '6Mi'`],
    [
      release({ models: { cancer: { versions: [{ version: 1, share: 100 }], memory: 'x' } } }),
      `staging/models: 'data.models.cancer.memory' is "x"; write a memory quantity`,
    ],
  ],
  'a port that is out of range or taken': [
    [
      web({ ports: [{ name: 'http', port: 0 }] }),
      `staging/web: 'ports.http' is 0; want a whole number from 1 to 65535`,
    ],
    [() => Publish.onLoopback(65536), `Publish.onLoopback: 'port' is 65536; want a whole number from 1 to 65535`],
    [() => Publish.onAddress('1.2.3.400', 80), `Publish.onAddress: 'address' is "1.2.3.400"; write an IPv4 address`],
    [
      web({
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      }),
      `staging/web: 'ports' is 80; use each port once`,
    ],
    [environment({ registry: { port: 99999 } }), `staging/staging: 'registry.port' is 99999; want a whole number`],
    [
      environment({ registry: { port: 5000 }, containers: { port: 5000 } }),
      `staging/staging: 'containers.port' is 5000; it is taken by 'registry.port'`,
    ],
    [
      (stack, platform) => {
        const publish = { ports: [{ name: 'http', port: 80, publish: Publish.onLoopback(8080) }] };
        web(publish, 'one')(stack, platform);
        web(publish, 'two')(stack, platform);
      },
      `staging/two: 'ports.http.publish' is "127.0.0.1:8080"; it is taken by staging/one`,
    ],
    [
      web({ ports: [{ name: 'http', port: 80, scheme: 'HTTP://' }] }),
      `staging/web: 'ports.http.scheme' is "HTTP://"; write a URL's scheme`,
    ],
  ],
  'a name that is taken, or can be none': [
    [
      (stack, platform) => {
        web({}, 'a-b')(stack, platform);
        web({}, 'a.b')(stack, platform);
      },
      `staging/a.b: 'id' is "staging-a-b"; the physical name is taken by staging/a-b`,
    ],
    [web({}, 'größe'), `staging/größe: 'id' is "größe"; begin it with a letter or digit`],
    [
      web({ volumes: [Volume.persistent('data', '/a'), Volume.persistent('data', '/b')] }),
      `staging/web: 'volumes' is "data"; name each volume differently`,
    ],
    [
      web({ files: [ConfigFile.text('/a', 'x'), ConfigFile.text('/a', 'y')] }),
      `staging/web: 'files and volumes' is "/a"; use each path once`,
    ],
    [
      versions({ version: 1, share: 50 }, { version: 1, share: 50 }),
      `staging/models: 'data.models.cancer.versions' names version 1 twice; name each version once`,
    ],
    [
      (stack, platform) => new Database(stack, 'db', { platform, databases: ['app'] }),
      `staging/db: 'databases' is "app"; name each database once`,
    ],
    [
      environment({
        monitoring: { receivers: [1, 2].map(() => AlertReceiver.webhook('same', 'http://hook.example.com')) },
      }),
      `staging/staging/monitoring/Default: 'receivers' is "same"; name each receiver differently`,
    ],
  ],
  'a number of replicas': [
    [web({ replicas: -1 }), `staging/web: 'replicas' is -1; want a whole number from 0 to 1000`],
    [web({ replicas: 1.5 }), `staging/web: 'replicas' is 1.5; want a whole number from 0 to 1000`],
    [web({ replicas: NaN }), `staging/web: 'replicas' is NaN; want a whole number from 0 to 1000`],
    [
      environment({ registry: { replicas: 0 } }),
      `staging/staging: 'registry.replicas' is 0; want a whole number from 1`,
    ],
    [
      environment({ gateway: { replicas: any('2') } }),
      `staging/staging: 'gateway.replicas' is "2"; want a whole number`,
    ],
    [environment({ gateway: { replicas: 2 } }), `staging/staging/gateway: 'replicas' is 2; use 1: on one machine`],
    [
      environment({ registry: { port: 5000, replicas: 2 } }),
      `staging/staging/registry/Resource: 'replicas' is 2; a published port can belong to one container`,
    ],
    [
      (stack, platform) => new ModelRegistry(stack, 'registry', { platform, replicas: 101 }),
      `staging/registry: 'replicas' is 101; want a whole number from 1 to 100`,
    ],
    [server({ replicas: 0.5 }), `staging/server: 'replicas' is 0.5; want a whole number from 0 to 1000`],
    [
      release({ models: { cancer: { versions: [{ version: 1, share: 100 }], replicas: -2 } } }),
      `staging/models: 'data.models.cancer.replicas' is -2; want a whole number from 1 to 100`,
    ],
  ],
  'limits of automatic scaling': [
    [
      scaled({ minReplicas: 4, maxReplicas: 2 }),
      `'data.models.cancer.autoscaling.maxReplicas' is 2; want at least min`,
    ],
    [scaled({ maxReplicas: 2 }), `'data.models.cancer.autoscaling.minReplicas' is missing; want a whole number from 1`],
    [scaled({ minReplicas: 0, maxReplicas: 2 }), `'data.models.cancer.autoscaling.minReplicas' is 0; want a whole`],
    [scaled({ minReplicas: 1, maxReplicas: 2, cpuPercent: 0 }), `cancer.autoscaling.cpuPercent' is 0; want a whole`],
    [scaled({ min: 1, max: 2 }), `'data.models.cancer.autoscaling.min' is not a known key; use one of: minReplicas`],
    [
      release({ models: { cancer: { ...one, replicas: 2, autoscaling: { minReplicas: 1, maxReplicas: 2 } } } }),
      `staging/models: 'data.models.cancer.replicas' is 2; leave it out: autoscaling has minReplicas`,
    ],
    [
      (stack, platform) =>
        new Release(stack, 'models', { platform, data: { models: {} }, highlyAvailable: any('yes') }),
      `staging/models: 'highlyAvailable' is "yes"; give true or false`,
    ],
  ],
  'how a component is reached from outside': [
    [
      environment({ registry: { host: 'ml.example.com', port: 5000 } }),
      `staging/staging: 'registry.host' is given beside a port; give one of them`,
    ],
    [
      environment({ monitoring: { grafanaHost: 'ml.example.com', grafanaPort: 3000 } }),
      `staging/staging: 'monitoring.grafanaHost' is given beside a port; give one of them`,
    ],
    [
      environment({ registry: { host: 'ml.example.com' }, jenkins: { host: 'ml.example.com' } }),
      `staging/staging: 'jenkins.host' is "ml.example.com"; it is taken by 'registry.host'`,
    ],
    [environment({ gateway: { host: 'models' } }), `Publish.atHost: 'hostName' is "models"; write a DNS name`],
    [
      environment({ gateway: { host: 'models.example.com' } }),
      `staging/staging/gateway/Resource: 'ports.http.publish' is "models.example.com"; Docker has no ingress controller`,
    ],
    [
      (stack, platform) =>
        environment({
          gateway: { host: 'models.example.com', tlsCertificate: Secret.fromVariable(stack, 'certificate', 'PEM') },
        })(stack, platform),
      `staging/staging: 'gateway.tlsCertificate' is given beside gateway.host; leave it out: the ingress controller`,
    ],
    [
      environment({ ingress: { tlsSecretName: 'tls' } }),
      `staging/staging: 'ingress' is {"tlsSecretName":"tls"}; give a component a 'host', or leave it out`,
    ],
    [
      environment({ ingress: any({ tls: 'x' }) }),
      `staging/staging: 'ingress.tls' is not a known key; use one of: class`,
    ],
  ],
  'how it is kept': [
    [environment({ protect: any('yes') }), `staging/staging: 'protect' is "yes"; give true or false`],
    [environment({ highlyAvailable: any(2) }), `staging/staging: 'highlyAvailable' is 2; give true or false`],
    [environment({ backups: { keep: 0 } }), `staging/staging/backup: 'keep' is 0; want a whole number from 1 to 1000`],
    [
      environment({ backups: { target: any('s3') } }),
      `staging/staging: 'backups.target' is "s3"; give what ArtifactStore.fromBucket returns`,
    ],
    [
      (stack, platform) =>
        environment({
          backups: { target: new ArtifactStore(stack, 'other', { platform }), storage: '1Gi' },
        })(stack, platform),
      `staging/staging: 'backups.storage' is given beside backups.target; leave it out`,
    ],
    [
      environment({
        backups: {},
        registry: {
          existing: ModelRegistry.fromTrackingUri({ trackingUri: 'http://mlflow:5000', trainingUser: user }),
        },
      }),
      `staging/staging: 'backups' is given beside registry.existing; leave it out`,
    ],
  ],
  'a model URI that names no version': [
    [server({ modelUri: 'cancer' }), `staging/server: 'modelUri' is "cancer"; write 'models:/<name>/<version>'`],
    [server({ modelUri: 'models:/cancer' }), `'modelUri' is "models:/cancer"; write 'models:/<name>/<version>'`],
    [server({ modelUri: 'models:/cancer/Production' }), `'modelUri' is "models:/cancer/Production"; write`],
    [server({ modelUri: 'models:/cancer/0' }), `'modelUri' is "models:/cancer/0"; write`],
    [
      server({ modelUri: 'models:/cancer@champion' }),
      `'modelUri' is "models:/cancer@champion"; name a version: an alias`,
    ],
  ],
  'shares that do not add up': [
    [
      versions({ version: 1, share: 99 }),
      `staging/models: 'data.models.cancer.versions' is [{"version":1,"share":99}]; the shares must add up to 100, not 99`,
    ],
    [versions({ version: 1, share: 60 }, { version: 2, share: 60 }), `the shares must add up to 100, not 120`],
    [
      versions({ version: 1, share: 99.5 }, { version: 2, share: 0.5 }),
      `'data.models.cancer.versions[0].share' is 99.5; want a whole number from 0 to 100`,
    ],
    [
      versions({ version: 1, share: 150 }, { version: 2, share: -50 }),
      `'data.models.cancer.versions[0].share' is 150; want`,
    ],
    [versions(), `staging/models: 'data.models.cancer.versions' is []; name at least one version`],
    [release({ models: null }), `staging/models: 'data.models' is null; give an object of models by name`],
  ],
  'a literal where a secret belongs': [
    [
      web({ secrets: { token: any('hunter2') }, user: '1:1' }),
      `staging/web: 'secrets.token' is "(a literal, not shown)"; give Secret.generated`,
    ],
    [
      (stack) => Secret.fromToken(stack, 'token', 'hunter2'),
      `staging/token: 'token' is "(a literal, not shown)"; hand in an attribute`,
    ],
    [
      (stack) => Secret.fromTemplate(stack, 'all', 'hunter2', {}),
      `staging/all: 'template' is "(a literal, not shown)"; name at least one secret`,
    ],
    [
      environment({ gateway: { tokens: { alice: any('hunter2') } } }),
      `'secrets.alice' is "(a literal, not shown)"; give Secret.generated`,
    ],
    [
      (stack, platform) => new Database(stack, 'db', { platform, password: any('hunter2') }),
      `'secrets.password' is "(a literal, not shown)"; give Secret.generated`,
    ],
    [
      (stack, platform) =>
        SecretBundle.create(stack, 'bundle', { platform, secrets: { password: any('hunter2') }, owner: '1:1' }),
      `staging/bundle: 'secrets.password' is "(a literal, not shown)"`,
    ],
  ],
  'a secret where everybody reads it': [
    ...(['environment', 'command', 'entrypoint', 'files'] as const).map((prop): [Build, string] => [
      (stack, platform) => {
        const text = `password=${Secret.generated(stack, 'password').value}`;
        const given = {
          environment: { A: text },
          files: [ConfigFile.text('/a', text)],
          command: [text],
          entrypoint: [text],
        };
        web({ [prop]: given[prop] })(stack, platform);
      },
      `is "the secret staging/password"; hand it over as a file: give it as one of the 'secrets'`,
    ]),
    [
      (stack, platform) =>
        new Task(stack, 'task', {
          platform,
          image,
          script: `echo ${Secret.fromVariable(stack, 'key', 'a key').value}`,
        }),
      `staging/task: 'script' is "the secret staging/key"`,
    ],
    [
      (stack, platform) =>
        new PublishedFiles(stack, 'files', {
          platform,
          directory: LiveDirectory.create(stack, 'live', { platform, owner: '1:1' }),
          files: { a: Secret.generated(stack, 'password').value },
        }),
      `staging/files: 'files.a' is "the secret staging/password"`,
    ],
  ],
  'a component or a key that is not known': [
    [
      environment(any({ monitor: {} })),
      `staging/staging: 'props.monitor' is not a known key; use one of: platform, protect, highlyAvailable, database`,
    ],
    [
      environment({ registry: any({ prot: 5000 }) }),
      `staging/staging: 'registry.prot' is not a known key; use one of: existing, port, host, replicas, allowedHosts`,
    ],
    [
      environment({ gateway: any('on') }),
      `staging/staging: 'gateway' is "on"; give an object with some of: enabled, port`,
    ],
    [
      environment({ gateway: any(null) }),
      `staging/staging: 'gateway' is null; give an object with some of: enabled, port`,
    ],
    [
      environment({ jenkins: { enabled: any('false') } }),
      `staging/staging: 'jenkins.enabled' is "false"; give true or false`,
    ],
    [
      environment({ database: { existing: any('db') } }),
      `staging/staging: 'database.existing' is "db"; give what Database`,
    ],
    [release({ model: {} }), `staging/models: 'data.model' is not a known key; use one of: models`],
    [
      versions({ version: 1, weight: 100 }),
      `'data.models.cancer.versions[0].weight' is not a known key; use one of: version, share`,
    ],
    [
      (stack) => new MlopsEnvironment(stack, 'staging', any({})),
      `staging/staging: 'platform' is missing; say where it runs`,
    ],
    [web({ platform: any(undefined) }), `staging/web: 'platform' is missing; say where it runs`],
    [web({ healthCheck: any(undefined) }), `staging/web: 'healthCheck' is missing; give HealthCheck.http`],
  ],
  'what is left out': [
    [
      server({ trackingEndpoint: undefined }),
      `staging/server: 'trackingEndpoint' is missing; give the registry's endpoint`,
    ],
    [server({ username: undefined }), `staging/server: 'username' is missing; give the registry's user`],
    [(stack) => new MlopsEnvironment(stack, 'staging', any(undefined)), `staging/staging: 'props' is missing; give an`],
    [
      (stack) => new ModelRegistry(stack, 'registry', any({})),
      `staging/registry: 'platform' is missing; say where it runs`,
    ],
    [
      (stack, platform) => new ModelRegistry(stack, 'registry', { platform, database: any({ host: 'x' }) }),
      `staging/registry: 'database' is {"host":"x"}; give what Database.fromExisting returns`,
    ],
    [
      (stack, platform) => new ModelRegistry(stack, 'registry', { platform, artifacts: any('s3') }),
      `staging/registry: 'artifacts' is "s3"; give what ArtifactStore.fromBucket returns`,
    ],
    [
      (stack, platform) => new TrainingRunner(stack, 'training', any({ platform })),
      `staging/training: 'registry' is missing; give what ModelRegistry.fromTrackingUri returns`,
    ],
    [
      environment({ database: { existing: any({ username: 'x' }) } }),
      `staging/staging: 'database.existing.endpoint' is missing; give what Database.fromExisting returns`,
    ],
    [() => Database.fromExisting(any({ host: 'x' })), `Database.fromExisting: 'databaseName' is missing; give the`],
    [() => Database.fromExisting(any({})), `Database.fromExisting: 'host' is missing; give the server's host name`],
    [() => ArtifactStore.fromBucket(any({})), `ArtifactStore.fromBucket: 'endpointUrl' is missing; give the S3 API's`],
    [
      () => ModelRegistry.fromTrackingUri(any({ trackingUri: 'http://mlflow:5000' })),
      `ModelRegistry.fromTrackingUri: 'trainingUser' is missing; give the username`,
    ],
  ],
  'a number where a port is published': [
    [
      (stack, platform) => new ModelRegistry(stack, 'registry', { platform, publish: any(5000) }),
      `staging/registry: 'publish' is 5000; use Publish.onLoopback(5000)`,
    ],
    [
      (stack, platform) => new ContainerRegistry(stack, 'containers', { platform, publish: any('5000') }),
      `staging/containers: 'publish' is "5000"; use Publish.onLoopback(5000)`,
    ],
    [
      (stack, platform) => new Jenkins(stack, 'jenkins', { platform, publish: any({ port: 8080 }) }),
      `staging/jenkins: 'publish' is {"port":8080}; use Publish.onLoopback(8080)`,
    ],
    [
      web({ ports: [{ name: 'http', port: 80, publish: any(8080) }] }),
      `staging/web: 'ports.http.publish' is 8080; use Publish.onLoopback(8080)`,
    ],
  ],
  'a URL that is none': [
    [() => Jenkins.fromUrl('nonsense'), `Jenkins.fromUrl: 'url' is "nonsense"; write scheme://host[:port][/path]`],
    [
      () => ModelRegistry.fromTrackingUri({ trackingUri: 'nonsense', trainingUser: user }),
      `ModelRegistry.fromTrackingUri: 'trackingUri' is "nonsense"; write scheme://host`,
    ],
    [
      () => ArtifactStore.fromBucket(any({ endpointUrl: 'nonsense', bucket: 'models', accessKey: {}, secretKey: {} })),
      `ArtifactStore.fromBucket: 'endpointUrl' is "nonsense"; write scheme://host`,
    ],
    [
      () => Database.fromExisting(any({ host: 'no such', databaseName: 'a', username: 'a', password: {} })),
      `Database.fromExisting: 'host' is "no such"; write a host name`,
    ],
  ],
  'what would be ignored': [
    [
      (stack, platform) =>
        new MlopsEnvironment(stack, 'staging', {
          platform,
          registry: {
            existing: ModelRegistry.fromTrackingUri({ trackingUri: 'http://mlflow:5000', trainingUser: user }),
            port: 5000,
          },
        }),
      `staging/staging: 'registry.port' is "given beside existing"; leave it out`,
    ],
    [
      (stack, platform) =>
        new MlopsEnvironment(stack, 'staging', {
          platform,
          database: { storage: '1Gi' },
          registry: {
            existing: ModelRegistry.fromTrackingUri({ trackingUri: 'http://mlflow:5000', trainingUser: user }),
          },
        }),
      `staging/staging: 'database' is "given"; leave it out: registry.existing has its own`,
    ],
    [
      server({ environment: { MLOPS_MODEL_NAME: 'x' } }),
      `staging/server: 'environment' is "MLOPS_MODEL_NAME"; leave it out`,
    ],
    [
      (stack, platform) =>
        new TrainingRunner(stack, 'training', {
          platform,
          registry: new ModelRegistry(stack, 'registry', { platform }),
          environment: { MLFLOW_TRACKING_URI: 'http://elsewhere' },
        }),
      `staging/training: 'environment' is "MLFLOW_TRACKING_URI"; leave it out`,
    ],
  ],
  'an alert threshold that makes no sense': [
    [
      gateway({ errorShare: 5 } as GatewayAlerts),
      `'alerts.errorShare' is 5; want a share of more than 0 and less than 1`,
    ],
    [
      gateway({ errorShare: 0 } as GatewayAlerts),
      `'alerts.errorShare' is 0; want a share of more than 0 and less than 1`,
    ],
    [environment({ training: { maxAgeDays: -1 } }), `'maxAgeDays' is -1; want from 0.01 to 3650 days`],
    [environment({ monitoring: { retentionDays: 0 } }), `'retentionDays' is 0; want a whole number from 1 to 3650`],
  ],
  'what the platform has not': [
    [
      web({ autoscaling: { minReplicas: 1, maxReplicas: 2 } }),
      `staging/web: 'autoscaling' is {"minReplicas":1,"maxReplicas":2}; Docker has no autoscaling: give replicas, or run it on Kubernetes`,
    ],
    [server({ autoscaling: { minReplicas: 1, maxReplicas: 2 } }), `Docker has no autoscaling: give replicas`],
    [
      web({ replicas: 2, ports: [{ name: 'http', port: 80, publish: Publish.onLoopback(8080) }] }),
      `staging/web: 'replicas' is 2; a published port can belong to one container`,
    ],
  ],
  'what fails only when it is deployed': [
    [
      () => ConfigFile.text('/etc/app.conf', ''),
      `ConfigFile.text: 'content of /etc/app.conf' is ""; give a text that is not empty`,
    ],
    [web({ command: ['run', ''] }), `staging/web: 'command[1]' is ""; give a text that is not empty`],
    [web({ command: [] }), `staging/web: 'command' is []; give a list of words, or leave it out`],
    [() => HealthCheck.command(['']), `HealthCheck.command: 'command[0]' is ""; give a text that is not empty`],
    [
      (stack, platform) => {
        const directory = LiveDirectory.create(stack, 'live', { platform, owner: '1:1' });
        new PublishedFiles(stack, 'files', { platform, directory, files: { 'a.txt': '' } });
      },
      `staging/files: 'files.a.txt' is ""; give a text that is not empty`,
    ],
    [
      (stack, platform) =>
        web({
          secrets: { key: Secret.generated(stack, 'key') },
          user: '1:1',
          files: [ConfigFile.text('/run/secrets/other', 'x')],
        })(stack, platform),
      `staging/web: 'files and volumes' is "/run/secrets/other"; choose another path: its secrets are there`,
    ],
    [web({ environment: { 'A-B': 'x' } }), `staging/web: 'environment' is "A-B"; name it with letters, digits and _`],
    [web({ user: any(1000) }), `staging/web: 'user' is 1000; write numbers: 'uid' or 'uid:gid'`],
  ],
};

describe.each(Object.entries(cases))('refuses %s', (_what, attempts) => {
  test.each(attempts.map(([build, message]) => ({ build, message })))('$message', ({ build, message }) => {
    const outcome = program(build);
    expect(outcome.message).toContain(message);
    expect(outcome.message).not.toContain('hunter2');
    expect(outcome.written).toEqual([]);
  });
});

test('a program without a mistake is written', () => {
  expect(program(web({}))).toEqual({ message: '', written: ['staging'] });
});
