import { Secret } from './secret';

/** How bad it is when an alert fires. `page` wakes somebody, `ticket` waits for the morning. */
export enum Severity {
  PAGE = 'page',
  TICKET = 'ticket',
  /** Always firing; its absence is the alarm. */
  HEARTBEAT = 'heartbeat',
}

/** One thing that Prometheus scrapes. */
export interface ScrapeJob {
  /** The `job` label, unique in an environment, for example `registry`. */
  readonly name: string;
  /** `host:port` of each target as seen from inside the environment. Empty when `fileSd` is given. */
  readonly targets: string[];
  /** @default /metrics */
  readonly metricsPath?: string;
  /** @default http */
  readonly scheme?: string;
  /** Seconds between scrapes. @default - Prometheus' global interval */
  readonly intervalSeconds?: number;
  /** HTTP basic authentication: the user's name. @default - none */
  readonly username?: string;
  /** HTTP basic authentication: the password. @default - none */
  readonly password?: Secret;
  /**
   * The job does not scrape its targets, it has the blackbox exporter probe them with this module
   * (`http_2xx`, `tcp_connect`); targets are URLs or `host:port`.
   * @default - scraped directly
   */
  readonly probe?: string;
  /** Path of a file that lists targets (Prometheus `file_sd_configs`), for targets that change live. @default - none */
  readonly fileSd?: string;
  /** Keep the labels that targets bring along (for Pushgateway and federation). @default false */
  readonly honorLabels?: boolean;
  /** Constant labels put on every target. @default - none */
  readonly labels?: Record<string, string>;
  /**
   * More keys of this job's part of Prometheus' configuration, as Prometheus writes them (`kubernetes_sd_configs`,
   * `authorization`, `relabel_configs` …); for what a platform finds by itself. Without `targets` and `fileSd`.
   * @default - none
   */
  readonly scrapeConfig?: Record<string, unknown>;
}

/** One alerting rule. Expressions are PromQL. */
export interface AlertRule {
  /** CamelCase, unique in an environment. */
  readonly name: string;
  readonly expr: string;
  /** Prometheus duration that the condition must hold, for example `1m`. @default 0s */
  readonly forDuration?: string;
  readonly severity: Severity;
  /** One line that a person reads at night; Prometheus templates are allowed. */
  readonly summary: string;
  /** What to do first. */
  readonly runbook: string;
  /**
   * The event without which a selector of this rule rightly returns nothing (for example "a training run has
   * failed"). @default - every selector returns data in a healthy environment
   */
  readonly needs?: string;
}

/** One query of a panel. */
export interface PanelQuery {
  /** PromQL. */
  readonly expr: string;
  /** Legend template, for example `{{instance}}`. */
  readonly legend: string;
}

/** One dashboard panel. */
export interface DashboardPanel {
  readonly title: string;
  /** Grafana unit id, for example `s`, `bytes`, `reqps`, `percentunit`, `short`. */
  readonly unit: string;
  /** `timeseries` or `stat`. @default timeseries */
  readonly kind?: string;
  readonly queries: PanelQuery[];
  /** As in AlertRule. @default - every selector returns data in a healthy environment */
  readonly needs?: string;
}

/** What one component wants watched. */
export interface Observability {
  /** The component's name as a person reads it; the dashboard row. */
  readonly component: string;
  /** What Prometheus scrapes. @default - nothing */
  readonly jobs?: ScrapeJob[];
  /** When to tell somebody. @default - never */
  readonly alerts?: AlertRule[];
  /** What the dashboards show. @default - nothing */
  readonly panels?: DashboardPanel[];
}

/** A component that says what to watch about it. */
export interface IObservable {
  readonly observability: Observability;
}
