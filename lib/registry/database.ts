import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { checkComponent, checkGiven } from '../core/component';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check, checkKeys } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkPort } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Task } from '../core/task';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';
import { scrapeJobName } from '../monitoring/job-name';
import { databaseObservability } from './storage-observability';

/** A PostgreSQL database, ours or one that exists: what its users need to know of it. */
export interface IDatabase {
  /** Where it listens; scheme `postgresql`. */
  readonly endpoint: Endpoint;
  /** The database to connect to. */
  readonly databaseName: string;
  /** Role that owns the database. */
  readonly username: string;
  /** Password of that role. */
  readonly password: Secret;
  /** Role that may read the statistics and nothing else. @default - none, so that no exporter watches it */
  readonly monitoringUser?: DatabaseUser;
  /**
   * How connections are encrypted: `disable`, `require` (encrypted, whoever answers) or `verify-full` (by a certificate
   * of a public authority). @default - as the server offers it
   */
  readonly sslMode?: string;
  /** What must be there before it can be used; nothing for a database that exists. */
  readonly dependables: ITerraformDependable[];
  /** The workload and the task behind {@link dependables}. */
  readonly containers: Container[];
}

/** A role of a database. */
export interface DatabaseUser {
  readonly username: string;
  readonly password: Secret;
}

/** What {@link Database} takes. */
export interface DatabaseProps {
  readonly platform: IPlatform;
  /** The first database; PostgreSQL identifier. @default app */
  readonly databaseName?: string;
  /** More databases, owned by the same role. @default - none */
  readonly databases?: string[];
  /** Role that owns the databases; it is no superuser. PostgreSQL identifier. @default - as databaseName */
  readonly username?: string;
  /** Password of that role. @default - generated */
  readonly password?: Secret;
  /** Capacity of the data's volume, such as `10Gi`. @default 10Gi */
  readonly storage?: string;
  /** @default - 1 core, 1Gi */
  readonly resources?: Resources;
  /** Make it reachable from outside the environment. @default - inside only */
  readonly publish?: Publish;
  /** Server settings, by name, for example `{ max_connections: '200' }`. @default - PostgreSQL's */
  readonly settings?: Record<string, string>;
  /** Refuse every plan that would destroy the data. @default false */
  readonly protect?: boolean;
}

/** What {@link Database.fromExisting} takes. */
export interface ExistingDatabaseProps {
  /** Host name or address. */
  readonly host: string;
  /** @default 5432 */
  readonly port?: number;
  readonly databaseName: string;
  /** Role that owns the database. */
  readonly username: string;
  readonly password: Secret;
  /** Role with the rights of `pg_monitor`, for the exporter. @default - no exporter watches it */
  readonly monitoringUser?: DatabaseUser;
  /**
   * How connections are encrypted: `disable`, `require` (encrypted, whoever answers) or `verify-full` (by a certificate
   * of a public authority). @default - the registry takes what the server offers, the exporter does not encrypt
   */
  readonly sslMode?: string;
}

/** uid and gid of `postgres` in the published image. */
const USER = '999:999';
const PORT = 5432;
const MOUNT = '/var/lib/postgresql/data';
const SUPERUSER = 'postgres';
/** Role of the exporter. */
const MONITORING = 'monitoring';
/** What registry and exporter, which have two different client libraries, both know. */
const SSL_MODES = ['disable', 'require', 'verify-full'];

const KEYS: Record<keyof DatabaseProps, true> = {
  platform: true,
  databaseName: true,
  databases: true,
  username: true,
  password: true,
  storage: true,
  resources: true,
  publish: true,
  settings: true,
  protect: true,
};
const EXISTING_KEYS: Record<keyof ExistingDatabaseProps, true> = {
  host: true,
  port: true,
  databaseName: true,
  username: true,
  password: true,
  monitoringUser: true,
  sslMode: true,
};

/** An identifier that needs no quotes: it stands as it is in SQL, shell words and URLs. */
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * PostgreSQL 17 on a volume that outlives it. A changed password is taken over by the next deploy; data, including
 * databases that are no longer named, stays.
 */
