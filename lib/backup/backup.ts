import { Construct } from 'constructs';
import { checkComponent, checkExisting } from '../core/component';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { Image } from '../core/image';
import { Job } from '../core/job';
import { componentPath } from '../core/names';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { checkWhole } from '../core/quantity';
import { Resources } from '../core/resources';
import { Schedule } from '../core/schedule';
import { IArtifactStore } from '../registry/artifact-store';
import { IDatabase } from '../registry/database';
import { ARTIFACT_STORES, DATABASES } from '../registry/existing';
import { backupObservability } from './backup-observability';

/** What {@link Backup} takes. */
export interface BackupProps {
  readonly platform: IPlatform;
  /** The registry's database. */
  readonly database: IDatabase;
  /** The registry's artifacts. */
  readonly artifacts: IArtifactStore;
  /** Where backups go: another store, best one that does not fail together with the first. */
  readonly target: IArtifactStore;
  /** Folder of the backups in the target's bucket. @default - the environment's name */
  readonly prefix?: string;
  /** When a backup is made. @default - daily at 02:30 UTC */
  readonly schedule?: Schedule;
  /** How many backups of the database are kept. @default 14 */
  readonly keep?: number;
  /**
   * Days for which artifacts that the registry has deleted or overwritten are kept at the least. Those that a kept
   * backup of the database needs are always kept. @default 0
   */
  readonly artifactsKeepDays?: number;
  /** Hours after which an alert says that no backup has succeeded. @default - two more than the schedule's period: 26 */
  readonly maxAgeHours?: number;
  /** Where runs push their outcome for Prometheus. @default - nowhere, and no alerts */
  readonly pushgateway?: Endpoint;
  /**
   * What is started again after a restore, in this order: the registry, so that it migrates the schema of an older one,
   * and the task that sets its users' passwords, which in the backup may be those of another deploy.
   * @default - nothing
   */
  readonly dependents?: Container[];
  /** Limits of a backup and of a restore. @default - 1 core, 512Mi */
  readonly resources?: Resources;
}

/** uid and gid of `postgres`, the user of the image. */
const USER = '999:999';

const KEYS: Record<keyof BackupProps, true> = {
  platform: true,
  database: true,
  artifacts: true,
  target: true,
  prefix: true,
  schedule: true,
  keep: true,
  artifactsKeepDays: true,
  maxAgeHours: true,
  pushgateway: true,
  dependents: true,
  resources: true,
};

/**
 * Copies a registry's database and artifacts into another store, on a schedule, and declares the way back.
 *
 * `cdktf-mlops backup` makes one now, `cdktf-mlops backups` lists them and `cdktf-mlops restore` restores one. In the
 * target's bucket are, below the prefix: `database/<time>.dump`, `backups/<time>.json` (written last: what has none is
 * no backup), `artifacts/` as they were at the last backup and `removed/<time>/` with what that backup no longer found.
 * The database is dumped first and the artifacts are copied after it, so that every artifact which a dump names is there.
 */
export class Backup extends Construct implements IObservable {
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: BackupProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform, database, artifacts, target } = props;
    checkExisting(this, 'database', database, DATABASES);
    checkExisting(this, 'artifacts', artifacts, ARTIFACT_STORES);
    checkExisting(this, 'target', target, ARTIFACT_STORES);
    const place = ({ endpoint, bucket }: IArtifactStore): string => `${endpoint.url}/${bucket}`;
    check(
      place(target) !== place(artifacts),
      this,
      'target',
      place(target),
      'give another store: a backup beside its original is lost together with it',
    );
    const prefix = props.prefix ?? platform.environment;
    check(
      /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/.test(prefix),
      this,
      'prefix',
      prefix,
      "use lower-case letters, digits, '.', '_' and '-', with '/' between folders",
    );
    const keep = props.keep ?? 14;
    checkWhole(this, 'keep', keep, 1, 1000);
    const artifactsKeepDays = props.artifactsKeepDays ?? 0;
    checkWhole(this, 'artifactsKeepDays', artifactsKeepDays, 0, 3650);
    const schedule = props.schedule ?? Schedule.daily(2, 30);
    const maxAgeHours = props.maxAgeHours ?? schedule.periodSeconds / 3600 + 2;
    checkWhole(this, 'maxAgeHours', maxAgeHours, 1, 10_000);

    const { pushgateway } = props;
    const name = componentPath(this, platform.environment);
    const common = {
      platform,
      image: Image.fromCatalog('backup'),
      entrypoint: ['mlops-backup'],
      environment: {
        PGHOST: database.endpoint.host,
        PGPORT: String(database.endpoint.port),
        PGUSER: database.username,
        PGDATABASE: database.databaseName,
        ...(database.sslMode === undefined ? {} : { PGSSLMODE: database.sslMode }),
        ...(database.sslMode === 'verify-full' ? { PGSSLROOTCERT: 'system' } : {}),
        ...store('ARTIFACTS', artifacts),
        ...store('TARGET', target),
        BACKUP_NAME: name,
        BACKUP_PREFIX: prefix,
        BACKUP_KEEP: String(keep),
        BACKUP_ARTIFACTS_KEEP_DAYS: String(artifactsKeepDays),
        ...(pushgateway === undefined ? {} : { BACKUP_PUSHGATEWAY_URL: pushgateway.url }),
      },
      secrets: {
        'database-password': database.password,
        'artifacts-access-key': artifacts.accessKey,
        'artifacts-secret-key': artifacts.secretKey,
        'target-access-key': target.accessKey,
        'target-secret-key': target.secretKey,
      },
      user: USER,
      resources: props.resources ?? Resources.of({ cpu: '1', memory: '512Mi' }),
      reaches: [
        database.endpoint,
        artifacts.endpoint,
        target.endpoint,
        ...(pushgateway === undefined ? [] : [pushgateway]),
      ],
      dependsOn: [...database.containers, ...artifacts.containers, ...target.containers],
    };
    this.containers = [
      new Job(this, 'Resource', { ...common, command: ['backup'], schedule }),
      new Job(this, 'restore', {
        ...common,
        command: ['restore'],
        environment: {
          ...common.environment,
          BACKUP_DEPENDENTS: (props.dependents ?? []).map(({ componentPath: path }) => path).join(' '),
        },
      }),
    ];
    this.observability =
      pushgateway === undefined ? { component: 'Backup' } : backupObservability({ name, maxAgeHours });
  }
}

function store(name: string, { endpoint, bucket, region }: IArtifactStore): Record<string, string> {
  return { [`${name}_ENDPOINT_URL`]: endpoint.url, [`${name}_BUCKET`]: bucket, [`${name}_REGION`]: region };
}
