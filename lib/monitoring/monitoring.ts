import { Construct } from 'constructs';
import { checkComponent } from '../core/component';
import { ConfigFile } from '../core/config-file';
import { Container, SECRETS_DIRECTORY } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { LiveDirectory } from '../core/live-directory';
import { componentPath } from '../core/names';
import { AlertRule, DashboardPanel, IObservable, Observability, ScrapeJob } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkPort, checkWhole, parseStorage } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Volume } from '../core/volume';
import { Workload, WorkloadProps } from '../core/workload';
import { AlertReceiver } from './alert-receiver';
import { renderAlertmanagerConfig } from './alertmanager-config';
import { renderBlackboxConfig } from './blackbox';
import { collect, Collected } from './collect';
import { LIVE_MOUNT, RULES_FILE } from './constants';
import { GRAFANA_ENVIRONMENT, grafanaFiles } from './grafana-config';
import { machineObservability } from './machine-observability';
import { MonitoringAlerts, monitoringAlerts } from './monitoring-alerts';
import { monitoringObservability, SELF } from './monitoring-observability';
import { postgresObservability } from './postgres-observability';
import { passwordFile, renderPrometheusConfig } from './prometheus-config';
import { Pushgateway } from './pushgateway';
import { renderRules } from './rules';
import { targetsObservability } from './targets-observability';

/** A PostgreSQL database for the exporter to ask. */
export interface MonitoredDatabase {
  /** Name that resolves inside the environment. */
  readonly host: string;
  /** @default 5432 */
  readonly port?: number;
  /** Database to connect to. */
  readonly database: string;
  /** Role that may read the statistics. */
  readonly username: string;
  /** Password of that role. */
  readonly password: Secret;
  /** `disable`, `require` (encrypted, whoever answers), `verify-ca` or `verify-full`. @default disable */
  readonly sslMode?: string;
}

/** Name and password of an administrator. */
export interface MonitoringAdmin {
  readonly username: string;
  readonly password: Secret;
}

/** What {@link Monitoring} takes. */
export interface MonitoringProps {
  readonly platform: IPlatform;
  /** Whatever says what to watch about itself: what to scrape, when to raise an alert, what to show. @default - nothing else */
  readonly watch?: IObservable[];
  /** More to scrape. @default - none */
  readonly extraScrapeJobs?: ScrapeJob[];
  /** More alerts. @default - none */
  readonly extraRules?: AlertRule[];
  /** More panels, on a dashboard of their own. @default - none */
  readonly extraPanels?: DashboardPanel[];
  /** Where alerts go. @default - Alertmanager shows them and tells nobody */
  readonly receivers?: AlertReceiver[];
  /** Where the heartbeat goes; silence there means that the monitoring itself is down. @default - nowhere */
  readonly heartbeat?: AlertReceiver;
  /** Seconds between two heartbeats, at least 10. @default 60 */
  readonly heartbeatSeconds?: number;
  /** Thresholds of the alerts about machine, containers, targets and database. @default - the default of each */
  readonly alerts?: MonitoringAlerts;
  /** Days that metrics are kept. @default 15 */
  readonly retentionDays?: number;
  /** Capacity of the metrics' volume; the oldest metrics go when four fifths of it are used. @default 10Gi */
  readonly storage?: string;
  /** Seconds between two scrapes of a job that does not say its own. @default 15 */
  readonly scrapeIntervalSeconds?: number;
  /** Seconds between two looks at the rules. @default 5 */
  readonly evaluationIntervalSeconds?: number;
  /** Seconds to wait for related alerts before the first message. @default 5 */
  readonly groupWaitSeconds?: number;
  /** Seconds between two messages about related alerts that come and go. @default 30 */
  readonly groupIntervalSeconds?: number;
  /** Minutes after which a message about an alert that goes on is repeated. @default 240 */
  readonly repeatMinutes?: number;
  /** A database whose statistics are watched. @default - none */
  readonly database?: MonitoredDatabase;
  /** Where training pushes its outcome. @default - none */
  readonly pushgateway?: Pushgateway;
  /** Where releases publish their targets. Needed when something watched has targets that change live. @default - none */
  readonly liveDirectory?: LiveDirectory;
  /** Make Prometheus reachable from outside the environment; it asks for no password. @default - inside only */
  readonly publishPrometheus?: Publish;
  /** Make Alertmanager reachable from outside the environment; it asks for no password. @default - inside only */
  readonly publishAlertmanager?: Publish;
  /** Make Grafana reachable from outside the environment. @default - inside only */
  readonly publishGrafana?: Publish;
  /** Password of Grafana's user `admin`; it counts at the first start of an empty volume. @default - generated */
  readonly grafanaAdminPassword?: Secret;
  /** @default - 1 core, 768Mi */
  readonly prometheusResources?: Resources;
  /** @default - half a core, 512Mi */
  readonly grafanaResources?: Resources;
  /** Refuse every plan that would destroy the metrics, the silences or Grafana's data. @default false */
  readonly protect?: boolean;
}

