import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKUP_METRICS } from '../../lib/backup/backup-observability';
import { Backup, BackupProps } from '../../lib/backup';
import { Endpoint, Resources, Schedule, Secret } from '../../lib/core';
import { ArtifactStore, Database } from '../../lib/registry';
import { fakeStack } from '../support/fake-platform';

function make(props: Partial<BackupProps> = {}) {
  const { stack, platform } = fakeStack();
  const database = new Database(stack, 'database', { platform, databaseName: 'mlflow' });
  const artifacts = new ArtifactStore(stack, 'artifacts', { platform });
  const target = new ArtifactStore(stack, 'target', { platform, bucket: 'backups', region: 'eu-west-1' });
  const backup = new Backup(stack, 'backup', { platform, database, artifacts, target, ...props });
  return {
    backup,
    stack,
    database,
    artifacts,
    target,
    job: platform.job('backup'),
    restore: platform.job('backup/restore'),
  };
}

const PUSHGATEWAY = Endpoint.fromUrl('http://pushgateway:9091');

test('declares a backup that is due at 02:30 every day, and a restore that somebody starts', () => {
  const { backup, job, restore } = make();
  expect(job.props.schedule).toEqual(Schedule.daily(2, 30));
  expect(restore.props.schedule).toBeUndefined();
  expect(job.spec.entrypoint).toEqual(['mlops-backup']);
  expect(job.spec.command).toEqual(['backup']);
  expect(restore.spec.command).toEqual(['restore']);
  expect(job.spec.image.resolve(job)).toBe('cdktf-mlops/backup:17.6-1');
  expect(backup.containers).toEqual([job, restore]);
});

test.each(['job', 'restore'] as const)(
  'the %s runs without root, within limits, with its secrets in files',
  (which) => {
    const made = make();
    const { spec } = made[which];
    expect(spec.user).toBe('999:999');
    expect(spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 512 * 2 ** 20 });
    expect(spec.secrets).toEqual({
      'database-password': made.database.password,
      'artifacts-access-key': made.artifacts.accessKey,
      'artifacts-secret-key': made.artifacts.secretKey,
      'target-access-key': made.target.accessKey,
      'target-secret-key': made.target.secretKey,
    });
    expect(spec.reaches).toEqual([made.database.endpoint, made.artifacts.endpoint, made.target.endpoint]);
    expect(spec.dependsOn).toEqual([
      ...made.database.containers,
      ...made.artifacts.containers,
      ...made.target.containers,
    ]);
  },
);

test('says where everything is, and keeps 14 backups and no removed artifact that none of them needs', () => {
  expect(make().job.spec.environment).toEqual({
    PGHOST: 'test-database',
    PGPORT: '5432',
    PGUSER: 'mlflow',
    PGDATABASE: 'mlflow',
    ARTIFACTS_ENDPOINT_URL: 'http://test-artifacts:7070',
    ARTIFACTS_BUCKET: 'artifacts',
    ARTIFACTS_REGION: 'us-east-1',
    TARGET_ENDPOINT_URL: 'http://test-target:7070',
    TARGET_BUCKET: 'backups',
    TARGET_REGION: 'eu-west-1',
    BACKUP_NAME: 'backup',
    BACKUP_PREFIX: 'test',
    BACKUP_KEEP: '14',
    BACKUP_ARTIFACTS_KEEP_DAYS: '0',
  });
});

test('takes what it is told', () => {
  const { job, restore } = make({
    prefix: 'sites/north',
    schedule: Schedule.hourly(5),
    keep: 48,
    artifactsKeepDays: 90,
    pushgateway: PUSHGATEWAY,
    resources: Resources.of({ cpu: '2' }),
  });
  expect(job.props.schedule).toEqual(Schedule.hourly(5));
  expect(job.spec.resources).toMatchObject({ cpuMillis: 2000 });
  expect(job.spec.environment).toMatchObject({
    BACKUP_PREFIX: 'sites/north',
    BACKUP_KEEP: '48',
    BACKUP_ARTIFACTS_KEEP_DAYS: '90',
    BACKUP_PUSHGATEWAY_URL: 'http://pushgateway:9091',
  });
  expect(restore.spec.reaches).toContain(PUSHGATEWAY);
});

