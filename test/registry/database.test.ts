import { Construct } from 'constructs';
import { Publish, Resources, Secret } from '../../lib/core';
import { Database, DatabaseProps } from '../../lib/registry/database';
import { fakeStack } from '../support/fake-platform';

function make(props: Omit<DatabaseProps, 'platform'> = {}) {
  const { stack, platform } = fakeStack();
  const database = new Database(stack, 'database', { platform, ...props });
  return { database, server: platform.workload('database'), task: platform.task('database/databases') };
}

test('the server keeps its cluster below the mount, and its data on a volume that outlives it', () => {
  const { server } = make();
  expect(server.spec.image.resolve(server)).toBe('postgres:17.6');
  expect(server.spec.user).toBe('999:999');
  expect(server.spec.environment).toMatchObject({
    PGDATA: '/var/lib/postgresql/data/pgdata',
    POSTGRES_PASSWORD_FILE: '/run/secrets/superuser-password',
  });
  expect(server.spec.volumes).toEqual([
    expect.objectContaining({
      kind: 'persistent',
      name: 'data',
      mountPath: '/var/lib/postgresql/data',
      sizeBytes: 10 * 2 ** 30,
      protect: false,
    }),
    expect.objectContaining({ kind: 'scratch', mountPath: '/dev/shm' }),
  ]);
  expect(server.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 2 ** 30 });
  expect(server.stopSeconds).toBe(60);
});

test('it is healthy when a query over the network is answered, so not while it is created', () => {
  const { test: command, startSeconds } = make().server.props.healthCheck;
  expect(command!.join(' ')).toMatch(/pg_isready .*-h 127\.0\.0\.1[\s\S]*psql .*-h 127\.0\.0\.1.* 'SELECT 1'/);
  expect(startSeconds).toBe(120);
});

test('names follow the construct, the role follows the database', () => {
  const { database } = make({ databaseName: 'mlflow' });
  expect(database.endpoint.url).toBe('postgresql://test-database:5432');
  expect([database.databaseName, database.username]).toEqual(['mlflow', 'mlflow']);
  const other = make();
  expect([other.database.databaseName, other.database.username]).toEqual(['app', 'app']);
});

test('a task creates what is missing, and whoever needs the database waits for it', () => {
  const { database, server, task } = make({ databaseName: 'mlflow', databases: ['airflow'], username: 'ml' });
  expect(task.props.script).toContain(
    "SELECT 'CREATE ROLE ml' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ml') \\gexec",
  );
  for (const name of ['mlflow', 'airflow']) {
    expect(task.props.script).toContain(
      `SELECT 'CREATE DATABASE ${name} OWNER ml' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${name}')`,
    );
  }
  expect(task.spec.dependsOn).toEqual([server]);
  expect(database.containers).toEqual([server, task]);
});

test('passwords are files of the server and the task, and stand in no script', () => {
  const { database, server, task } = make();
  expect(Object.keys(server.spec.secrets!)).toEqual(['superuser-password']);
  expect(task.spec.secrets).toMatchObject({ password: database.password });
  const texts = JSON.stringify([server.spec.entrypoint, server.spec.environment, task.props.script]);
  expect(texts).not.toContain('TfToken');
  expect(database.password).not.toBe(task.spec.secrets!['superuser-password']);
});

test('the exporter has a role of its own, which reads statistics and owns nothing', () => {
  const { database, task } = make({ databaseName: 'mlflow' });
  expect(database.monitoringUser!.username).toBe('monitoring');
  expect(database.monitoringUser!.password).not.toBe(database.password);
  expect(task.spec.secrets).toMatchObject({ 'monitoring-password': database.monitoringUser!.password });
  expect(task.props.script).toContain('GRANT pg_monitor TO monitoring;');
  expect(task.props.script).not.toContain('GRANT pg_monitor TO mlflow');
  expect(task.props.script).not.toContain('OWNER monitoring');
});

test('a password can be handed in', () => {
  const { stack, platform } = fakeStack();
  const password = Secret.generated(stack, 'mine');
  expect(new Database(stack, 'database', { platform, password }).password).toBe(password);
});

test('size, limits, publication, settings and protection are handed on', () => {
  const { database, server } = make({
    storage: '1Gi',
    resources: Resources.of({ cpu: '500m' }),
    publish: Publish.onLoopback(15432),
    settings: { work_mem: '8MB', max_connections: '200' },
    protect: true,
  });
  expect(server.spec.volumes![0]).toMatchObject({ sizeBytes: 2 ** 30, protect: true });
  expect(server.spec.resources).toMatchObject({ cpuMillis: 500, memoryBytes: undefined });
  expect(database.endpoint.publishedUrl).toBe('postgresql://127.0.0.1:15432');
  expect(server.spec.entrypoint!.slice(-4)).toEqual(['-c', 'max_connections=200', '-c', 'work_mem=8MB']);
});

test.each<[Omit<DatabaseProps, 'platform'>, string]>([
  [{ databaseName: 'my-db' }, `'databases' is "my-db"; use lower-case letters, digits and '_'`],
  [{ databaseName: "x'; DROP" }, `'databases' is "x'; DROP"; use lower-case letters`],
  [{ databases: ['app'] }, `'databases' is "app"; name each database once`],
  [{ databases: ['template1'] }, `'databases' is "template1"; leave this name to the server`],
  [{ username: 'postgres' }, `'username' is "postgres"; leave 'postgres'`],
  [{ username: 'pg_admin' }, `'username' is "pg_admin"; leave 'postgres'`],
  [{ username: 'monitoring' }, `'username' is "monitoring"; leave 'postgres', 'monitoring' and`],
  [{ settings: { 'a b': '1' } }, `'settings' is "a b"; write a setting's name`],
  [{ settings: { work_mem: 8 as unknown as string } }, `'settings.work_mem' is 8; give a string`],
  [{ storage: 'ten' }, `'size' is "ten"`],
])('refuses %j', (props, message) => {
  expect(() => make(props)).toThrow(message);
});

test('a database that exists is described and not made', () => {
  const { stack } = fakeStack();
  const password = Secret.generated(stack, 'x');
  const existing = { host: 'db.example.com', databaseName: 'mlflow', username: 'ml', password };
  expect(Database.fromExisting(existing)).toMatchObject({
    endpoint: { url: 'postgresql://db.example.com:5432' },
    databaseName: 'mlflow',
    username: 'ml',
    password,
    dependables: [],
    containers: [],
  });
  expect(Database.fromExisting({ ...existing, port: 6432 }).endpoint.port).toBe(6432);
  const monitoringUser = { username: 'watcher', password: Secret.generated(stack, 'y') };
  expect(Database.fromExisting({ ...existing, monitoringUser, sslMode: 'require' })).toMatchObject({
    monitoringUser,
    sslMode: 'require',
  });
  expect(() => Database.fromExisting({ ...existing, sslMode: 'prefer' })).toThrow(
    `Database.fromExisting: 'sslMode' is "prefer"; use one of: disable, require, verify-full`,
  );
});

test('each of two databases is watched under a name of its own', () => {
  const { stack, platform } = fakeStack();
  const jobs = ['team/Store', 'other'].map((path) => {
    const [scope, id] = path.includes('/') ? [new Construct(stack, 'team'), 'Store'] : [stack, path];
    return new Database(scope, id, { platform }).observability.jobs![0].name;
  });
  expect(jobs).toEqual(['team-store', 'other']);
});

test('Prometheus tries to connect', () => {
  expect(make().database.observability.jobs).toEqual([
    { name: 'database', targets: ['test-database:5432'], probe: 'tcp_connect' },
  ]);
});