const KEYS: Record<keyof MonitoringProps, true> = {
  platform: true,
  watch: true,
  extraScrapeJobs: true,
  extraRules: true,
  extraPanels: true,
  receivers: true,
  heartbeat: true,
  heartbeatSeconds: true,
  alerts: true,
  retentionDays: true,
  storage: true,
  scrapeIntervalSeconds: true,
  evaluationIntervalSeconds: true,
  groupWaitSeconds: true,
  groupIntervalSeconds: true,
  repeatMinutes: true,
  database: true,
  pushgateway: true,
  liveDirectory: true,
  publishPrometheus: true,
  publishAlertmanager: true,
  publishGrafana: true,
  grafanaAdminPassword: true,
  prometheusResources: true,
  grafanaResources: true,
  protect: true,
};

/** uid and gid of `nobody` in the images of the Prometheus project. */
const NOBODY = '65534:65534';
/** uid and gid in Grafana's image. */
const GRAFANA_USER = '472:472';
const GRAFANA = 'grafana';
const GRAFANA_PORT = 3000;
const BLACKBOX = 'blackbox';
const BLACKBOX_PORT = 9115;
/** Name of an exporter's only port. */
const METRICS = 'metrics';
const PROMETHEUS_FILE = '/etc/prometheus/prometheus.yml';

/** Extra rules and panels of a user stand under this name. */
const EXTRA = 'Extra';

/**
 * Prometheus, Alertmanager, Grafana and the exporters. What is scraped, which alerts there are and what dashboards show
 * is data that the watched components bring along.
 *
 * Make it last: it is given what it watches.
 */
export class Monitoring extends Construct {
  public readonly prometheus: Endpoint;
  public readonly alertmanager: Endpoint;
  public readonly grafana: Endpoint;
  /** Grafana's administrator. */
  public readonly grafanaAdmin: MonitoringAdmin;
  public readonly containers: Container[];
  /** All that is watched, of every component and of the monitoring itself. */
  public readonly observability: Observability[];

  private readonly props: MonitoringProps;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.props = props;
    checkComponent(this, props, KEYS);
    const { platform } = props;
    const alerts = monitoringAlerts(this, props.alerts);
    this.checkNumbers();
    this.checkReceivers();
    this.checkExtras();

    const alertmanager = this.makeAlertmanager();
    this.alertmanager = alertmanager.endpoint('http');
    const exporters: Workload[] = [this.makeNodeExporter()];
    const own: Observability[] = [machineObservability(addressOf(exporters[0]), alerts)];
    const watch = platform.watch(this, {
      restarts: alerts.restarts,
      memoryShare: alerts.containerMemoryShare,
      diskFreeShare: alerts.diskFreeShare,
    });
    own.push(...watch.observability);
    if (props.database !== undefined) {
      const postgres = this.makePostgresExporter(props.database);
      exporters.push(postgres);
      own.push(postgresObservability(addressOf(postgres), alerts));
    }
    if (props.pushgateway !== undefined) own.push(props.pushgateway.observability);
    // Prometheus watches Grafana and Grafana asks Prometheus, and the blackbox exporter asks what is probed, itself
    // watched: these two are named before they are made.
    const hostOf = (id: string) => platform.hostOf(`${componentPath(this, platform.environment)}/${id}`);
    const grafanaHost = hostOf(GRAFANA);
    const blackboxAddress = `${hostOf(BLACKBOX)}:${BLACKBOX_PORT}`;
    own.push(
      monitoringObservability({
        alertmanager: this.alertmanager.address,
        grafana: `${grafanaHost}:${GRAFANA_PORT}`,
        blackbox: blackboxAddress,
      }),
    );

    const watched = [...(props.watch ?? []).map((one) => one.observability), this.extra(), ...own];
    const jobs = watched.flatMap((one) => one.jobs ?? []);
    const { whenSilent } = watch;
    const findsPods = jobs.some((job) => job.fileSd === undefined && platform.discover(job) !== undefined);
    this.observability = [targetsObservability({ jobs, alerts, findsPods, whenSilent }), ...watched].filter(hasContent);
    const collected = collect(this, this.observability);
    this.checkLiveTargets(collected);

