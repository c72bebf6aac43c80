import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../../lib/core';
import { MlopsEnvironment, MlopsEnvironmentProps } from '../../lib/environment/mlops-environment';
import { Jenkins } from '../../lib/jenkins/jenkins';
import { ArtifactStore } from '../../lib/registry/artifact-store';
import { ContainerRegistry } from '../../lib/registry/container-registry';
import { Database } from '../../lib/registry/database';
import { ModelRegistry } from '../../lib/registry/model-registry';
import { fakeStack } from '../support/fake-platform';

type Configuration = Omit<MlopsEnvironmentProps, 'platform'>;

function make(
  given: Configuration | ((secret: (id: string) => Secret) => Configuration) = {},
  spreadsReplicas = false,
) {
  const { stack, platform } = fakeStack();
  platform.spreadsReplicas = spreadsReplicas;
  const props = typeof given === 'function' ? given((id) => Secret.generated(stack, id)) : given;
  const environment = new MlopsEnvironment(stack, 'test', { platform, ...props });
  return { environment, platform, paths: platform.workloads.map((w) => w.componentPath).sort() };
}

const MONITORING = ['alertmanager', 'blackbox', 'grafana', 'node', 'postgres', 'prometheus', 'pushgateway'].map(
  (id) => `monitoring/${id}`,
);
const ALL = ['artifacts', 'containers', 'database', 'gateway', 'jenkins', ...MONITORING, 'registry'];

test('everything is made unless told otherwise', () => {
  const { environment, platform, paths } = make();
  expect(paths).toEqual(ALL);
  expect(platform.jobs.map((j) => j.physicalName)).toEqual(['test-training']);
  expect(platform.workload('registry').spec.environment).toMatchObject({ MLFLOW_DB_HOST: 'test-database' });
  expect(environment).toMatchObject({
    registry: expect.any(ModelRegistry),
    containers: expect.any(ContainerRegistry),
    jenkins: expect.any(Jenkins),
  });
});

test('has the documented defaults', () => {
  const { platform } = make();
  expect(platform.job('training').spec.resources).toMatchObject({ cpuMillis: 2000, memoryBytes: 4 * 2 ** 30 });
  expect(platform.job('training').concurrency).toBe(1);
  const published = platform.workloads.flatMap((w) => w.props.ports ?? []).filter(({ publish }) => publish);
  expect(published).toEqual([]);
  const volumes = platform.workloads.flatMap((w) => w.spec.volumes ?? []);
  expect(volumes.filter(({ protect }) => protect)).toEqual([]);
  expect(platform.workload('monitoring/prometheus').spec.command!.join(' ')).toContain('retention.time=15d');
});

test.each<[string, Configuration, string[]]>([
  ['training', { training: { enabled: false } }, []],
  ['the gateway', { gateway: { enabled: false } }, ['gateway']],
  ['the container registry', { containers: { enabled: false } }, ['containers']],
  ['Jenkins', { jenkins: { enabled: false } }, ['jenkins']],
  ['the monitoring', { monitoring: { enabled: false } }, MONITORING],
])('%s can be left out', (_what, configuration, without) => {
  const { paths, platform, environment } = make(configuration);
  expect(paths).toEqual(ALL.filter((path) => !without.includes(path)));
  expect(platform.jobs.length).toBe(configuration.training === undefined ? 1 : 0);
  const names = environment.components.map(({ name }) => name);
  for (const path of without) expect(names).not.toContain(path);
});

test('database, bucket and registry that exist are used and not made', () => {
  const database = (secret: (id: string) => Secret) =>
    Database.fromExisting({ host: 'db.example.com', databaseName: 'ml', username: 'ml', password: secret('d') });
  const bucket = (secret: (id: string) => Secret) =>
    ArtifactStore.fromBucket({
      endpointUrl: 'https://s3.example.com',
      bucket: 'models',
      accessKey: secret('a'),
      secretKey: secret('k'),
    });
  const stores = make((s) => ({ database: { existing: database(s) }, artifacts: { existing: bucket(s) } }));
  const without = ['database', 'artifacts', 'monitoring/postgres'];
  expect(stores.paths).toEqual(ALL.filter((path) => !without.includes(path)));
  expect(stores.platform.workload('registry').spec.environment).toMatchObject({ MLFLOW_DB_HOST: 'db.example.com' });

  const { paths, platform, environment } = make((secret) => ({
    registry: {
      existing: ModelRegistry.fromTrackingUri({
        trackingUri: 'https://mlflow.example.com',
        trainingUser: { username: 'trainer', password: secret('t') },
      }),
    },
  }));
  const made = ['database', 'artifacts', 'registry', 'monitoring/postgres'];
  expect(paths).toEqual(ALL.filter((path) => !made.includes(path)));
  expect(platform.job('training').spec.environment).toMatchObject({
    MLFLOW_TRACKING_URI: 'https://mlflow.example.com:443',
    MLFLOW_TRACKING_USERNAME: 'trainer',
  });
  expect(environment.components.map(({ name }) => name)).not.toContain('registry');
});