export class Database extends Construct implements IDatabase, IObservable {
  /** A PostgreSQL database that exists already. */
  public static fromExisting(props: ExistingDatabaseProps): IDatabase {
    const where = 'Database.fromExisting';
    checkKeys(where, 'props', props, Object.keys(EXISTING_KEYS));
    checkGiven(where, props, {
      host: "give the server's host name or address",
      databaseName: 'give the database to connect to',
      username: 'give the role that owns the database',
      password: "give the role's password as a Secret",
    });
    check(/^[A-Za-z0-9.-]+$/.test(props.host), where, 'host', props.host, 'write a host name or an IPv4 address');
    if (props.port !== undefined) checkPort(where, 'port', props.port);
    check(
      props.sslMode === undefined || SSL_MODES.includes(props.sslMode),
      where,
      'sslMode',
      props.sslMode,
      `use one of: ${SSL_MODES.join(', ')}`,
    );
    return {
      endpoint: Endpoint.fromUrl(`postgresql://${props.host}:${props.port ?? PORT}`),
      databaseName: props.databaseName,
      username: props.username,
      password: props.password,
      monitoringUser: props.monitoringUser,
      sslMode: props.sslMode,
      dependables: [],
      containers: [],
    };
  }

  public readonly endpoint: Endpoint;
  public readonly databaseName: string;
  public readonly username: string;
  public readonly password: Secret;
  public readonly monitoringUser?: DatabaseUser;
  public readonly sslMode?: string;
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: DatabaseProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform } = props;
    this.databaseName = props.databaseName ?? 'app';
    this.username = props.username ?? this.databaseName;
    const databases = [this.databaseName, ...(props.databases ?? [])];
    this.checkNames(databases);

    this.password = props.password ?? Secret.generated(this, 'password');
    const monitoringPassword = Secret.generated(this, 'monitoring-password');
    this.monitoringUser = { username: MONITORING, password: monitoringPassword };
    const superuserPassword = Secret.generated(this, 'superuser-password');
    const server = new Workload(this, 'Resource', {
      platform,
      image: Image.fromCatalog('postgres'),
      entrypoint: ['sh', '-c', START, 'start', ...this.settings(props.settings ?? {})],
      environment: {
        // A volume's root may hold a lost+found, and belongs to the platform: the cluster lives below it.
        PGDATA: `${MOUNT}/pgdata`,
        POSTGRES_USER: SUPERUSER,
        POSTGRES_PASSWORD_FILE: '/run/secrets/superuser-password',
        POSTGRES_INITDB_ARGS: '--auth=scram-sha-256 --data-checksums --encoding=UTF8',
      },
      secrets: { 'superuser-password': superuserPassword },
      volumes: [
        Volume.persistent('data', MOUNT, { size: props.storage, protect: props.protect }),
        // Parallel queries exchange rows through shared memory, of which a container has 64 MiB by default.
        Volume.scratch('/dev/shm'),
      ],
      user: USER,
      ports: [{ name: 'postgresql', port: PORT, scheme: 'postgresql', publish: props.publish }],
      healthCheck: HealthCheck.command(['sh', '-c', HEALTH], { startSeconds: 120 }),
      // Its image stops it with INT, a fast shutdown: a checkpoint, and no waiting for clients.
      stopSeconds: 60,
      resources: props.resources ?? Resources.of({ cpu: '1', memory: '1Gi' }),
    });
    this.endpoint = server.endpoint('postgresql');

    const roles = new Task(this, 'databases', {
      platform,
      image: Image.fromCatalog('postgres'),
      environment: { PGHOST: this.endpoint.host, PGPORT: String(PORT), PGUSER: SUPERUSER, PGDATABASE: 'postgres' },
      secrets: {
        'superuser-password': superuserPassword,
        password: this.password,
        'monitoring-password': monitoringPassword,
      },
      user: USER,
      script: createDatabases(this.username, databases),
      reaches: [this.endpoint],
      dependsOn: [server],
    });
    this.containers = [server, roles];
    this.observability = databaseObservability({
      job: scrapeJobName(this, platform.environment),
      address: this.endpoint.address,
    });
  }

  public get dependables(): ITerraformDependable[] {
    return this.containers.flatMap((container) => container.dependables);
  }

  private checkNames(databases: string[]): void {
    const want = "use lower-case letters, digits and '_', beginning with a letter or '_', 63 characters at most";
    for (const name of databases) check(IDENTIFIER.test(name), this, 'databases', name, want);
    check(IDENTIFIER.test(this.username), this, 'username', this.username, want);
    check(
      ![SUPERUSER, MONITORING].includes(this.username) && !this.username.startsWith('pg_'),
      this,
      'username',
      this.username,
      `leave '${SUPERUSER}', '${MONITORING}' and names that begin with 'pg_' to the server`,
    );
    const twice = databases.find((name, index) => databases.indexOf(name) !== index);
    check(twice === undefined, this, 'databases', twice, 'name each database once');
    const reserved = databases.find((name) => ['postgres', 'template0', 'template1'].includes(name));
    check(reserved === undefined, this, 'databases', reserved, 'leave this name to the server');
  }

  private settings(settings: Record<string, string>): string[] {
    return Object.keys(settings)
      .sort()
      .flatMap((name) => {
        check(
          /^[a-z_][a-z0-9_.]*$/.test(name),
          this,
          'settings',
          name,
          "write a setting's name, such as max_connections",
        );
        check(typeof settings[name] === 'string', this, `settings.${name}`, settings[name], 'give a string');
        return ['-c', `${name}=${settings[name]}`];
      });
  }
}