    exporters.push(this.makeBlackbox(collected));
    const prometheus = this.makePrometheus(collected, blackboxAddress);
    this.prometheus = prometheus.endpoint('http');
    this.grafanaAdmin = {
      username: 'admin',
      password: props.grafanaAdminPassword ?? Secret.generated(this, 'grafana-password'),
    };
    const grafana = this.makeGrafana(collected);
    this.grafana = grafana.endpoint('http');
    check(this.grafana.host === grafanaHost, this, 'platform', this.grafana.host, `must resolve ${grafanaHost}`);
    this.containers = [prometheus, alertmanager, grafana, ...exporters, ...watch.containers];
  }

  private makePrometheus(collected: Collected, blackbox: string): Workload {
    const { props } = this;
    const { platform } = props;
    const secrets: Record<string, Secret> = {};
    for (const { job } of collected.jobs) {
      if (job.password !== undefined) secrets[passwordFile(job)] = job.password;
    }
    const storage = props.storage ?? '10Gi';
    const kept = Math.floor(parseStorage(this, 'storage', storage) * 0.8);
    const resources = props.prometheusResources ?? Resources.of({ cpu: '1', memory: '768Mi' });
    const volumes = [Volume.persistent('data', '/prometheus', { size: storage, protect: props.protect })];
    if (props.liveDirectory !== undefined) volumes.push(Volume.live(props.liveDirectory, LIVE_MOUNT));
    return new Workload(this, 'prometheus', {
      platform,
      image: Image.fromCatalog('prometheus'),
      command: [
        `--config.file=${PROMETHEUS_FILE}`,
        '--storage.tsdb.path=/prometheus',
        `--storage.tsdb.retention.time=${props.retentionDays ?? 15}d`,
        `--storage.tsdb.retention.size=${kept}B`,
        ...externalUrl(props.publishPrometheus),
      ],
      environment: goMemory(resources),
      files: [
        ConfigFile.text(
          PROMETHEUS_FILE,
          renderPrometheusConfig({
            platform,
            jobs: collected.jobs,
            alertmanager: this.alertmanager.address,
            blackbox,
            scrapeInterval: props.scrapeIntervalSeconds ?? 15,
            evaluationInterval: props.evaluationIntervalSeconds ?? 5,
          }),
        ),
        ConfigFile.text(RULES_FILE, renderRules(collected.groups)),
      ],
      secrets: Object.keys(secrets).length > 0 ? secrets : undefined,
      volumes,
      user: NOBODY,
      ports: [{ name: 'http', port: 9090, publish: props.publishPrometheus }],
      // It reads its write-ahead log before it answers.
      healthCheck: HealthCheck.http('/-/ready', 9090, { startSeconds: 300 }),
      resources,
      reaches: [this.alertmanager, ...scraped(collected, blackbox, this.alertmanager.address)],
      discovers: true,
      stopSeconds: 60,
    });
  }

  private makeBlackbox(collected: Collected): Workload {
    return this.exporter(BLACKBOX, 'blackbox-exporter', BLACKBOX_PORT, '/-/healthy', {
      command: ['--config.file=/etc/blackbox_exporter/config.yml'],
      files: [ConfigFile.text('/etc/blackbox_exporter/config.yml', renderBlackboxConfig())],
      reaches: probed(collected),
    });
  }

  private makeAlertmanager(): Workload {
    const { props } = this;
    const told = [...(props.receivers ?? []), ...(props.heartbeat === undefined ? [] : [props.heartbeat])];
    const secrets: Record<string, Secret> = {};
    for (const receiver of told) Object.assign(secrets, receiver._secrets());
    return new Workload(this, 'alertmanager', {
      platform: props.platform,
      image: Image.fromCatalog('alertmanager'),
      command: [
        '--config.file=/etc/alertmanager/alertmanager.yml',
        '--storage.path=/alertmanager',
        '--cluster.listen-address=', // one instance: no gossip
        ...externalUrl(props.publishAlertmanager),
      ],
      files: [
        ConfigFile.text(
          '/etc/alertmanager/alertmanager.yml',
          renderAlertmanagerConfig({
            receivers: props.receivers ?? [],
            heartbeat: props.heartbeat,
            groupWait: props.groupWaitSeconds ?? 5,
            groupInterval: props.groupIntervalSeconds ?? 30,
            repeatMinutes: props.repeatMinutes ?? 240,
            heartbeatSeconds: props.heartbeatSeconds ?? 60,
          }),
        ),
      ],
      secrets: Object.keys(secrets).length > 0 ? secrets : undefined,
      volumes: [Volume.persistent('data', '/alertmanager', { size: '1Gi', protect: props.protect })],
      user: NOBODY,
      ports: [{ name: 'http', port: 9093, publish: props.publishAlertmanager }],
      healthCheck: HealthCheck.http('/-/ready', 9093),
      resources: Resources.of({ cpu: '250m', memory: '128Mi' }),
      reaches: told.map((receiver) => receiver._reaches()),
    });
  }

  private makeGrafana(collected: Collected): Workload {
    const { props } = this;
    return new Workload(this, GRAFANA, {
      platform: props.platform,
      image: Image.fromCatalog('grafana'),
      environment: {
        ...GRAFANA_ENVIRONMENT,
        ...(props.publishGrafana === undefined ? {} : { GF_SERVER_ROOT_URL: `${props.publishGrafana.url('http')}/` }),
      },
      files: grafanaFiles(props.platform.environment, this.prometheus.url, collected.groups),
      secrets: { 'admin-password': this.grafanaAdmin.password },
      volumes: [Volume.persistent('data', '/var/lib/grafana', { size: '1Gi', protect: props.protect })],
      user: GRAFANA_USER,
      ports: [{ name: 'http', port: GRAFANA_PORT, publish: props.publishGrafana }],
      healthCheck: HealthCheck.http('/api/health', GRAFANA_PORT, { startSeconds: 180 }),
      resources: props.grafanaResources ?? Resources.of({ cpu: '500m', memory: '512Mi' }),
      reaches: [this.prometheus],
    });
  }

  /** Watches the machine: it sees the machine's file systems read-only, and its processes. */
  private makeNodeExporter(): Workload {
    const none = [
      'sys',
      'proc',
      'dev',
      'run',
      'host',
      'mnt/sandboxing',
      'var/lib/docker',
      'var/lib/containerd',
      'var/lib/kubelet',
    ];
    return this.exporter('node', 'node-exporter', 9100, '/', {
      command: [
        '--path.rootfs=/host',
        '--collector.disable-defaults',
        ...['cpu', 'diskstats', 'filesystem', 'loadavg', 'meminfo', 'stat', 'time', 'uname', 'vmstat'].map(
          (c) => `--collector.${c}`,
        ),
        // A volume is mounted once more for each pod that uses it, wherever the kubelet's directory is.
        `--collector.filesystem.mount-points-exclude=^/(${none.join('|')})($|/)|/pods/[-0-9a-f]+/volume`,
        '--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tmpfs|tracefs)$',
      ],
      volumes: [Volume.host('/', '/host')],
      hostProcesses: true,
      perNode: true,
    });
  }

  private makePostgresExporter(database: MonitoredDatabase): Workload {
    const port = database.port ?? 5432;
    const sslMode = database.sslMode ?? 'disable';
    checkPort(this, 'database.port', port);
    check(/^[A-Za-z0-9.-]+$/.test(database.host), this, 'database.host', database.host, 'write a host name or address');
    check(
      /^[\w-]+$/.test(database.database),
      this,
      'database.database',
      database.database,
      'use letters, digits, _ and -',
    );
    check(
      // The exporter's client library knows no others.
      ['disable', 'require', 'verify-ca', 'verify-full'].includes(sslMode),
      this,
      'database.sslMode',
      sslMode,
      "write it as libpq does, for example 'require'",
    );
    return this.exporter('postgres', 'postgres-exporter', 9187, '/', {
      // What needs more rights than reading statistics is left out.
      command: ['--no-collector.wal'],
      environment: {
        DATA_SOURCE_URI: `${database.host}:${port}/${database.database}?sslmode=${sslMode}`,
        DATA_SOURCE_USER: database.username,
        DATA_SOURCE_PASS_FILE: `${SECRETS_DIRECTORY}/database-password`,
      },
      secrets: { 'database-password': database.password },
      reaches: [Endpoint.fromUrl(`postgresql://${database.host}:${port}`)],
    });
  }

  private exporter(id: string, image: string, port: number, healthPath: string, more: ExporterProps): Workload {
    return new Workload(this, id, {
      platform: this.props.platform,
      image: Image.fromCatalog(image),
      user: NOBODY,
      ports: [{ name: METRICS, port }],
      healthCheck: HealthCheck.http(healthPath, port, { intervalSeconds: 10 }),
      resources: Resources.of({ cpu: '250m', memory: '64Mi' }),
      stopSeconds: 10,
      ...more,
    });
  }

  private extra(): Observability {
    const { extraScrapeJobs, extraRules, extraPanels } = this.props;
    return { component: EXTRA, jobs: extraScrapeJobs, alerts: extraRules, panels: extraPanels };
  }

  private checkNumbers(): void {
    const { props } = this;
    checkWhole(this, 'retentionDays', props.retentionDays ?? 15, 1, 3650);
    checkWhole(this, 'scrapeIntervalSeconds', props.scrapeIntervalSeconds ?? 15, 1, 300);
    checkWhole(this, 'evaluationIntervalSeconds', props.evaluationIntervalSeconds ?? 5, 1, 300);
    checkWhole(this, 'groupWaitSeconds', props.groupWaitSeconds ?? 5, 0, 3600);
    checkWhole(this, 'groupIntervalSeconds', props.groupIntervalSeconds ?? 30, 1, 86_400);
    checkWhole(this, 'repeatMinutes', props.repeatMinutes ?? 240, 1, 43_200);
    checkWhole(this, 'heartbeatSeconds', props.heartbeatSeconds ?? 60, 10, 86_400);
  }

  private checkReceivers(): void {
    const { receivers, heartbeat } = this.props;
    const names = [...(receivers ?? []), ...(heartbeat === undefined ? [] : [heartbeat])].map((one) => one.name);
    const twice = names.find((name, index) => name === 'nobody' || names.indexOf(name) !== index);
    check(twice === undefined, this, 'receivers', twice, "name each receiver differently, and none of them 'nobody'");
  }

  /** What a user writes by hand is read before Prometheus has to. */
  private checkExtras(): void {
    const { extraRules, extraPanels } = this.props;
    if (extraRules === undefined && extraPanels === undefined) return;
    // The parser is loaded for those who need it only.
    const { checkPromql } = require('./selectors') as typeof import('./selectors');
    for (const rule of extraRules ?? []) checkPromql(this, `extraRules.${rule.name}.expr`, rule.expr);
    for (const panel of extraPanels ?? []) {
      for (const query of panel.queries) checkPromql(this, `extraPanels.${panel.title}.queries`, query.expr);
    }
  }

  private checkLiveTargets(collected: Collected): void {
    const live = collected.jobs.find(({ job }) => job.fileSd !== undefined);
    check(
      live === undefined || this.props.liveDirectory !== undefined,
      this,
      'liveDirectory',
      undefined,
      `give the directory that releases publish to: the job '${live?.job.name}' reads its targets from there`,
    );
  }
}

