import { Publish, Resources, Secret } from '../../lib/core';
import { ArtifactStore } from '../../lib/registry/artifact-store';
import { Database } from '../../lib/registry/database';
import { ModelRegistry, ModelRegistryProps } from '../../lib/registry/model-registry';
import { fakeStack } from '../support/fake-platform';

function make(props: Omit<ModelRegistryProps, 'platform'> = {}) {
  const { stack, platform } = fakeStack();
  const registry = new ModelRegistry(stack, 'registry', { platform, ...props });
  return { registry, platform, server: platform.workload('registry'), users: platform.task('registry/users') };
}

function existing() {
  const { stack } = fakeStack();
  const secret = (id: string) => Secret.fromVariable(stack, id, id);
  return {
    database: Database.fromExisting({
      host: 'db.example.com',
      port: 6432,
      databaseName: 'ml',
      username: 'mluser',
      password: secret('database'),
    }),
    artifacts: ArtifactStore.fromBucket({
      endpointUrl: 'https://s3.example.com',
      bucket: 'models',
      region: 'eu-central-1',
      accessKey: secret('access'),
      secretKey: secret('key'),
    }),
  };
}

test('brings a database and an artifact store of its own', () => {
  const { platform, registry, server } = make();
  expect(platform.workloads.map((w) => w.componentPath)).toEqual([
    'registry/database',
    'registry/artifacts',
    'registry',
  ]);
  expect(server.spec.environment).toMatchObject({
    MLFLOW_DB_HOST: 'test-registry-database',
    MLFLOW_DB_PORT: '5432',
    MLFLOW_DB_NAME: 'mlflow',
    MLFLOW_DB_USER: 'mlflow',
    MLFLOW_S3_ENDPOINT_URL: 'http://test-registry-artifacts:7070',
    MLFLOW_ARTIFACTS_DESTINATION: 's3://artifacts',
  });
  expect(server.spec.dependsOn).toEqual([...registry.database!.containers, ...registry.artifacts.containers]);
});

test('takes a database and a bucket that exist, and makes neither', () => {
  const { platform, server } = make(existing());
  expect(platform.workloads).toEqual([server]);
  expect(server.spec.environment).toMatchObject({
    MLFLOW_DB_HOST: 'db.example.com',
    MLFLOW_DB_PORT: '6432',
    MLFLOW_DB_NAME: 'ml',
    MLFLOW_DB_USER: 'mluser',
    MLFLOW_S3_ENDPOINT_URL: 'https://s3.example.com:443',
    MLFLOW_ARTIFACTS_DESTINATION: 's3://models',
    AWS_DEFAULT_REGION: 'eu-central-1',
  });
  expect(server.spec.dependsOn).toEqual([]);
});

test('has the documented defaults', () => {
  const { registry, server } = make();
  expect(server.spec.image.resolve(server)).toBe('cdktf-mlops/mlflow:3.17.2-1');
  expect(server.spec.user).toBe('1000:1000');
  expect(server.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 1536 * 2 ** 20 });
  expect(server.spec.environment).toMatchObject({
    MLFLOW_WORKERS: '2',
    MLFLOW_AUTH_ADMIN_USERNAME: 'admin',
    MLFLOW_SERVER_ALLOWED_HOSTS: 'test-*,test-*:*,localhost,localhost:*,127.0.0.1,127.0.0.1:*',
  });
  expect(server.props.healthCheck).toMatchObject({ path: '/health', port: 5000, startSeconds: 300 });
  expect(registry.endpoint).toMatchObject({ url: 'http://test-registry:5000', publishedUrl: undefined });
  expect(registry.admin.username).toBe('admin');
  const data = make().platform.workload('registry/database').spec.volumes![0];
  expect(data.protect).toBe(false);
});

test('every secret is a file, and none stands in the environment or the script', () => {
  const { server, users } = make();
  expect(Object.keys(server.spec.secrets!)).toEqual([
    'admin-password',
    'database-password',
    's3-access-key',
    's3-secret-key',
    'session-key',
  ]);
  expect(Object.keys(users.spec.secrets!)).toEqual(['admin-password', 'training-password', 'serving-password']);
  expect(JSON.stringify([server.spec.environment, users.spec.environment, users.props.script])).not.toContain(
    'TfToken',
  );
});

test('users are made once it is healthy, and whoever needs the registry waits for them', () => {
  const { registry, server, users } = make();
  expect(users.spec.dependsOn).toEqual([server]);
  expect(users.spec.environment).toMatchObject({ MLFLOW_USERS: 'training serving' });
  expect(registry.containers).toEqual([server, users]);
  expect([registry.trainingUser.username, registry.servingUser.username]).toEqual(['training', 'serving']);
  expect(new Set([registry.admin, registry.trainingUser, registry.servingUser].map((u) => u.password)).size).toBe(3);
});