/**
 * The image sets the superuser's password only when it creates the cluster. On a cluster that exists the one from the
 * secret is set before the server listens, in single-user mode, so that a changed secret locks nobody out. The password
 * goes through standard input: command lines are readable.
 */
const START = `set -eu
if [ -s "$PGDATA/PG_VERSION" ]; then
  # A cluster that gives a volume to a group opens the directories on it, which the server refuses.
  chmod 0700 "$PGDATA"
  password=$(sed "s/'/''/g" "$POSTGRES_PASSWORD_FILE")
  printf "ALTER ROLE %s PASSWORD '%s';\\n" "$POSTGRES_USER" "$password" |
    postgres --single -D "$PGDATA" -c log_min_error_statement=panic -c log_checkpoints=off postgres >/dev/null
  unset password
fi
exec docker-entrypoint.sh postgres "$@"`;

/** Over TCP: while the cluster is created, the server listens on its socket only. */
const HEALTH = `PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGPASSWORD
pg_isready -q -h 127.0.0.1 -U "$POSTGRES_USER" -t 2 &&
exec psql -X -q -t -A -h 127.0.0.1 -U "$POSTGRES_USER" -d postgres -c 'SELECT 1' >/dev/null`;

/** psql reads the passwords itself, so that they stand in no command line; and the server logs no failed statement. */
function createDatabases(role: string, databases: string[]): string {
  return [
    'PGPASSWORD=$(cat /run/secrets/superuser-password)',
    'export PGPASSWORD',
    "psql -X -q --set=ON_ERROR_STOP=1 <<'SQL'",
    '\\set password `cat /run/secrets/password`',
    '\\set monitoring `cat /run/secrets/monitoring-password`',
    'SET log_min_error_statement = panic;',
    `SELECT 'CREATE ROLE ${role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') \\gexec`,
    `ALTER ROLE ${role} LOGIN PASSWORD :'password';`,
    `SELECT 'CREATE ROLE ${MONITORING}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${MONITORING}') \\gexec`,
    `ALTER ROLE ${MONITORING} LOGIN PASSWORD :'monitoring';`,
    // For the exporter: sizes and statistics of all databases, and no row of any.
    `GRANT pg_monitor TO ${MONITORING};`,
    ...databases.flatMap((name) => [
      `SELECT 'CREATE DATABASE ${name} OWNER ${role}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '${name}') \\gexec`,
      `ALTER DATABASE ${name} OWNER TO ${role};`,
    ]),
    'SQL',
  ].join('\n');
}