test('names what is started again after a restore, in its order', () => {
  const { database, artifacts } = make();
  const { restore, job } = make({ dependents: [...database.containers, artifacts.containers[0]] });
  expect(restore.spec.environment).toMatchObject({ BACKUP_DEPENDENTS: 'database database/databases artifacts' });
  expect(job.spec.environment).not.toHaveProperty('BACKUP_DEPENDENTS');
  expect(make().restore.spec.environment).toMatchObject({ BACKUP_DEPENDENTS: '' });
});

test("encrypts connections as the database's users do", () => {
  const { stack } = fakeStack();
  const existing = (sslMode?: string) =>
    Database.fromExisting({
      host: 'db.example.com',
      databaseName: 'mlflow',
      username: 'mlflow',
      password: Secret.generated(stack, `password-${sslMode}`),
      sslMode,
    });
  expect(make({ database: existing('verify-full') }).job.spec.environment).toMatchObject({
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: 'system',
  });
  expect(make({ database: existing('require') }).job.spec.environment).toMatchObject({ PGSSLMODE: 'require' });
  expect(make({ database: existing() }).job.spec.environment).not.toHaveProperty('PGSSLMODE');
});

test('tells the monitoring when there is a Pushgateway, and says so two hours after a backup was due', () => {
  expect(make().backup.observability).toEqual({ component: 'Backup' });
  const alerts = (props: Partial<BackupProps>) =>
    make({ pushgateway: PUSHGATEWAY, ...props }).backup.observability.alerts!;
  expect(alerts({}).map(({ name }) => name)).toEqual(['BackupTooOld', 'BackupNeverSucceeded', 'BackupFailed']);
  expect(alerts({})[0].expr).toMatch(/ > 26$/);
  expect(alerts({})[1].forDuration).toBe('26h');
  expect(alerts({ schedule: Schedule.hourly(0) })[0].expr).toMatch(/ > 3$/);
  expect(alerts({ maxAgeHours: 50 })[0].expr).toMatch(/ > 50$/);
});

test('the image pushes the metrics that are watched', () => {
  const script = readFileSync(join(__dirname, '../../images/backup/mlops-backup'), 'utf8');
  for (const metric of Object.values(BACKUP_METRICS)) expect(script).toContain(`'${metric}'`);
});

test.each<[Partial<BackupProps>, string]>([
  [{ keep: 0 }, "test/backup: 'keep' is 0; want a whole number from 1 to 1000"],
  [{ keep: 1.5 }, "test/backup: 'keep' is 1.5"],
  [{ artifactsKeepDays: -1 }, "test/backup: 'artifactsKeepDays' is -1; want a whole number from 0 to 3650"],
  [{ maxAgeHours: 0 }, "test/backup: 'maxAgeHours' is 0; want a whole number from 1 to 10000"],
  [{ prefix: '../other' }, `test/backup: 'prefix' is "../other"; use lower-case letters`],
  [{ prefix: '' }, "test/backup: 'prefix'"],
  [{ target: undefined }, "test/backup: 'target' is missing; give what ArtifactStore.fromBucket returns"],
  [{ database: {} as never }, "test/backup: 'database'"],
  [{ kep: 3 } as never, "test/backup: 'props.kep' is not a known key"],
])('refuses %j', (props, message) => {
  expect(() => make(props)).toThrow(message);
});

test('refuses a target that is the very bucket it backs up, however it is named', () => {
  const { stack, platform } = fakeStack();
  const key = Secret.generated(stack, 'key');
  const at = (endpointUrl: string, bucket: string) =>
    ArtifactStore.fromBucket({ endpointUrl, bucket, accessKey: key, secretKey: key });
  const database = new Database(stack, 'database', { platform });
  const artifacts = at('https://s3.example.com', 'models');
  const backup = (id: string, endpointUrl: string, bucket: string) =>
    new Backup(stack, id, { platform, database, artifacts, target: at(endpointUrl, bucket) });
  const message = /'target' is "https:\/\/s3.example.com.*models"; give another store: a backup beside its original/;
  expect(() => backup('same', 'https://s3.example.com', 'models')).toThrow(message);
  expect(() => backup('same-port', 'https://s3.example.com:443', 'models')).toThrow(message);
  expect(() => backup('same-slash', 'https://s3.example.com/', 'models')).toThrow(message);
  expect(() => backup('other-bucket', 'https://s3.example.com', 'backups')).not.toThrow();
});
