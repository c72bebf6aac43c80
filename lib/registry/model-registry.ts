import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { checkComponent, checkExisting, checkGiven } from '../core/component';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check, checkKeys } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkWhole } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Task } from '../core/task';
import { Workload } from '../core/workload';
import { ArtifactStore, IArtifactStore } from './artifact-store';
import { Database, IDatabase } from './database';
import { ARTIFACT_STORES, DATABASES } from './existing';
import { scrapeJobName } from '../monitoring/job-name';
import { ModelRegistryAlerts, modelRegistryObservability } from './registry-observability';

/** A model registry, ours or one that exists: what training and serving need to know of it. */
export interface IModelRegistry {
  /** Where clients reach it, for MLflow's `MLFLOW_TRACKING_URI`. */
  readonly endpoint: Endpoint;
  /** User that training runs as; may create experiments, runs and versions. */
  readonly trainingUser: RegistryUser;
  /** User that model servers read with. It changes nothing of others; MLflow lets every user create what is its own. */
  readonly servingUser: RegistryUser;
  /** Its database, for the exporter that watches it. @default - not known, as that of a registry that exists */
  readonly database?: IDatabase;
  /** What must be there before it can be used; nothing for a registry that exists. */
  readonly dependables: ITerraformDependable[];
  /** The tasks and workloads behind {@link dependables}. */
  readonly containers: Container[];
}

/** A user of the registry. */
export interface RegistryUser {
  readonly username: string;
  readonly password: Secret;
}

/** What {@link ModelRegistry} takes. */
export interface ModelRegistryProps {
  readonly platform: IPlatform;
  /** Where runs, versions and users are kept. @default - a PostgreSQL of its own */
  readonly database?: IDatabase;
  /** Where artifacts are kept. @default - an S3 server of its own */
  readonly artifacts?: IArtifactStore;
  /** Name of the administrator. @default admin */
  readonly adminUsername?: string;
  /** Password of the administrator. @default - generated */
  readonly adminPassword?: Secret;
  /** Make it reachable from outside the environment. @default - inside only */
  readonly publish?: Publish;
  /**
   * Further host names by which clients outside reach it; all but these, localhost, 127.0.0.1 and the address that it
   * is published at are refused (a guard against DNS rebinding).
   * @default - no others
   */
  readonly allowedHosts?: string[];
  /** Thresholds of its alerts. @default - the default of each */
  readonly alerts?: ModelRegistryAlerts;
  /** @default - 1 core, 1536Mi: one server process and two workers */
  readonly resources?: Resources;
  /** Web workers. @default 2 */
  readonly workers?: number;
  /** Servers, 1 to 100: they share database and artifacts, and any of them answers. @default 1 */
  readonly replicas?: number;
  /** Refuse every plan that would destroy the database or the artifacts made here. @default false */
  readonly protect?: boolean;
}

/** What {@link ModelRegistry.fromTrackingUri} takes. */
export interface ExistingModelRegistryProps {
  /** For example `https://mlflow.example.com`. */
  readonly trackingUri: string;
  /** User that training runs as. */
  readonly trainingUser: RegistryUser;
  /** User that model servers read with. @default - as trainingUser */
  readonly servingUser?: RegistryUser;
}

/** uid and gid of the user in the registry's image. */
const USER = '1000:1000';
const PORT = 5000;
const METRICS_PORT = 5001;

/** Limits unless others are given. */
export const REGISTRY_LIMITS = { cpu: '1', memory: '1536Mi' };

const KEYS: Record<keyof ModelRegistryProps, true> = {
  platform: true,
  database: true,
  artifacts: true,
  adminUsername: true,
  adminPassword: true,
  publish: true,
  allowedHosts: true,
  alerts: true,
  resources: true,
  workers: true,
  replicas: true,
  protect: true,
};

const EXISTING_KEYS: Record<keyof ExistingModelRegistryProps, true> = {
  trackingUri: true,
  trainingUser: true,
  servingUser: true,
};

/**
 * MLflow's tracking server and model registry: basic authentication, artifacts handed through by the server, so that
 * clients need no rights in the artifact store.
 *
 * Users: the administrator; `training`; `serving`. Both of them read everything and may change what they made
 * themselves and nothing else: MLflow lets every user create experiments and models of its own. So nobody but
 * `training` and the administrator can add a version to a model of `training`, or move its aliases.
 */