/** What exporters differ in. */
type ExporterProps = Pick<
  WorkloadProps,
  | 'command'
  | 'environment'
  | 'files'
  | 'hostProcesses'
  | 'perNode'
  | 'reaches'
  | 'resources'
  | 'secrets'
  | 'user'
  | 'volumes'
>;

function hasContent(one: Observability): boolean {
  return [one.jobs, one.alerts, one.panels].some((list) => (list ?? []).length > 0);
}

function addressOf(exporter: Workload): string {
  return exporter.endpoint(METRICS).address;
}

/** Links in messages lead where a person can follow. */
function externalUrl(publish: Publish | undefined): string[] {
  return publish === undefined ? [] : [`--web.external-url=${publish.url('http')}/`];
}

/** Go's garbage collector works harder before the kernel's limit is met. */
function goMemory(resources: Resources): Record<string, string> | undefined {
  const { memoryBytes } = resources;
  return memoryBytes === undefined ? undefined : { GOMEMLIMIT: `${Math.floor((memoryBytes * 0.9) / 2 ** 20)}MiB` };
}

/** What Prometheus talks to: probes go through the blackbox exporter. */
function scraped(collected: Collected, blackbox: string, alertmanager: string): Endpoint[] {
  const addresses = new Set([blackbox]);
  for (const { job } of collected.jobs) {
    if (job.probe === undefined) job.targets.forEach((target) => addresses.add(target));
  }
  addresses.delete(SELF);
  addresses.delete(alertmanager);
  return [...addresses].map((address) => Endpoint.fromUrl(`http://${address}`));
}

/** What the blackbox exporter talks to: a target is a URL, `host:port`, or a host for HTTP. */
function probed(collected: Collected): Endpoint[] {
  const targets = collected.jobs.flatMap(({ job }) => (job.probe === undefined ? [] : job.targets));
  return [...new Set(targets)].map((target) =>
    Endpoint.fromUrl((target.includes('://') ? target : `http://${target}`).replace(/\?.*$/, '')),
  );
}