test('hands on what it is given', () => {
  const { stack } = fakeStack();
  const adminPassword = Secret.generated(stack, 'mine');
  const { registry, server, platform } = make({
    adminUsername: 'root@example.com',
    adminPassword,
    publish: Publish.onLoopback(15000),
    allowedHosts: ['ml.example.com'],
    resources: Resources.of({ cpu: '2' }),
    workers: 4,
    protect: true,
  });
  expect(registry.admin).toEqual({ username: 'root@example.com', password: adminPassword });
  expect(registry.endpoint.publishedUrl).toBe('http://127.0.0.1:15000');
  expect(server.spec.environment).toMatchObject({
    MLFLOW_WORKERS: '4',
    MLFLOW_SERVER_ALLOWED_HOSTS: expect.stringMatching(/^test-\*,test-\*:\*,.*\bml\.example\.com,ml\.example\.com:\*$/),
  });
  expect(server.spec.resources).toMatchObject({ cpuMillis: 2000, memoryBytes: undefined });
  for (const path of ['registry/database', 'registry/artifacts']) {
    expect(platform.workload(path).spec.volumes![0]).toMatchObject({ kind: 'persistent', protect: true });
  }
});

test.each<[Omit<ModelRegistryProps, 'platform'>, string]>([
  [{ adminUsername: 'training' }, `test/registry: 'adminUsername' is "training"; use letters`],
  [{ adminUsername: 'a b' }, `test/registry: 'adminUsername' is "a b"; use letters`],
  [{ workers: 0 }, `test/registry: 'workers' is 0; want a whole number from 1 to 64`],
  [{ workers: 2.5 }, `test/registry: 'workers' is 2.5; want a whole number from 1 to 64`],
  [{ allowedHosts: ['a,b'] }, `test/registry: 'allowedHosts' is "a,b"; write a host's name`],
  [{ allowedHosts: ['http://ml.example.com'] }, `test/registry: 'allowedHosts' is "http://ml.example.com"; write`],
])('refuses %j', (props, message) => {
  expect(() => make(props)).toThrow(message);
});

test('a registry that exists is described and not made; who serves is who trains unless said otherwise', () => {
  const { stack } = fakeStack();
  const user = (username: string) => ({ username, password: Secret.generated(stack, username) });
  const [trainingUser, servingUser] = [user('trainer'), user('reader')];
  const trackingUri = 'https://mlflow.example.com';
  expect(ModelRegistry.fromTrackingUri({ trackingUri, trainingUser })).toMatchObject({
    endpoint: { url: 'https://mlflow.example.com:443' },
    trainingUser,
    servingUser: trainingUser,
    containers: [],
    dependables: [],
  });
  expect(ModelRegistry.fromTrackingUri({ trackingUri, trainingUser, servingUser }).servingUser).toBe(servingUser);
});

test('Prometheus reads the metrics on a port of their own, and knows no password', () => {
  const { registry, server } = make({ publish: Publish.onLoopback(15000) });
  expect(registry.observability.jobs).toEqual([
    { name: 'registry', targets: ['test-registry:5001'] },
    { name: 'registry-health', targets: ['http://test-registry:5000/health'], probe: 'http_2xx' },
  ]);
  expect(server.props.ports).toEqual([
    expect.objectContaining({ name: 'http', port: 5000 }),
    { name: 'metrics', port: 5001 },
  ]);
  expect(server.spec.entrypoint!.at(-1)).toMatch(/^set -eu\n[\s\S]*\nexec mlflow-server$/);
});

test('localhost and the address that it is published at are always allowed', () => {
  const hosts = (props: Omit<ModelRegistryProps, 'platform'>) =>
    make(props)
      .server.spec.environment!.MLFLOW_SERVER_ALLOWED_HOSTS.split(',')
      .filter((host) => !host.includes(':'));
  expect(hosts({ allowedHosts: ['ml.example.com'] })).toEqual(['test-*', 'localhost', '127.0.0.1', 'ml.example.com']);
  expect(hosts({ publish: Publish.onAddress('10.0.0.5', 15000) })).toEqual([
    'test-*',
    'localhost',
    '127.0.0.1',
    '10.0.0.5',
  ]);
});

test('it encrypts connections to a database that says so', () => {
  const { stack } = fakeStack();
  const parameters = (sslMode?: string) => {
    const password = Secret.generated(stack, `password-${sslMode}`);
    const database = { host: 'db.example.com', databaseName: 'ml', username: 'ml', password, sslMode };
    return make({ database: Database.fromExisting(database) }).server.spec.environment!.MLFLOW_DB_PARAMETERS;
  };
  expect(parameters()).toBeUndefined();
  expect(parameters('require')).toBe('sslmode=require');
  expect(parameters('verify-full')).toBe('sslmode=verify-full&sslrootcert=system');
});

test('thresholds of its alerts can be set, and two registries raise alerts of two names', () => {
  const { stack, platform } = fakeStack();
  const alerts = (id: string) =>
    new ModelRegistry(stack, id, { platform, alerts: { latencySeconds: 9 } }).observability.alerts!;
  expect(alerts('registry')[1]).toMatchObject({ name: 'ModelRegistrySlow', expr: expect.stringMatching(/ > 9$/) });
  expect(alerts('team-b')[1].name).toBe('ModelRegistrySlowTeamB');
  expect(() => make({ alerts: { latency: 9 } as never })).toThrow("ModelRegistry: 'alerts.latency' is not a known key");
});