export class ModelRegistry extends Construct implements IModelRegistry, IObservable {
  /** A registry that exists already. */
  public static fromTrackingUri(props: ExistingModelRegistryProps): IModelRegistry {
    const where = 'ModelRegistry.fromTrackingUri';
    checkKeys(where, 'props', props, Object.keys(EXISTING_KEYS));
    checkGiven(where, props, {
      trackingUri: "give the server's URL, for example 'https://mlflow.example.com'",
      trainingUser: 'give the username and the password that training signs in with',
    });
    return {
      endpoint: Endpoint._fromUrl(where, 'trackingUri', props.trackingUri),
      trainingUser: props.trainingUser,
      servingUser: props.servingUser ?? props.trainingUser,
      dependables: [],
      containers: [],
    };
  }

  public readonly endpoint: Endpoint;
  public readonly trainingUser: RegistryUser;
  public readonly servingUser: RegistryUser;
  /** The administrator. */
  public readonly admin: RegistryUser;
  public readonly database?: IDatabase;
  public readonly artifacts: IArtifactStore;
  public readonly observability: Observability;
  public readonly containers: Container[];

  constructor(scope: Construct, id: string, props: ModelRegistryProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform } = props;
    if (props.database !== undefined) checkExisting(this, 'database', props.database, DATABASES);
    if (props.artifacts !== undefined) checkExisting(this, 'artifacts', props.artifacts, ARTIFACT_STORES);
    const protect = props.protect ?? false;
    const database = props.database ?? new Database(this, 'database', { platform, databaseName: 'mlflow', protect });
    this.database = database;
    this.artifacts = props.artifacts ?? new ArtifactStore(this, 'artifacts', { platform, protect });
    this.admin = {
      username: props.adminUsername ?? 'admin',
      password: props.adminPassword ?? Secret.generated(this, 'admin-password'),
    };
    this.trainingUser = { username: 'training', password: Secret.generated(this, 'training-password') };
    this.servingUser = { username: 'serving', password: Secret.generated(this, 'serving-password') };
    check(
      /^[A-Za-z0-9][\w.@-]*$/.test(this.admin.username) && !['training', 'serving'].includes(this.admin.username),
      this,
      'adminUsername',
      this.admin.username,
      "use letters, digits, '.', '_', '@' and '-', and neither 'training' nor 'serving'",
    );
    const workers = props.workers ?? 2;
    checkWhole(this, 'workers', workers, 1, 64);
    if (props.replicas !== undefined) checkWhole(this, 'replicas', props.replicas, 1, 100);