test('a database that exists is watched by the role that it names, encrypted as it says', () => {
  const { platform } = make((secret) => ({
    database: {
      existing: Database.fromExisting({
        host: 'db.example.com',
        databaseName: 'ml',
        username: 'ml',
        password: secret('d'),
        monitoringUser: { username: 'watcher', password: secret('w') },
        sslMode: 'require',
      }),
    },
  }));
  expect(platform.workload('monitoring/postgres').spec.environment).toMatchObject({
    DATA_SOURCE_USER: 'watcher',
    DATA_SOURCE_URI: 'db.example.com:5432/ml?sslmode=require',
  });
  const own = make().platform.workload('monitoring/postgres');
  expect(own.spec.environment).toMatchObject({ DATA_SOURCE_USER: 'monitoring' });
});

test('Prometheus holds no password of the registry', () => {
  expect(make().platform.workload('monitoring/prometheus').spec.secrets).toBeUndefined();
});

test.each([
  ['database', 'Database.fromExisting'],
  ['artifacts', 'ArtifactStore.fromBucket'],
  ['registry', 'ModelRegistry.fromTrackingUri'],
  ['containers', 'ContainerRegistry.fromAddress'],
  ['jenkins', 'Jenkins.fromUrl'],
])('what exists as %s is what its factory returns', (component, factory) => {
  for (const existing of ['http://example.com', { url: 'http://example.com' }, null]) {
    expect(() => make({ [component]: { existing } })).toThrow(
      `'${component}.existing' is ${JSON.stringify(existing)}; give what ${factory} returns`,
    );
  }
});

test('limits and thresholds are handed on', () => {
  const { platform } = make({
    registry: { cpu: '2', alerts: { latencySeconds: 9 } },
    gateway: { memory: '1Gi', alerts: { connectionShare: 0.7 }, modelAlerts: { latencySeconds: 0.25 } },
    jenkins: { cpu: '4', memory: '8Gi' },
    monitoring: { alerts: { databaseGib: 7 } },
  });
  expect(platform.workload('registry').spec.resources).toMatchObject({
    cpuMillis: 2000,
    memoryBytes: 1536 * 2 ** 20,
  });
  expect(platform.workload('gateway').spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 2 ** 30 });
  expect(platform.workload('jenkins').spec.resources).toMatchObject({ cpuMillis: 4000, memoryBytes: 8 * 2 ** 30 });
  const rules = platform
    .workload('monitoring/prometheus')
    .spec.files!.map(({ content }) => content)
    .join('\n');
  for (const threshold of ['9', '0\\.7', '0\\.25', '7 \\*'])
    expect(rules).toMatch(new RegExp(` > ${threshold}['"\n ]`));
  expect(() => make({ jenkins: { memory: 'much' } })).toThrow(`test/test: 'jenkins.memory' is "much"`);
});

test('capacities are those that the components document', () => {
  const configuration = readFileSync(join(__dirname, '../../lib/environment/configuration.ts'), 'utf8');
  for (const [struct, path] of [
    ['DatabaseConfiguration', 'database'],
    ['ArtifactsConfiguration', 'artifacts'],
    ['ContainersConfiguration', 'containers'],
    ['JenkinsConfiguration', 'jenkins'],
    ['MonitoringConfiguration', 'monitoring/prometheus'],
    ['BackupsConfiguration', 'backup-store'],
  ]) {
    const documented = new RegExp(`interface ${struct} \\{[^}]*?Capacity[^}]*?@default (\\d+)Gi`).exec(
      configuration,
    )![1];
    const [data] = make({ backups: {} }).platform.workload(path).spec.volumes!;
    expect([path, data.sizeBytes! / 2 ** 30]).toEqual([path, Number(documented)]);
  }
});

test('container registry and Jenkins can be shared', () => {
  const shared = make().environment;
  const { environment, paths } = make({
    containers: { existing: ContainerRegistry.fromAddress('registry.example.com') },
    jenkins: { existing: shared.jenkins },
  });
  expect(paths).toEqual(ALL.filter((path) => path !== 'containers' && path !== 'jenkins'));
  expect(environment.containers!.address).toBe('registry.example.com');
  expect(environment.jenkins).toBe(shared.jenkins);
});

test('each component is described with its URL, its health and where its credentials are', () => {
  const { environment } = make({ registry: { port: 5000 }, gateway: { port: 8080 } });
  expect(environment.components).toEqual(
    expect.arrayContaining([
      { name: 'registry', url: 'http://127.0.0.1:5000', healthPath: '/health', credentials: 'registry' },
      { name: 'gateway', url: 'http://127.0.0.1:8080', healthPath: '/-/healthy', credentials: undefined },
      {
        name: 'monitoring/prometheus',
        url: 'http://test-monitoring-prometheus:9090',
        healthPath: '/-/healthy',
        credentials: undefined,
      },
    ]),
  );
});

