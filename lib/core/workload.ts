import { Construct } from 'constructs';
import { checkPublish } from './component';
import { Container, ContainerProps } from './container';
import { Endpoint } from './endpoint';
import { check } from './errors';
import { HealthCheck } from './health-check';
import { checkLabel } from './names';
import { Port } from './port';
import { checkPort, checkWhole } from './quantity';

/** How a changed workload is put in the place of the old one. */
export enum UpdateStrategy {
  /** Stop the old, then start the new: for what owns a volume or a published port. */
  REPLACE = 'replace',
  /** Start the new, wait until it is healthy, then stop the old. */
  CREATE_FIRST = 'create-first',
}

/** Bounds of automatic scaling. */
export interface Autoscaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Average use of the processor, in per cent of what is asked for, that scaling aims at. @default 80 */
  readonly cpuPercent?: number;
}

/** What {@link Workload} takes. */
export interface WorkloadProps extends ContainerProps {
  /** @default - none */
  readonly ports?: Port[];
  readonly healthCheck: HealthCheck;
  /** 0 or more. @default 1 */
  readonly replicas?: number;
  /** Kubernetes only. @default - none */
  readonly autoscaling?: Autoscaling;
  /** @default - on Docker UpdateStrategy.REPLACE; in a cluster what has no volume of its own is created first */
  readonly update?: UpdateStrategy;
  /** Seconds between TERM and KILL. @default 30 */
  readonly stopSeconds?: number;
  /** Run one on every node of the platform; for exporters. @default false */
  readonly perNode?: boolean;
  /** Share the machine's process namespace; for exporters. @default false */
  readonly hostProcesses?: boolean;
  /**
   * It finds scrape targets through the platform's API, and may therefore read which pods the environment has; for
   * Prometheus. Without effect on Docker. @default false
   */
  readonly discovers?: boolean;
  /**
   * Component paths of workloads, also of other stacks, that reach it without saying so themselves, for example
   * `monitoring/prometheus`. Matters where workloads reach only what is declared. @default - none
   */
  readonly reachedBy?: string[];
  /** How Prometheus finds its replicas where it discovers targets. @default - by its name only */
  readonly scrape?: LiveTarget;
}

/** A workload that Prometheus finds by itself when it appears. */
export interface LiveTarget {
  /** Name of the scrape job that takes it up, for example `models`. */
  readonly job: string;
  /** Name of the port that answers with metrics. */
  readonly port: string;
  /** Labels of its series, for example model and version. @default - none */
  readonly labels?: Record<string, string>;
}

/** A long-running service. */
export class Workload extends Container {
  /** What it was made from. */
  public readonly props: WorkloadProps;
  /** @default 1 */
  public readonly replicas: number;
  /** What was asked for, else `UpdateStrategy.REPLACE`. */
  public readonly update: UpdateStrategy;
  /** @default 30 */
  public readonly stopSeconds: number;

  constructor(scope: Construct, id: string, props: WorkloadProps) {
    super(scope, id, props);
    this.props = props;
    this.replicas = props.replicas ?? 1;
    this.update = props.update ?? UpdateStrategy.REPLACE;
    this.stopSeconds = props.stopSeconds ?? 30;
    checkWhole(this, 'replicas', this.replicas, 0, 1000);
    checkWhole(this, 'stopSeconds', this.stopSeconds, 0, 3600);
    check(
      props.healthCheck instanceof Object,
      this,
      'healthCheck',
      props.healthCheck,
      'give HealthCheck.http, HealthCheck.command or, with a reason, HealthCheck.none',
    );
    this.checkPorts(props.ports ?? []);
    if (props.autoscaling !== undefined) this.checkAutoscaling(props.autoscaling);
    this.checkScrape(props);
    this.deployed = props.platform.deployWorkload(this);
  }

  /**
   * How others reach a port.
   *
   * @throws when the workload has no port of that name
   */
  public endpoint(portName: string): Endpoint {
    const port = (this.props.ports ?? []).find((p) => p.name === portName);
    check(
      port !== undefined,
      this,
      'portName',
      portName,
      `use one of: ${(this.props.ports ?? []).map((p) => p.name).join(', ') || '(it has no ports)'}`,
    );
    const scheme = port.scheme ?? 'http';
    return Endpoint._of(scheme, this.deployed!.host, port.port, port.publish?.url(scheme));
  }

  /** `host:port` of each replica, for what must reach every one of them, such as a load balancer or a scraper. */
  public replicaAddresses(portName: string): string[] {
    const { port } = this.endpoint(portName);
    return this.deployed!.replicaHosts.map((host) => `${host}:${port}`);
  }

  private checkPorts(ports: Port[]): void {
    const seen = new Set<string | number>();
    for (const port of ports) {
      checkLabel(this, 'ports.name', port.name);
      checkPort(this, `ports.${port.name}`, port.port);
      checkPublish(this, `ports.${port.name}.publish`, port.publish);
      check(!seen.has(port.port), this, 'ports', port.port, 'use each port once');
      check(!seen.has(port.name), this, 'ports', port.name, 'name each port differently');
      check(
        port.scheme === undefined || /^[a-z][a-z0-9+.-]*$/.test(port.scheme),
        this,
        `ports.${port.name}.scheme`,
        port.scheme,
        "write a URL's scheme, for example 'https'",
      );
      seen.add(port.port).add(port.name);
    }
  }

  private checkScrape({ scrape, ports }: WorkloadProps): void {
    if (scrape === undefined) return;
    checkLabel(this, 'scrape.job', scrape.job);
    const names = (ports ?? []).map(({ name }) => name);
    check(names.includes(scrape.port), this, 'scrape.port', scrape.port, `use one of: ${names.join(', ')}`);
    for (const [label, value] of Object.entries(scrape.labels ?? {})) {
      const want = "name it with lower-case letters and '_', and give up to 63 letters, digits, '.', '_' and '-'";
      check(
        /^[a-z_]+$/.test(label) && /^[A-Za-z0-9._-]{1,63}$/.test(value),
        this,
        `scrape.labels.${label}`,
        value,
        want,
      );
    }
  }

  private checkAutoscaling(scaling: Autoscaling): void {
    checkWhole(this, 'autoscaling.minReplicas', scaling.minReplicas, 1, 1000);
    checkWhole(this, 'autoscaling.maxReplicas', scaling.maxReplicas, scaling.minReplicas, 1000);
    checkWhole(this, 'autoscaling.cpuPercent', scaling.cpuPercent ?? 80, 1, 100);
  }
}