    const server = new Workload(this, 'Resource', {
      platform,
      image: Image.fromCatalog('mlflow'),
      entrypoint: ['sh', '-c', START],
      environment: {
        MLFLOW_DB_HOST: database.endpoint.host,
        MLFLOW_DB_PORT: String(database.endpoint.port),
        MLFLOW_DB_NAME: database.databaseName,
        MLFLOW_DB_USER: database.username,
        MLFLOW_DB_PASSWORD_FILE: '/run/secrets/database-password',
        ...connectionParameters(database.sslMode),
        MLFLOW_S3_ENDPOINT_URL: this.artifacts.endpoint.url,
        MLFLOW_ARTIFACTS_DESTINATION: `s3://${this.artifacts.bucket}`,
        AWS_DEFAULT_REGION: this.artifacts.region,
        AWS_ACCESS_KEY_ID_FILE: '/run/secrets/s3-access-key',
        AWS_SECRET_ACCESS_KEY_FILE: '/run/secrets/s3-secret-key',
        MLFLOW_AUTH_ADMIN_USERNAME: this.admin.username,
        MLFLOW_AUTH_ADMIN_PASSWORD_FILE: '/run/secrets/admin-password',
        MLFLOW_FLASK_SERVER_SECRET_KEY_FILE: '/run/secrets/session-key',
        MLFLOW_SERVER_ALLOWED_HOSTS: this.allowedHosts(props),
        MLFLOW_WORKERS: String(workers),
      },
      secrets: {
        'admin-password': this.admin.password,
        'database-password': database.password,
        's3-access-key': this.artifacts.accessKey,
        's3-secret-key': this.artifacts.secretKey,
        'session-key': Secret.generated(this, 'session-key', { length: 48 }),
      },
      user: USER,
      ports: [
        { name: 'http', port: PORT, publish: props.publish },
        { name: 'metrics', port: METRICS_PORT },
      ],
      healthCheck: HealthCheck.http('/health', PORT, { startSeconds: 300 }),
      replicas: props.replicas,
      resources: props.resources ?? Resources.of(REGISTRY_LIMITS),
      reaches: [database.endpoint, this.artifacts.endpoint],
      dependsOn: [...database.containers, ...this.artifacts.containers],
    });
    this.endpoint = server.endpoint('http');
    const users = new Task(this, 'users', {
      platform,
      image: Image.fromCatalog('mlflow'),
      environment: {
        MLFLOW_TRACKING_URI: this.endpoint.url,
        MLFLOW_ADMIN_USERNAME: this.admin.username,
        MLFLOW_USERS: `${this.trainingUser.username} ${this.servingUser.username}`,
      },
      secrets: {
        'admin-password': this.admin.password,
        'training-password': this.trainingUser.password,
        'serving-password': this.servingUser.password,
      },
      user: USER,
      script: `python3 - <<'PYTHON'\n${CREATE_USERS}\nPYTHON`,
      reaches: [this.endpoint],
      dependsOn: [server],
    });
    this.containers = [server, users];
    this.observability = modelRegistryObservability({
      job: scrapeJobName(this, platform.environment),
      address: this.endpoint.address,
      metricsAddress: server.endpoint('metrics').address,
      alerts: props.alerts,
    });
  }

  public get dependables(): ITerraformDependable[] {
    return this.containers.flatMap((container) => container.dependables);
  }

  private allowedHosts({ platform, publish, allowedHosts }: ModelRegistryProps): string {
    for (const host of allowedHosts ?? []) {
      check(
        typeof host === 'string' && /^[A-Za-z0-9*]([A-Za-z0-9.*-]*[A-Za-z0-9*])?$/.test(host),
        this,
        'allowedHosts',
        host,
        "write a host's name or address without a port; '*' stands for anything",
      );
    }
    const hosts = [`${platform.environment}-*`, 'localhost', '127.0.0.1'];
    // Published everywhere, it has addresses that are not known here.
    if (publish !== undefined && publish.address !== '0.0.0.0') hosts.push(publish.address);
    hosts.push(...(allowedHosts ?? []));
    return [...new Set(hosts)].flatMap((host) => [host, `${host}:*`]).join(',');
  }
}

/** A certificate is checked against the authorities that the image trusts: libpq looks for a file of the user's own. */
function connectionParameters(sslMode: string | undefined): Record<string, string> {
  if (sslMode === undefined) return {};
  const authorities = sslMode === 'verify-full' ? '&sslrootcert=system' : '';
  return { MLFLOW_DB_PARAMETERS: `sslmode=${sslMode}${authorities}` };
}

/**
 * MLflow shows its metrics to administrators only, and Prometheus must not be one: the files in which the workers count
 * are read by a process beside them, which answers on a port of its own, inside of the environment.
 */
const START = `set -eu
while :; do
  python3 -c '
import http.server
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        registry = CollectorRegistry()
        try:
            multiprocess.MultiProcessCollector(registry, path="/tmp/mlflow-server/metrics")
            status, body = 200, generate_latest(registry)
        except (OSError, ValueError):  # the server has not begun to count
            status, body = 503, b""
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("", ${METRICS_PORT}), Metrics).serve_forever()
' || sleep 5
done &
exec mlflow-server`;

/**
 * Creates the users that are missing and sets the passwords of those that are there, so that a rotated secret arrives.
 * Only the standard library: MLflow's own auth client reads its credentials from the environment.
 */
const CREATE_USERS = `
import base64, json, os, urllib.error, urllib.request

def secret(name):
    with open(f"/run/secrets/{name}-password") as file:
        return file.read()

credentials = base64.b64encode(f"{os.environ['MLFLOW_ADMIN_USERNAME']}:{secret('admin')}".encode()).decode()

def call(method, path, body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/users/" + path,
        data=json.dumps(body).encode(),
        method=method,
        headers={"Authorization": "Basic " + credentials, "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=30).read()

for user in os.environ["MLFLOW_USERS"].split():
    try:
        call("POST", "create", {"username": user, "password": secret(user)})
        print("created user", user)
    except urllib.error.HTTPError as error:
        if b"RESOURCE_ALREADY_EXISTS" not in error.read():
            raise
        call("PATCH", "update-password", {"username": user, "password": secret(user)})
        print("set the password of user", user)
`.trim();