test('capacities are handed on', () => {
  const storage = '3Gi';
  const { platform } = make({
    database: { storage },
    artifacts: { storage },
    containers: { storage },
    jenkins: { storage },
    monitoring: { storage },
    backups: { storage },
  });
  for (const path of ['database', 'artifacts', 'containers', 'jenkins', 'monitoring/prometheus', 'backup-store']) {
    expect([path, platform.workload(path).spec.volumes![0].sizeBytes]).toEqual([path, 3 * 2 ** 30]);
  }
});

test('what can have replicas has two where the environment is highly available and machines are several', () => {
  const replicas = ({ platform }: ReturnType<typeof make>) =>
    Object.fromEntries(platform.workloads.filter((w) => w.replicas > 1).map((w) => [w.componentPath, w.replicas]));
  expect(replicas(make({ highlyAvailable: true }, true))).toEqual({ registry: 2, gateway: 2 });
  expect(replicas(make({}, true))).toEqual({});
  expect(replicas(make({ highlyAvailable: true }, false))).toEqual({});
  expect(replicas(make({ highlyAvailable: true, registry: { replicas: 3 }, gateway: { replicas: 1 } }, true))).toEqual({
    registry: 3,
  });
});

test('a host name is how the ingress controller routes to a component', () => {
  const { environment, platform } = make({
    registry: { host: 'mlflow.example.com' },
    gateway: { host: 'models.example.com' },
    jenkins: { host: 'ci.example.com' },
    monitoring: { grafanaHost: 'grafana.example.com' },
    ingress: { tlsSecretName: 'wildcard', className: 'nginx' },
  });
  for (const path of ['registry', 'gateway', 'jenkins', 'monitoring/grafana']) {
    const [{ publish }] = platform.workload(path).props.ports!;
    expect([path, publish!.host]).toEqual([path, { path: '/', tlsSecretName: 'wildcard', className: 'nginx' }]);
  }
  expect(environment.components.find(({ name }) => name === 'gateway')!.url).toBe('https://models.example.com');
  const { environment: hosts } = platform.workload('registry').spec;
  expect(hosts!.MLFLOW_SERVER_ALLOWED_HOSTS).toContain('mlflow.example.com');
});

test('backups are made where they are asked for, into another store or one that is given', () => {
  const nightly = { schedule: expect.objectContaining({ cron: '30 2 * * *' }) };
  const { environment, paths, platform } = make({ backups: {} });
  expect(paths).toEqual([...ALL, 'backup-store'].sort());
  expect(platform.job('backup').props).toMatchObject(nightly);
  expect(platform.job('backup').spec.environment).toMatchObject({
    PGHOST: 'test-database',
    ARTIFACTS_ENDPOINT_URL: 'http://test-artifacts:7070',
    TARGET_ENDPOINT_URL: 'http://test-backup-store:7070',
    BACKUP_PUSHGATEWAY_URL: 'http://test-monitoring-pushgateway:9091',
  });
  expect(environment.components.map(({ name }) => name)).toContain('backup-store');
  expect(environment.monitoring!.observability.map(({ component }) => component)).toContain('Backup');
  const elsewhere = make((secret) => ({
    backups: {
      keep: 3,
      target: ArtifactStore.fromBucket({
        endpointUrl: 'https://s3.example.com',
        bucket: 'backups',
        accessKey: secret('a'),
        secretKey: secret('k'),
      }),
    },
  }));
  expect(elsewhere.paths).toEqual(ALL);
  expect(elsewhere.platform.job('backup').spec.environment).toMatchObject({
    TARGET_ENDPOINT_URL: 'https://s3.example.com:443',
    BACKUP_KEEP: '3',
  });
  expect(make({ backups: { enabled: false } }).paths).toEqual(ALL);
});

test('protection reaches whatever keeps data', () => {
  const { platform } = make({ protect: true, backups: {} });
  const monitoring = ['prometheus', 'alertmanager', 'grafana', 'pushgateway'].map((id) => `monitoring/${id}`);
  for (const path of ['database', 'artifacts', 'backup-store', 'containers', 'jenkins', ...monitoring]) {
    const kept = platform.workload(path).spec.volumes!.filter(({ kind }) => kind === 'persistent');
    expect([path, kept.map(({ protect }) => protect)]).toEqual([path, kept.map(() => true)]);
    expect(kept.length).toBeGreaterThan(0);
  }
});

test('a release finds a directory and credentials by name, with or without a gateway', () => {
  for (const gateway of [{}, { enabled: false }]) {
    const { platform } = make({ gateway });
    expect(platform.directories.map((d) => d.physicalName)).toEqual(['test-release']);
    expect(platform.bundles.map((b) => [b.physicalName, Object.keys(b.props!.secrets)])).toEqual([
      ['test-model-credentials', ['registry-password']],
    ]);
  }
});

test('what is watched follows from what is made', () => {
  const jobs = (configuration: Configuration) => {
    const { files } = make(configuration).platform.workload('monitoring/prometheus').spec;
    return files!.map(({ content }) => content).join('\n');
  };
  expect(jobs({})).toContain('test-jenkins');
  expect(jobs({ jenkins: { enabled: false } })).not.toContain('test-jenkins');
});
